"""The checkers: they pass what is right and catch what is planted."""

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdsd_theory.errors import CertificationError, InputError
from mdsd_theory.reference import (
    certified,
    check_coupling,
    check_dual,
    solve_rational,
    subset_value,
    transport_problem,
)
from mdsd_theory.reference.check import check_exact, total

from .conftest import CASES, all_subsets, floats, instances

HALF, TINY = Fraction(1, 2), Fraction(1, 10**12)
A, B, AB = frozenset({0}), frozenset({1}), frozenset({0, 1})
P = [HALF, HALF]
LAW = {A: HALF, AB: HALF}
GOOD = {(A, 0): HALF, (AB, 1): HALF}


def test_a_good_coupling_passes_with_its_value():
    assert check_coupling(P, LAW, GOOD) == 1
    assert check_coupling(*floats(P, LAW), {k: float(x) for k, x in GOOD.items()}) == 1.0
    assert check_coupling(P, LAW, {}) == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({(A, 0): -TINY}, "expected a mass"),
        ({(A, 0): float("nan")}, "expected a mass"),
        ({(A, 1): TINY}, "not in S"),
        ({(B, 1): TINY}, "not in the law"),
        ({(A, 0): HALF + TINY}, "w\\(S\\) of S = \\{0\\} allows 1/2"),
        ({(A, 0): float("inf")}, "allows"),
        ({(AB, 0): TINY}, "allows"),
        ({(A, 0): 0, (AB, 0): HALF, (AB, 1): TINY}, "w\\(S\\) of S = \\{0, 1\\}"),
        ({(AB, 0): TINY, (AB, 1): 0}, "p_i of token i = 0"),
    ],
)
def test_planted_faults_in_a_coupling_are_caught(change, message):
    with pytest.raises(CertificationError, match=message):
        check_coupling(P, LAW, GOOD | change)


def test_a_token_outside_the_vocabulary_is_caught():
    wide = frozenset({0, 5})
    with pytest.raises(CertificationError, match="token 5"):
        check_coupling([HALF, HALF], {wide: 1}, {(wide, 5): TINY})


def test_the_tolerance_lets_only_that_much_pass():
    p, law = floats(P, LAW)
    assert check_coupling(p, law, {(A, 0): 0.5 + 1e-10}, 1e-9) > 0.5
    with pytest.raises(CertificationError):
        check_coupling(p, law, {(A, 0): 0.5 + 2e-9}, 1e-9)


def test_a_good_dual_point_passes_with_its_value():
    assert check_dual(P, LAW, [1, 1], {}) == 1
    assert check_dual(P, LAW, [0, 0], {A: 1, AB: 1}) == 1
    assert check_dual(P, LAW, [1, 0], {AB: 1}) == 1


@pytest.mark.parametrize(
    ("u", "v", "message"),
    [
        ([1, 1 - TINY], {}, "u_i"),
        ([1, 0], {A: 1}, "u_i"),
        ([1, 1], {A: -TINY}, "negative or undefined v"),
        ([1 + TINY, -TINY], {AB: 2}, "negative or undefined u"),
        ([1, float("nan")], {AB: 1}, "negative or undefined u"),
        ([1], {AB: 1}, "expected V = 2"),
    ],
)
def test_planted_faults_in_a_dual_point_are_caught(u, v, message):
    with pytest.raises(CertificationError, match=message):
        check_dual(P, LAW, u, v)


@given(instance=instances())
def test_every_subset_is_a_dual_point_of_the_same_value(instance):
    p, law = instance
    for H in all_subsets(len(p)):
        u = [int(i in H) for i in range(len(p))]
        v = {S: int(not S <= H) for S in law}
        assert check_dual(p, law, u, v) == subset_value(p, law, H)
        inside = sum(w for S, w in law.items() if S <= H)
        assert subset_value(p, law, H) == sum(p[i] for i in H) + 1 - inside


def test_a_subset_with_a_stranger_is_refused():
    with pytest.raises(InputError, match=r"\{2\}"):
        subset_value(P, LAW, {2})


def test_certified_returns_both_bounds():
    assert certified(P, LAW, GOOD, {0, 1}) == (1, 1)


def test_certified_refuses_a_gap():
    with pytest.raises(CertificationError, match="gap is 1e-12"):
        certified(P, LAW, {(A, 0): HALF, (AB, 1): HALF - TINY}, {0, 1})
    assert certified(P, LAW, {(A, 0): HALF, (AB, 1): HALF - TINY}, {0, 1}, tol=TINY)[1] == 1


def test_certified_refuses_a_lower_bound_above_the_upper():
    # p is no distribution here: only so can a feasible coupling beat a subset.
    with pytest.raises(CertificationError, match="solver X: the coupling"):
        certified(P, LAW, {(A, 0): 2}, {0, 1}, source="solver X")
    with pytest.raises(CertificationError, match=r"solver X: the lower bound .* is above"):
        certified(P, LAW, {(A, 0): 1, (AB, 1): 1}, {0, 1}, feasibility=1, source="solver X")


@pytest.mark.parametrize("case", CASES)
def test_the_exact_check_catches_a_change_of_one_in_a_million_million(case):
    p, law = CASES[case]
    solution = solve_rational(transport_problem(p, law))
    check_exact(p, law, solution.coupling, solution.subset, solution.value)
    for sign in (1, -1):
        with pytest.raises(CertificationError):
            check_exact(p, law, solution.coupling, solution.subset, solution.value + sign * TINY)
        with pytest.raises(CertificationError):
            check_exact(
                [p[0] + sign * TINY, *p[1:]],
                law,
                solution.coupling,
                solution.subset,
                solution.value,
            )
        for pair, mass in solution.coupling.items():
            altered = solution.coupling | {pair: mass + sign * TINY}
            with pytest.raises(CertificationError):
                check_exact(p, law, altered, solution.subset, solution.value)
        for drafts, weight in law.items():
            with pytest.raises(CertificationError, match="set law is not a distribution"):
                check_exact(
                    p,
                    law | {drafts: weight + sign * TINY},
                    solution.coupling,
                    solution.subset,
                    solution.value,
                )


def test_the_exact_check_refuses_floats():
    with pytest.raises(CertificationError, match="not a Fraction"):
        check_exact([0.5, 0.5], LAW, GOOD, {0, 1}, 1)


@given(st.lists(st.floats(0, 1), max_size=30))
def test_total_of_floats_is_correctly_rounded(values):
    assert total(values) == float(sum(map(Fraction, values), start=Fraction(0)))
    assert total(values) == math.fsum(values)


def test_total_of_fractions_is_exact():
    assert total([Fraction(1, 3)] * 3) == 1
    assert isinstance(total([]), Fraction)
