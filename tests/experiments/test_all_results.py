"""The script that measures everything asks ``mdsd capture`` what the page of results says."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import typer

EXPERIMENTS = Path(__file__).parents[2] / "experiments"


@pytest.fixture
def script(monkeypatch):
    monkeypatch.syspath_prepend(str(EXPERIMENTS))
    import all_results

    return all_results


def test_each_study_warms_up_and_asks_each_pair(script, monkeypatch, tmp_path):
    asked: list[list[str]] = []
    monkeypatch.setattr(script, "run", lambda x: asked.append(list(x)))
    files = [tmp_path / "alpaca.jsonl", tmp_path / "questions.jsonl"]
    for file in files:
        file.write_text('{"prompt": "a"}\n')
    script.measure("model.gguf", *files, tmp_path / "out")
    pairs = ["smollm2_eagle", *script.PAIRS]
    assert [Path(x[0]).stem for x in asked] == 3 * pairs
    folders = [Path(x[x.index("--out") + 1]).name for x in asked]
    assert folders == [y for x in script.STUDIES for y in ("warm_up", x, x, x)]
    limits = [x[x.index("--limit") + 1] for x in asked]
    assert limits == [y for x in ("1024", "128", "96") for y in ("16", x, x, x)]
    assert [x.count("--prompts") for x in asked] == [2] * 4 + [1] * 8
    with pytest.raises(typer.BadParameter, match="none of captures"):
        script.measure("model.gguf", *files, tmp_path / "out", ["speed"])


def test_options_arrive_at_mdsd_capture(script, monkeypatch, tmp_path):
    from mdsd_theory.capture.measures_schemes import asked_schemes

    monkeypatch.setattr(sys, "argv", ["all_results.py"])
    file = tmp_path / "alpaca.jsonl"
    file.write_text('{"instruction": "a"}\n')
    asked: list[list[str]] = []
    monkeypatch.setattr(script.run_pair, "capture", lambda x: asked.append(list(x)) or 0)
    monkeypatch.setattr(script.run_pair, "require_had", lambda side, spec: None)
    script.measure("model.gguf", file, file, tmp_path, ["temperature"])
    assert len(asked) == 4
    for options in asked:
        told = dict(zip(options[::2], options[1::2], strict=True))
        assert told["--generate-temperature"] == "0.7"
        assert len(told["--temperature"].split(",")) == 8
        names = [x.name for x in asked_schemes(told["--schemes"].split(","))]
        assert names[4:] == list(script.CUTS)
