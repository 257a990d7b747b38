"""The checks of captures pass on a capture of tiny models, and see what is broken on purpose."""

from __future__ import annotations

import importlib
import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.stats import binom, norm

pytest.importorskip("pyarrow")
pytest.importorskip("transformers")

import pyarrow.parquet as pq
from tiny_checkpoints import save_tiny

from mdsd_theory import SCHEMES, VERIFIERS, cli
from mdsd_theory.capture.shards import shards

FOLDER = Path(__file__).parents[2] / "experiments"
KEPT = 12


@pytest.fixture(scope="module")
def scripts():
    """The modules, imported as they run."""
    names = ("kept_laws", "check_positions", "check_samplers")
    sys.path.insert(0, str(FOLDER))
    try:
        yield SimpleNamespace(**{name: importlib.import_module(name) for name in names})
    finally:
        sys.path.remove(str(FOLDER))
        for name in names:
            sys.modules.pop(name, None)


@pytest.fixture(scope="module")
def capture(tmp_path_factory):
    """A capture of tiny models with kept distributions."""
    where = tmp_path_factory.mktemp("checks")
    save_tiny(where / "target", "llama", initializer_range=0.6)
    prompts = where / "prompts.jsonl"
    prompts.write_text("".join(json.dumps({"prompt": f"w{i} w9"}) + "\n" for i in range(3, 9)), "utf-8")
    options = {
        "--target": where / "target",
        "--draft": "skip:1",
        "--prompts": prompts,
        "-o": where / "out",
        "--max-tokens": 6,
        "--n": "2,3",
        "--device": "cpu",
        "--keep-distributions": KEPT,
    }
    before, sys.argv = sys.argv, ["mdsd", "capture", *(str(x) for item in options.items() for x in item)]
    try:
        with pytest.raises(SystemExit) as stop:
            cli.main()
    finally:
        sys.argv = before
    assert not stop.value.code
    return where / "out"


@pytest.fixture
def run(scripts, capture, monkeypatch, capfd):
    """Run a check on the capture, or on another; return exit code and what it printed."""

    def call(name, *arguments, out=capture):
        monkeypatch.setenv("COLUMNS", "200")
        monkeypatch.setattr(sys, "argv", [f"{name}.py", str(out), *map(str, arguments)])
        with pytest.raises(SystemExit) as stop:
            getattr(scripts, name).main()
        captured = capfd.readouterr()
        return stop.value.code or 0, captured.out, captured.err

    return call


QUICK = ("--positions", 6, "--vocabulary", 9)


def test_a_sound_capture_passes(run):
    code, out, _ = run("check_positions", *QUICK)
    assert code == 0
    assert "orders broken: none" in out
    assert "orders: 0 broken; routes: 0 disagreements" in out
    assert {"sorted_prefix", "ratio_buckets", "race_prefix", "greedy_closed_form"} <= set(out.split())


@pytest.mark.parametrize(
    ("column", "change", "broken"),
    [
        ("rrs", lambda x: x + 2.0, "rrs <= alpha"),
        ("optimal", lambda x: x * 0.0, "naive <= optimal"),
        ("upper", lambda x: x - 1e-4, "alpha <= upper"),
    ],
)
def test_a_changed_row_is_found(run, capture, tmp_path, column, change, broken):
    out = tmp_path / "out"
    shutil.copytree(capture, out)
    path = shards(out)[0]
    table = pq.read_table(path)
    values = table[column].to_numpy().copy()
    row = int(np.flatnonzero(np.isfinite(values))[7])
    values[row] = change(values[row])
    place = table.schema.get_field_index(column)
    pq.write_table(table.set_column(place, column, [values]), path)
    code, text, _ = run("check_positions", "--positions", 0, out=out)
    assert code == 1
    assert f"'broken': '{broken}'" in text


def test_a_fast_route_that_is_off_is_found(run, scripts, monkeypatch):
    sound = scripts.check_positions.optimal_acceptance

    def off(p, q, *, n, scheme, route):
        found = sound(p, q, n=n, scheme=scheme, route=route)
        by = 1e-8 if (route, n) == ("race_prefix", 3) else 0.0
        return replace(found, value=found.value + by, subset=found.subset)

    monkeypatch.setattr(scripts.check_positions, "optimal_acceptance", off)
    code, out, _ = run("check_positions", *QUICK)
    assert code == 1
    assert "routes: 6 disagreements" in out
    assert "without_replacement, n = 3: race_prefix" in out


def test_enclosures_that_are_apart_are_found(run, scripts, monkeypatch):
    sound = scripts.check_positions.optimal_acceptance

    def apart(p, q, *, n, scheme, route):
        found = sound(p, q, n=n, scheme=scheme, route=route)
        by = 1e-10 if route == "greedy_closed_form" else 0.0
        return replace(found, lower=found.lower + by, upper=found.upper + by, subset=found.subset)

    monkeypatch.setattr(scripts.check_positions, "optimal_acceptance", apart)
    assert run("check_positions", *QUICK, "--n", 2)[0] == 1


def test_a_cut_keeps_the_likeliest_of_both(scripts, rng):
    p, q = rng.dirichlet(np.full(30, 0.3), size=2)
    cut_p, cut_q = scripts.kept_laws.truncated(p, q, 7)
    assert cut_p.size == cut_q.size <= 7
    assert cut_p.sum() == pytest.approx(1, abs=1e-15)
    for cut, law in ((cut_p, p), (cut_q, q)):
        assert cut.max() / cut.min() <= law.max() / law.min()
        assert np.argmax(law) in np.flatnonzero(np.isin(law, law[np.argsort(-law)[: cut.size]]))
    ratio = cut_p[np.argsort(-cut_p)[:3]] / cut_p.max()
    np.testing.assert_allclose(ratio, np.sort(p)[::-1][:3] / p.max(), rtol=1e-14)
    assert scripts.kept_laws.truncated(p, p, 7)[0].size == 7
    assert scripts.kept_laws.truncated(p, q, 40)[0].size == 30


DRAWS = ("--positions", KEPT, "--draws", 4000)


def test_sound_samplers_are_not_refuted(run):
    code, out, _ = run("check_samplers", *DRAWS, "--seed", 3)
    assert code == 0
    assert "nothing refuted" in out
    for words in ("with_replacement 2 drafts", "with_replacement 2 khisti", "spechub 2 spechub",
                  "without_replacement 3 rrs_without_replacement", "greedy 3 greedy"):  # fmt: skip
        assert words in " ".join(out.split())
    assert run("check_samplers", *DRAWS, "--seed", 3)[1] == out


@pytest.mark.parametrize("name", ["with_replacement", "without_replacement", "greedy"])
def test_drafts_of_another_law_are_refuted(run, monkeypatch, name):
    kind = type(SCHEMES[name])
    sound = kind.sample

    def flatter(self, q, n, generator, size=None):
        other = np.where(q > 0, q**0.8, 0.0)
        return sound(self, other / other.sum(), n, generator, size)

    monkeypatch.setattr(kind, "sample", flatter)
    code, out, _ = run("check_samplers", *DRAWS)
    assert code == 1
    assert "\nrefuted" in out


@pytest.mark.parametrize(("name", "by"), [("rrs", 0.03), ("optimal", -0.03)])
def test_a_rate_that_is_off_is_refuted(run, monkeypatch, name, by):
    kind = type(VERIFIERS[name])
    sound = kind.acceptance_rate

    def off(self, p, q, n=3, *, scheme=None):
        found = sound(self, p, q, n, scheme=scheme)
        return replace(found, value=min(max(found.value + by, 0.0), 1.0))

    monkeypatch.setattr(kind, "acceptance_rate", off)
    assert run("check_samplers", *DRAWS)[0] == 1


def test_chances_of_hits(scripts):
    chance = scripts.check_samplers.chance_of
    assert chance(0, 100, 0.0, 0.0) == chance(100, 100, 1.0, 0.0) == 1.0
    assert chance(1, 100, 0.0, 0.0) == chance(99, 100, 1.0, 0.0) == 0.0
    assert chance(5, 10, 0.5, 0.0) == 1.0
    assert chance(0, 10, 0.5, 0.0) == pytest.approx(2 * 0.5**10)
    assert chance(600, 1000, 0.5, 0.1) == pytest.approx(2 * norm.sf(0.1 / (0.5**2 / 1000 + 0.01) ** 0.5))


def test_the_fit_keeps_its_level_and_sees_rare_tokens(scripts, rng):
    fit = scripts.check_samplers.fit_of
    law = rng.dirichlet(np.full(5000, 0.05))
    law[:4000] = 0.0
    law /= law.sum()
    chances = np.array([fit(rng.choice(5000, 20_000, p=law), law) for _ in range(200)])
    for level in (0.05, 0.5):
        share = (chances < level).mean()
        assert level / 5 < share < level + 5 * (level * (1 - level) / 200) ** 0.5
    rare = law < 1e-3
    shifted = np.where(rare, law * (1 + 0.3 * (np.arange(5000) % 2)), law)
    assert fit(rng.choice(5000, 400_000, p=shifted / shifted.sum()), law) < 1e-6
    assert fit(np.array([0, 4999] * 50), law) == 0.0


def test_a_token_of_few_draws_has_its_exact_chance(scripts):
    """Of 42 draws where 20 are expected chi-square says 9e-7, the binomial law 2e-5."""
    law = np.array([1 - 1e-3, 1e-3])
    tokens = np.repeat([0, 1], [20_000 - 42, 42])
    exact = 2 * 2 * binom.sf(41, 20_000, 1e-3)
    assert 1e-5 < exact == pytest.approx(scripts.check_samplers.fit_of(tokens, law), rel=1e-9)
    assert scripts.check_samplers.fit_of(np.zeros(100, dtype=int), np.array([1.0, 0.0])) == 1.0


def test_every_cell_expects_enough(scripts, rng):
    for concentration in (0.01, 0.3, 5.0):
        expected = rng.dirichlet(np.full(3000, concentration)) * 20_000
        cell = scripts.check_samplers.cells(expected)
        mass = np.bincount(cell, expected)
        assert mass.min() >= scripts.check_samplers.LEAST
        assert mass.sum() == pytest.approx(20_000)
    assert scripts.check_samplers.cells(np.array([1.0, 2.0])).tolist() == [0, 0]


ERRORS = {
    "too few are kept": (
        "check_positions",
        ["--positions", KEPT + 1],
        "12 positions are kept; expected at",
    ),
    "no numbers": ("check_samplers", ["--n", "3,x"], "--n is '3,x'; expected whole numbers"),
    "no route": (
        "check_positions",
        ["--reference", "odd"],
        "--reference is 'odd'; expected one of highs",
    ),
}


@pytest.mark.parametrize("case", ERRORS)
def test_errors_are_one_line(case, run):
    name, arguments, message = ERRORS[case]
    code, out, err = run(name, *arguments)
    assert (code, out, len(err.splitlines())) == (2, "", 1)
    assert message in err


@pytest.mark.parametrize("name", ["check_positions", "check_samplers"])
def test_a_capture_that_kept_none_is_one_line(name, run, capture, tmp_path):
    out = tmp_path / "out"
    shutil.copytree(capture, out)
    (out / "kept.safetensors").unlink()
    code, _, err = run(name, out=out)
    assert (code, "run mdsd capture with --keep-distributions" in err) == (2, True)
    (out / "kept.safetensors").write_bytes(b"no tensors")
    code, _, err = run(name, out=out)
    assert (code, "kept.safetensors cannot be read" in err) == (2, True)
