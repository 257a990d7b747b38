"""Light tokens by powers of t against every token at every node of the race; rows on threads."""

from __future__ import annotations

from fractions import Fraction
from math import comb, factorial
from unittest import mock

import numpy as np
import pytest

from mdsd_theory import SCHEMES, VERIFIERS, optimal_acceptance
from mdsd_theory.demo_data import load_demo_data
from mdsd_theory.dual import threads
from mdsd_theory.verifiers.optimal import order_laws
from mdsd_theory.verifiers.optimal.order_atoms import _by_digits, make_atoms
from mdsd_theory.verifiers.optimal.order_laws import RaceLaw
from mdsd_theory.verifiers.optimal.order_series import CUT, DEEPEST, cut_error, heaviest
from mdsd_theory.verifiers.optimal.orders import rounding
from mdsd_theory.verifiers.optimal.orders_rule import race_orders

UNIT = 2.0**-53


def node_by_node(q, n, atoms):
    with mock.patch.object(order_laws, "heaviest", return_value=np.zeros(DEEPEST + 1)):
        return RaceLaw(q, n, atoms)


def assert_same_law(q, n, atoms, rng):
    """Both laws, of atoms and of tokens, for three orders: apart by the cut and by roundings."""
    fast, slow = RaceLaw(q, n, atoms), node_by_node(q, n, atoms)
    orders, weights = [rng.permutation(atoms.count) for _ in range(3)], np.array([0.5, 0.3, 0.2])
    allowed = cut_error(n) + (300 + n) * UNIT
    for order in orders:
        assert np.abs(fast.of_atoms(order) - slow.of_atoms(order)).sum() <= allowed
    y = fast.of_tokens(orders, weights)
    assert np.abs(y - slow.of_tokens(orders, weights)).sum() <= allowed
    assert (y >= 0).all()
    assert abs(y.sum() - 1) <= fast.lost + rounding(q.size, atoms.count)


def light_tokens(q, n, atoms):
    """How many tokens are in atoms that are not walked node by node."""
    most = np.maximum.reduceat(q[atoms.tokens], atoms.start[:-1])
    light = most <= heaviest(n)[-1] * order_laws.slowest_rate(q, n)
    return int(np.diff(atoms.start)[light].sum())


@pytest.mark.parametrize("temperature", [0.3, 0.7, 1.0])
@pytest.mark.parametrize("n", [2, 3, 4])
def test_laws_agree_on_real_rows(temperature, n, rng):
    data = load_demo_data(temperature)
    for i in (2, 13):
        p, q = data.p[i], data.q[i]
        largest = heaviest(n)[-1] * order_laws.slowest_rate(q, n)
        atoms = make_atoms(p, q, 2e-4, 0.1, 0.01, largest)
        assert light_tokens(q, n, atoms) > 48_000
        assert_same_law(q, n, atoms, rng)


def hard_drafts(vocabulary, rng):
    rank = np.arange(1.0, vocabulary + 1)
    return {
        "flat": np.ones(vocabulary),
        "zipf": rank**-1.1,
        "tiny": np.where(rank <= 9, 1.0, 1e-300),
        "small": np.where(rank <= 9, 1.0, 1e-40),
        "peaked": np.where(rank == 7, 1.0, 1e-12),
        "two peaks": np.where(rank <= 2, 1.0, 1e-7),
        "wide": np.exp(12 * rng.normal(size=vocabulary)),
        "ties and zeros": rng.integers(0, 3, size=vocabulary) + 0.0,
        "small support": np.where(rank <= 9, 1.0, 0.0),
        "just light": np.where(rank <= 2, 1e4, np.exp(rng.normal(size=vocabulary))),
    }


@pytest.mark.parametrize("n", [1, 2, 3, 8, 9])
@pytest.mark.parametrize("name", hard_drafts(9, np.random.default_rng(0)))
def test_laws_agree_on_hard_drafts(name, n, rng):
    q = hard_drafts(1500, rng)[name]
    q /= q.sum()
    for p in (rng.dirichlet(np.full(1500, 0.1)), q, q[::-1].copy(), np.eye(1500)[3]):
        for largest in (np.inf, heaviest(n)[-1] * order_laws.slowest_rate(q, n)):
            assert_same_law(q, n, make_atoms(p, q, 1e-2, 0.5, 0.1, largest), rng)


@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_light_groups_have_the_law_of_the_enumeration(n, rng):
    for scale in (1e-1, 1e-2, 1e-3, 1e-5, 1e-9):
        q = np.append(scale * rng.dirichlet(np.full(5, 1e3)), rng.dirichlet(np.ones(4)) + 0.2)
        q /= q.sum()
        atoms = make_atoms(rng.dirichlet(np.ones(9)), q, 0.05, 50.0)
        order = rng.permutation(atoms.count)
        rank, y = atoms.positions(order), np.zeros(9)
        for drafts, weight in SCHEMES["without_replacement"].set_law([Fraction(x) for x in q], n).items():
            y[max(drafts, key=rank.__getitem__)] += weight
        assert RaceLaw(q, n, atoms).of_tokens([order], np.ones(1)) == pytest.approx(
            y, rel=1e-12, abs=3e-14
        )


@pytest.mark.parametrize("n", [2, 3])
def test_the_third_term_of_the_odds_is_right(n, rng):
    q = np.append(np.full(5, 0.0), rng.dirichlet(np.ones(6)) + 0.2)
    q /= q.sum()
    q[:5] = 0.99 * heaviest(n)[2] * order_laws.slowest_rate(q, n) * np.array([1.0, 0.9, 0.8, 0.7, 0.6])
    q /= q.sum()
    atoms = make_atoms(rng.dirichlet(np.ones(11)), q, 0.01, 50.0)
    # Highest in the order, the light tokens are picked whenever they are drafted.
    order = np.arange(atoms.count)[::-1]
    rank, y = atoms.positions(order), [Fraction(0)] * 11
    for drafts, weight in SCHEMES["without_replacement"].set_law([Fraction(x) for x in q], n).items():
        y[max(drafts, key=rank.__getitem__)] += weight
    found = RaceLaw(q, n, atoms).of_tokens([order], np.ones(1))
    for i in range(5):
        assert abs(Fraction(found[i]) / y[i] - 1) < 3e-12


def test_rows_of_a_vocabulary_reach_the_optimum(rng):
    for name, q in hard_drafts(200, rng).items():
        q = q / q.sum()
        for p in (rng.dirichlet(np.full(200, 0.2)), q[::-1].copy(), np.eye(200)[0]):
            row = race_orders(p, q, 3, 1e-6)
            best = optimal_acceptance(p, q, n=3, scheme="without_replacement")
            assert row.acceptance <= best.upper, name
            assert row.value + row.gap >= best.lower, name


@pytest.mark.parametrize("n", [2, 3, 5, 8])
def test_depths_lose_no_more_than_the_bound(n):
    """Σ_{d>D} S(n−1+d, n−1) ρ^d, with Stirling numbers by their explicit sum."""
    m = n - 1
    for depth, share in enumerate(heaviest(n)):
        terms = [
            sum((-1) ** (m - k) * comb(m, k) * k ** (m + d) for k in range(m + 1))
            // factorial(m)
            * Fraction(float(share)) ** d
            for d in range(depth + 1, depth + 40)
        ]
        assert sum(terms) <= CUT
        assert 2.0 ** (depth + 1) * sum(terms) > CUT / 40


def test_single_precision_sorts_ratios(rng):
    ratio = np.concatenate([np.exp(20 * rng.normal(size=500)), [0.0, np.inf, 1.0, 1.0, 1e-44]])
    ratio = ratio.astype(np.float32)
    assert _by_digits(ratio).tolist() == np.argsort(ratio, kind="stable").tolist()


def test_rows_on_threads_are_the_same(rng, monkeypatch):
    p, q = rng.dirichlet(np.full(300, 0.3), size=(2, 7))
    alone = VERIFIERS["optimal"].acceptance_rate(p, q, 3, scheme="without_replacement")
    monkeypatch.setenv("NUMBA_NUM_THREADS", "3")
    monkeypatch.setattr(threads, "WORTH", 1)
    spread = VERIFIERS["optimal"].acceptance_rate(p, q, 3, scheme="without_replacement")
    assert (alone.value == spread.value).all()
    assert (alone.error_bound == spread.error_bound).all()
