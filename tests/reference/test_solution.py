"""No solution leaves the layer without its witnesses being checked."""

import dataclasses

import numpy as np
import pytest

from mdsd_theory.errors import CertificationError
from mdsd_theory.reference import solve_highs, transport_problem
from mdsd_theory.reference.solution import certified_solution, program_solution

from .conftest import dirichlet

PROBLEM = transport_problem(*dirichlet(5, 2, seed=3))
SOLVED = solve_highs(PROBLEM)
FLOW = np.array([SOLVED.coupling.get((s, i), 0.0) for s in PROBLEM.sets for i in sorted(s)])
U, V = np.array(SOLVED.u), np.array([SOLVED.v[s] for s in PROBLEM.sets])


def rounded(flow=FLOW, u=U, v=V):
    """Return what the float solvers return for these numbers."""
    return program_solution(PROBLEM, flow, u, v, status="optimal", route="planted")


def test_the_solvers_own_numbers_pass():
    assert rounded().value == SOLVED.value


def test_a_poor_flow_leaves_a_gap():
    with pytest.raises(CertificationError, match=r"planted \(V = 5, .*gap"):
        rounded(flow=FLOW * (1 - 1e-6))


def test_a_poor_dual_point_leaves_a_gap():
    with pytest.raises(CertificationError, match="gap"):
        rounded(u=np.ones(5), v=np.ones(len(V)))


def test_an_infeasible_dual_point_is_named():
    with pytest.raises(CertificationError, match=r"planted .*u_i \+ v_S < 1"):
        rounded(v=V - 1e-5 * (V > 0.5))


def test_undefined_numbers_do_not_pass():
    with pytest.raises(CertificationError):
        rounded(flow=np.full_like(FLOW, np.nan))
    with pytest.raises(CertificationError):
        rounded(u=np.full_like(U, np.nan))


def test_a_wrong_subset_does_not_pass():
    wrong = frozenset(range(5)) - SOLVED.subset
    with pytest.raises(CertificationError, match="gap"):
        certified_solution(PROBLEM, SOLVED.coupling, wrong, status="optimal", route="planted")


def test_solutions_are_frozen_and_say_their_gap():
    assert SOLVED.gap == SOLVED.upper - SOLVED.lower
    with pytest.raises(dataclasses.FrozenInstanceError):
        SOLVED.value = 0.0
    assert "coupling" not in repr(SOLVED)
