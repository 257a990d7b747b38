"""The enumeration of subsets against the definition."""

import pytest
from hypothesis import given

from mdsd_theory.errors import SizeError
from mdsd_theory.reference import solve_subsets, subset_value, transport_problem
from mdsd_theory.reference.subsets import subset_values

from .conftest import all_subsets, dirichlet, floats, instances, optimum


@given(instance=instances())
def test_every_value_exactly(instance):
    p, law = instance
    problem = transport_problem(p, law)
    scale = problem.integer_masses()[2]
    values = subset_values(problem)
    for H in all_subsets(len(p)):
        index = sum(1 << i for i in H)
        assert values[index] == scale * subset_value(p, law, H)
    assert solve_subsets(problem).value == optimum(p, law)


@given(instance=instances())
def test_every_value_in_floats(instance):
    p, law = floats(*instance)
    values = subset_values(transport_problem(p, law))
    for H in all_subsets(len(p)):
        assert values[sum(1 << i for i in H)] == pytest.approx(subset_value(p, law, H), abs=1e-14)


def test_there_is_no_coupling_and_the_status_says_how():
    solution = solve_subsets(transport_problem(*dirichlet(10, 2, seed=0)))
    assert solution.coupling is None
    assert solution.status == "enumerated"


def test_twenty_tokens_are_the_limit():
    assert solve_subsets(transport_problem(*dirichlet(20, 2, seed=0))).value < 1
    with pytest.raises(SizeError, match="V = 20"):
        solve_subsets(transport_problem(*dirichlet(21, 2, seed=0)))
