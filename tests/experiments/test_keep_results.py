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

from mdsd_theory.capture.manifest import read_manifest
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
    assert manifest["sample"] == {"prompts": 6, "of": 20, "seed": 0, "precision": "float32"}
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


def test_more_prompts_than_there_are(run, tmp_path):
    whole = capture(tmp_path / "pair" / "chat", simulated(prompts=3), "T", "D")
    assert run(whole, "--out", tmp_path / "kept", "--prompts", 99) == 0
    assert read([tmp_path / "kept" / "pair" / "chat"])["prompt"].nunique() == 3


def test_names_that_fall_together(run, tmp_path, capsys):
    folders = [capture(tmp_path / x / "pair" / "chat", simulated(prompts=2), "T", "D") for x in "ab"]
    assert run(*folders, "--out", tmp_path / "kept") == 2
    assert "two captures have one name" in capsys.readouterr().err
    assert not (tmp_path / "kept").exists()
