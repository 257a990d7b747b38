"""The optimal acceptance rate of a scheme: checks, the choice of a route, and the result."""

from __future__ import annotations

from typing import Any

from mdsd_theory.arrays import UNIT
from mdsd_theory.distributions import Pair
from mdsd_theory.dual.solution import DualSolution
from mdsd_theory.errors import CertificationError
from mdsd_theory.options import checked_pair, exact_draft
from mdsd_theory.rationals import exact_distribution
from mdsd_theory.results import Acceptance, AcceptanceBounds
from mdsd_theory.routes import Route, choose_route
from mdsd_theory.schemes import resolve_scheme
from mdsd_theory.schemes.base import Scheme


def optimal_acceptance(
    p: Any,
    q: Any,
    *,
    n: int = 3,
    scheme: str | Scheme = "without_replacement",
    route: str = "auto",
) -> Acceptance:
    r"""Return the largest acceptance rate that any lossless verifier can reach.

    .. math:: \alpha^* = \min_{H \subseteq \Sigma} P(H) + 1 - Q(H)

    Parameters
    ----------
    p : array-like, shape (..., V)
        Target distribution(s): NumPy, torch on any device, or lists.
    q : array-like, shape (..., V)
        Draft distribution(s) of the same shape and kind. For scheme ``independent`` a sequence of n of
        them; for ``joint`` a mapping {(x_1, …, x_n): probability}.
    n : int
        Number of drafts. ``independent`` and ``joint`` take it from q.
    scheme : str or Scheme
        How the drafts are drawn: a name in :data:`mdsd_theory.SCHEMES` or an object.
    route : str
        ``"auto"``, or a name in :data:`mdsd_theory.ROUTES`.

    Returns
    -------
    Acceptance
        Or :class:`AcceptanceBounds` where the route only encloses α*. 1-D input gives Python floats,
        a batch gives arrays of shape (...) in the input's dtype and device.

    Raises
    ------
    InputError, InputTypeError, SupportError
        For input that is no pair of distributions, or a support smaller than n.
    RouteError, SizeError
        When the route cannot solve the instance.

    Notes
    -----
    Cost by route: :data:`mdsd_theory.ROUTES`. Hu et al. 2025, arXiv 2502.18779.

    Examples
    --------
    >>> import mdsd_theory as mdsd
    >>> result = mdsd.optimal_acceptance([0.5, 0.3, 0.2], [0.2, 0.3, 0.5], n=2)
    >>> round(result.value, 6), result.subset.tolist(), result.route
    (0.985714, [False, True, True], 'race_prefix')
    """
    chosen = resolve_scheme(scheme)
    checked, n = checked_pair(p, q, n, chosen)
    return solve(checked, n, chosen, route)


def solve(checked: Pair, n: int, scheme: Scheme, route: str) -> Acceptance:
    """Return α* of input that has been checked."""
    chosen = choose_route(route, scheme, checked.vocabulary)
    if checked.p.shape[0] == 0:
        return _empty(checked, n, scheme, chosen)
    if chosen.solve is not None:
        solution = chosen.solve(checked.backend, checked.p, checked.q, n)
    else:
        solution = _reference_rows(checked, n, scheme, chosen)
    return _result(checked, n, scheme, chosen, solution)


def _result(checked: Pair, n: int, scheme: Scheme, route: Route, solution: DualSolution) -> Acceptance:
    kind = Acceptance if solution.exact else AcceptanceBounds
    if not bool(((solution.lower <= solution.value) & (solution.value <= solution.upper)).all()):
        raise CertificationError(
            f"route {route.name!r} gave a value outside its own enclosure (a numerical fault) for "
            f"scheme {scheme.name!r}, n = {n}, V = {checked.vocabulary}; please report the instance"
        )
    backend, batch = checked.backend, checked.batch
    return kind(
        value=backend.result(solution.value, batch),
        lower=backend.result(solution.lower, batch, rounding=-1),
        upper=backend.result(solution.upper, batch, rounding=1),
        subset=backend.mask(solution.subset, batch),
        route=route.name,
        scheme=scheme.name,
        n=n,
    )


def _empty(checked: Pair, n: int, scheme: Scheme, route: Route) -> Acceptance:
    none = checked.backend.zeros((0,))
    mask = checked.p > 0
    solution = DualSolution(none, none, none, mask, route.exact)
    return _result(checked, n, scheme, route, solution)


def _reference_rows(checked: Pair, n: int, scheme: Scheme, route: Route) -> DualSolution:
    """Solve one row after the other with the reference layer."""

    solved = [_reference_row(*checked.row(r), n, scheme, route) for r in range(checked.p.shape[0])]
    backend, vocabulary = checked.backend, checked.vocabulary
    value, lower, upper = (backend.array([row[key] for row in solved]) for key in range(3))
    mask = [[i in row[3] for i in range(vocabulary)] for row in solved]
    return DualSolution(value, lower, upper, backend.array(mask) > 0)


def _reference_row(
    p: list[Any], q: Any, n: int, scheme: Scheme, route: Route
) -> tuple[float, float, float, frozenset[int]]:
    """Return value, lower, upper and subset; the enclosure is widened by the set law's roundings."""
    from mdsd_theory.reference import solve_transport

    exact = route.name == "rational"
    if exact:
        p, q = exact_distribution(p, "p"), exact_draft(q, n, scheme, len(p))[0]
    law = scheme.set_law(q, n)
    solution = solve_transport(p, law, route.name)
    error = UNIT * (2 if exact else (n + 2) * (len(p) + len(law)))
    lower = max(0.0, float(solution.lower) - error)
    upper = min(1.0, float(solution.upper) + error)
    return min(max(float(solution.value), lower), upper), lower, upper, solution.subset
