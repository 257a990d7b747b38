"""The transport program and its dual, written in cvxpy as they are printed."""

from __future__ import annotations

from typing import Any

import numpy as np

from mdsd_theory.errors import MissingDependencyError
from mdsd_theory.reference.quiet import hush_highs
from mdsd_theory.reference.solution import (
    ReferenceSolution,
    program_solution,
    unexpected_status,
)
from mdsd_theory.reference.transport import TransportProblem

TOLERANCES = {"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10}
"""HiGHS' default of 1e-7 is an error of 1e-8 in α* when many sets have tiny weights."""


def transport_primal(problem: TransportProblem) -> ReferenceSolution:
    """Return the optimum of the transport program, solved as a maximisation over couplings.

    maximise Σ c(S,i)  s.t.  Σ_{i∈S} c(S,i) ≤ w(S),  Σ_{S∋i} c(S,i) ≤ p_i,  c ≥ 0.

    Parameters
    ----------
    problem : TransportProblem

    Returns
    -------
    ReferenceSolution
        In floats.

    Raises
    ------
    CertificationError
        When the solver does not report an optimum or its witnesses fail.
    MissingDependencyError
        When cvxpy is not installed.

    Notes
    -----
    The number of variables is Σ |S| ≤ n·C(V, n). Source: Hu et al. 2025 (arXiv 2502.18779), the
    transport problem and its linear program.

    Examples
    --------
    >>> from mdsd_theory.reference import transport_problem
    >>> law = {frozenset({0}): 0.75, frozenset({1}): 0.25}
    >>> round(transport_primal(transport_problem([0.5, 0.5], law)).value, 9)
    0.75
    """
    cp = _cvxpy()
    p, w = np.array(problem.p, dtype=float), np.array(problem.w, dtype=float)

    c = cp.Variable(len(problem.edge_set), nonneg=True)
    within_law = problem.set_incidence() @ c <= w
    within_target = problem.token_incidence() @ c <= p
    program = cp.Problem(cp.Maximize(cp.sum(c)), [within_law, within_target])

    status = _solve(program, problem)
    return program_solution(
        problem,
        flow=c.value,
        u=within_target.dual_value,
        v=within_law.dual_value,
        status=status,
        route="cvxpy",
    )


def transport_dual(problem: TransportProblem) -> ReferenceSolution:
    """Return the optimum of the transport program, solved as a minimisation over prices.

    minimise Σ p_i u_i + Σ w(S) v_S  s.t.  u_i + v_S ≥ 1 for i ∈ S,  u, v ≥ 0.

    Parameters
    ----------
    problem : TransportProblem

    Returns
    -------
    ReferenceSolution
        In floats.

    Raises
    ------
    CertificationError
        When the solver does not report an optimum or its witnesses fail.
    MissingDependencyError
        When cvxpy is not installed.

    Notes
    -----
    One constraint a pair i ∈ S. Source: Hu et al. 2025 (arXiv 2502.18779), the dual whose integral
    vertices are the subsets H.

    Examples
    --------
    >>> from mdsd_theory.reference import transport_problem
    >>> law = {frozenset({0}): 0.75, frozenset({1}): 0.25}
    >>> sorted(transport_dual(transport_problem([0.5, 0.5], law)).subset)
    [0]
    """
    cp = _cvxpy()
    p, w = np.array(problem.p, dtype=float), np.array(problem.w, dtype=float)

    u = cp.Variable(problem.V, nonneg=True)
    v = cp.Variable(len(problem.sets), nonneg=True)
    covered = problem.token_incidence().T @ u + problem.set_incidence().T @ v >= 1
    program = cp.Problem(cp.Minimize(p @ u + w @ v), [covered])

    status = _solve(program, problem)
    return program_solution(
        problem,
        flow=covered.dual_value,
        u=u.value,
        v=v.value,
        status=status,
        route="cvxpy_dual",
    )


def _solve(program: Any, problem: TransportProblem) -> str:
    """Solve with HiGHS and return the status, which must be an optimum."""
    cp = _cvxpy()
    hush_highs()
    try:
        program.solve(solver=cp.HIGHS, highs_options=dict(TOLERANCES))
    except cp.error.SolverError as error:
        raise unexpected_status("cvxpy with HiGHS", str(error), problem) from error
    if program.status != cp.OPTIMAL:
        raise unexpected_status("cvxpy with HiGHS", str(program.status), problem)
    return str(program.status)


def _cvxpy() -> Any:
    """Return the cvxpy module."""
    try:
        import cvxpy
    except ImportError as error:
        raise MissingDependencyError(
            "cvxpy is not installed; run: pip install 'mdsd-theory[cvxpy]', or use solve_highs"
        ) from error
    return cvxpy
