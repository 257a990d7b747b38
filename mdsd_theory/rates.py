"""The acceptance rate of one verifier: the front door."""

from __future__ import annotations

import warnings
from typing import Any

from mdsd_theory.errors import MonteCarloWarning
from mdsd_theory.results import Rate
from mdsd_theory.schemes.base import Scheme
from mdsd_theory.verifiers import Verifier, resolve_verifier


def acceptance_rate(
    p: Any,
    q: Any,
    *,
    n: int = 3,
    verifier: str | Verifier = "rrs",
    scheme: str | Scheme | None = None,
    detail: bool = False,
) -> Any:
    r"""Return the acceptance rate of a verifier: the chance that it emits one of the drafts.

    .. math:: P(Y \in S)

    with Y the emitted token, of law p, and S the set of drafts. A token drawn from a residual counts
    when it is a draft; ``detail=True`` also gives the part that the rule accepts explicitly.

    Parameters
    ----------
    p : array-like, shape (..., V)
        Target distribution(s): NumPy, torch on any device, or lists.
    q : array-like, shape (..., V)
        Draft distribution(s) of the same shape and kind. For scheme ``independent`` a sequence of n of
        them; for ``joint`` a mapping {(x_1, …, x_n): probability}.
    n : int
        Number of drafts. ``independent`` and ``joint`` take it from q.
    verifier : str or Verifier
        A name in :data:`mdsd_theory.VERIFIERS` or an object, for options of its own.
    scheme : str or Scheme, optional
        How the drafts are drawn; the verifier's default scheme when left out.
    detail : bool
        Return the whole :class:`~mdsd_theory.results.Rate`: value, explicit part, standard error, route.

    Returns
    -------
    float, array of shape (...), or Rate
        1-D input gives a Python float, a batch an array in the input's dtype and device.

    Raises
    ------
    InputError, InputTypeError, SupportError
        For input that is no pair of distributions, an unknown name, or a scheme that the verifier is not
        defined for.

    Warns
    -----
    MonteCarloWarning
        When the value is an estimate, and ``detail`` would have told its standard error.

    Notes
    -----
    Cost: see the verifier's class. Sources: ``VERIFIERS[name].source``.

    Examples
    --------
    >>> from mdsd_theory.rates import acceptance_rate
    >>> p, q = [0.5, 0.25, 0.25], [0.25, 0.5, 0.25]
    >>> acceptance_rate(p, q, n=2, verifier="rrs")
    0.8125
    >>> rate = acceptance_rate(p, q, n=2, verifier="greedy", detail=True)
    >>> rate.value, rate.explicit, rate.route
    (1.0, 0.75, 'closed_form')
    """
    rate = resolve_verifier(verifier).acceptance_rate(p, q, n, scheme=scheme)
    if detail:
        return rate
    if rate.standard_error is not None:
        warnings.warn(_estimate_message(rate), MonteCarloWarning, stacklevel=2)
    return rate.value


def _estimate_message(rate: Rate) -> str:
    error = rate.standard_error
    largest = error if isinstance(error, float) else float(error.max())
    return (
        f"the rate of {rate.verifier!r} with n = {rate.n} is a Monte Carlo estimate with a standard "
        f"error of {'' if isinstance(error, float) else 'at most '}{largest:.1g}; pass detail=True "
        "for the estimate with its standard error"
    )
