"""The maximum flow: exact in Fractions, rigorous in floats, the cut is the subset."""

from fractions import Fraction

import pytest
from hypothesis import given

from mdsd_theory.errors import CertificationError
from mdsd_theory.reference import (
    check_coupling,
    solve_max_flow,
    solve_subsets,
    subset_value,
    transport_problem,
)

from .conftest import dirichlet, floats, instances


@given(instance=instances())
def test_flow_and_cut_are_equal_without_a_float(instance):
    p, law = instance
    solution = solve_max_flow(transport_problem(p, law))
    assert all(type(x) is Fraction for x in solution.coupling.values())
    assert type(solution.value) is type(solution.lower) is Fraction
    assert check_coupling(p, law, solution.coupling) == subset_value(p, law, solution.subset)


@given(instance=instances())
def test_the_cut_is_the_smallest_minimiser(instance):
    problem = transport_problem(*instance)
    solution = solve_max_flow(problem)
    assert solution.subset <= solve_subsets(problem).subset


@given(instance=instances())
def test_floats_are_solved_as_the_numbers_they_store(instance):
    problem = transport_problem(*floats(*instance))
    solution = solve_max_flow(problem)
    assert all(type(x) is float for x in solution.coupling.values())
    assert 0 <= solution.gap < 1e-13


def test_floats_over_three_hundred_orders_of_magnitude():
    p = [1e-300, 1e-20, 1 - 1e-3, 1e-3]
    law = {frozenset({0, 1}): 1e-5, frozenset({1, 3}): 1 - 1e-5, frozenset({2}): 1e-200}
    solution = solve_max_flow(transport_problem(p, law))
    assert solution.value == pytest.approx(1e-3, rel=1e-12)


def test_a_larger_instance_is_quick_enough():
    problem = transport_problem(*dirichlet(20, 3, seed=0, scheme="without_replacement"))
    assert solve_max_flow(problem).gap < 1e-12


def test_a_flow_that_stops_short_is_caught(monkeypatch):
    from networkx.algorithms import flow

    honest = flow.shortest_augmenting_path

    def cut_short(graph, source, sink):
        return honest(graph, source, sink, cutoff=1)

    monkeypatch.setattr(flow, "shortest_augmenting_path", cut_short)
    with pytest.raises(CertificationError, match="max_flow"):
        solve_max_flow(transport_problem(*dirichlet(6, 2, seed=0)))
