"""``mdsd certify`` and ``mdsd check-certificate``: exit codes, one line when refused."""

from __future__ import annotations

import json

import numpy as np
import pytest

import mdsd_theory as mdsd

P, Q = "1/2,1/3,1/6", "1/6,1/3,1/2"
SENTENCE = "verified: alpha* is 11/12 for its p and q, V = 3, n = 2, without_replacement\n"


@pytest.fixture(autouse=True)
def empty_folder(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)


def test_certify_writes_what_check_certificate_verifies(run):
    code, out, err = run("certify", P, Q, "--n", 2, "-o", "c.json")
    assert (code, err) == (0, "")
    assert "α* is 11/12" in out
    assert run("check-certificate", "c.json") == (0, SENTENCE, "")


def test_certify_prints_the_file_when_none_is_named(run):
    code, out, _ = run("certify", P, Q, "--n", 2, "--scheme", "greedy")
    assert code == 0
    certificate = mdsd.certify(P.split(","), Q.split(","), n=2, scheme="greedy")
    assert mdsd.Certificate.from_json(out) == certificate


def test_certify_takes_files(run, tmp_path):
    np.save(tmp_path / "p.npy", [0.5, 0.25, 0.25])
    (tmp_path / "q.json").write_text('["1/6", 0.5, "1/3"]')
    code, out, _ = run("certify", "p.npy", "q.json", "--n", 2)
    assert code == 0
    assert json.loads(out)["p"] == ["1/2", "1/4", "1/4"]
    assert json.loads(out)["q"] == ["1/6", "1/2", "1/3"]


def test_certify_rigorous_prints_an_enclosure_at_any_vocabulary(run, tmp_path, rng):
    p, q = rng.dirichlet(np.ones(2000), size=2).astype(np.float32)
    np.savez(tmp_path / "both.npz", p=p, q=q)
    code, out, err = run("certify", "both.npz:p", "both.npz:q", "--n", 2, "--rigorous")
    assert (code, out, err) == (0, f"{mdsd.certify(p, q, n=2, rigorous=True)}\n", "")
    assert "proved for without_replacement with V = 2,000 and n = 2" in out
    drafters = ["--scheme", "independent", "--rigorous"]
    assert run("certify", "1/2,1/2", "1/2,1/2;1/3,2/3", *drafters)[1].startswith("α* is 1.0 exactly")


def test_certify_takes_drafters_and_laws(run, tmp_path):
    code, out, _ = run("certify", "1/2,1/2", "1/2,1/2;1/3,2/3", "--scheme", "independent")
    assert (code, json.loads(out)["n"]) == (0, 2)
    for name, q, scheme in (
        ("drafters.json", json.loads(out)["q"], "independent"),
        ("law.json", [[[0, 1], "1/2"], [[1, 1], "1/2"]], "joint"),
    ):
        (tmp_path / name).write_text(json.dumps(q))
        code, out, _ = run("certify", "1/2,1/2", name, "--scheme", scheme, "-o", "c.json")
        assert code == 0
        assert json.loads((tmp_path / "c.json").read_text())["q"] == q
        assert run("check-certificate", "c.json")[0] == 0


def test_an_altered_file_is_one_line_and_exit_1(run, tmp_path):
    run("certify", P, Q, "--n", 2, "-o", "c.json")
    text = (tmp_path / "c.json").read_text()
    for altered in (text.replace("11/12", "1"), text[:-3], "", "[" * 100_000, '{"n": NaN}', "\0"):
        (tmp_path / "c.json").write_text(altered)
        code, out, err = run("check-certificate", "c.json")
        assert (code, out) == (1, "")
        assert err.startswith("mdsd: c.json is refused: ")
        assert len(err.splitlines()) == 1
        assert "verified" not in err


ERRORS = {
    "no such file": (["check-certificate", "none.json"], "none.json cannot be read: No such file"),
    "a directory": (["check-certificate", "."], "cannot be read: Is a directory"),
    "no such distribution": (["certify", "p.npy", Q], "p.npy does not exist"),
    "no such law": (["certify", P, "q.json"], "q.json cannot be read"),
    "no fractions": (["certify", "1/2,a", Q], "'1/2,a' is no list of fractions"),
    "no exponents": (["certify", "1e999999999,1", Q], "is no list of fractions"),
    "a wrong sum": (["certify", "1/2,1/3", "1/2,1/2"], "p sums to 5/6"),
    "a denominator of zero": (["certify", "1/0,1", "1/2,1/2"], "p[0] is '1/0', which is no number"),
    "no law": (["certify", P, Q, "--scheme", "joint"], "holds no law over tuples of drafts"),
    "unknown scheme": (["certify", P, Q, "--scheme", "x"], "unknown scheme 'x'"),
    "no list": (["certify", P, "object.json"], "object.json holds no list"),
    "no JSON": (["certify", P, "empty.json"], "empty.json is no JSON"),
    "a tuple twice": (["certify", P, "twice.json", "--scheme", "joint"], "has a tuple of drafts twice"),
    "no enclosure of a law": (
        ["certify", P, "law.json", "--scheme", "joint", "--rigorous"],
        "leave rigorous",
    ),
    "no file of an enclosure": (["certify", P, Q, "--rigorous", "-o", "c.json"], "leave out --output"),
    "nowhere to write": (["certify", P, Q, "-o", "none/c.json"], "none/c.json cannot be written"),
}


@pytest.mark.parametrize("case", ERRORS)
def test_errors_are_one_line_and_exit_2(case, run, tmp_path):
    (tmp_path / "object.json").write_text("{}")
    (tmp_path / "empty.json").write_text("")
    (tmp_path / "twice.json").write_text('[[[0, 1], "1/2"], [[0, 1], "1/2"]]')
    (tmp_path / "law.json").write_text("[[[0, 1], 1]]")
    arguments, message = ERRORS[case]
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert len(err.splitlines()) == 1
