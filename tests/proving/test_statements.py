"""Statements: margins, refutations, shrinking, exactness."""

from fractions import Fraction

import numpy as np
import pytest

from mdsd_theory.proving import (
    Drafters,
    Kind,
    Pair,
    Sample,
    Verdict,
    at_least,
    differs,
    equal,
    fails,
    grid,
    holds,
    random_drafters,
    random_pairs,
)
from mdsd_theory.proving.optima import best_subset, optimum, set_law, solved
from mdsd_theory.proving.samples import grid_pairs
from mdsd_theory.proving.shrink import smallest
from mdsd_theory.proving.statements import InexactError

MANY = random_pairs(np.random.default_rng(0), 50, [3, 4, 5], [2, 3], denominator=500)


def test_margin_of_an_inequality_is_its_smallest_slack():
    sample = Sample(Kind.RANDOM, "", [Pair.of("1/3 2/3", "1/2 1/2", 1), Pair.of("1/5 4/5", "1 0", 2)])
    finding = at_least("p sums to at least a half", sample, lambda x: x.p[1], lambda x: Fraction(1, 2))
    assert finding.margin == Fraction(1, 6)
    assert finding.witness == sample.items[0]
    assert finding.relation == "≥"


def test_margin_of_an_equation_is_its_largest_difference():
    sample = Sample(Kind.FLOATING, "", [1.0, 2.0, 3.0])
    finding = equal("rounding", sample, lambda x: x + 1e-13 * x, lambda x: x, tol=1e-9)
    assert finding.verdict is Verdict.HOLDS
    assert finding.margin == pytest.approx(3e-13, rel=1e-2)
    assert finding.witness == 3.0


def test_sequences_are_compared_one_by_one_and_must_match_in_length():
    sample = Sample(Kind.RANDOM, "", [Pair.of("1/3 2/3", "1/2 1/2", 1)])
    assert equal("law", sample, lambda x: x.p, lambda x: list(x.p)).verdict is Verdict.HOLDS
    assert equal("law", sample, lambda x: x.p, lambda x: x.q).verdict is Verdict.REFUTED
    with pytest.raises(ValueError, match="zip"):
        equal("law", sample, lambda x: x.p, lambda x: x.p[:1])


def test_refutation_is_shrunk_to_the_smallest_fractions():
    finding = at_least("1/3 ≥ p₀", MANY, lambda x: Fraction(1, 3), lambda x: x.p[0])
    assert finding.verdict is Verdict.REFUTED
    assert (finding.witness.V, finding.witness.n) == (1, 1)
    assert finding.margin == Fraction(-2, 3)


def test_shrinking_respects_what_the_claim_is_about():
    def left(x):
        if x.V < 3:
            raise ValueError("three tokens")
        return x.p[0]

    finding = at_least("p₀ ≥ p₁", MANY, left, lambda x: x.p[1])
    assert finding.verdict is Verdict.REFUTED
    assert finding.witness.V == 3
    assert finding.witness.p == (0, 1, 0) or max(x.denominator for x in finding.witness.p) == 1


def test_descent_makes_other_instances_smaller():
    x = Drafters.of("1/7 2/7 4/7", "3/5 1/5 1/5", "1/9 4/9 4/9")
    found = smallest(x, lambda y: y.n == 2 and y.p[-1] > y.q[0][-1])
    assert found.V == 2
    assert found.size < x.size


def test_what_cannot_be_shrunk_is_kept():
    assert smallest("an instance without size", lambda x: True) == "an instance without size"


@pytest.mark.parametrize("kind", [Kind.GRID, Kind.RANDOM])
def test_floats_are_no_exact_evidence(kind):
    sample = Sample(kind, "", [0.5])
    with pytest.raises(InexactError, match="expected an int or a Fraction"):
        equal("half", sample, lambda x: x, lambda x: Fraction(1, 2))
    with pytest.raises(InexactError, match="exact numbers need none"):
        equal("half", sample, lambda x: 0, lambda x: 0, tol=1e-9)


def test_nan_refutes():
    sample = Sample(Kind.FLOATING, "", [float("nan")])
    assert equal("x = x", sample, lambda x: x, lambda x: x, tol=1.0).verdict is Verdict.REFUTED
    assert at_least("x ≥ x", sample, lambda x: x, lambda x: x, tol=1.0).verdict is Verdict.REFUTED


def test_no_instances_decide_nothing():
    empty = Sample(Kind.RANDOM, "", [])
    assert holds("anything", empty, lambda x: False).verdict is Verdict.UNDECIDED


def test_predicates_have_no_margin():
    finding = holds("p is a distribution", MANY, lambda x: sum(x.p) == 1)
    assert (finding.verdict, finding.margin) == (Verdict.HOLDS, None)
    assert holds("n = 2", MANY, lambda x: x.n == 2).verdict is Verdict.REFUTED


def test_false_neighbours():
    x = Pair.of("1/2 1/2", "1 0", 1)
    assert fails("p ≥ q", x, lambda x: x.p, lambda x: x.q).margin == Fraction(1, 2)
    assert fails("q₀ ≥ p₀", x, lambda x: x.q[0], lambda x: x.p[0]).verdict is Verdict.REFUTED
    assert differs("p = q", x, lambda x: x.p, lambda x: x.q).verdict is Verdict.HOLDS
    assert differs("p = p", x, lambda x: x.p, lambda x: x.p).verdict is Verdict.REFUTED


def test_grid_has_every_pair_once_up_to_relabelling():
    pairs = list(grid_pairs(3, 4))
    seen = {tuple(sorted(zip(p, q, strict=True))) for p, q in pairs}
    assert len(seen) == len(pairs)
    every = [
        tuple(Fraction(a, d) for a in (i, j, d - i - j))
        for d in range(1, 5)
        for i in range(d + 1)
        for j in range(d + 1 - i)
    ]
    common = {
        tuple(sorted(zip(p, q, strict=True)))
        for p in every
        for q in every
        if np.lcm.reduce([x.denominator for x in (*p, *q)]) <= 4
    }
    assert seen == common


def test_distinct_asks_for_support():
    assert all(sum(b > 0 for b in x.q) >= x.n for x in grid(3, 4, [2, 3], distinct=True).items)
    sample = random_pairs(np.random.default_rng(1), 200, [2, 3], [1, 2, 3], distinct=True)
    assert all(sum(b > 0 for b in x.q) >= x.n for x in sample.items)


def test_random_instances_are_distributions_of_bounded_denominator():
    for x in MANY.items:
        assert sum(x.p) == sum(x.q) == 1
        assert max(e.denominator for e in (*x.p, *x.q)) <= 500
    for x in random_drafters(np.random.default_rng(0), 20).items:
        assert all(sum(q) == 1 for q in x.q)


@pytest.mark.parametrize("scheme", ["with_replacement", "without_replacement", "greedy"])
def test_yardsticks_agree(scheme):
    for x in random_pairs(np.random.default_rng(2), 20, [3, 4], [2, 3], distinct=True).items:
        assert optimum(x, scheme) == best_subset(x, scheme)[0] == solved(x.p, set_law(x, scheme))
