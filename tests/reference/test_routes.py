"""Every solver against the definition: the minimum over all subsets."""

from fractions import Fraction

import pytest
from hypothesis import given

from mdsd_theory.errors import InputError
from mdsd_theory.reference import (
    SOLVERS,
    check_coupling,
    check_dual,
    solve_transport,
    subset_value,
    transport_problem,
)

from .conftest import CASES, LAWS, dirichlet, floats, instances, optimum

FLOAT_ROUTES = sorted(set(SOLVERS) - {"rational"})
EXACT_ROUTES = ["max_flow", "rational", "all_subsets"]


def assert_float_solution(p, law, solution, expected):
    """Check the value and re-check every witness."""
    assert solution.value == pytest.approx(float(expected), abs=1e-10)
    assert solution.lower <= float(expected) + 1e-14
    assert solution.upper >= float(expected) - 1e-14
    assert solution.upper == solution.value == subset_value(p, law, solution.subset)
    assert 0 <= solution.gap <= 1e-9
    if solution.coupling is not None:
        assert check_coupling(p, law, solution.coupling) == solution.lower
        assert min(solution.coupling.values(), default=1) > 0
    if solution.u is not None:
        assert check_dual(p, law, solution.u, solution.v, 1e-7) == pytest.approx(solution.value)


@pytest.mark.parametrize("route", FLOAT_ROUTES)
@pytest.mark.parametrize("case", CASES)
def test_known_cases_in_floats(route, case):
    p, law = CASES[case]
    expected = optimum(p, law)
    p, law = floats(p, law)
    solution = solve_transport(p, law, route)
    assert solution.route == route
    assert_float_solution(p, law, solution, expected)


@pytest.mark.parametrize("route", EXACT_ROUTES)
@pytest.mark.parametrize("case", CASES)
def test_known_cases_exactly(route, case):
    p, law = CASES[case]
    solution = solve_transport(p, law, route)
    assert isinstance(solution.value, Fraction)
    assert solution.value == solution.lower == solution.upper == optimum(p, law)
    assert solution.gap == 0


@given(instance=instances())
def test_random_instances_in_floats(instance):
    expected = optimum(*instance)
    p, law = floats(*instance)
    for route in ("highs", "max_flow", "all_subsets"):
        assert_float_solution(p, law, solve_transport(p, law, route), expected)


@given(instance=instances(max_vocabulary=4))
def test_random_instances_exactly(instance):
    expected = optimum(*instance)
    for route in EXACT_ROUTES:
        assert solve_transport(*instance, route).value == expected


@pytest.mark.parametrize("scheme", LAWS)
@pytest.mark.parametrize("seed", range(3))
def test_larger_instances_agree(scheme, seed):
    p, law = dirichlet(12, 3, seed, concentration=0.5, scheme=scheme)
    expected = solve_transport(p, law, "all_subsets").value
    for route in FLOAT_ROUTES:
        assert_float_solution(p, law, solve_transport(p, law, route), expected)


def test_relabelling_the_tokens_keeps_the_value():
    p, law = CASES["zeros"]
    order = [3, 0, 4, 1, 2]
    moved = [p[i] for i in order]
    place = {old: new for new, old in enumerate(order)}
    renamed = {frozenset(place[i] for i in S): w for S, w in law.items()}
    assert solve_transport(moved, renamed, "rational").value == optimum(p, law)


def test_value_is_one_for_equal_p_and_q_and_zero_for_disjoint_supports():
    assert solve_transport(*CASES["equal p and q"], "rational").value == 1
    disjoint = solve_transport(*CASES["disjoint supports"], "rational")
    assert disjoint.value == 0
    assert disjoint.coupling == {}


def test_an_unknown_route_is_refused():
    with pytest.raises(InputError, match="highs"):
        solve_transport([1.0], {frozenset({0}): 1.0}, "sinkhorn")


def test_numpy_tokens_are_tokens():
    np = pytest.importorskip("numpy")
    law = {frozenset(np.array([0])): 0.75, frozenset(np.array([1])): 0.25}
    for route in FLOAT_ROUTES:
        assert solve_transport(np.array([0.5, 0.5]), law, route).value == pytest.approx(0.75)


def test_the_law_given_is_not_changed():
    p, law = CASES["zeros"]
    before = dict(law)
    transport_problem(p, law)
    assert law == before
