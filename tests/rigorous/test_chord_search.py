"""The search: as good as every prefix, honest when cut short, and caught when its bound is wrong."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from mdsd_theory.rigorous.balls import load_flint, lower_end, precision
from mdsd_theory.rigorous.chord_search import ChordSearch
from mdsd_theory.rigorous.power_prefix import power_prefix
from mdsd_theory.rigorous.prefixes import prefixes
from mdsd_theory.rigorous.weights import Weights, weights

from .oracle import ordered


def cubes(order):
    """1 − q(H_k)³: concave in q(H) and quick, a stand-in for the race."""
    return lambda k: 1 - (load_flint().arb(order.q_sums[k]) / order.q_total) ** 3


def flat(vocabulary):
    """P(H) = q(H)³ − 0.1 on the last four tenths: all of them minimise P + 1 − q³."""
    s = np.arange(vocabulary + 1) / vocabulary
    cut = int(0.6 * vocabulary)
    sums = np.where(s > s[cut], s**3 - 0.1, (s[cut] ** 3 - 0.1) / s[cut] * s)
    p = np.diff(sums)
    p[-1] += 1 - p.sum()
    return ordered(p, np.full(vocabulary, 1 / vocabulary))


@pytest.mark.parametrize("alpha", [0.1, 1.0, 10.0])
def test_finds_the_minimum_over_every_prefix(alpha, rng):
    for vocabulary in (2, 30, 3000):
        order = ordered(*rng.dirichlet(np.full(vocabulary, alpha) + 1e-3, size=2))
        lower, upper, _ = power_prefix(order, 3)
        with precision(128):
            search = ChordSearch(order, cubes(order))
            found = search.run()
        assert found[0] <= lower <= upper <= found[1]
        assert found[1] - found[0] < 2e-16
        assert search.evaluations <= 40


def test_a_flat_minimum_costs_evaluations_or_width():
    order = flat(4000)
    lower, upper, _ = power_prefix(order, 3)
    widths = []
    for budget in (10, 100, 1000):
        with precision(128):
            found = ChordSearch(order, cubes(order)).run(budget=budget)
        assert found[0] <= lower <= upper <= found[1]
        widths.append(float(found[1] - found[0]))
    assert widths[0] > 10 * widths[1] > 100 * widths[2] > 0


def test_a_bound_that_ignores_the_chord_is_caught(monkeypatch):
    order = flat(4000)
    lower, _, _ = power_prefix(order, 3)
    monkeypatch.setattr(ChordSearch, "_bound", lambda self, a, b, k, fall: load_flint().arb(1))
    with precision(128):
        assert ChordSearch(order, cubes(order)).run()[0] > lower


@pytest.mark.parametrize("width", [0.0, 0.1])
@pytest.mark.parametrize(("a", "b"), [(10, 40), (20, 59)])
def test_the_bound_holds_wherever_floats_point(a, b, width, rng):
    """The crossing is beyond (10, 40) and inside (20, 59); balls may be wide, true at their lower end."""
    order = ordered(*rng.dirichlet(np.ones(60), size=2))
    exact = cubes(order)
    with precision(128) as arb:
        search = ChordSearch(order, lambda k: exact(k).union(exact(k) + width))
        for end in (a, b):
            search._evaluate(end)
        fall = search._known[a] - search._known[b]
        fall = fall * order.q_total / (order.q_sums[b] - order.q_sums[a])
        values = [arb(order.p_sums[j]) / order.p_total + exact(j) for j in range(a, b + 1)]
        least = min(map(lower_end, values))
        for k in range(a, b + 1):
            assert lower_end(search._bound(a, b, k, fall)) <= least


def test_a_wrong_order_is_caught(monkeypatch, rng):
    """By p/q descending the prefixes are no minimisers: the lower end passes the true minimum."""
    p, q = (weights(x, "x") for x in rng.dirichlet(np.ones(20), size=2))
    right = prefixes(p, q)
    wrong = prefixes(q, p)
    swapped = type(wrong)(
        wrong.tokens, wrong.q, wrong.p, wrong.q_sums, wrong.p_sums, wrong.q_total, wrong.p_total
    )
    assert power_prefix(swapped, 3)[0] > power_prefix(right, 3)[1]


def test_near_ties_are_ordered_by_integers():
    """Ratios that agree to 1e-30: floats call them equal, integers do not."""
    tiny = Fraction(1, 10**30)
    p = Weights([3 * 10**30 + 2, 3 * 10**30 + 1, 3 * 10**30], 9 * 10**30 + 3)
    q = Weights([10**30, 10**30, 10**30], 3 * 10**30)
    assert prefixes(p, q).tokens == [2, 1, 0]
    assert float(3 + tiny) == 3.0


def test_ratios_that_overflow_or_underflow_are_ordered():
    p = [0.5, 0.5, 1e-200, 5e-324, 0.0]
    q = [1e-200, 5e-324, 0.5, 0.25, 0.25]
    assert ordered(p, q).tokens == [4, 3, 2, 0, 1]


def test_tokens_without_a_draft_are_in_no_prefix():
    order = ordered([0.25, 0.25, 0.5, 0.0], [0.5, 0.5, 0.0, 0.0])
    assert sorted(order.tokens) == [0, 1]
    assert order.mask(1, 4).sum() == 1


@pytest.mark.parametrize("n", [1, 2, 50, 2**41])
def test_no_prefix_is_ruled_out_wrongly(n, rng):
    from mdsd_theory.rigorous.power_prefix import _candidates

    order = ordered(*rng.dirichlet(np.ones(12), size=2))
    values = [
        Fraction(a, order.p_total) - Fraction(b, order.q_total) ** min(n, 50)
        for a, b in zip(order.p_sums, order.q_sums, strict=True)
    ]
    if n <= 50:
        assert values.index(min(values)) in _candidates(order, n, Fraction(1))
    else:
        assert len(_candidates(order, n, Fraction(1))) == 13
