"""Tokens between rungs: the clipped law, token by token, and the target to the last bit."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from mdsd_theory import SCHEMES, optimal_acceptance
from mdsd_theory.demo_data import load_demo_data
from mdsd_theory.instances import KINDS, random_pair
from mdsd_theory.verifiers.optimal import OptimalIID, ladder, ladder_loop
from mdsd_theory.verifiers.optimal.iid_row import iid_row
from tests.verifiers.laws_of_rows import drawn_law, precise_optimum

TINY, V = 1e-300, 5000


@pytest.fixture(autouse=True)
def every_row_on_a_ladder(monkeypatch):
    monkeypatch.setattr(ladder, "FEW", 0)


@pytest.fixture
def coarse(monkeypatch):
    """Rungs a factor of two apart: tokens of short rows share them."""
    monkeypatch.setattr(ladder, "LOG_STEPS", 0)


def spread(row):
    return int((row.step[row.label] > 0).sum())


def planned(row):
    with np.errstate(all="ignore"):
        return np.where(row.q > 0, row.q * np.clip(row.p / row.q, row.floor, row.ceiling), 0.0)


@pytest.mark.parametrize("n", [1, 2, 3, 5, 8])
def test_rungs_are_floats_whose_low_bits_are_zero(n):
    rungs, steps = ladder.rungs_for(n, 7)
    assert rungs[0] == 0
    assert rungs[-1] >= n > rungs[-1] / 2
    assert (np.diff(rungs) * steps[:-2] == 1).all()
    assert (np.frexp(steps[:-2])[0] == 0.5).all()
    assert np.diff(rungs[1:]).max() <= rungs[-1] / 2**7
    inside = rungs[1:].view(np.int64)
    assert (inside & (2**45 - 1) == 0).all()
    assert (np.diff(inside >> 45) == 1).all()


def test_masses_on_rungs_keep_both_sums_exactly():
    """Every place, in fractions: Σ q and Σ p of its tokens, p as q·fl(p/q)."""
    rng = np.random.default_rng(0)
    p, q = rng.dirichlet(np.full(4000, 0.3), size=2)
    q[:100] = 0.0
    q[100:200], p[100:200] = 1e-300, 1e-3
    rungs, steps = ladder.rungs_for(3, 2)
    label = np.empty(p.size, np.int32)
    mass, count = ladder_loop.rung_sums(p, q, rungs, 50, label)
    assert count.sum() == (q > 0).sum()
    for k in np.nonzero(count)[0]:
        inside = np.nonzero((label == k) & (q > 0))[0]
        assert inside.size == count[k]
        draft = [Fraction(x) for x in q[inside].tolist()]
        ratio = [Fraction(x) for x in (p[inside] / q[inside]).tolist()]
        if k == rungs.size:
            assert mass[k, 0] == pytest.approx(float(sum(draft)), rel=1e-15)
            assert mass[k, 1] == pytest.approx(p[inside].sum(), rel=1e-13)
            continue
        low = Fraction(rungs[k])
        assert all(low <= x < Fraction(rungs[k + 1]) for x in ratio)
        way = [(x - low) * Fraction(steps[k]) for x in ratio]
        assert [float(x) for x in way] == ((p[inside] / q[inside] - rungs[k]) * steps[k]).tolist()
        up = sum(a * b for a, b in zip(draft, way, strict=True))
        assert mass[k, 1] == pytest.approx(float(up), rel=1e-15, abs=1e-320)
        assert mass[k, 0] == pytest.approx(float(sum(draft) - up), rel=1e-15, abs=1e-320)


def test_the_law_is_the_clipped_one_on_short_rows(coarse):
    """Against every token sorted, over rungs a factor of two apart; the plateaus' estimate included."""
    rng, seen = np.random.default_rng(1), 0
    for i in range(900):
        p, q = random_pair(KINDS[i % 6], int(rng.integers(2, 60)), 1, rng)
        n = int(rng.choice([1, 2, 3, 4, 8]))
        row = iid_row(p, q, n)
        best = optimal_acceptance(p, q, n=n, scheme="with_replacement")
        assert row.acceptance == pytest.approx(best.value, abs=1e-13)
        assert row.acceptance <= best.upper
        assert row.density.size == row.mass.size == row.first.size - 1
        seen += spread(row)
    assert seen > 3000


def test_tables_emit_the_target_exactly_up_to_rounding(coarse):
    rng, seen = np.random.default_rng(2), 0
    for i in range(60):
        p, q = random_pair(KINDS[i % 6], int(rng.integers(20, 50)), 1, rng)
        row = iid_row(p, q, int(rng.choice([1, 2, 3, 8])))
        assert np.abs(drawn_law(row)).sum() < 2e-15
        seen += spread(row)
    assert seen > 300


def test_a_ladder_everywhere_costs_acceptance_and_no_bias(coarse, monkeypatch):
    """No token left alone: the spread about H cannot be had, and the target comes out all the same."""
    rng, lost = np.random.default_rng(3), 0.0
    nowhere = lambda rungs, mass, count, n: np.zeros(count.size, bool)  # noqa: E731
    for _ in range(20):
        p, q = rng.dirichlet(np.ones(30), size=2)
        best = iid_row(p, q, 3).acceptance
        with monkeypatch.context() as patch:
            patch.setattr(ladder_loop, "lone_places", nowhere)
            row = iid_row(p, q, 3)
        lost = max(lost, best - row.acceptance)
        assert row.acceptance <= best + 1e-15
        assert np.abs(drawn_law(row)).sum() < 2e-15
    assert lost > 1e-4


def ones(size, *where):
    x = np.zeros(size)
    x[list(where)] = 1.0
    return x


def extremes():
    rng = np.random.default_rng(4)
    flat, half = np.full(V, 1 / V), np.arange(V) < V // 2
    noise = np.exp(rng.normal(size=V))
    yield "p = q", flat, flat
    yield "p nearly q", flat * (1 + 1e-7 * rng.normal(size=V)), flat
    yield "one ratio off", flat * np.where(half, 0.5, 1.5), flat
    yield "ties on rungs", flat * rng.choice([0.25, 0.5, 1.0, 2.0], V), flat
    yield "ties within", flat * rng.choice([0.3, 0.7, 1.1, 2.9], V), flat
    yield "disjoint", flat * half, flat * ~half
    yield "p top-k", np.where(np.arange(V) < 40, noise, 0.0), noise
    yield "q top-k", noise, np.where(np.arange(V) < 40, noise, 0.0)
    yield "one-hot p", ones(V, 7), noise
    yield "one-hot q", noise, ones(V, 7)
    yield "same one-hot", ones(V, 7), ones(V, 7)
    yield "tiny q", noise, np.where(half, TINY, noise)
    yield "tiny p", np.where(half, TINY, noise), noise
    yield "both tiny", np.where(half, 1e-40, noise), np.where(half, 1e-30, noise)
    yield "ratios over 600 decades", np.geomspace(1e-300, 1, V), np.geomspace(1, 1e-300, V)
    yield "steep", np.geomspace(1e-30, 1, V), np.full(V, 1.0)
    yield "support of n", ones(V, 1, 2, 3), ones(V, 2, 3, 4)
    yield "exponential", rng.exponential(size=V), rng.exponential(size=V)
    yield "touching all along", np.diff((np.arange(V + 1) / V) ** 3), flat
    yield "one heavy token", 0.5 * ones(V, 0) + noise / noise.sum(), 0.5 * ones(V, 0) + 1 / V


@pytest.mark.parametrize("n", [1, 2, 3, 8])
@pytest.mark.parametrize("name", [case[0] for case in extremes()])
def test_extremes(name, n):
    p, q = next(case[1:] for case in extremes() if case[0] == name)
    p, q = p / p.sum(), q / q.sum()
    row = iid_row(p, q, n)
    best = precise_optimum(p, q, n)
    assert np.isfinite(row.y).all()
    assert (row.y >= 0).all()
    assert row.y.sum() == pytest.approx(1, abs=1e-14)
    assert row.acceptance == pytest.approx(best, abs=5e-14)
    assert row.acceptance == pytest.approx(np.minimum(p, row.y).sum(), abs=1e-14)
    assert np.abs(row.y - planned(row)).sum() < 1e-12
    drafts = SCHEMES["with_replacement"].sample(q, n, np.random.default_rng(0), size=50)
    token, _ = OptimalIID().plan(p, q, n).sample(drafts, np.random.default_rng(1))
    assert (p[token] > 0).all()


@pytest.mark.parametrize("n", [2, 3, 4, 8])
@pytest.mark.parametrize("temperature", [0.7, 1.0])
def test_real_distributions(n, temperature):
    data = load_demo_data(temperature)
    for p, q in zip(data.p, data.q, strict=True):
        row = iid_row(p, q, n)
        assert row.acceptance == pytest.approx(precise_optimum(p, q, n), abs=3e-14)
        assert np.abs(row.y - planned(row)).sum() < 1e-13
        assert row.y.sum() == pytest.approx(1, abs=1e-14)
        assert row.mass.size < 6000


@pytest.mark.parametrize("n", [2, 3, 8])
@pytest.mark.parametrize("shape", [0.02, 0.5, 5.0])
def test_largest_vocabulary(shape, n):
    rng = np.random.default_rng(6)
    p, q = rng.dirichlet(np.full(151_936, shape), size=2) + 1e-12
    p, q = p / p.sum(), q / q.sum()
    row = iid_row(p, q, n)
    assert np.abs(row.y - planned(row)).sum() < 2e-13
    assert row.acceptance == pytest.approx(precise_optimum(p, q, n), abs=1e-13)
    assert row.mass.size < 6000
    assert spread(row) > {0.02: 80_000, 0.5: 90_000, 5.0: 120_000}[shape]
