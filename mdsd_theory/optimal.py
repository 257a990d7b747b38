"""The optimal acceptance rate of a scheme: checks, the choice of a route, and the result."""

from __future__ import annotations

from typing import Any

from mdsd_theory.arrays import UNIT, Backend
from mdsd_theory.distributions import Pair, RawPair
from mdsd_theory.dual.solution import DualSolution
from mdsd_theory.errors import CertificationError, MdsdError, RouteError
from mdsd_theory.options import checked_pair, exact_draft, unchecked_pair
from mdsd_theory.rationals import exact_distribution
from mdsd_theory.results import Acceptance, AcceptanceBounds
from mdsd_theory.routes import Route, choose_routes
from mdsd_theory.routing import Workload, withdraw
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
    raw, drafts = unchecked_pair(p, q, n, chosen)
    if raw is not None:
        result = attempt(raw, drafts, chosen, route)
        if result is not None:
            return result
        p, q = raw.p, raw.q
    checked, drafts = checked_pair(p, q, n, chosen)
    return solve(checked, drafts, chosen, route)


def attempt(
    raw: RawPair, n: int, scheme: Scheme, route: str, temperature: float | None = None
) -> Acceptance | None:
    """Return α* by a route that reads the caller's memory; None where the checks have to come first.

    With a temperature p and q are logits.
    """
    work = Workload.of(raw, n)
    try:
        chosen = choose_routes(route, scheme, work)[0]
    except MdsdError:
        return None
    read = chosen.raw if temperature is None else chosen.logits
    if read is None or work.rows == 0:
        return None
    options = () if temperature is None else (temperature,)
    try:
        solution = read(raw.backend, raw.p, raw.q, n, *options)
    except Exception as error:
        _fall_back(chosen, error, route)
        return None
    return None if solution is None else _result(raw, n, scheme, chosen, solution)


def solve(checked: Pair, n: int, scheme: Scheme, route: str) -> Acceptance:
    """Return α* of input that has been checked."""
    chosen, *others = choose_routes(route, scheme, Workload.of(checked, n))
    if checked.p.shape[0] == 0:
        return _empty(checked, n, scheme, chosen)
    for one in (chosen, *others):
        try:
            solution = _solution(checked, n, scheme, one)
        except Exception as error:
            _fall_back(one, error, route if others else one.name)
            return solve(checked, n, scheme, route)
        if solution is not None:
            return _result(checked, n, scheme, one, solution)
    raise RouteError(
        f"route {chosen.name!r} does not serve one of the rows (too little of q is left after its n - 1 "
        "largest tokens): use 'auto'"
    )


def _fall_back(route: Route, error: Exception, asked: str) -> None:
    """Withdraw a route of the automatic choice that failed to compile or run; else raise again."""
    library = type(error).__module__.split(".")[0] in ("cupy", "cupy_backends", "numba")
    failed = library or isinstance(error, ImportError | OSError | RuntimeError)
    ours = isinstance(error, TimeoutError | MdsdError) or type(error).__name__ == "OutOfMemoryError"
    if asked != "auto" or ours or not failed:
        raise error
    withdraw(route.name, f"it failed with {type(error).__name__}: {error}")


def _solution(checked: Pair, n: int, scheme: Scheme, route: Route) -> DualSolution | None:
    if route.solve is None:
        return _reference_rows(checked, n, scheme, route)
    solution: DualSolution | None = route.solve(checked.backend, checked.p, checked.q, n)
    return solution


def _result(
    checked: Pair | RawPair, n: int, scheme: Scheme, route: Route, solution: DualSolution
) -> Acceptance:
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
        subset=_mask(backend, solution.subset, batch),
        route=route.name,
        scheme=scheme.name,
        n=n,
    )


def _mask(backend: Backend, subset: Any, batch: tuple[int, ...]) -> Any:
    """Return H in the caller's shape, or what writes it down."""
    if callable(subset):
        return lambda: backend.mask(subset(), batch)
    return backend.mask(subset, batch)


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
