"""Reading captures, and columns side by side."""

from __future__ import annotations

import math
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from study.study_rows import capture, rows, simulated

from mdsd_theory.errors import DataFileError, InputError, MissingDependencyError
from mdsd_theory.study.rows import at_positions, pair_name, read, sample_of, select


def test_folders_are_read_with_their_names(tmp_path):
    one = capture(tmp_path / "one", simulated(prompts=2, tasks=("chat", "maths")), "T", "D")
    two = capture(tmp_path / "two", simulated(prompts=3))
    found = read([one, two])
    assert list(found["pair"].unique()) == ["T / D", "two"]
    assert list(found["task"].unique()) == ["chat", "maths"]
    assert len(found) == len(simulated(prompts=2)) + len(simulated(prompts=3))


def test_prompts_of_one_number_in_two_folders_are_two_clusters(tmp_path):
    folders = [capture(tmp_path / x, simulated(seed=ord(x), prompts=2), "T", "D") for x in "ab"]
    found = read(folders)
    assert list(found["pair"].unique()) == ["T / D"]
    assert found["prompt"].nunique() == 2
    assert found["cluster"].nunique() == 4


def test_rates_that_are_not_defined_are_not_numbers(tmp_path):
    found = read([capture(tmp_path, simulated(prompts=1))])
    greedy = found["scheme"] == "greedy"
    assert found.loc[greedy, "rrs"].isna().all()
    assert found.loc[greedy, "greedy"].notna().all()


def test_captures_without_tasks_have_one_that_is_empty(tmp_path):
    found = read([capture(tmp_path, simulated(prompts=1).drop(columns="task"))])
    assert set(found["task"]) == {""}


def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(DataFileError, match="holds no rows; expected a folder that mdsd capture wrote"):
        read([tmp_path])
    with pytest.raises(InputError, match="no folder is given"):
        read([])


def test_a_capture_without_rows_is_refused(tmp_path):
    folder = capture(tmp_path, simulated(prompts=1).iloc[:0])
    with pytest.raises(DataFileError, match="holds no rows; let mdsd capture finish"):
        read([folder])


def test_pandas_is_asked_for(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'mdsd-theory\[plot\]'"):
        read([tmp_path])


def test_a_folder_counts_once(tmp_path):
    folder = capture(tmp_path / "a", simulated(prompts=1))
    with pytest.raises(InputError, match="given twice"):
        read([folder, tmp_path / "a" / ".." / "a"])


def test_refusals_list_what_there_is():
    frame = simulated(prompts=1, temperatures=(0.1, 0.7), drafts=(2, 3))
    with pytest.raises(InputError, match=r"no rows of temperature 0\.5; there are 0\.1, 0\.7"):
        select(frame, 0.5)
    with pytest.raises(InputError, match="no rows of n 4; there are 2, 3"):
        select(frame, n=4)
    with pytest.raises(InputError, match="no rows of task maths; there are chat"):
        select(frame, tasks=["maths"])
    assert set(select(frame, 0.1, 2)["temperature"]) == {0.1}


def test_columns_meet_at_their_positions():
    frame = rows(
        {"prompt": 0, "position": 0, "scheme": "greedy", "alpha": 0.5},
        {"prompt": 0, "position": 1, "scheme": "greedy", "alpha": 0.6},
        {"prompt": 1, "position": 0, "scheme": "greedy", "alpha": 0.7},
        {"prompt": 1, "position": 0, "scheme": "spechub", "alpha": 0.1},
        {"prompt": 0, "position": 1, "scheme": "spechub", "alpha": 0.2},
        {"prompt": 0, "position": 0, "scheme": "spechub", "alpha": math.nan},
    )
    found = at_positions(frame, {"a": ("greedy", "alpha"), "b": ("spechub", "alpha")})
    assert sorted(zip(found["a"], found["b"], strict=True)) == [(0.6, 0.2), (0.7, 0.1)]


def test_a_column_that_is_missing_meets_nothing():
    frame = simulated(prompts=2)
    for place in (("greedy", "unheard_of"), ("top_k", "alpha")):
        found = at_positions(frame, {"a": ("greedy", "alpha"), "b": place})
        assert found.empty
        assert np.all([name in found for name in ("a", "b", "pair")])


def test_a_pair_is_named_with_what_its_weights_were_rounded_to():
    names = {"target": {"name": "Big", "quantisation": "Q4_1"}, "draft": {"name": "skip:14-18"}}
    assert pair_name(Path("here"), {"models": names}) == "Big Q4_1 / skip:14-18"
    assert pair_name(Path("here"), {"models": {"target": {"name": "Big"}}}) == "here"


def test_rows_of_a_sample_say_so():
    frame = pd.DataFrame({"capture": [0, 0, 1], "cluster": [0, 1, 2], "whole": [5, 5, 1]})
    assert sample_of(frame) == "A sample of 3 of 6 prompts."
    assert sample_of(frame[frame["capture"] == 1]) == ""
    assert sample_of(frame.drop(columns="whole")) == ""
