"""The experiments on trees run on tiny models, and see a law that is wrong."""

from __future__ import annotations

import csv
import importlib
import json
import sys
from pathlib import Path

import pytest

pytest.importorskip("transformers")

from tiny_checkpoints import save_tiny, save_tiny_eagle
from typer.testing import CliRunner

FOLDER = Path(__file__).parents[2] / "experiments"


@pytest.fixture(scope="module")
def script():
    sys.path.insert(0, str(FOLDER))
    try:
        yield importlib.import_module("trees")
    finally:
        sys.path.remove(str(FOLDER))
        sys.modules.pop("trees", None)


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    where = tmp_path_factory.mktemp("trees")
    save_tiny(where / "target", "llama", max_position_embeddings=64)
    save_tiny_eagle(where / "head")
    prompts = where / "prompts.jsonl"
    prompts.write_text("".join(json.dumps({"prompt": f"w{i} w9 w{i + 1}"}) + "\n" for i in range(3, 9)))
    common = ["--draft", str(where / "head"), "--prompts", str(prompts), "--task", "", "--device", "cpu"]
    return str(where / "target"), common


def run(script, *arguments):
    found = CliRunner().invoke(script.app, [str(x) for x in arguments], catch_exceptions=False)
    return found.exit_code, found.stdout


def rows_of(path):
    with path.open(encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def test_lossless(script, models):
    target, common = models
    code, said = run(
        script,
        "lossless",
        target,
        *common,
        "--count",
        4,
        "--tokens",
        8,
        "--samples",
        1000,
        "--temperature",
        "1",
    )
    assert code == 0
    assert said.count("4 of 4 texts") == 3
    assert said.count("p = ") == len(script.LAWS)
    assert "logits differ" in said


def test_lossless_sees_another_temperature(script, models, monkeypatch):
    target, common = models
    plain = script.multidraft_decode

    def hotter(*arguments, temperature, **options):
        return plain(*arguments, temperature=temperature and 1.6 * temperature, **options)

    monkeypatch.setattr(script, "multidraft_decode", hotter)
    code, _ = run(
        script,
        "lossless",
        target,
        *common,
        "--count",
        2,
        "--tokens",
        4,
        "--samples",
        2000,
        "--temperature",
        "1",
    )
    assert code == 1


def test_count(script, models, tmp_path):
    target, common = models
    file = tmp_path / "count.csv"
    run(
        script, "count", target, *common, "--count", 4, "--tokens", 12, "--temperature", "0,1",
        "--trees", "2x2", "-o", file,
    )  # fmt: skip
    rows = rows_of(file)
    assert len(rows) == 2 * 5
    for row in rows:
        assert 1 <= float(row["tokens_per_call"]) <= 3
        assert float(row["accepted"]) == pytest.approx(float(row["tokens_per_call"]) - 1)


def test_speed(script, models, tmp_path):
    target, common = models
    file = tmp_path / "speed.csv"
    common = [*common, "--draft", "skip:1"]
    run(
        script, "speed", target, *common, "--count", 2, "--tokens", 8, "--temperature", "0,1",
        "--trees", "2x2", "-o", file,
    )  # fmt: skip
    rows = rows_of(file)
    assert len(rows) == 2 * (2 + 5) + 2 * (3 + 5)
    assert all(float(row["tokens_per_second"]) > 0 for row in rows)
    assert {float(row["speed_up"]) for row in rows if row["verifier"] == "generate"} == {1.0}


def test_choose(script, models, tmp_path):
    target, common = models
    file = tmp_path / "choose.csv"
    run(
        script, "choose", target, *common, "--count", 4, "--tokens", 10, "--temperature", "1",
        "--trees", "2x2", "-o", file,
    )  # fmt: skip
    rows = rows_of(file)
    assert len(rows) == len(script.RULES) * 2
    for row in rows:
        assert int(row["drafts"]) <= 6
        assert float(row["predicted"]) >= 1


def test_overhead(script, models, tmp_path):
    target, common = models
    file = tmp_path / "overhead.csv"
    run(
        script, "overhead", target, *common, "--count", 1, "--tokens", 6, "--temperature", "1",
        "--trees", "2x2", "-o", file,
    )  # fmt: skip
    rows = rows_of(file)
    assert {row["tree"] for row in rows} == {"none", "2x2"}
    assert all(float(row["verify_per_cent"]) > 0 for row in rows)
