"""The audit refutes every mutant of the catalogue, with its default budget."""

from __future__ import annotations

import numpy as np
import pytest

import mdsd_theory as mdsd
from tests.audit.mutants import MUTANTS, half_precision_race

ZIPF = 1 / np.arange(1, 32_001)


def refute(name, **options):
    mutant = MUTANTS[name]
    return mdsd.audit(mutant.verifier, scheme=mutant.scheme, n=mutant.n, **mutant.options, **options)


EXPECTED = {
    "siblings not updated": 0.2,
    "residual at one token": 0.2,
    "draft not renormalised": 0.1,
    "gamma too small": 0.2,
    "greedy subtracts everywhere": 0.1,
    "top token outright": 1e-4,
}
"""Total variation that must at least be certified."""


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.slow) if mutant.number[-1] == "b" else name
        for name, mutant in MUTANTS.items()
    ],
)
def test_refuted_within_a_quarter_of_the_budget(name):
    report = refute(name, budget=10)
    assert report.refuted
    assert report.verdict == "not lossless"
    assert report.stopped == "refuted"
    assert report.seconds < 30
    shown = report.counterexample
    assert sum(shown.p) == pytest.approx(1)
    assert len(shown.p) == len(shown.emitted) <= 8
    assert len(shown.drafts) == (0 if "no drafts" in shown.kind else MUTANTS[name].n)
    assert 0 <= shown.total_variation <= report.total_variation
    assert report.total_variation >= EXPECTED.get(name, 0)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1, 2, 3])
@pytest.mark.parametrize("name", MUTANTS)
def test_refuted_for_other_seeds(name, seed):
    assert refute(name, seed=seed).refuted


def test_a_uniform_of_zero_is_told_from_a_fault_in_frequencies():
    report = refute("accepts at zero", budget=4)
    shown = report.counterexample
    assert shown.how == "uniform of 0"
    assert shown.p[shown.token] == 0
    assert shown.token in shown.drafts
    assert report.total_variation < 0.01
    assert "a uniform of exactly 0" in str(report)


def test_an_impossible_token_is_shown_with_its_drafts():
    shown = refute("guarded residual", budget=4).counterexample
    assert shown.how == "impossible token"
    assert shown.p[shown.token] == 0
    assert shown.log_e == np.inf


def test_the_bonus_token_is_only_looked_at_when_asked():
    mutant = MUTANTS["bonus not warped"]
    assert not mdsd.audit(mutant.verifier, scheme=mutant.scheme, n=2, samples=4_000, budget=3).refuted


def test_half_precision_uniforms_starve_the_tail():
    q = ZIPF / ZIPF.sum()
    report = mdsd.audit_drafts(half_precision_race, q, "without_replacement", 3, budget=6)
    assert report.refuted
    assert report.seconds < 60
    assert report.total_variation > 0.1
    tail = [cell for cell in report.cells if cell.name.startswith(("ranks 2,049", "ranks 16,385"))]
    assert len(tail) == 2
    assert all(cell.observed < cell.expected / 10 for cell in tail)


def test_every_mutant_says_what_is_wrong():
    assert all(mutant.summary.endswith(".") for mutant in MUTANTS.values())
    numbers = {mutant.number for mutant in MUTANTS.values()} | {"9"}
    assert {str(k) for k in range(1, 13)} <= numbers
