"""From a solver's floats to rigorous witnesses."""

from fractions import Fraction

import numpy as np
import pytest

from mdsd_theory.reference import (
    check_coupling,
    solve_highs,
    solve_subsets,
    subset_value,
    transport_problem,
)
from mdsd_theory.reference.rounding import feasible_flow, rounded_subset
from mdsd_theory.reference.solution import coupling_of

from .conftest import dirichlet


def exact(values):
    """Return floats as the fractions they store."""
    return {key: Fraction(x) for key, x in values.items()}


@pytest.mark.parametrize("noise", [0.0, 1e-9, 1e-3, 1.0])
@pytest.mark.parametrize("seed", range(5))
def test_the_flow_is_feasible_as_exact_numbers(noise, seed):
    p, law = dirichlet(8, 3, seed, concentration=0.3)
    problem = transport_problem(p, law)
    found = solve_highs(problem).coupling
    pairs = [(s, i) for s in problem.sets for i in sorted(s)]
    flow = np.array([found.get(pair, 0.0) for pair in pairs])
    flow += noise * np.random.default_rng(seed).normal(size=len(flow))
    fixed = coupling_of(problem, feasible_flow(problem, flow))
    p, law = [Fraction(x) for x in problem.p], exact(problem.law)
    value = check_coupling(p, law, exact(fixed), tol=0)
    assert value <= min(1, Fraction(solve_highs(problem).upper))


def test_what_is_lost_is_rounding_when_the_flow_was_feasible():
    p, law = dirichlet(8, 3, seed=1)
    problem = transport_problem(p, law)
    spread = np.array(
        [
            problem.w[s] * problem.p[i]
            for s, i in zip(problem.edge_set.tolist(), problem.edge_token.tolist(), strict=True)
        ]
    )
    np.testing.assert_allclose(feasible_flow(problem, spread), spread, rtol=1e-13)


def test_denormal_masses_are_dropped():
    problem = transport_problem([1e-310, 1.0], {frozenset({0}): 1.0})
    assert feasible_flow(problem, np.array([1e-310])).tolist() == [0.0]


@pytest.mark.parametrize("seed", range(20))
def test_a_threshold_is_never_worse_than_a_fractional_dual_point(seed):
    rng = np.random.default_rng(seed)
    p, law = dirichlet(6, 2, seed)
    problem = transport_problem(p, law)
    u = rng.uniform(size=6)
    v = [max(0.0, 1 - min(u[i] for i in S)) for S in problem.sets]
    value = float(np.dot(problem.p, u) + np.dot(problem.w, v))
    assert subset_value(p, law, rounded_subset(problem, u)) <= value + 1e-12


def test_an_average_of_two_optimal_vertices_gives_an_optimal_subset():
    third = Fraction(1, 3)
    law = {frozenset({i}): third for i in range(3)}
    problem = transport_problem([third] * 3, law)
    subset = rounded_subset(problem, np.array([1.0, 0.5, 0.0]))
    assert subset_value(problem.p, problem.law, subset) == solve_subsets(problem).value == 1


def test_an_integral_point_is_read_as_it_stands():
    problem = transport_problem(*dirichlet(4, 2, seed=0))
    assert rounded_subset(problem, np.array([1.0, 1e-9, 1 - 1e-9, 0.0])) == {0, 2}
