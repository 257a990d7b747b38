"""The transport program given to HiGHS directly: arrays in, both witnesses out of one solve."""

from __future__ import annotations

from typing import Any

import numpy as np

from mdsd_theory.reference.quiet import hush_highs
from mdsd_theory.reference.solution import (
    ReferenceSolution,
    program_solution,
    unexpected_status,
)
from mdsd_theory.reference.transport import TransportProblem

MASS_UNIT = 2.0**-20
"""Masses are passed in this unit, so that weights near HiGHS' tolerance are not presolved away."""

# Tried at V = 50, n = 3 (21k sets, 61k edges; p and q random, spread to peaked): the dual program
# with the dual simplex and presolve took 0.2 to 0.4 s; the primal with the primal simplex about the
# same; interior point with crossover 1.3 times as long, without crossover it ends at a gap of 1e-9
# or at status "unknown"; presolve off up to 4 times as long; the primal with the dual simplex 3 s.
# Flat p and q (α* near 1) are the slow ones, 2 s in each of these.
OPTIONS: dict[str, bool | int | float | str] = {
    "output_flag": False,
    "solver": "simplex",
    "simplex_strategy": 1,
    "presolve": "on",
    "primal_feasibility_tolerance": 1e-9,
    "dual_feasibility_tolerance": 1e-9,
}


def solve_highs(problem: TransportProblem) -> ReferenceSolution:
    """Return the optimum of the transport program by one call of HiGHS on its dual.

    minimise Σ p_i u_i + Σ w(S) v_S  s.t.  u_i + v_S ≥ 1 for i ∈ S,  u, v ≥ 0;
    the multiplier of the constraint (S, i) is the coupling c(S, i).

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
        When HiGHS does not report an optimum or its witnesses fail.

    Notes
    -----
    V + (number of sets) variables and Σ |S| rows of two ones each; about half a second at V = 50,
    n = 3. Source: Hu et al. 2025 (arXiv 2502.18779), the dual program.

    Examples
    --------
    >>> from mdsd_theory.reference import transport_problem
    >>> law = {frozenset({0}): 0.75, frozenset({1}): 0.25}
    >>> solution = solve_highs(transport_problem([0.5, 0.5], law))
    >>> round(solution.value, 9), sorted(solution.subset), solution.status
    (0.75, [0], 'optimal')
    """
    import highspy

    hush_highs()
    solver: Any = highspy.Highs()  # type: ignore[no-untyped-call]
    for name, value in OPTIONS.items():
        solver.setOptionValue(name, value)
    solver.passModel(_program(problem))
    solver.run()
    status = solver.getModelStatus()
    if status != highspy.HighsModelStatus.kOptimal:
        raise unexpected_status("HiGHS", solver.modelStatusToString(status), problem)

    answer = solver.getSolution()
    prices = np.array(answer.col_value)
    return program_solution(
        problem,
        flow=np.array(answer.row_dual) * MASS_UNIT,
        u=prices[: problem.V],
        v=prices[problem.V :],
        status="optimal",
        route="highs",
    )


def _program(problem: TransportProblem) -> Any:
    """Return the dual program as a HighsLp: columns (u, v), one row a pair i ∈ S."""
    import highspy

    edges, columns = len(problem.edge_set), problem.V + len(problem.sets)
    program = highspy.HighsLp()
    program.num_col_, program.num_row_ = columns, edges
    program.col_cost_ = np.array([*problem.p, *problem.w], dtype=float) / MASS_UNIT
    program.col_lower_, program.col_upper_ = np.zeros(columns), np.full(columns, np.inf)
    program.row_lower_, program.row_upper_ = np.ones(edges), np.full(edges, np.inf)
    program.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    program.a_matrix_.start_ = 2 * np.arange(edges + 1)
    ends = (problem.edge_token, problem.V + problem.edge_set)
    program.a_matrix_.index_ = np.stack(ends, axis=1).ravel()
    program.a_matrix_.value_ = np.ones(2 * edges)
    return program
