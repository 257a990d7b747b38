"""The optimal acceptance rate straight from logits."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from mdsd_theory.distributions import RawPair, raw_pair
from mdsd_theory.logits import check_options, from_logits
from mdsd_theory.optimal import attempt, solve
from mdsd_theory.options import checked_pair
from mdsd_theory.results import Acceptance
from mdsd_theory.schemes import resolve_scheme
from mdsd_theory.schemes.base import Scheme
from mdsd_theory.schemes.checks import check_drafts, check_n


def optimal_acceptance_from_logits(
    p: Any,
    q: Any,
    *,
    temperature: float = 1.0,
    n: int = 3,
    scheme: str | Scheme = "without_replacement",
    route: str = "auto",
) -> Acceptance:
    r"""Return the largest acceptance rate of drafts and targets drawn from logits at a temperature.

    .. math:: \alpha^* = \min_{H \subseteq \Sigma} P(H) + 1 - Q(H), \qquad
              p_i \propto e^{a_i / T}, \quad q_i \propto e^{b_i / T}

    Routes on a CUDA device read the logits themselves; elsewhere the probabilities are worked out first,
    in float64 whatever the dtype of the logits.

    Parameters
    ----------
    p, q : array-like, shape (..., V)
        Logits of target and draft: NumPy, torch on any device, or lists. ``-inf`` marks a token that
        cannot be drawn.
    temperature : float
        T ≥ 0, of both; zero puts all mass on the largest logit.
    n : int
        Number of drafts.
    scheme : str or Scheme
        How the drafts are drawn: one whose draft is a single distribution.
    route : str
        ``"auto"``, or a name in :data:`mdsd_theory.ROUTES`.

    Returns
    -------
    Acceptance
        As :func:`~mdsd_theory.optimal_acceptance` does, in the dtype of the logits.

    Raises
    ------
    InputError, InputTypeError, SupportError
        For logits that are NaN, ``+inf`` or all ``-inf``, a temperature or shapes that are not as
        above, or fewer than n tokens that can be drawn where the scheme needs them.
    RouteError, SizeError
        When the route cannot solve the instance.

    Notes
    -----
    Cost: that of the route, and where it does not read logits two passes for each of p and q.

    Examples
    --------
    >>> import numpy as np
    >>> p, q = np.log([0.5, 0.3, 0.2]), np.log([0.2, 0.3, 0.5])
    >>> round(optimal_acceptance_from_logits(p, q, n=2).value, 6)
    0.985714
    >>> round(optimal_acceptance_from_logits(p, q, n=2, temperature=0.5).value, 6)
    0.682465
    """
    chosen, n = resolve_scheme(scheme), check_n(n)
    check_drafts(n, chosen)
    raw = raw_pair(p, q)
    check_options(temperature, None, None, raw.vocabulary)
    if temperature > 0:
        result = attempt(raw, n, chosen, route, temperature)
        if result is not None:
            return result
    return _through_probabilities(raw, n, chosen, route, temperature)


def _through_probabilities(
    raw: RawPair, n: int, scheme: Scheme, route: str, temperature: float
) -> Acceptance:
    widened = (raw.backend.widen(x) for x in (raw.p, raw.q))
    p, q = (from_logits(x, temperature=temperature) for x in widened)
    checked, n = checked_pair(p, q, n, scheme)
    return solve(replace(checked, backend=raw.backend), n, scheme, route)
