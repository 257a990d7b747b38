"""Options that every front door checks the same way."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from mdsd_theory.distributions import Pair, pair, pair_with_drafters, target_alone
from mdsd_theory.errors import InputError, InputTypeError, SupportError
from mdsd_theory.schemes.base import Scheme
from mdsd_theory.schemes.joint import check_law

DEFAULT_N = 3
"""Number of drafts when none is given."""


def check_n(n: Any) -> int:
    """Return n as an int, or say what is wrong with it."""
    if isinstance(n, bool) or not isinstance(n, int | np.integer):
        raise InputTypeError(
            f"n is {n!r} of type {type(n).__name__}; expected the number of drafts as an integer"
        )
    if n < 1:
        raise InputError(f"n is {n}; expected at least one draft")
    return int(n)


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
    check_support(checked, scheme, n)
    return checked, n


def implied_n(n: int, implied: int) -> int:
    """Return the number of drafts that q tells; an explicit n must agree."""
    if n not in (implied, DEFAULT_N):
        raise InputError(
            f"n is {n} but q holds {implied} drafts a position; leave n out, or make them agree"
        )
    return implied


def check_support(checked: Pair, scheme: Scheme, n: int) -> None:
    """Raise :class:`SupportError` naming the row of smallest support, if that is too small."""
    if scheme.support_needed(n) <= 1 or checked.q.shape[0] == 0:
        return
    xp = checked.backend.xp
    size = xp.sum(xp.astype(checked.q > 0, xp.int64), axis=-1)
    row = int(xp.argmin(size))
    index = ", ".join(str(int(i)) for i in np.unravel_index(row, checked.batch))
    place = f"q[{index}]" if checked.batch else "q"
    check_support_size(int(size[row]), place, checked.vocabulary, scheme, n)


def check_support_size(have: int, place: str, vocabulary: int, scheme: Scheme, n: int) -> None:
    """Raise :class:`SupportError` when ``have`` tokens are too few for the scheme."""
    needed = scheme.support_needed(n)
    if have < needed:
        raise SupportError(
            f"{place} has {have} token{'' if have == 1 else 's'} of positive probability (V = "
            f"{vocabulary}); {scheme.name} with n = {n} needs at least {needed}: lower n, raise the "
            "temperature, or truncate less (top_k, top_p)"
        )
