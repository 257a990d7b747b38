"""A pair's file becomes captures of its tasks, with the command that made them; refusals are one line."""

from __future__ import annotations

import importlib
import json
import shlex
import sys
from pathlib import Path

import pytest

pytest.importorskip("pyarrow")
pytest.importorskip("transformers")

from tiny_checkpoints import save_tiny

from mdsd_theory.capture import datasets_by_name
from mdsd_theory.capture.manifest import read_manifest
from mdsd_theory.capture.shards import read_rows
from mdsd_theory.errors import InputError
from mdsd_theory.models.pairs import Pair

FOLDER = Path(__file__).parents[2] / "experiments"
PAIR = """
name: tiny / without a layer
target: ./target
draft: skip:1
dtype: float32
temperature: [0.7, 1.0]
n: [2]
max_tokens: 4
tasks: [alpaca, cnn_dailymail]
template: none
licence: none
"""
FAST = ["--device", "cpu", "--verifiers", "naive,rrs"]
ROWS = {
    "hf:alpaca": [{"instruction": f"w{i} w9", "input": ""} for i in range(4, 9)],
    "hf:cnn_dailymail": [{"article": "w5 w7"}],
}


@pytest.fixture(scope="module")
def script():
    """The module, imported as it runs."""
    sys.path.insert(0, str(FOLDER))
    try:
        yield importlib.import_module("run_pair")
    finally:
        sys.path.remove(str(FOLDER))
        sys.modules.pop("run_pair", None)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A pair's file with its target beside it, and prompts."""
    where = tmp_path_factory.mktemp("pair")
    save_tiny(where / "target", "llama")
    save_tiny(where / "other", "llama", seed=1)
    (where / "tiny.yaml").write_text(PAIR, "utf-8")
    prompts = [
        {"prompt": "w5 w9", "task": "a"},
        {"prompt": "w6", "task": "b"},
        {"prompt": "w7", "task": "a"},
    ]
    (where / "mine.jsonl").write_text("".join(json.dumps(x) + "\n" for x in prompts), "utf-8")
    (where / "again").mkdir()
    (where / "again" / "mine.jsonl").write_text("", "utf-8")
    return where


@pytest.fixture
def run(script, folder, tmp_path, monkeypatch, capfd):
    """Run the script on the pair; return exit code, output folder and standard error."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")

    def call(*arguments, out=tmp_path / "out"):
        usual = ["run_pair.py", folder / "tiny.yaml", "--out", out]
        monkeypatch.setattr(sys, "argv", [str(x) for x in (*usual, *arguments)])
        with pytest.raises(SystemExit) as stop:
            script.main()
        assert sys.argv[0] == "run_pair.py"
        return stop.value.code or 0, out / "tiny", capfd.readouterr().err

    return call


def test_prompts_of_a_file(run, folder):
    code, out, err = run("--prompts", folder / "mine.jsonl", *FAST, "--keep-distributions", 3)
    assert (code, f"tiny / without a layer: {folder / 'mine.jsonl'} to" in " ".join(err.split())) == (
        0,
        True,
    )
    rows = read_rows(out / "mine").to_pandas()
    assert sorted(rows["temperature"].unique()) == [0.7, 1.0]
    assert set(rows["n"]) == {2}
    assert set(rows["prompt"]) == {0, 1, 2}
    assert rows["position"].max() < 4
    manifest = read_manifest(out / "mine")
    assert manifest["totals"]["kept"] == 3
    assert (manifest["settings"]["target"], manifest["settings"]["draft"]) == ("target", "skip:1")
    command = shlex.split(manifest["runs"][0]["command"])
    assert command[:4] == ["mdsd", "capture", "--target", str(folder / "target")]
    assert command[-6:] == [*FAST, "--keep-distributions", "3"]


def test_what_is_given_takes_the_place_of_the_pairs(run, folder):
    given = {
        "--prompts": folder / "mine.jsonl",
        "--task": "a",
        "--limit": 1,
        "--temperature": "0.3",
        "--n": "1,3",
        "--max-tokens": 2,
        "--draft": folder / "other",
    }
    code, out, _ = run(*(x for item in given.items() for x in item), *FAST)
    assert code == 0
    rows = read_rows(out / "mine").to_pandas()
    assert set(rows["temperature"]) == {0.3}
    assert set(rows["n"]) == {1, 3}
    assert set(rows["prompt"]) == {0}
    assert rows["position"].max() < 2
    assert read_manifest(out / "mine")["settings"]["draft"] == "other"


def test_the_pairs_own_tasks(run, monkeypatch):
    monkeypatch.setattr(datasets_by_name, "_rows", lambda spec, named: ROWS[spec])
    code, out, _ = run("--limit", 2, *FAST)
    assert code == 0
    found = {name: read_rows(out / name).to_pandas() for name in ("alpaca", "cnn_dailymail")}
    assert {name: set(rows["prompt"]) for name, rows in found.items()} == {
        "alpaca": {0, 1}, "cnn_dailymail": {0}
    }  # fmt: skip
    assert set(found["cnn_dailymail"]["task"]) == {"summarization"}


def test_one_of_the_pairs_tasks(run, monkeypatch):
    monkeypatch.setattr(datasets_by_name, "_rows", lambda spec, named: ROWS[spec])
    code, out, _ = run("--task", "cnn_dailymail", *FAST)
    assert (code, [x.name for x in out.iterdir()]) == (0, ["cnn_dailymail"])


def test_run_again_it_finds_all_of_it(run, folder, tmp_path):
    arguments = ("--prompts", folder / "mine.jsonl", *FAST)
    run(*arguments)
    whole = read_rows(tmp_path / "out" / "tiny" / "mine")
    code, out, _ = run(*arguments)
    assert (code, read_rows(out / "mine").equals(whole)) == (0, True)
    assert len(read_manifest(out / "mine")["runs"]) == 1


REFUSED = {
    "an id that is not here": (["--target", "none/at-all"], "the target 'none/at-all' cannot be had"),
    "a draft that is not here": (
        ["--draft", "none/at-all"],
        "pass --draft with a folder or a .gguf file",
    ),
    "a path that leads nowhere": (["--draft", "./none"], "no file or folder './none'"),
    "a task that it has not": (["--task", "odd"], "--task is 'odd'; the pair has alpaca, cnn_dailymail"),
    "prompts that are not there": (["--prompts", "none.jsonl"], "cannot read none.jsonl"),
    "an option of nobody": (["--prompts", "MINE", "--odd"], "No such option: --odd"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refusals_are_one_line(case, run, folder, tmp_path):
    arguments, message = REFUSED[case]
    arguments = [str(folder / "mine.jsonl") if x == "MINE" else x for x in arguments]
    code, _, err = run(*arguments)
    assert code == 2
    assert message in err
    assert "Traceback" not in err
    assert len(err.splitlines()) <= 3
    assert not (tmp_path / "out").exists()


def test_two_sources_of_one_name_are_refused(script):
    pair = Pair("a", "b", "c", "auto", (0.7,), (3,), 1, ("alpaca",), "none", "none")
    with pytest.raises(InputError, match="two --prompts would write the folder mine"):
        script.sources_of(pair, ["mine.jsonl", "again/mine.jsonl"], None)
    assert script.sources_of(pair, ["hf:a/b:test:text", "c.jsonl"], None) == {
        "b": "hf:a/b:test:text", "c": "c.jsonl"
    }  # fmt: skip


def test_a_failure_stops_the_tasks_that_follow(run, folder, script, monkeypatch):
    seen = []
    monkeypatch.setattr(script, "capture", lambda options: seen.append(options) or 3)
    prompts = [x for name in ("mine.jsonl", "tiny.jsonl") for x in ("--prompts", folder / name)]
    (folder / "tiny.jsonl").write_text('{"prompt": "w4"}\n', "utf-8")
    assert run(*prompts)[0] == 3
    assert len(seen) == 1
