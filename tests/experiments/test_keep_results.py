"""Captures made small: the chosen prompts as they were, the means of all."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("pyarrow")

from study.study_rows import capture, simulated

from mdsd_theory.capture.manifest import read_manifest, write_manifest
from mdsd_theory.study.renderings import markdown
from mdsd_theory.study.rows import read
from mdsd_theory.study.table import table

FOLDER = Path(__file__).parents[2] / "experiments"


@pytest.fixture(scope="module")
def script():
    sys.path.insert(0, str(FOLDER))
    try:
        yield importlib.import_module("keep_results")
    finally:
        sys.path.remove(str(FOLDER))
        sys.modules.pop("keep_results", None)


@pytest.fixture
def run(script, tmp_path, monkeypatch):
    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["keep_results.py", *map(str, arguments)])
        with pytest.raises(SystemExit) as stop:
            script.main()
        return stop.value.code or 0

    return call


def test_some_prompts_and_all_means(run, tmp_path):
    frame = simulated(prompts=20, temperatures=(0.3, 0.7))
    whole = capture(tmp_path / "pair" / "chat", frame, "T", "D", generation_temperature=0.7)
    assert run(whole, "--out", tmp_path / "kept", "--prompts", 6) == 0
    few = read([tmp_path / "kept" / "pair" / "chat"])
    assert (few["prompt"].nunique(), set(few["drawn_at"])) == (6, {0.7})
    manifest = read_manifest(tmp_path / "kept" / "pair" / "chat")
    assert manifest["sample"] == {
        "prompts": 6, "of": 20, "totals": {}, "seed": 0, "precision": "float32"
    }  # fmt: skip
    counts = few.drop_duplicates(["prompt", "turn", "position"])
    of_kept = {"prompts": 6, "responses": 6, "positions": len(counts), "rows": len(few), "kept": 0}
    assert manifest["totals"].items() >= of_kept.items()
    keys = ["prompt", "position", "temperature", "n", "scheme"]
    both = few.merge(frame, on=keys, suffixes=("", "_then"))
    assert len(both) == len(few) == 6 / 20 * len(frame)
    for name in ("alpha", "rrs", "optimal", "total_variation"):
        np.testing.assert_allclose(both[name], both[f"{name}_then"], rtol=1e-7)
    told = pd.read_csv(tmp_path / "kept" / "means.csv")
    assert set(told["capture"]) == {"pair/chat"}
    for temperature in (0.3, 0.7):
        of_all = table(read([whole]), temperature, 3)
        mine = told[told["temperature"] == temperature].reset_index(drop=True)
        np.testing.assert_allclose(mine["mean"], of_all["mean"], rtol=1e-6)
        np.testing.assert_allclose(mine["gap_standard_error"], of_all["gap_standard_error"], rtol=1e-6)


def test_no_prompts_keep_the_manifest_and_the_means(run, tmp_path):
    folders = two_tasks(tmp_path)
    kept = tmp_path / "kept"
    assert run(*folders, "--out", kept, "--prompts", 0) == 0
    for folder in folders:
        assert [x.name for x in (kept / "pair" / folder.name).iterdir()] == ["manifest.json"]
        assert read_manifest(kept / "pair" / folder.name) == read_manifest(folder)
    told = pd.read_csv(kept / "means.csv")
    few = tmp_path / "few"
    assert run(*folders, "--out", few, "--prompts", 5) == 0
    pd.testing.assert_frame_equal(told, pd.read_csv(few / "means.csv"))
    assert (kept / "findings.md").read_text() == (few / "findings.md").read_text()


def test_prompts_are_drawn_task_by_task(script, run, tmp_path):
    tasks = ("chat",) * 8 + ("maths", "law")
    whole = capture(tmp_path / "pair" / "mixed", simulated(prompts=100, tasks=tasks), "T", "D")
    assert run(whole, "--out", tmp_path / "kept", "--prompts", 40) == 0
    few = read([tmp_path / "kept" / "pair" / "mixed"]).drop_duplicates("prompt")
    assert few["task"].value_counts().to_dict() == {"chat": 30, "maths": 5, "law": 5}
    assert script.shares({"chat": 80, "maths": 10, "law": 10}, 60) == {"chat": 48, "maths": 6, "law": 6}
    assert script.shares({"chat": 80, "maths": 3}, 12) == {"chat": 9, "maths": 3}
    assert script.shares({"chat": 80, "maths": 3}, 200) == {"chat": 80, "maths": 3}
    assert script.shares({"chat": 80, "maths": 30}, 4) == {"chat": 2, "maths": 2}


def test_a_sample_of_a_sample_is_of_the_first(run, tmp_path):
    frame = simulated(prompts=20).assign(upper=1.0)
    whole = capture(tmp_path / "pair" / "chat", frame, "T", "D")
    manifest = read_manifest(whole)
    write_manifest(whole, manifest | {"totals": {"prompts": 20, "kept": 40}})
    assert run(whole, "--out", tmp_path / "kept", "--prompts", 9) == 0
    assert run(tmp_path / "kept" / "pair" / "chat", "--out", tmp_path / "again", "--prompts", 4) == 0
    found = read_manifest(tmp_path / "again" / "pair" / "chat")
    assert (found["sample"]["prompts"], found["sample"]["of"]) == (4, 20)
    assert found["sample"]["totals"] == {"prompts": 20, "kept": 40}
    assert found["totals"]["prompts"] == 4
    page = (tmp_path / "again" / "table.md").read_text(encoding="utf-8")
    assert "A sample of 9 of 20 prompts." in page


def two_tasks(tmp_path, **settings):
    """Captures of one pair, a task each, of other answers."""
    return [
        capture(tmp_path / "pair" / task, simulated(k, 12, tasks=(task,), **settings), "T", "D")
        for k, task in enumerate(("maths", "chat"))
    ]


def test_what_a_sample_cannot_restore_is_kept(run, tmp_path):
    folders = two_tasks(tmp_path, temperatures=(0.3, 0.7))
    kept = tmp_path / "kept"
    assert run(*folders, "--out", kept, "--prompts", 5, "--temperature", 0.7, "--temperature", 0.3) == 0
    whole = read(sorted(folders))
    told = pd.read_csv(kept / "means.csv")
    assert list(told["capture"].unique()) == ["pair/chat", "pair/maths", "pooled"]
    mine = told[(told["capture"] == "pooled") & (told["temperature"] == 0.3)].reset_index(drop=True)
    of_all = table(whole, 0.3, 3)
    assert list(mine["task"].unique()) == ["chat", "maths", "all tasks", "mean of tasks"]
    np.testing.assert_allclose(mine["mean"], of_all["mean"], rtol=1e-6)
    page = (kept / "table.md").read_text(encoding="utf-8")
    assert markdown(table(whole, 0.7, 3)) in page
    assert [x for x in page.splitlines() if x.startswith("## ")] == [
        "## Temperature 0.7, n = 3", "## Temperature 0.3, n = 3"
    ]  # fmt: skip
    findings = (kept / "findings.md").read_text(encoding="utf-8")
    assert "24 prompts" in findings
    before = (kept / "means.csv").read_bytes()
    assert run(*folders[::-1], "--out", kept, "--prompts", 5) == 0
    assert (kept / "means.csv").read_bytes() == before


def test_a_table_that_is_not_there(run, tmp_path, capsys):
    folders = two_tasks(tmp_path, temperatures=(0.3,))
    assert run(*folders, "--out", tmp_path / "kept", "--n", 5) == 2
    assert "no rows of temperature 0.7; there are 0.3" in capsys.readouterr().err
    assert not (tmp_path / "kept").exists()
    assert run(*folders, "--out", tmp_path / "kept") == 0
    assert {x.name for x in (tmp_path / "kept").iterdir()} == {"pair", "means.csv", "findings.md"}


def test_the_same_answers_twice_are_pooled_apart(run, tmp_path, capsys):
    frame = simulated(prompts=6)
    folders = [capture(tmp_path / x / "chat", frame, "T", "D") for x in ("one", "two")]
    assert run(*folders, "--out", tmp_path / "kept", "--prompts", 3) == 0
    assert "hold the same answers" in capsys.readouterr().out
    names = {x.name for x in (tmp_path / "kept").iterdir() if x.is_file()}
    assert names == {"means.csv", *(f"{x}.{y}.md" for x in ("table", "findings") for y in ("one", "two"))}


def test_more_prompts_than_there_are(run, tmp_path):
    whole = capture(tmp_path / "pair" / "chat", simulated(prompts=3), "T", "D")
    assert run(whole, "--out", tmp_path / "kept", "--prompts", 99) == 0
    assert read([tmp_path / "kept" / "pair" / "chat"])["prompt"].nunique() == 3


def test_names_that_fall_together(run, tmp_path, capsys):
    folders = [capture(tmp_path / x / "pair" / "chat", simulated(prompts=2), "T", "D") for x in "ab"]
    assert run(*folders, "--out", tmp_path / "kept") == 2
    assert "two captures have one name" in capsys.readouterr().err
    assert not (tmp_path / "kept").exists()
