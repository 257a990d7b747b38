"""Captures that are no one experiment are refused, and those that were cut short are told."""

from __future__ import annotations

import sys
import warnings

import pandas as pd
import pytest
from study.study_rows import capture, simulated

from mdsd_theory import cli
from mdsd_theory.errors import InputError, UnfinishedCaptureWarning
from mdsd_theory.study.rows import read

SETTINGS = {"dtype": "bfloat16", "generation_temperature": 0.7, "max_tokens": 128}


def two(tmp_path, *, seed=2, prompts=8, frame=None, **changed):
    """Two captures of one pair."""
    one = capture(tmp_path / "one", simulated(prompts=5), "T", "D", **SETTINGS)
    frame = simulated(seed=seed, prompts=prompts) if frame is None else frame
    return [one, capture(tmp_path / "two", frame, "T", "D", **SETTINGS | changed)]


@pytest.mark.parametrize(
    ("name", "value"), [("dtype", "float32"), ("generation_temperature", 1.0), ("max_tokens", 64)]
)
def test_other_settings_are_not_pooled(name, value, tmp_path):
    assert read(two(tmp_path))["cluster"].nunique() == 13
    with pytest.raises(InputError, match=f"{name} is {SETTINGS[name]} in the one and {value} in the oth"):
        read(two(tmp_path, **{name: value}))


def test_other_pairs_may_differ(tmp_path):
    one, _ = two(tmp_path)
    other = capture(tmp_path / "other", simulated(prompts=5), "T", "E", **SETTINGS | {"dtype": "float32"})
    assert read([one, other])["cluster"].nunique() == 10


def test_the_same_answers_count_once(tmp_path):
    with pytest.raises(
        InputError, match=r"the same answers \(5 of 5\) under one condition \(temperature = 0\.7"
    ):
        read(two(tmp_path, seed=1))


def test_the_same_answers_under_other_conditions_are_read(tmp_path):
    cold, same = simulated(prompts=5, temperatures=(0.1,)), simulated(prompts=5)
    found = read(two(tmp_path, frame=cold))
    assert sorted(found["temperature"].unique()) == [0.1, 0.7]
    with pytest.raises(InputError, match="the same answers"):
        read(two(tmp_path, frame=pd.concat([cold, same])))


def test_a_few_answers_in_common_are_no_repetition(tmp_path):
    frame = simulated(seed=2, prompts=5)
    same = simulated(prompts=5)
    some = frame["prompt"] < 2
    frame.loc[some, "token"] = same.loc[some, "token"]
    assert read(two(tmp_path, frame=frame))["cluster"].nunique() == 10


def test_answers_are_told_apart_where_they_were_drawn(tmp_path):
    assert set(read(two(tmp_path))["drawn_at"]) == {0.7}
    assert read([capture(tmp_path / "bare", simulated(prompts=1))])["drawn_at"].isna().all()


def test_a_capture_that_was_cut_short(tmp_path):
    folder = capture(tmp_path, simulated(prompts=2), "T", "D", finished=None)
    with pytest.warns(UnfinishedCaptureWarning, match="is not finished; run its command again"):
        read([folder])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read([capture(tmp_path / "whole", simulated(prompts=2), "T", "D")])


def test_the_command_warns_on_one_line(tmp_path, monkeypatch, capsys):
    folder = capture(tmp_path, simulated(prompts=2), "T", "D", finished=None)
    monkeypatch.setattr(sys, "argv", ["mdsd", "table", str(folder)])
    with pytest.raises(SystemExit) as stop:
        cli.main()
    err = capsys.readouterr().err
    assert stop.value.code == 0
    assert (
        err
        == f"mdsd: warning: {folder} is not finished; run its command again to go on where it stopped\n"
    )
