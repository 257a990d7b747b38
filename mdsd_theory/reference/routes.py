"""The reference solvers by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import MappingProxyType

from mdsd_theory.errors import InputError
from mdsd_theory.reference.check import Number, SetLaw
from mdsd_theory.reference.highs import solve_highs
from mdsd_theory.reference.lp import transport_dual, transport_primal
from mdsd_theory.reference.max_flow import solve_max_flow
from mdsd_theory.reference.rational import solve_rational
from mdsd_theory.reference.solution import ReferenceSolution
from mdsd_theory.reference.subsets import solve_subsets
from mdsd_theory.reference.transport import TransportProblem, transport_problem

SOLVERS: MappingProxyType[str, Callable[[TransportProblem], ReferenceSolution]] = MappingProxyType(
    {
        "highs": solve_highs,
        "cvxpy": transport_primal,
        "cvxpy_dual": transport_dual,
        "max_flow": solve_max_flow,
        "rational": solve_rational,
        "all_subsets": solve_subsets,
    }
)
"""Every solver of the transport program by the name of its route."""


def solve_transport(p: Sequence[Number], law: SetLaw, route: str = "highs") -> ReferenceSolution:
    """Return α* of a target and a set law by the solver named.

    Parameters
    ----------
    p : sequence of numbers, shape (V,)
    law : mapping of frozenset to number
    route : str
        A name in :data:`SOLVERS`.

    Returns
    -------
    ReferenceSolution

    Raises
    ------
    InputError
        For an unknown name, or p or a law that is not a distribution.
    CertificationError
        When the solver's witnesses fail the independent check.

    Notes
    -----
    Cost of the solver. Source: Hu et al. 2025 (arXiv 2502.18779).

    Examples
    --------
    >>> law = {frozenset({0}): 0.75, frozenset({1}): 0.25}
    >>> solve_transport([0.5, 0.5], law, "all_subsets").value
    0.75
    """
    if route not in SOLVERS:
        raise InputError(f"unknown route {route!r}; expected one of {', '.join(SOLVERS)}")
    return SOLVERS[route](transport_problem(p, law))
