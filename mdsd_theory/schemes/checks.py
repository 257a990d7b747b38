"""Checks that need a scheme: the number of drafts, and a support large enough for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mdsd_theory.distributions import Rows, place
from mdsd_theory.errors import InputError, InputTypeError, SupportError

if TYPE_CHECKING:
    from mdsd_theory.schemes.base import Scheme

DEFAULT_N = 3
"""Number of drafts when none is given."""


def check_n(n: Any) -> int:
    """Return n as an int, or say what is wrong with it."""
    return whole(n, "n", 1, "the number of drafts")


def check_size(size: Any) -> int:
    """Return the number of draws as an int, or say what is wrong with it."""
    return whole(size, "size", 0, "the number of draws")


def whole(x: Any, name: str, least: int, meaning: str) -> int:
    """Return an integer of at least ``least``, or say what is wrong with it."""
    if isinstance(x, bool) or not isinstance(x, int | np.integer):
        raise InputTypeError(
            f"{name} is {x!r} of type {type(x).__name__}; expected {meaning}, an integer"
        )
    if x < least:
        raise InputError(f"{name} is {x}; expected {meaning}, at least {least}")
    return int(x)


def implied_n(n: int, implied: int) -> int:
    """Return the number of drafts that q tells; an explicit n must agree."""
    if n not in (implied, DEFAULT_N):
        raise InputError(
            f"n is {n} but q holds {implied} drafts a position; leave n out, or make them agree"
        )
    return implied


def check_drafts(n: int, scheme: Scheme) -> None:
    """Raise :class:`InputError` when the scheme is not defined for n drafts."""
    if scheme.drafts is None or n in scheme.drafts:
        return
    able = " or ".join(map(str, scheme.drafts))
    other = scheme.same_sets_as
    raise InputError(
        f"n is {n}; scheme {scheme.name!r} is defined for n = {able} only: pass n={scheme.drafts[0]}"
        + (f", or scheme={other!r}, which has the same sets of drafts there" if other else "")
    )


def check_support(rows: Rows, scheme: Scheme, n: int) -> None:
    """Raise :class:`SupportError` naming the row of smallest support, if that is too small."""
    if scheme.support_needed(n) <= 1 or rows.x.shape[0] == 0:
        return
    xp = rows.backend.xp
    size = xp.count_nonzero(rows.x, axis=-1)
    if not bool(xp.any(size < scheme.support_needed(n))):
        return
    row = int(xp.argmin(size))
    check_support_size(int(size[row]), place("q", rows.batch, row), rows.x.shape[-1], scheme, n)


def check_support_size(have: int, place: str, vocabulary: int, scheme: Scheme, n: int) -> None:
    """Raise :class:`SupportError` when ``have`` tokens are too few for the scheme."""
    needed = scheme.support_needed(n)
    if have < needed:
        raise SupportError(
            f"{place} has {have} token{'' if have == 1 else 's'} of positive probability (V = "
            f"{vocabulary}; fast routes count less than 1e-290 as zero); {scheme.name} with n = {n} "
            f"needs at least {needed}: lower n, raise the temperature, or truncate less (top_k, top_p)"
        )
