"""The optimum in rational arithmetic: a theorem about one instance, not an approximation."""

from __future__ import annotations

from dataclasses import replace

from mdsd_theory.errors import InputTypeError
from mdsd_theory.reference.max_flow import solve_max_flow
from mdsd_theory.reference.solution import ReferenceSolution
from mdsd_theory.reference.transport import TransportProblem


def solve_rational(problem: TransportProblem) -> ReferenceSolution:
    """Return α* as a Fraction with a coupling and a subset whose values are both equal to it.

    Parameters
    ----------
    problem : TransportProblem
        Built from ints and Fractions only.

    Returns
    -------
    ReferenceSolution
        ``value == lower == upper``; the gap is exactly zero.

    Raises
    ------
    InputTypeError
        When the problem holds floats.
    CertificationError
        When the witnesses do not agree exactly.

    Notes
    -----
    Cost of :func:`~mdsd_theory.reference.max_flow.solve_max_flow`, on integers as long as the
    common denominator. Source: Hu et al. 2025 (arXiv 2502.18779).

    Examples
    --------
    >>> from fractions import Fraction as F
    >>> from mdsd_theory.reference import transport_problem
    >>> law = {frozenset({0, 1}): F(5, 12), frozenset({0, 2}): F(5, 12), frozenset({1, 2}): F(1, 6)}
    >>> solve_rational(transport_problem([F(1, 10), F(8, 10), F(1, 10)], law)).value
    Fraction(47, 60)
    """
    if not problem.exact:
        raise InputTypeError(
            "the problem holds floats; expected Fractions: convert p and q with Fraction(x), make "
            "them sum to one exactly, and build the set law from those"
        )
    return replace(solve_max_flow(problem), route="rational")
