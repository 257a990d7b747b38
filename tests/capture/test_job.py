"""Whole captures with fake models: what is done, what is refused, what is left when things go wrong."""

from __future__ import annotations

import errno
import os
import time

import pytest
from capture_fakes import QUESTIONS, SETTINGS, Recipe, measure, plain_rows, prompts_of, run

from mdsd_theory.capture import block as block_module
from mdsd_theory.capture import storage
from mdsd_theory.capture.block import Plan
from mdsd_theory.capture.clock import STAGES, Clock
from mdsd_theory.capture.job import blocks_of, capture
from mdsd_theory.capture.manifest import read_manifest
from mdsd_theory.capture.shards import read_facts, read_rows, shards
from mdsd_theory.capture.stages import Stages
from mdsd_theory.capture.storage import locked
from mdsd_theory.capture.summary import lines
from mdsd_theory.errors import DataFileError, InputError

pytest.importorskip("pyarrow")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The rows of a run that nothing disturbed."""
    out = tmp_path_factory.mktemp("whole")
    run(out, keep=4)
    return out


class Unused:
    """A recipe that must not be needed."""

    def __call__(self):
        raise AssertionError("the models were loaded")


def same(out, whole):
    return plain_rows(out).equals(plain_rows(whole))


def test_every_position_has_its_rows_once(whole):
    rows = read_rows(whole).to_pandas()
    keys = ["prompt", "turn", "position", "temperature", "n", "scheme"]
    assert not rows.duplicated(keys).any()
    assert rows.equals(rows.sort_values(keys, ignore_index=True, kind="stable"))
    for (prompt, turn), part in rows.groupby(["prompt", "turn"]):
        assert part["position"].nunique() == 1 + (prompt * 5 + turn * 3) % 6
    assert set(rows["prompt"]) == {i for i in range(20) if i % 7 != 5}
    assert (rows.groupby(keys[:3]).size() == 8).all()


def test_totals_count_what_is_there(whole):
    totals, rows = read_manifest(whole)["totals"], read_rows(whole).to_pandas()
    assert totals["rows"] == len(rows)
    assert totals["positions"] == len(rows) / 8 == len(rows.groupby(["prompt", "turn", "position"]))
    assert totals["responses"] == len(rows.groupby(["prompt", "turn"]))
    assert (totals["blocks"], totals["prompts"], totals["kept"]) == (7, 20, 4)
    assert [x["prompt"] for x in totals["skipped"]] == [5, 12, 19]
    assert totals["violations"] == {}
    assert set(totals["seconds"]) == set(STAGES)


def test_the_size_of_blocks_is_of_no_account(whole, tmp_path):
    for size in (1, 7, 64):
        run(tmp_path / str(size), block=size)
        assert same(tmp_path / str(size), whole)


def test_order_of_the_prompts_is_of_no_account(whole, tmp_path):
    plan = Plan(tmp_path, QUESTIONS, keep=4, seed=3)
    capture(plan, Recipe(), prompts_of(20)[::-1], SETTINGS, block=3)
    assert same(tmp_path, whole)


def test_blocks_hold_every_prompt_once_by_number():
    blocks = blocks_of(prompts_of(10)[::-1], 4)
    assert [number for number, _ in blocks] == [0, 1, 2]
    assert [x.number for _, each in blocks for x in each] == list(range(10))
    assert blocks_of([], 4) == []


def test_a_finished_folder_needs_no_models(whole, tmp_path):
    first = run(tmp_path)
    again = run(tmp_path, recipe=Unused())
    assert again.blocks == again.positions == 0
    assert again.totals == first.totals
    assert len(read_manifest(tmp_path)["runs"]) == 1
    assert "all of it was there already" in "\n".join(lines(tmp_path, again))


def test_only_missing_blocks_are_measured(whole, tmp_path):
    run(tmp_path, keep=4)
    for number in (1, 4):
        shards(tmp_path)[number - (number > 1)].unlink()
    seen = []
    outcome = run(
        tmp_path, keep=4, recipe=Recipe(log=tmp_path / "log"), watch=lambda *done: seen.append(done)
    )
    assert (tmp_path / "log").read_text().split() == ["3", "12"]
    assert outcome.blocks == 2
    assert same(tmp_path, whole)
    assert sum(prompts for prompts, _ in seen) == 20
    assert sum(positions for _, positions in seen) == outcome.positions
    assert (tmp_path / "kept.safetensors").read_bytes() == (whole / "kept.safetensors").read_bytes()
    assert "5 of 7 blocks were there already" in "\n".join(lines(tmp_path, outcome))


def test_a_damaged_shard_is_told_and_measured_again(whole, tmp_path):
    run(tmp_path)
    path = shards(tmp_path)[2]
    path.write_bytes(path.read_bytes()[:-20])
    outcome = run(tmp_path)
    assert outcome.blocks == 1
    (message,) = outcome.damaged
    assert message.startswith(f"{path} is no whole shard")
    assert f"measured again: {path}" in "\n".join(lines(tmp_path, outcome))
    assert same(tmp_path, whole)


DIFFERENT = {
    "settings": ({}, {"draft": "other"}, 'draft = "fake", not "other"'),
    "prompts": ({"count": 19}, {}, "prompts.count = 20, not 19"),
    "block": ({"block": 4}, {}, "block = 3, not 4"),
    "kept": ({"keep": 1}, {}, "keep = 0, not 1"),
}


@pytest.mark.parametrize("case", DIFFERENT)
def test_other_settings_are_refused_before_the_models(case, tmp_path):
    options, settings, message = DIFFERENT[case]
    run(tmp_path, count=20)
    plan = Plan(tmp_path, QUESTIONS, keep=options.get("keep", 0), seed=3)
    prompts = prompts_of(options.get("count", 20))
    with pytest.raises(InputError, match=message.replace("(", r"\(")):
        capture(plan, Unused(), prompts, {**SETTINGS, **settings}, block=options.get("block", 3))


def test_other_models_are_refused(tmp_path):
    run(tmp_path)
    shards(tmp_path)[0].unlink()
    with pytest.raises(InputError, match=r'target\.name = "fake", not "another"'):
        run(tmp_path, recipe=Recipe(name="another"))


def test_other_models_are_refused_even_if_the_manifest_did_not_learn_of_them(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, watch=interrupt_after_a_block)
    assert read_manifest(tmp_path)["models"] == {}
    assert len(shards(tmp_path)) == 1
    with pytest.raises(InputError, match=r'target\.name = "fake", not "another"'):
        run(tmp_path, recipe=Recipe(name="another"))


def interrupt_after_a_block(prompts, positions):
    if prompts:
        raise KeyboardInterrupt


def test_restart_begins_anew_and_spares_what_is_not_its_own(tmp_path):
    run(tmp_path, keep=4)
    (tmp_path / "notes.txt").write_text("mine")
    other = run(tmp_path, count=4, restart=True, recipe=Recipe(name="another"))
    assert other.totals["prompts"] == 4
    assert len(shards(tmp_path)) == 2
    assert not (tmp_path / "kept.safetensors").exists()
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_what_was_begun_to_be_written_is_swept(tmp_path):
    tmp_path.joinpath(".block-000001.parquet.0123.tmp").write_bytes(b"half")
    run(tmp_path)
    assert not list(tmp_path.glob(".*.tmp"))


def test_two_processes_do_not_share_a_folder(tmp_path):
    with locked(tmp_path), pytest.raises(DataFileError, match="is being written by another process"):
        run(tmp_path, recipe=Unused())
    run(tmp_path)


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DataFileError, match="file is a file; expected a folder"):
        run(tmp_path / "file", recipe=Unused())
    with pytest.raises(DataFileError, match="below cannot be written: Not a directory"):
        run(tmp_path / "file" / "below", recipe=Unused())


def test_a_full_disk_is_one_line_and_a_later_run_goes_on(whole, tmp_path, monkeypatch):
    real, calls = os.fsync, []

    def fsync(descriptor):
        calls.append(descriptor)
        if len(calls) > 9:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(descriptor)

    with monkeypatch.context() as patch:
        patch.setattr(storage.os, "fsync", fsync)
        with pytest.raises(DataFileError, match="No space left on device; what is finished is kept"):
            run(tmp_path)
    kept = {path: path.stat().st_mtime_ns for path in shards(tmp_path)}
    assert 0 < len(kept) < 7
    assert not list(tmp_path.glob(".*.tmp"))
    assert run(tmp_path).blocks == 7 - len(kept)
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    assert same(tmp_path, whole)


def test_a_device_out_of_memory_is_one_line(tmp_path):
    class OutOfMemoryError(RuntimeError):
        pass

    def generate(prompts):
        raise OutOfMemoryError("CUDA out of memory")

    with pytest.raises(
        InputError, match="ran out in block 0; make --batch or --generation-batch smaller"
    ):
        run(tmp_path, recipe=lambda: Stages(generate, Recipe().score, measure, {}))


def test_what_breaks_the_theory_is_told(tmp_path):
    def crooked(positions):
        columns = measure(positions)
        here = (columns["prompt"] == 7) & (columns["scheme"] == "greedy")
        return {**columns, "naive": columns["naive"] + here}

    recipe = Recipe()
    outcome = run(tmp_path, recipe=lambda: Stages(recipe.generate, recipe.score, crooked, {}))
    rows = read_rows(tmp_path, filters=[("prompt", "==", 7), ("scheme", "==", "greedy")]).num_rows
    assert outcome.totals["violations"] == {"naive <= alpha": rows}
    assert {x["prompt"] for x in outcome.totals["examples"]} == {7}
    assert f"violations: naive <= alpha in {rows:,} rows" in "\n".join(lines(tmp_path, outcome))


def test_prompts_that_are_all_skipped_leave_an_empty_shard(tmp_path):
    outcome = run(tmp_path, count=6, block=1)
    assert read_facts(shards(tmp_path)[5]).skipped[0]["reason"] == "too long"
    assert outcome.totals["blocks"] == 6
    assert "skipped: 1 turns: too long" in "\n".join(lines(tmp_path, outcome))
    run(tmp_path, count=6, block=1, recipe=Unused())


def test_seconds_are_counted_where_they_are_spent(tmp_path):
    outcome = run(tmp_path, count=6, recipe=Recipe(pause=0.02))
    assert outcome.seconds["scoring"] >= 0.02 * 3
    assert outcome.seconds["scoring"] > outcome.seconds["measures"]
    assert sum(outcome.seconds.values()) <= outcome.wall


def test_a_clock_counts_a_stage_that_fails():
    clock = Clock()
    with pytest.raises(IndexError), clock.of("scoring"):
        [time.sleep(0.01)][1]
    assert clock.seconds()["scoring"] >= 0.01
    assert clock.seconds()["generation"] == 0


def test_kept_positions_are_written_before_their_shard(tmp_path, monkeypatch):
    def fail(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(block_module, "write_shard", fail)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, keep=4)
    assert (tmp_path / "kept-000000.safetensors").exists()
    assert shards(tmp_path) == []


def test_rows_without_a_manifest_are_not_adopted(tmp_path):
    run(tmp_path, 4)
    (tmp_path / "manifest.json").unlink()
    with pytest.raises(InputError, match="nobody knows what of"):
        run(tmp_path, 4)
    run(tmp_path, 4, restart=True)
    assert read_manifest(tmp_path)["finished"]
