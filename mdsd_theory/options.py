"""Options that every front door checks the same way."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from mdsd_theory.distributions import Pair, Rows, pair, pair_with_drafters, target_alone
from mdsd_theory.schemes.base import Scheme
from mdsd_theory.schemes.checks import check_n, check_support, implied_n
from mdsd_theory.schemes.joint import check_law


def checked_pair(p: Any, q: Any, n: Any, scheme: Scheme) -> tuple[Pair, int]:
    """Check p, q and n for a scheme.

    For ``independent`` and ``joint`` q tells n; the argument must agree unless it is the default.

    Raises
    ------
    InputError, InputTypeError, SupportError
        See :mod:`mdsd_theory.distributions`; SupportError when q has too few positive entries.
    """
    n = check_n(n)
    if scheme.draft == "law":
        target = target_alone(p)
        slots = check_law(q, target.vocabulary)
        return replace(target, q=q), implied_n(n, slots)
    if scheme.draft == "sequence":
        checked = pair_with_drafters(p, q)
        drafters = int(checked.q.shape[0])
        return checked, implied_n(n, drafters)
    checked = pair(p, q)
    check_support(Rows(checked.q, checked.batch, checked.backend), scheme, n)
    return checked, n
