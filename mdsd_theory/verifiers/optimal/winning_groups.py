"""Which tokens count as one, and the plateaus c′ and c, for the law of the pick in floats.

Tokens that are clipped to c′ need not be told apart, nor those clipped to c. A histogram of p/q shows
both plateaus roughly, and only the tokens between them are sorted: a tenth of the vocabulary or so
on real distributions.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from mdsd_theory.verifiers.optimal.winning_loop import Clip

Array = np.ndarray[Any, Any]

OCTAVES = 24.0
"""Ratios below n·2^−24 share a bin of the histogram; f is never above n."""

BINS = 4096
"""Bins of the histogram."""


class Groups(NamedTuple):
    """Tokens that count as one.

    Attributes
    ----------
    label : array of int, shape (V,)
        Each token's group; of no meaning where q = 0.
    order : array of int, shape (groups,)
        Groups of positive q by p/q ascending.
    p, q : array, shape (groups,)
        Their sums over tokens of positive q, in that order.
    clip : Clip
        The plateaus.
    size : int
        Number of groups, those with q = 0 among them.
    """

    label: Array
    order: Array
    p: Array
    q: Array
    clip: Clip
    size: int


def groups_of(label: Array, p: Array, q: Array, n: int) -> Groups:
    """Return the groups of these sums in ascending order of p/q, with their plateaus."""
    from mdsd_theory.verifiers.optimal.winning_loop import clip_levels

    order, size = ratio_order(p, q), p.size
    p, q = p[order], q[order]
    return Groups(label, order, p, q, clip_levels(p, q, n), size)


def ratio_order(p: Array, q: Array) -> Array:
    """Return the tokens of positive q by p/q ascending."""
    with np.errstate(all="ignore"):
        order = np.argsort(p / q)
    return order[: np.count_nonzero(q)]


def exact_groups(p: Array, q: Array, n: int) -> Groups:
    """Return every token alone but for those of the two plateaus.

    If c′ of these groups is not below the ratios in the first, nor c above those in the last, then y ≥ p
    on the one and y ≤ p on the other. So Σ min(p, y) over tokens is the same over groups, which is
    the minimum of P(H) + 1 − q(H)^n over fewer sets H: it is α*. Else all tokens are sorted.

    Parameters
    ----------
    p, q : array, shape (V,)
    n : int
        Number of drafts.

    Returns
    -------
    Groups

    Notes
    -----
    Cost O(V), and a sort of the tokens between the plateaus.
    """
    from mdsd_theory.verifiers.optimal.bucket_loop import lone_tokens

    x, low, high = varying(p, q, n)
    label, sums_p, sums_q = lone_tokens(x, p, q, low, high)
    found = groups_of(label, sums_p, sums_q, n)
    floor, ceiling = near_log(np.array([found.clip.floor, found.clip.ceiling]))
    if (sums_q[0] > 0 and floor < low) or (sums_q[-1] > 0 and ceiling > high):
        return groups_of(np.arange(p.size), p, q, n)
    return found


def varying(p: Array, q: Array, n: int) -> tuple[Array, float, float]:
    """Return log p/q, and a narrow interval of it that most likely holds log c′ and log c."""
    from mdsd_theory.verifiers.optimal.bucket_loop import bucket_sums, labels_of

    with np.errstate(all="ignore"):
        x = near_log(p / q)
    high = math.log2(n) + 0.1
    low, margin = high - OCTAVES, 2 * OCTAVES / BINS
    label = labels_of(x, low, high, BINS)
    clip = groups_of(label, *bucket_sums(label, p, q, BINS), n).clip
    floor, ceiling = near_log(np.array([clip.floor, clip.ceiling]))
    return x, max(low, floor - margin), min(high, ceiling + margin)


def near_log(x: Array) -> Array:
    """Return log₂ x within 0.09, ascending: the bits of a positive float read as one number."""
    return x.view(np.int64) * 2.0**-52 - 1023.0
