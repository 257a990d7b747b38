"""The cvxpy programs: primal and dual meet, the status is read."""

import sys

import pytest

from mdsd_theory.errors import CertificationError, MissingDependencyError
from mdsd_theory.reference import check_dual, transport_dual, transport_primal, transport_problem
from mdsd_theory.reference.lp import TOLERANCES

from .conftest import dirichlet

cp = pytest.importorskip("cvxpy")
PROGRAMS = [transport_primal, transport_dual]


@pytest.mark.parametrize("concentration", [0.05, 1.0])
def test_primal_and_dual_meet(concentration):
    problem = transport_problem(*dirichlet(10, 3, seed=0, concentration=concentration))
    primal, dual = transport_primal(problem), transport_dual(problem)
    # Which of the two is off, and by how much, changes with the version of HiGHS.
    tolerance = max(TOLERANCES.values())
    assert primal.value == pytest.approx(dual.value, abs=tolerance)
    assert max(primal.gap, dual.gap) < tolerance
    for solution in (primal, dual):
        price = check_dual(problem.p, problem.law, solution.u, solution.v, 1e-9)
        assert price == pytest.approx(primal.value, abs=1e-9)


@pytest.mark.parametrize("solve", PROGRAMS)
@pytest.mark.parametrize("status", ["infeasible", "optimal_inaccurate", "unbounded", None])
def test_the_status_is_read(solve, status, monkeypatch):
    monkeypatch.setattr(cp.Problem, "status", property(lambda self: status))
    with pytest.raises(CertificationError, match=f"HiGHS answered '{status}' for V = 3, 6 sets"):
        solve(transport_problem(*dirichlet(3, 2, seed=0)))


@pytest.mark.parametrize("solve", PROGRAMS)
def test_a_solver_error_is_a_certification_error(solve, monkeypatch):
    def fail(self, **options):
        raise cp.error.SolverError("no luck")

    monkeypatch.setattr(cp.Problem, "solve", fail)
    with pytest.raises(CertificationError, match="no luck"):
        solve(transport_problem(*dirichlet(3, 2, seed=0)))


@pytest.mark.parametrize("solve", PROGRAMS)
def test_without_cvxpy_the_message_names_the_extra(solve, monkeypatch):
    monkeypatch.setitem(sys.modules, "cvxpy", None)
    with pytest.raises(MissingDependencyError, match=r"mdsd-theory\[cvxpy\]"):
        solve(transport_problem(*dirichlet(3, 2, seed=0)))
