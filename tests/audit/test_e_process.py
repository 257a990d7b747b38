"""The evidence is a martingale of mean one: exactly, by enumeration, and in simulation."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest

import mdsd_theory as mdsd
from mdsd_theory.auditing import catalogue as catalogue_module
from mdsd_theory.auditing import search as search_module
from mdsd_theory.auditing.cells import partitions, rank_cells
from mdsd_theory.auditing.drafted_steps import Step, StepTest, combined
from mdsd_theory.auditing.e_process import EProcess, log_threshold, log_urn

P = np.array([0.5, 0.3, 0.2])


@pytest.mark.parametrize("length", [1, 2, 5])
def test_the_mean_is_one_at_every_length(length):
    mean = 0.0
    for tokens in product(range(3), repeat=length):
        evidence = EProcess(P)
        evidence.add(np.array(tokens))
        mean += math.prod(P[list(tokens)]) * math.exp(evidence.log_e)
    assert mean == pytest.approx(1, abs=1e-9)


def test_the_mean_is_one_over_cells_too(rng):
    p, q = rng.dirichlet(np.full(100, 0.5), size=2)
    p[:40] = 0
    p /= p.sum()
    total = 0.0
    for token in np.flatnonzero(p):
        evidence = EProcess(p, q)
        evidence.add(np.array([token]))
        total += p[token] * math.exp(evidence.log_e)
    assert total == pytest.approx(1, abs=1e-9)


def test_one_token_of_probability_zero_is_infinite_evidence():
    evidence = EProcess(np.array([0.5, 0.0, 0.5]))
    evidence.add(np.array([0, 2, 0, 1]))
    assert evidence.log_e == math.inf
    assert evidence.samples == 4


def test_ville_in_simulation(rng):
    """The largest E ever seen exceeds 10 with chance at most 0.1, and not never."""
    runs, alarms = 600, 0
    for _ in range(runs):
        counts, highest = np.zeros(2), -math.inf
        tokens = rng.random(400) < 0.3
        for step in (1, 2, 4, 8, 16, 32, 64, 128, 256, 400):
            counts[1] = tokens[:step].sum()
            counts[0] = step - counts[1]
            highest = max(highest, log_urn(counts, np.array([0.7, 0.3])))
        alarms += highest >= math.log(10)
    assert 0 < alarms < 0.1 * runs + 3 * (0.09 * runs) ** 0.5


def test_evidence_grows_at_the_rate_of_the_divergence(rng):
    truth = np.array([0.4, 0.35, 0.25])
    evidence = EProcess(P)
    evidence.add(rng.choice(3, 20_000, p=truth))
    assert evidence.log_e > 0.9 * 20_000 * (truth * np.log(truth / P)).sum()


def test_a_rare_token_that_never_comes():
    """Mutant 4: the likely token always. About 20/ε tokens refute at 1e-8."""
    evidence = EProcess(np.array([1 - 9e-4, 9e-4]))
    evidence.add(np.zeros(27_000, dtype=np.int64))
    assert evidence.log_e > math.log(1e8)


def test_cells_partition_the_positive_tokens(rng):
    p = rng.dirichlet(np.full(1000, 0.3))
    p[::3] = 0
    p[1] = 1e-12
    p /= p.sum()
    for cells in partitions(p, rng.dirichlet(np.ones(1000))):
        assert ((cells.index == -1) == (p == 0)).all()
        assert cells.mass.sum() == pytest.approx(1)
        assert cells.mass.min() > 1e-9
        assert cells.count(np.ones(1000)).sum() == (p > 0).sum()
    assert rank_cells(np.array([0.2, 0.5, 0.3])).tolist() == [2, 0, 1]


def test_thresholds_share_the_false_alarms():
    assert sum(math.exp(-log_threshold(0.05, k)) for k in range(1, 5000)) < 0.05


def step_mean(law, different, n, batches):
    """Return the mean of E over everything that ``batches`` batches of one tuple can be."""
    scheme = mdsd.SCHEMES["without_replacement" if different else "with_replacement"]
    tuples = scheme.tuple_law(law.tolist(), n)
    mean = 0.0
    for drawn in product(tuples, repeat=batches):
        tests = [StepTest(Step(k, law, different)) for k in range(n)]
        for drafts in drawn:
            for test in tests:
                test.add(np.array([drafts]))
        mean += math.prod(tuples[x] for x in drawn) * math.exp(combined(tests))
    return mean


@pytest.mark.parametrize("different", [False, True])
def test_the_mean_over_drafts_is_one(different):
    assert step_mean(P, different, 2, 3) == pytest.approx(1, abs=1e-12)


def small_catalogue(scheme, n, seed, largest=2000):
    return catalogue_full(scheme, n, seed, 8)[:8]


catalogue_full = catalogue_module.catalogue


@pytest.mark.slow
def test_false_alarms_of_whole_audits(monkeypatch):
    """At a rate of 0.3 alarms would be seen if the bound were broken: at most 0.3 of 60, plus noise."""
    monkeypatch.setattr("mdsd_theory.auditing.selection.catalogue", small_catalogue)
    monkeypatch.setattr("mdsd_theory.auditing.conclusion.natural", lambda scheme, n: [])
    monkeypatch.setattr(search_module, "FORCED", 0)
    alarms = sum(
        mdsd.audit(
            "rrs", scheme="with_replacement", n=2, samples=2000, seed=seed, false_alarm=0.3
        ).refuted
        for seed in range(60)
    )
    assert alarms <= 0.3 * 60 + 3 * (0.21 * 60) ** 0.5


@pytest.mark.slow
def test_no_false_alarm_in_many_audits():
    for seed in range(300):
        report = mdsd.audit("rrs", scheme="with_replacement", n=2, samples=5000, seed=seed)
        assert not report.refuted, (seed, str(report))
