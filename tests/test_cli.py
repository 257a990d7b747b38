"""The command line: output, JSON, exit codes, one-line errors."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
import torch

import mdsd_theory as mdsd
from mdsd_theory import agreement, cli

P, Q = [0.5, 0.3, 0.2], [0.2, 0.3, 0.5]


@pytest.fixture
def run(monkeypatch, capsys):
    """Run ``mdsd`` with arguments; return exit code, standard output and standard error."""

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["mdsd", *map(str, arguments)])
        with pytest.raises(SystemExit) as stop:
            cli.main()
        captured = capsys.readouterr()
        return stop.value.code or 0, captured.out, captured.err

    return call


@pytest.fixture
def files(tmp_path):
    np.save(tmp_path / "p.npy", P)
    np.save(tmp_path / "q.npy", Q)
    return tmp_path


def test_version(run):
    assert run("--version") == (0, f"mdsd-theory {mdsd.__version__}\n", "")


def test_help_lists_the_commands(run):
    code, out, _ = run("--help")
    assert code == 0
    assert all(command in out for command in ("demo", "compare", "verify"))


def test_compare_prints_the_table(run, files):
    code, out, err = run("compare", files / "p.npy", files / "q.npy", "--n", 2)
    assert code == 0
    assert "0.985714" in out
    assert "read as probabilities" in err


def test_compare_json_is_the_library_s(run, files):
    code, out, _ = run(
        "compare", files / "p.npy", files / "q.npy", "--n", 2, "--scheme", "greedy", "--json"
    )
    assert code == 0
    assert json.loads(out) == mdsd.compare(np.array(P), np.array(Q), n=2, scheme="greedy").to_dict()


def test_compare_chooses_verifier_and_route(run, files):
    code, out, _ = run(
        *("compare", files / "p.npy", files / "q.npy", "--scheme", "with_replacement"),
        *("--verifier", "rrs", "--route", "highs", "--json"),
    )
    content = json.loads(out)
    assert code == 0
    assert list(content["rates"]) == ["rrs"]
    assert content["optimal"]["with_replacement"]["route"] == "highs"


def test_compare_takes_logits(run, tmp_path, rng):
    target, draft = rng.normal(0, 3, (2, 4, 30)).astype(np.float32)
    torch.save(torch.tensor(target), tmp_path / "t.pt")
    np.savez(tmp_path / "d.npz", draft=draft, other=draft[:1])
    code, out, err = run(
        *("compare", tmp_path / "t.pt", f"{tmp_path / 'd.npz'}:draft"),
        *("--scheme", "greedy", "--temperature", 0.7, "--json"),
    )
    assert code == 0
    assert err.count("read as logits (temperature 0.7)") == 2
    p, q = (mdsd.from_logits(x, temperature=0.7) for x in (target, draft))
    expected = mdsd.optimal_acceptance(p, q, scheme="greedy").value
    np.testing.assert_allclose(json.loads(out)["optimal"]["greedy"]["value"], expected, rtol=1e-6)


ERRORS = {
    "missing file": (["compare", "no.npy", "no.npy"], "no.npy does not exist"),
    "missing argument": (["compare", "p.npy"], "Missing argument 'Q'"),
    "unknown command": (["frobnicate"], "No such command 'frobnicate'"),
    "unknown option": (["demo", "--colour"], "No such option"),
    "unknown scheme": (["compare", "p.npy", "q.npy", "--scheme", "x"], "unknown scheme 'x'"),
    "bad number": (["compare", "p.npy", "q.npy", "--n", "two"], "Invalid value for '--n'"),
    "n above support": (["compare", "p.npy", "q.npy", "--n", "9"], "needs at least 9"),
    "logits as probabilities": (
        ["compare", "l.npy", "q.npy", "--probabilities"],
        "call mdsd.from_logits first",
    ),
    "temperature of probabilities": (
        ["compare", "p.npy", "q.npy", "--temperature", "0.5"],
        "--temperature goes with logits",
    ),
    "position": (["demo", "--position", "24"], "position is 24; expected 0 to 23"),
    "temperature": (["demo", "--temperature", "-1"], "temperature is -1.0"),
    "too few instances": (["verify", "--instances", "0"], "Invalid value for '--instances'"),
}


@pytest.mark.parametrize("case", ERRORS)
def test_errors_are_one_line_and_exit_2(case, run, files, monkeypatch):
    monkeypatch.chdir(files)
    np.save(files / "l.npy", [3.0, -1.0, 0.5])
    arguments, message = ERRORS[case]
    code, _, err = run(*arguments)
    assert code == 2
    assert message in err
    assert err.splitlines()[-1].startswith("mdsd: ")
    assert len([line for line in err.splitlines() if "read as" not in line]) == 1


def test_no_traceback_from_the_installed_command(files):
    done = subprocess.run(
        [sys.executable, "-m", "mdsd_theory.cli", "compare", "none.npy", "none.npy"],
        capture_output=True,
        text=True,
        cwd=files,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr == "mdsd: none.npy does not exist\n"


def test_verify_agrees(run):
    code, out, _ = run("verify", "--instances", 60)
    assert code == 0
    assert "all routes agree" in out
    assert "rational" in out


def test_verify_json(run):
    code, out, _ = run("verify", "--instances", 30, "--json", "--seed", 4)
    content = json.loads(out)
    assert code == 0
    assert content["instances"] == 30
    assert max(content["largest_difference"].values()) < 1e-12


def test_verify_prints_the_instance_on_disagreement(run, monkeypatch):
    honest = agreement.optimal_acceptance

    def wrong(p, q, *, n, scheme, route):
        return honest(p, q, n=n + (route == "sorted_prefix"), scheme=scheme, route=route)

    monkeypatch.setattr(agreement, "optimal_acceptance", wrong)
    code, _, err = run("verify", "--instances", 20)
    assert code == 1
    assert "routes disagree" in err
    assert "kind=flat scheme=with_replacement" in err
    assert "p = [" in err
    assert "sorted_prefix: " in err


def test_demo(run):
    code, out, _ = run("demo")
    assert code == 0
    assert "SmolLM2-135M-Instruct" in out
    assert "mean over 24 positions" in out
    assert "Position 0" in out
    assert all(scheme in out for scheme in ("with_replacement", "greedy", "top_k"))


def test_demo_json(run):
    code, out, _ = run("demo", "--json", "--n", 2)
    content = json.loads(out)
    assert code == 0
    assert len(content["optimal"]["greedy"]["value"]) == 24
