"""Mixtures of orders: their law against enumeration, their gap, and what they emit."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import torch

from mdsd_theory import SCHEMES, InputError, InputTypeError, certify, optimal_acceptance
from mdsd_theory.demo_data import load_demo_data
from mdsd_theory.dual import threads
from mdsd_theory.instances import KINDS, random_pair
from mdsd_theory.verifiers.optimal.min_norm import mix_orders
from mdsd_theory.verifiers.optimal.order_atoms import make_atoms
from mdsd_theory.verifiers.optimal.order_laws import IndependentLaw, RaceLaw
from mdsd_theory.verifiers.optimal.orders_rule import OptimalOrders, independent_orders, race_orders
from tests.verifiers.enumerate_rules import random_instance
from tests.verifiers.laws import assert_law, source

WITHOUT = SCHEMES["without_replacement"]


def law_of_top(set_law, rank, vocabulary):
    """Where the highest ranked draft falls, by enumeration of the sets."""
    y = np.zeros(vocabulary)
    for drafts, weight in set_law.items():
        y[max(drafts, key=rank.__getitem__)] += weight
    return y


def mixtures(rng, vocabulary, heavy):
    """Atoms of a random pair, three random orders of them and their weights."""
    p, q = random_pair(KINDS[rng.integers(len(KINDS))], vocabulary, 1, rng)
    atoms = make_atoms(p, q, heavy, 1.5)
    return p, q, atoms, [rng.permutation(atoms.count) for _ in range(3)], rng.dirichlet(np.ones(3))


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("heavy", [0.0, 0.2, 2.0])
def test_race_law_is_that_of_the_enumeration(n, heavy, rng):
    for _ in range(12):
        _, q, atoms, orders, weights = mixtures(rng, int(rng.integers(n, 9)), heavy)
        if (q > 0).sum() < n:
            continue
        law, sets = RaceLaw(q, n, atoms), WITHOUT.set_law(q.tolist(), n)
        laws = [law_of_top(sets, atoms.positions(order), q.size) for order in orders]
        assert law.of_tokens(orders, weights) == pytest.approx(weights @ laws, abs=2e-14)
        for order, y in zip(orders, laws, strict=True):
            by_atom = np.add.reduceat(y[atoms.tokens], atoms.start[:-1])
            assert law.of_atoms(order) == pytest.approx(by_atom, abs=2e-14)


@pytest.mark.parametrize("peak", [1 - 1e-3, 1 - 1e-6, 1 - 1e-10])
def test_race_law_of_peaked_drafts(peak, rng):
    q = np.append(peak, (1 - peak) * rng.dirichlet(np.ones(6)))
    q /= q.sum()
    atoms = make_atoms(rng.dirichlet(np.ones(7)), q, 0.0, 1.0)
    sets = WITHOUT.set_law([Fraction(x) for x in q.tolist()], 3)
    for _ in range(5):
        order = rng.permutation(7)
        y = law_of_top(sets, atoms.positions(order), 7)
        found = RaceLaw(q, 3, atoms).of_tokens([order], np.ones(1))
        assert found == pytest.approx(y, rel=1e-9, abs=2e-14)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_independent_law_is_that_of_the_enumeration(n, rng):
    for _ in range(12):
        p, drafters = rng.dirichlet(np.ones(5)), rng.dirichlet(np.full(5, 0.3), size=n)
        atoms = make_atoms(p, drafters.mean(axis=0), 0.3, 1.0)
        orders, weights = [rng.permutation(atoms.count) for _ in range(2)], rng.dirichlet(np.ones(2))
        sets = SCHEMES["independent"].set_law(drafters.tolist(), n)
        laws = [law_of_top(sets, atoms.positions(order), 5) for order in orders]
        law = IndependentLaw(drafters, atoms)
        assert law.of_tokens(orders, weights) == pytest.approx(weights @ laws, abs=1e-14)
        assert law.of_atoms(orders[0]) == pytest.approx(
            np.add.reduceat(laws[0][atoms.tokens], atoms.start[:-1]), abs=1e-14
        )


def test_positions_lay_out_whole_atoms(rng):
    p, q = rng.dirichlet(np.ones(40), size=2)
    atoms = make_atoms(p, q, 0.05, 0.7)
    place = atoms.positions(rng.permutation(atoms.count))
    assert sorted(place.tolist()) == list(range(40))
    for a, b in zip(atoms.start[:-1], atoms.start[1:], strict=True):
        assert (np.diff(place[atoms.tokens[a:b]]) == 1).all()
    assert atoms.p.sum() == pytest.approx(1)


def small_instances(count, seed):
    rng = np.random.default_rng(seed)
    for i in range(count):
        vocabulary = int(rng.integers(2, 31))
        n = int(rng.integers(1, min(vocabulary, 5) + 1))
        p, q = random_pair(KINDS[i % len(KINDS)], vocabulary, n, rng)
        if (q > 0).sum() >= n:
            yield p, q, n


def check_gaps(count, seed):
    for p, q, n in small_instances(count, seed):
        row = race_orders(p, q, n, 1e-9)
        best = optimal_acceptance(p, q, n=n, scheme="without_replacement").value
        assert row.gap <= 1e-9
        assert best - 1e-9 <= row.acceptance <= best + 1e-13


def test_small_vocabularies_reach_the_optimum():
    check_gaps(60, 0)


@pytest.mark.slow
def test_small_vocabularies_reach_the_optimum_on_many_instances():
    check_gaps(1200, 1)


def test_independent_drafters_reach_the_optimum(rng):
    for _ in range(40):
        vocabulary, n = int(rng.integers(2, 12)), int(rng.integers(1, 5))
        p, drafters = rng.dirichlet(np.ones(vocabulary)), rng.dirichlet(np.ones(vocabulary), size=n)
        row = independent_orders(p, drafters, 1e-9)
        best = optimal_acceptance(p, list(drafters), scheme="independent").value
        assert row.acceptance == pytest.approx(best, abs=1e-9)
        assert row.upper >= best - 1e-12


@pytest.mark.parametrize("n", [2, 3, 4])
@pytest.mark.parametrize("position", [0, 8, 15])
def test_real_distributions_at_full_vocabulary(position, n):
    data = load_demo_data(1.0)
    p, q = data.p[position], data.q[position]
    plan = OptimalOrders().plan(p, q, n)
    best = optimal_acceptance(p, q, n=n, scheme="without_replacement")
    assert plan.gap <= 1e-3
    assert best.value - 1e-3 <= plan.acceptance <= best.upper
    assert plan.rows[0].y.sum() == pytest.approx(1, abs=1e-12)
    # No law of a pick puts less than Q(H) on H; Q(H) = P(H) + 1 − α* comes from the dual layer.
    inside = plan.rows[0].y[best.subset].sum()
    assert inside >= p[best.subset].sum() + 1 - best.value - 1e-12


def exact_instances(count, seed):
    rng = np.random.default_rng(seed)
    for i in range(count):
        vocabulary = int(rng.integers(2, 5))
        n = int(rng.integers(1, min(3, vocabulary - 1) + 1))
        p, q = random_instance(KINDS[i % len(KINDS)], vocabulary, n, rng)
        if sum(x > 0 for x in q) >= n:
            yield p, q, n


def check_exactly_lossless(count, seed):
    """The law of Y is p, and P(Y ∈ S) lies between Σ min(p, y) and the bound, in fractions."""
    tried, rule = 0, OptimalOrders(tol=0.05)
    for p, q, n in exact_instances(count, seed):
        assert rule.output_law(p, q, n) == p
        rate = rule.acceptance_rate([float(x) for x in p], [float(x) for x in q], n)
        accepted = float(
            sum(
                weight * sum(c for y, c in rule.conditional_law(p, q, x).items() if y in x)
                for x, weight in WITHOUT.tuple_law(q, n).items()
            )
        )
        assert rate.value - 1e-12 <= accepted <= rate.value + rate.error_bound + 1e-12
        tried += 1
    return tried


def test_output_law_is_the_target_whatever_the_gap():
    assert check_exactly_lossless(60, 0) > 30


@pytest.mark.slow
def test_output_law_is_the_target_on_many_instances():
    assert check_exactly_lossless(700, 1) >= 300


def test_independent_output_law_is_the_target(rng):
    for _ in range(20):
        p, *drafters = (
            [Fraction(int(k), int(x.sum())) for k in x] for x in rng.integers(1, 9, size=(4, 3))
        )
        assert OptimalOrders(tol=0.1).output_law(p, drafters, scheme="independent") == p


@pytest.mark.parametrize("library", ["numpy", "torch"])
def test_sampler_has_the_conditional_law_of_each_tuple(library):
    p, q = [0.45, 0.05, 0.2, 0.0, 0.3], [0.1, 0.4, 0.2, 0.1, 0.2]
    rule, generator = OptimalOrders(tol=1e-6), source(library, 3)
    x, y = (torch.tensor(a, dtype=torch.float64) if library == "torch" else a for a in (p, q))
    plan = rule.plan(x, y, 2)
    for drafts in WITHOUT.tuple_law(q, 2):
        law = {token: c for token, c in rule.conditional_law(p, q, drafts).items() if c > 1e-9}
        token, index = plan.sample([list(drafts)] * 6000, generator)
        assert_law(token.tolist(), law, level=1e-6)
        assert ((index >= 0) == np.isin(token.tolist(), drafts)).all()


def test_a_looser_tolerance_tries_fewer_orders():
    data = load_demo_data(1.0)
    p, q = data.p[15].astype(float), data.q[15].astype(float)
    loose, tight = race_orders(p, q, 3, 1e-1), race_orders(p, q, 3, 1e-5)
    assert loose.steps < tight.steps
    assert tight.gap <= 1e-5 < loose.gap <= 1e-1
    assert repr(tight).startswith("OrderRow(V = 49,152: ")


def test_batches_equal_loops(rng):
    p, q = rng.dirichlet(np.ones(50), size=(2, 3))
    rate = OptimalOrders().acceptance_rate(p, q, 3)
    assert rate.value.shape == rate.error_bound.shape == (3,)
    for k in range(3):
        assert OptimalOrders().acceptance_rate(p[k], q[k], 3).value == rate.value[k]
    assert "batch of shape (3,)" in repr(OptimalOrders().plan(p, q, 3))
    assert OptimalOrders().acceptance_rate(p[:0], q[:0], 3).value.shape == (0,)


def test_mixing_stops_at_the_steps_allowed(rng):
    p, q = rng.dirichlet(np.full(12, 0.4), size=2)
    atoms = make_atoms(p, q, 0.0, 0.1)
    law = RaceLaw(q, 3, atoms)
    best = optimal_acceptance(p, q, n=3).value
    gaps = [
        mix_orders(atoms.p, atoms.q, law.of_atoms, atoms.by_ratio, best, 0.0, steps).shortfall
        for steps in (1, 10, 200)
    ]
    assert gaps[0] >= gaps[1] >= gaps[2]
    assert gaps[2] < 1e-12


@pytest.mark.parametrize(
    ("tol", "error", "message"),
    [
        (-1, InputError, "tol is -1; expected a gap"),
        (float("nan"), InputError, "tol is nan"),
        ("small", InputTypeError, "tol is 'small'; expected a number"),
        (True, InputTypeError, "tol is True"),
    ],
)
def test_mistakes(tol, error, message):
    with pytest.raises(error, match=message):
        OptimalOrders(tol=tol)


@pytest.mark.parametrize(("vocabulary", "n", "top"), [(49_152, 3, 0.59), (262_144, 2, 0.5)])
def test_bounds_hold_where_many_equal_tokens_round_alike(vocabulary, n, top):
    """The error of y grows with V: a constant allowance was 14 times too small here."""
    q = np.full(vocabulary, (1 - top) / (vocabulary - 1))
    q[0] = top
    p = np.zeros(vocabulary)
    p[0] = 1.0
    plan = OptimalOrders().plan(p, q, n, scheme="without_replacement")
    (row,) = plan.rows
    proved = certify(p, q, n=n, rigorous=True)
    assert row.value - row.rounding <= proved.upper
    assert row.value + row.gap >= proved.lower
    assert plan.acceptance <= proved.upper
    assert row.upper >= proved.lower


def test_rows_on_threads_are_rows_alone(monkeypatch):
    p, q = np.random.default_rng(2).dirichlet(np.full(300, 0.1), size=(2, 5))
    monkeypatch.delenv("NUMBA_NUM_THREADS", raising=False)
    alone = OptimalOrders().acceptance_rate(p, q, 3)
    monkeypatch.setenv("NUMBA_NUM_THREADS", "3")
    submitted = []
    submit = threads.ThreadPoolExecutor.submit
    monkeypatch.setattr(
        threads.ThreadPoolExecutor, "submit", lambda *x: submitted.append(x[2:]) or submit(*x)
    )
    together = OptimalOrders().acceptance_rate(p, q, 3)
    assert submitted == [(1, 3), (3, 5)]
    assert (alone.value == together.value).all()
    assert (alone.error_bound == together.error_bound).all()
