"""What every solver of the reference layer returns: the value with both witnesses, certified."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from mdsd_theory.errors import CertificationError
from mdsd_theory.reference.check import Coupling, Number, certified, check_dual
from mdsd_theory.reference.rounding import Floats, feasible_flow, rounded_subset
from mdsd_theory.reference.transport import TransportProblem, describe

GAP_TOLERANCE = 1e-9
"""Largest gap between the two witnesses of a float solver."""

DUAL_TOLERANCE = 1e-7
"""Largest violation of a dual constraint by the point that a float solver reports."""


@dataclass(frozen=True)
class ReferenceSolution:
    """α* of one instance with a lower and an upper bound and what proves them.

    Attributes
    ----------
    value : number
        α*: the value P(H) + 1 − Q(H) of the subset found, equal to ``upper``.
    lower : number
        Value of the coupling; equals ``value`` in exact arithmetic.
    upper : number
        Value of the subset.
    coupling : dict of (frozenset, int) to number, or None
        The positive masses c(S, i). None for the enumeration of subsets, which has no coupling.
    subset : frozenset of int
        H.
    u : tuple of numbers, shape (V,), or None
        The solver's dual point: prices of tokens.
    v : dict of frozenset to number, or None
        The solver's dual point: prices of sets.
    status : str
        What the solver said.
    route : str
        Who solved it.
    """

    value: Number
    lower: Number
    upper: Number
    coupling: Coupling | None = field(repr=False)
    subset: frozenset[int]
    u: tuple[Number, ...] | None = field(repr=False)
    v: Mapping[frozenset[int], Number] | None = field(repr=False)
    status: str
    route: str

    @property
    def gap(self) -> Number:
        """Upper minus lower."""
        return self.upper - self.lower


def certified_solution(
    problem: TransportProblem,
    coupling: Coupling,
    subset: frozenset[int],
    *,
    status: str,
    route: str,
) -> ReferenceSolution:
    """Return the solution after the independent check of both witnesses.

    Parameters
    ----------
    problem : TransportProblem
    coupling : mapping of (frozenset, int) to number
    subset : frozenset of int
    status, route : str

    Raises
    ------
    CertificationError
        When a witness fails, or the gap is above 0 (Fractions) or 1e-9 (floats).
    """
    source = f"{route} ({describe(problem)})"
    tol = 0 if problem.exact else GAP_TOLERANCE
    lower, upper = certified(problem.p, problem.law, coupling, subset, tol, source=source)
    return ReferenceSolution(upper, lower, upper, coupling, subset, None, None, status, route)


def program_solution(
    problem: TransportProblem, flow: Floats, u: Floats, v: Floats, *, status: str, route: str
) -> ReferenceSolution:
    """Return the certified solution of a linear program solved in floats.

    The flow is made exactly feasible, the dual point is checked and rounded to a subset.

    Parameters
    ----------
    problem : TransportProblem
    flow : array, shape (edges,)
    u : array, shape (V,)
    v : array, shape (sets,)
    status, route : str

    Raises
    ------
    CertificationError
        When the dual point is not feasible to 1e-7, or the gap is above 1e-9.
    """
    prices = tuple(np.asarray(u, dtype=float).tolist())
    by_set = dict(zip(problem.sets, np.asarray(v, dtype=float).tolist(), strict=True))
    try:
        check_dual(problem.p, problem.law, prices, by_set, DUAL_TOLERANCE)
    except CertificationError as error:
        raise CertificationError(f"{route} ({describe(problem)}): {error}") from None
    coupling = coupling_of(problem, feasible_flow(problem, flow))
    subset = rounded_subset(problem, np.asarray(u, dtype=float))
    plain = certified_solution(problem, coupling, subset, status=status, route=route)
    return ReferenceSolution(
        plain.value, plain.lower, plain.upper, coupling, subset, prices, by_set, status, route
    )


def coupling_of(problem: TransportProblem, flow: Floats) -> Coupling:
    """Return the positive masses of a flow, keyed by (set, token)."""
    used = np.flatnonzero(flow > 0)
    owners, tokens = problem.edge_set[used].tolist(), problem.edge_token[used].tolist()
    pairs = ((problem.sets[s], i) for s, i in zip(owners, tokens, strict=True))
    return dict(zip(pairs, flow[used].tolist(), strict=True))


def unexpected_status(solver: str, status: str, problem: TransportProblem) -> CertificationError:
    """Return the error for a solver that did not reach an optimum."""
    return CertificationError(
        f"{solver} answered {status!r} for {describe(problem)}; expected 'optimal'. The program "
        "always has an optimum, so this is a numerical failure of the solver: try solve_max_flow"
    )
