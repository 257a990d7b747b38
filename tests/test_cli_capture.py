"""``mdsd capture`` from prompts to rows, with tiny models; errors are one line."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from mdsd_theory import cli

pytest.importorskip("pyarrow")
pytest.importorskip("transformers")

from tiny_checkpoints import V, save_tiny, tiny_tokenizer

from mdsd_theory.capture.manifest import read_manifest
from mdsd_theory.capture.shards import read_rows, shards

PROMPTS = [
    {"prompt": "w5 w9 w11", "task": "a"},
    {"turns": ["w7 w8", "w9"], "task": "b"},
    {"prompt": "w4", "task": "a"},
    {"prompt": " ".join(["w6"] * 45), "task": "a"},
]
VERIFIERS = "naive,rrs,greedy,optimal"


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    save_tiny(folder / "target", "llama")
    save_tiny(folder / "draft", "llama", seed=1)
    renamed = tiny_tokenizer(renamed={7: "other"})
    save_tiny(folder / "stranger", "llama", tokenizer=renamed)
    return folder


@pytest.fixture
def run(monkeypatch, capsys, tmp_path, models):
    """Run ``mdsd capture`` in a folder with prompts; return exit code, standard output and error."""
    monkeypatch.chdir(tmp_path)
    lines = "".join(json.dumps(prompt) + "\n" for prompt in PROMPTS)
    (tmp_path / "prompts.jsonl").write_text(lines, "utf-8")

    def call(*arguments, draft="draft"):
        usual = ["--target", models / "target", "--draft", draft if ":" in draft else models / draft]
        usual += ["--prompts", "prompts.jsonl", "-o", "out", "--max-tokens", "6", "--device", "cpu"]
        monkeypatch.setattr(sys, "argv", ["mdsd", "capture", *map(str, [*usual, *arguments])])
        with pytest.raises(SystemExit) as stop:
            cli.main()
        captured = capsys.readouterr()
        return stop.value.code or 0, captured.out, captured.err

    return call


def test_prompts_become_rows(run, tmp_path):
    code, out, _ = run("--temperature", "0.7,1", "--temperature", "0.2", "--n", "1,3", "--block", 2,
                       "--verifiers", VERIFIERS, "--keep-distributions", 3)  # fmt: skip
    assert code == 0
    rows = read_rows("out").to_pandas()
    assert sorted(rows["temperature"].unique()) == [0.2, 0.7, 1.0]
    assert sorted(rows["n"].unique()) == [1, 3]
    assert {"with_replacement", "without_replacement", "greedy"} <= set(rows["scheme"])
    assert set(rows["prompt"]) == {0, 1, 2}
    assert dict(rows[["prompt", "task"]].drop_duplicates().values.tolist()) == {0: "a", 1: "b", 2: "a"}
    assert rows["token"].between(0, V - 1).all()
    assert set(VERIFIERS.split(",")) <= set(rows.columns)
    assert (rows["naive"] <= rows["upper"] + 1e-6).all()
    manifest = read_manifest("out")
    assert manifest["settings"]["target"] == "target"
    assert manifest["settings"]["generation_temperature"] == 0.7
    assert manifest["models"]["draft"]["architecture"] == "LlamaForCausalLM"
    assert (manifest["totals"]["rows"], manifest["totals"]["kept"]) == (len(rows), 3)
    assert f"out: {len(rows):,} rows of" in out
    assert "skipped: 1 turns: tokens and a response of 6 pass the context" in out
    assert "violations: none" in out
    assert len(out.splitlines()) < 12


def test_a_chat_template_of_ones_own(run, tmp_path):
    (tmp_path / "chat.jinja").write_text(
        "{% for m in messages %}w9 {{ m.content }} {% endfor %}", "utf-8"
    )
    options = ("--verifiers", "naive", "--limit", 2)
    assert run(*options, "--chat-template", "chat.jinja")[0] == 0
    assert read_manifest("out")["settings"]["chat_template"]
    code, _, err = run(*options)
    assert (code, len(err.splitlines())) == (2, 1)
    assert "was begun with chat_template = " in err
    for name, message in (
        ("gone.jinja", "cannot read gone.jinja"),
        (".", "cannot read .: Is a directory"),
    ):
        code, _, err = run(*options, "--chat-template", name)
        assert (code, len(err.splitlines())) == (2, 1)
        assert message in err


def test_it_goes_on_where_it_stopped(run, tmp_path):
    options = ("--block", 1, "--verifiers", "naive")
    assert run(*options, draft="skip:1")[0] == 0
    whole = read_rows("out")
    shards(tmp_path / "out")[1].unlink()
    code, out, _ = run(*options, "--batch", 64, draft="skip:1")
    assert code == 0
    assert "3 of 4 blocks were there already" in out
    assert read_rows("out").equals(whole)
    assert "all of it was there already" in run(*options, draft="skip:1")[1]
    code, _, err = run(*options, "--seed", 1, draft="skip:1")
    assert (code, len(err.splitlines())) == (2, 1)
    assert "out was begun with seed = 0, not 1" in err
    assert run(*options, "--seed", 1, "--restart", draft="skip:1")[0] == 0


def test_limits_and_tasks_choose_prompts(run):
    run("--limit", 1, "--task", "b", "--verifiers", "naive", "--schemes", "greedy")
    rows = read_rows("out").to_pandas()
    assert set(rows["prompt"]) == {1}
    assert set(rows["turn"]) == {0, 1}
    assert set(rows["scheme"]) == {"greedy"}


ERRORS = {
    "no such target": (["--target", "none/at/all"], "none/at/all"),
    "no such prompts": (["--prompts", "none.jsonl"], "none.jsonl"),
    "no number": (["--n", "3,x"], "--n is '3,x'; expected whole numbers"),
    "no temperature": (["--temperature", "-1"], "--temperature is -1.0; expected finite numbers"),
    "no scheme": (["--schemes", "odd"], "odd"),
    "no verifier": (["--verifiers", "odd"], "odd"),
    "no task": (["--task", "odd"], "odd"),
    "no dtype": (["--dtype", "int8"], "dtype is 'int8'"),
    "no device": (["--device", "tpu"], "device is 'tpu'"),
    "workers here": (["--workers", "2"], "--workers goes with --engine ray"),
    "a file for a folder": (["-o", "prompts.jsonl"], "prompts.jsonl is a file; expected a folder"),
    "no engine": (["--engine", "odd"], "odd"),
}


@pytest.mark.parametrize("case", ERRORS)
def test_errors_are_one_line_and_exit_2(case, run):
    arguments, message = ERRORS[case]
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert len(err.splitlines()) == 1


def test_another_tokenizer_is_one_line(run):
    code, _, err = run(draft="stranger")
    assert code == 2
    assert len(err.strip().splitlines()[-1:]) == 1
    assert "token" in err


def test_help_loads_nothing_heavy():
    heavy = ("torch", "pyarrow", "transformers", "ray", "datasets")
    code = (
        "import sys; sys.argv = ['mdsd', 'capture', '--help']\n"
        "from mdsd_theory import cli\n"
        "try: cli.main()\n"
        f"except SystemExit: print([x for x in {heavy} if x in sys.modules], file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "--keep-distributions" in done.stdout
    assert done.stderr.strip() == "[]"
