"""The command line: output, JSON, exit codes, one-line errors."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

import mdsd_theory as mdsd
from mdsd_theory import agreement, cli
from mdsd_theory import files as files_module

P, Q = [0.5, 0.3, 0.2], [0.2, 0.3, 0.5]


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
    assert err.count("read as probabilities") == 2


def test_schemes_can_be_repeated_or_listed(run, files):
    pair = files / "p.npy", files / "q.npy"
    for options in (["--scheme", "greedy", "--scheme", "top_k"], ["--scheme", "greedy,top_k"]):
        code, out, _ = run("compare", *pair, "--n", 2, *options, "--json")
        assert code == 0
        assert list(json.loads(out)["optimal"]) == ["greedy", "top_k"]


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
    "nan in a file": (["compare", "p.npy", "nan.npy"], "nan.npy[1, 2] is nan"),
    "nan in logits": (["compare", "p.npy", "nan.npy", "--logits"], "nan.npy[1] holds nan"),
    "nan in probabilities": (["compare", "p.npy", "nan.npy", "--probabilities"], "nan.npy[1, 2] is nan"),
    "wrong sum": (
        ["compare", "p97.npy", "q.npy"],
        "p97.npy looks like probabilities that do not",
    ),
    "shapes": (["compare", "p.npy", "rows.npy", "--scheme", "greedy"], "expected equal shapes"),
    "tokens": (["compare", "p.npy", "four.npy"], "p.npy has shape (3,) and four.npy (4,)"),
    "no rows of numbers": (["compare", "strings.npy", "q.npy"], "strings.npy has dtype <U1"),
    "directory": (["compare", "folder.npy", "q.npy"], "folder.npy is a directory"),
    "long name": (["compare", "a" * 300 + ".npy", "q.npy"], "File name too long"),
    "all and one": (["compare", "p.npy", "q.npy", "--scheme", "all,greedy"], "--scheme all stands alone"),
    "a scheme twice": (["compare", "p.npy", "q.npy", "--scheme", "greedy,greedy"], "lists a name twice"),
    "tolerance nan": (["verify", "--tolerance", "nan"], "tolerance is nan; expected a finite number > 0"),
    "tolerance zero": (["verify", "--tolerance", "0"], "tolerance is 0.0"),
    "too few instances": (["verify", "--instances", "0"], "Invalid value for '--instances'"),
}


@pytest.mark.parametrize("case", ERRORS)
def test_errors_are_one_line_and_exit_2(case, run, files, monkeypatch):
    monkeypatch.chdir(files)
    np.save(files / "l.npy", [3.0, -1.0, 0.5])
    np.save(files / "nan.npy", [P, [0.5, 0.5, np.nan]])
    np.save(files / "p97.npy", 0.97 * np.array(P))
    np.save(files / "rows.npy", [P, P])
    np.save(files / "four.npy", [0.1, 0.2, 0.3, 0.4])
    np.save(files / "strings.npy", ["a", "b", "c"])
    (files / "folder.npy").mkdir()
    arguments, message = ERRORS[case]
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert len(err.splitlines()) == 1
    assert err.startswith("mdsd: ")


@pytest.mark.parametrize("kind", ["longdouble", "U3", "M8[D]", "c16", "bool", "f8,f8"])
def test_files_beside_a_tensor_of_a_dtype_that_cannot_be_used(kind, run, tmp_path):
    torch.save(torch.tensor(P), tmp_path / "p.pt")
    np.save(tmp_path / "q.npy", np.zeros(3, dtype=kind))
    code, _, err = run("compare", tmp_path / "p.pt", tmp_path / "q.npy")
    assert code == 2
    assert len(err.splitlines()) == 1
    assert "q.npy has dtype" in err


def test_unexpected_errors_are_one_line_unless_debugging(run, files, monkeypatch):
    def broken(*_, **__):
        raise ZeroDivisionError("what\never")

    monkeypatch.setattr(files_module, "read_distributions", broken)
    code, _, err = run("compare", "p.npy", "q.npy")
    assert code == 2
    assert err == (
        "mdsd: unexpected error: ZeroDivisionError: what ever "
        "(this is a bug; run with --debug for the traceback)\n"
    )
    monkeypatch.setattr(sys, "argv", ["mdsd", "compare", "p.npy", "q.npy", "--debug"])
    with pytest.raises(ZeroDivisionError):
        cli.main()


@pytest.mark.parametrize("during", ["imports", "the command"])
def test_interrupts_are_one_line(during, run, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    target = (cli, "_run") if during == "imports" else (agreement, "check_agreement")
    monkeypatch.setattr(*target, interrupted)
    kept = signal.getsignal(signal.SIGINT)
    try:
        assert run("verify") == (130, "", "mdsd: interrupted\n")
    finally:
        signal.signal(signal.SIGINT, kept)


def start(*arguments, **options):
    """Start the command as a process of its own."""
    command = [sys.executable, "-m", "mdsd_theory.cli", *map(str, arguments)]
    return subprocess.Popen(command, stderr=subprocess.PIPE, **options)


def finish(process):
    """Return exit code, standard output and standard error of a process."""
    out, err = process.communicate(timeout=120)
    return process.returncode, out, err.decode()


def test_no_traceback_from_the_installed_command(files):
    process = start("compare", "none.npy", "none.npy", cwd=files)
    assert finish(process) == (2, None, "mdsd: none.npy does not exist\n")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
@pytest.mark.parametrize("extra", [[], ["--json"]])
def test_a_full_disk_is_one_line(files, extra):
    with Path("/dev/full").open("w") as full:
        process = start("compare", "p.npy", "q.npy", "--n", 2, *extra, cwd=files, stdout=full)
        expected = "mdsd: cannot write the output: No space left on device\n"
        assert finish(process) == (2, None, expected)


@pytest.mark.parametrize("extra", [["compare", "p.npy", "q.npy", "--n", 2], ["--help"], ["--version"]])
def test_a_reader_that_leaves_is_no_error(files, extra):
    reading, writing = os.pipe()
    os.close(reading)
    process = start(*extra, cwd=files, stdout=writing)
    os.close(writing)
    assert finish(process) == (0, None, "")


def test_an_encoding_without_greek_still_gives_a_table(files):
    environment = os.environ | {"PYTHONIOENCODING": "ascii"}
    process = start(
        "compare", "p.npy", "q.npy", "--n", 2, cwd=files, stdout=subprocess.PIPE, env=environment
    )
    code, out, _ = finish(process)
    assert code == 0
    assert b"0.985714" in out
    assert out.isascii()


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_ctrl_c_while_verifying():
    process = start("verify", "--instances", 1_000_000, stdout=subprocess.PIPE)
    time.sleep(4)
    process.send_signal(signal.SIGINT)
    assert finish(process) == (130, b"", "mdsd: interrupted\n")


def test_no_command_prints_the_help(run):
    code, out, err = run()
    assert (code, err) == (0, "")
    assert "Usage: mdsd" in out


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


@pytest.mark.parametrize("width", [110, 80, 60, 40])
def test_demo_fits_the_terminal(width, run, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(width))
    code, out, _ = run("demo", "--n", 2)
    assert code == 0
    assert max(map(len, out.splitlines())) <= width
    assert "…" not in out.replace("after: …", "")
    assert ("route" in out) == (width > 100)


def test_demo_json(run):
    code, out, _ = run("demo", "--json", "--n", 2)
    content = json.loads(out)
    assert code == 0
    assert len(content["optimal"]["greedy"]["value"]) == 24


RULES = """
def first(p, q, drafts, generator):
    return drafts[0]

def right(p, q, drafts, generator):
    return generator.choice(p.size, p=p)

def broken(p, q, drafts, generator):
    raise ValueError("no luck")

class Holder:
    rule = staticmethod(right)
"""


@pytest.fixture
def rules(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, "some_rules", raising=False)
    (tmp_path / "some_rules.py").write_text(RULES)
    return tmp_path


AUDIT = ("--scheme", "with_replacement", "--n", 2, "--samples", 4000, "--budget", 6)


@pytest.mark.parametrize("place", ["some_rules:first", "some_rules.py:first"])
def test_audit_refutes_with_exit_code_1(place, run, rules):
    code, out, err = run("audit", place, *AUDIT)
    assert (code, err) == (1, "")
    assert out.startswith("not lossless\n")
    assert "fresh tokens" in out or "where p = 0" in out


@pytest.mark.parametrize("place", ["some_rules:right", "some_rules.py:Holder.rule", "rrs"])
def test_audit_clears_with_exit_code_0(place, run, rules):
    code, out, err = run("audit", place, *AUDIT, "--json")
    content = json.loads(out)
    assert (code, err) == (0, "")
    assert (content["refuted"], content["verdict"]) == (False, "no fault found")
    assert content["samples"] == 4000


AUDIT_ERRORS = {
    "no module": (["nowhere.at.all:f"], "there is no module 'nowhere.at.all'"),
    "no file": (["nowhere.py:f"], "nowhere.py does not exist"),
    "no function": (["some_rules:second"], "some_rules has no attribute 'second'"),
    "no verifier": (["second"], "unknown verifier 'second'"),
    "raises": (["some_rules:broken"], "some_rules:broken raised ValueError: no luck (audit instance"),
    "other scheme": (["rrs", "--scheme", "greedy"], "verifier 'rrs' is for with_replacement"),
    "bad rate": (["rrs", "--false-alarm", "2"], "false_alarm is 2.0"),
}


@pytest.mark.parametrize("case", AUDIT_ERRORS)
def test_audit_errors_are_one_line_and_exit_2(case, run, rules):
    arguments, message = AUDIT_ERRORS[case]
    code, out, err = run("audit", arguments[0], *AUDIT, *arguments[1:])
    assert (code, out) == (2, "")
    assert message in err
    assert len(err.splitlines()) == 1


def test_audit_needs_a_scheme(run):
    code, _, err = run("audit", "rrs")
    assert code == 2
    assert "Missing option '--scheme'" in err


def test_prove_lists_and_reads(run):
    code, out, _ = run("prove", "--list")
    assert code == 0
    assert "One draft" in out
    code, out, _ = run("prove", 1, "--read")
    assert code == 0
    assert "Theorem 1." in out


def test_prove_one_theorem_shows_its_claims(run):
    code, out, err = run("prove", 1)
    assert (code, err) == (0, "")
    assert "classical rule" in out
    assert "fails by 1/4" in out


def test_prove_json(run):
    code, out, _ = run("prove", 1, "--json", "--level", "quick", "--seed", 2)
    report = json.loads(out)
    assert code == 0
    assert (report["level"], report["seed"]) == ("quick", 2)
    assert [theorem["verdict"] for theorem in report["theorems"]] == ["holds"]


def test_prove_refuted_is_exit_code_1_with_the_counterexample(run, monkeypatch):
    from mdsd_theory.proving import pages

    module = pages.page(1).module
    monkeypatch.setattr(module, "overlap", lambda x: max(x.p))
    monkeypatch.setattr(pages, "load", lambda path: module)
    code, out, _ = run("prove", 1)
    assert code == 1
    assert "REFUTED: 1 − TV" in out
    assert "smallest counterexample found: p = (" in out


@pytest.mark.parametrize("arguments", [("99",), ("x",), ("1", "--level", "hard"), ("--jobs", "0")])
def test_prove_errors_are_one_line_and_exit_2(arguments, run):
    code, out, err = run("prove", *arguments)
    assert (code, out) == (2, "")
    assert err.startswith("mdsd: ")
    assert err.count("\n") == 1


def test_prove_says_what_is_not_installed(run, monkeypatch):
    from mdsd_theory.proving import symbolic

    monkeypatch.setattr(symbolic, "NEEDED", {"no_such_module": "no-such-package"})
    code, out, err = run("prove", 1)
    assert (code, out) == (2, "")
    assert "no-such-package is not installed" in err
    assert "pip install 'mdsd-theory[proofs]'" in err


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_ctrl_c_while_proving_is_one_line_though_workers_run():
    process = start(
        "prove", "6", "7", "--level", "thorough", stdout=subprocess.PIPE, start_new_session=True
    )
    time.sleep(6)
    os.killpg(process.pid, signal.SIGINT)
    assert finish(process) == (130, b"", "mdsd: interrupted\n")
