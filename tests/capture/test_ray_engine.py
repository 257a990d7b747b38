"""Captures on a local Ray cluster: the rows of one process, though a worker is killed."""

from __future__ import annotations

from pathlib import Path

import pytest
from capture_fakes import Recipe, plain_rows, run
from safetensors.torch import load_file

from mdsd_theory.capture.block import memory_told
from mdsd_theory.capture.manifest import read_manifest
from mdsd_theory.capture.shards import shards
from mdsd_theory.errors import DataFileError, InputError

ray = pytest.importorskip("ray")
pytest.importorskip("ray.data")

from mdsd_theory.capture.ray_engine import TRIES, RayEngine, _tried  # noqa: E402

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]


@pytest.fixture(scope="module")
def cluster():
    here = {"env_vars": {"PYTHONPATH": str(Path(__file__).parent)}}
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, runtime_env=here)
    yield
    ray.shutdown()


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    out = tmp_path_factory.mktemp("whole")
    run(out, keep=4)
    return out


def test_rows_are_those_of_one_process_though_a_worker_is_killed(cluster, tmp_path, whole):
    out = tmp_path / "out"
    seen = []
    recipe = Recipe(log=tmp_path / "log", kill=tmp_path / "killed")
    outcome = run(
        out, keep=4, engine=RayEngine(workers=2), recipe=recipe, watch=lambda *done: seen.append(done)
    )
    assert (tmp_path / "killed").exists()
    begun = (tmp_path / "log").read_text().split()
    assert begun.count("9") == 2
    assert set(begun) == {"0", "3", "6", "9", "12", "15", "18"}
    assert plain_rows(out).equals(plain_rows(whole))
    one, other = (load_file(folder / "kept.safetensors") for folder in (out, whole))
    assert all((one[name] == other[name]).all() for name in other)
    assert sorted(x.name for x in out.iterdir()) == sorted(x.name for x in whole.iterdir())
    totals, expected = (read_manifest(folder)["totals"] for folder in (out, whole))
    assert {**totals, "seconds": 0} == {**expected, "seconds": 0}
    assert outcome.positions == sum(positions for _, positions in seen) == totals["positions"]


def test_it_goes_on_where_a_process_stopped(cluster, tmp_path, whole, monkeypatch):
    out = tmp_path / "out"
    run(out, keep=4)
    for path in shards(out)[2:5]:
        path.unlink()
    monkeypatch.chdir(tmp_path)
    assert run("out", keep=4, engine=RayEngine(workers=2)).blocks == 3
    assert plain_rows(out).equals(plain_rows(whole))


def test_errors_of_workers_come_as_they_were_raised(cluster, tmp_path):
    run(tmp_path)
    shards(tmp_path)[0].unlink()
    with pytest.raises(InputError, match=r'target\.name = "fake", not "another"') as error:
        run(tmp_path, engine=RayEngine(workers=1), recipe=Recipe(name="another"))
    assert "\n" not in str(error.value)
    with pytest.raises(DataFileError, match="generation failed: 3"):
        run(tmp_path / "b", engine=RayEngine(workers=1), recipe=Recipe(fail=3))


def test_a_block_that_takes_down_its_workers_is_given_up(tmp_path):
    for _ in range(TRIES):
        with pytest.raises(KeyboardInterrupt), _tried(tmp_path, 5):
            raise KeyboardInterrupt
    with pytest.raises(DataFileError, match=f"block 5 took down {TRIES} workers"), _tried(tmp_path, 5):
        pass
    with _tried(tmp_path, 6), memory_told(6):
        pass
    assert [path.name for path in tmp_path.iterdir()] == [".block-000005.tries.tmp"]
