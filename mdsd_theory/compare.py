"""The front door: the optimum of each scheme beside what its verifiers reach."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from mdsd_theory.comparison import Comparison, PerScheme
from mdsd_theory.errors import InputError, InputTypeError
from mdsd_theory.optimal import solve
from mdsd_theory.options import checked_pair
from mdsd_theory.results import Rate
from mdsd_theory.schemes import resolve_schemes
from mdsd_theory.schemes.base import Scheme
from mdsd_theory.verifiers import Verifier, resolve_verifier, verifiers_of


def compare(
    p: Any,
    q: Any,
    *,
    n: int = 3,
    scheme: str | Scheme | Iterable[str | Scheme] = "without_replacement",
    verifiers: str | Verifier | Iterable[str | Verifier] | None = None,
    route: str = "auto",
) -> Comparison:
    r"""Compare the optimal acceptance rate α* with what the known verifiers reach.

    Parameters
    ----------
    p : array-like, shape (..., V)
        Target distribution(s): NumPy, torch on any device, or lists.
    q : array-like, shape (..., V)
        Draft distribution(s) of the same shape and kind. For scheme ``independent`` a sequence of n of
        them; for ``joint`` a mapping {(x_1, …, x_n): probability}.
    n : int
        Number of drafts at the position. ``independent`` and ``joint`` take it from q.
    scheme : str, Scheme, or list of these
        How the drafts are drawn: names in :data:`mdsd_theory.SCHEMES`, or ``"all"`` for the four that
        draw from one q and have an optimum of their own.
    verifiers : str, Verifier, or list of these, optional
        Names in :data:`mdsd_theory.VERIFIERS`; all that serve a scheme and n when left out, none for
        ``[]``.
    route : str
        ``"auto"``, or a name in :data:`mdsd_theory.ROUTES`.

    Returns
    -------
    Comparison
        Prints as a table; has ``optimal``, ``rates``, ``gaps``, ``to_dict``, ``to_json``, ``to_frame``
        and ``plot``.

    Raises
    ------
    InputError, InputTypeError, SupportError
        For input that is no pair of distributions, an unknown name, a support smaller than n, or a
        scheme or verifier asked for that is not defined for n.
    RouteError, SizeError
        When the route cannot solve the instance.

    Notes
    -----
    Costs are those of the routes and verifiers; with one q and V = 50,000 some tenths of a second, most
    of it for ``optimal`` without replacement. Hu et al. 2025, arXiv 2502.18779.

    Examples
    --------
    >>> import mdsd_theory as mdsd
    >>> result = mdsd.compare([0.5, 0.3, 0.2], [0.2, 0.3, 0.5], n=2, scheme="greedy")
    >>> round(result.optimal.value, 6), {k: round(v, 6) for k, v in result.rates.items()}
    (0.9, {'naive': 0.58, 'greedy': 0.9, 'optimal': 0.9})
    """
    schemes = resolve_schemes(scheme)
    kinds = {one.draft for one in schemes}
    if len(kinds) > 1:
        raise InputError(
            f"schemes {', '.join(one.name for one in schemes)} need different q (one distribution, a "
            "sequence of them, or a law); compare them in separate calls"
        )
    asked = None if verifiers is None else _asked(verifiers, schemes)
    optimal = PerScheme()
    rates: list[Rate] = []
    for one in schemes:
        checked, drafts = checked_pair(p, q, n, one)
        optimal[one.name] = solve(checked, drafts, one, route)
        serving = verifiers_of(one, drafts) if asked is None else asked
        for verifier in (v for v in serving if v.serves(one)):
            rates.append(verifier.rate(checked, drafts, one))
    return Comparison(optimal, _keyed(rates))


def _asked(verifiers: Any, schemes: list[Scheme]) -> list[Verifier]:
    """Return the verifiers asked for; each must serve at least one scheme."""
    if isinstance(verifiers, str | Verifier):
        verifiers = [verifiers]
    try:
        asked = [resolve_verifier(v) for v in verifiers]
    except TypeError as error:
        if isinstance(error, InputTypeError):
            raise
        raise InputTypeError(f"verifiers is {verifiers!r}; expected names or objects") from None
    names = [verifier.name for verifier in asked]
    if len(set(names)) < len(names):
        raise InputError(
            f"verifiers lists a name twice: {', '.join(names)}; compare two settings of one rule in "
            "separate calls"
        )
    for verifier in asked:
        if not any(verifier.serves(scheme) for scheme in schemes):
            served = ", ".join(scheme.name for scheme in schemes)
            own = ", ".join(verifier.schemes or ())
            raise InputError(f"verifier {verifier.name!r} is for {own}, not for {served}")
    return asked


def _keyed(rates: list[Rate]) -> dict[str, Rate]:
    """Key rates by verifier, and by ``verifier:scheme`` where one serves several schemes."""
    names = [rate.verifier for rate in rates]
    return {
        rate.verifier if names.count(rate.verifier) == 1 else f"{rate.verifier}:{rate.scheme}": rate
        for rate in rates
    }
