"""A capture is killed again and again, and ends with the rows of one that was not."""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import shutil
import signal
import time
from pathlib import Path

import pytest
from capture_fakes import plain_rows, run
from safetensors.torch import load_file

from mdsd_theory.capture import kept
from mdsd_theory.capture.shards import read_facts, read_rows, shards

pytest.importorskip("pyarrow")

COUNT, BLOCK, KEEP = 60, 2, 5

PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["pyarrow.parquet", "safetensors.torch", "mdsd_theory.capture.job"])


def work(out, point):
    """Capture, and die at the ``point``-th step of changing files, or right after it."""
    steps = 0

    def step():
        nonlocal steps
        steps += 1
        if steps == point:
            os.kill(os.getpid(), signal.SIGKILL)

    def guarded(name):
        real = getattr(Path, name)

        def call(self, *arguments, **options):
            reads = name == "open" and "wb" not in (*arguments, *options.values())
            if Path(out) not in self.parents or reads:
                return real(self, *arguments, **options)
            step()
            done = real(self, *arguments, **options)
            if name == "open" and steps + 1 == point:
                done.write(b"half of it")
                done.flush()
            step()
            return done

        setattr(Path, name, call)

    for name in ("open", "replace", "unlink"):
        guarded(name)
    run(out, count=COUNT, block=BLOCK, keep=KEEP)


def start(out, point=0):
    process = PROCESSES.Process(target=work, args=(out, point))
    process.start()
    return process


def exit_code(process):
    process.join(timeout=120)
    return process.exitcode


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    out = tmp_path_factory.mktemp("whole")
    run(out, count=COUNT, block=BLOCK, keep=KEEP)
    return out


@pytest.fixture(scope="module")
def unclosed(tmp_path_factory):
    """All blocks are there; it was killed before the kept positions were put together."""
    out = tmp_path_factory.mktemp("unclosed")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kept, "merge", lambda *arguments: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            run(out, count=COUNT, block=BLOCK, keep=KEEP)
    assert len(kept.files(out)) > 3
    return out


def check(out, whole):
    """Same rows, none twice, none lost; same kept positions; nothing left over."""
    rows = plain_rows(out)
    assert rows.equals(plain_rows(whole))
    assert (
        not rows.to_pandas()
        .duplicated(["prompt", "turn", "position", "temperature", "n", "scheme"])
        .any()
    )
    one, other = (load_file(folder / "kept.safetensors") for folder in (out, whole))
    assert all((one[name] == other[name]).all() for name in other)
    assert sorted(x.name for x in out.iterdir()) == sorted(x.name for x in whole.iterdir())
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["totals"]["rows"] == rows.num_rows
    assert manifest["finished"]


def killed_at(out, whole, points):
    for point in points:
        assert exit_code(start(out, point)) == -signal.SIGKILL
        for path in shards(out):
            read_facts(path)  # what has a shard's name is whole
        if shards(out):
            assert set(read_rows(out)["prompt"].to_pylist()) <= set(
                read_rows(whole)["prompt"].to_pylist()
            )
    assert exit_code(start(out)) == 0
    check(out, whole)


def test_killed_at_a_few_steps_of_writing(tmp_path, whole):
    """Six steps in a row are more than a file takes: before, in the middle of and after all of them."""
    killed_at(tmp_path, whole, (2, *range(40, 46)))


@pytest.mark.slow
def test_killed_at_ten_random_steps_of_writing(tmp_path, whole):
    draw = random.Random(11)
    killed_at(tmp_path, whole, [draw.randint(1, 20) for _ in range(10)])


@pytest.mark.slow
def test_killed_at_ten_random_times(tmp_path, whole):
    draw, killed = random.Random(12), 0
    while killed < 10:
        process, before = start(tmp_path), len(shards(tmp_path))
        while len(shards(tmp_path)) == before and process.is_alive():
            time.sleep(0.001)
        time.sleep(draw.uniform(0, 0.02))
        process.kill()
        assert exit_code(process) == -signal.SIGKILL
        killed += 1
    assert exit_code(start(tmp_path)) == 0
    check(tmp_path, whole)


@pytest.mark.slow
def test_killed_at_every_step_of_closing(tmp_path, whole, unclosed):
    """The run is noted, kept positions are put together, their parts go, the manifest is closed."""
    for point in range(1, 100):
        out = tmp_path / str(point)
        shutil.copytree(unclosed, out)
        code = exit_code(start(out, point))
        if code == 0:
            break
        assert code == -signal.SIGKILL
        assert exit_code(start(out)) == 0
        check(out, whole)
    assert point > 12
