"""Which tokens count as one, in what order, and the plateaus c′ and c: the law of the pick in floats."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from mdsd_theory.verifiers.optimal.winning_loop import Clip

Array = np.ndarray[Any, Any]


class Groups(NamedTuple):
    """Groups of tokens that count as one, and tokens that draw one of two groups.

    A token of group g counts as group g + 1 with chance (p/q − foot[g])·step[g], as g else.

    Attributes
    ----------
    label : array of int, shape (V,)
        Each token's group; of no meaning where q = 0.
    rank : array of int, shape (groups + 1,)
        Each group's place by density ascending; of no meaning for those without mass.
    foot, step : array, shape (groups,)
        A step is 0 where nothing is drawn.
    p, q : array, shape (ranks,)
        Sums over tokens of positive q, in the order of the ranks.
    clip : Clip
        The plateaus.
    """

    label: Array
    rank: Array
    foot: Array
    step: Array
    p: Array
    q: Array
    clip: Clip


def ratio_order(p: Array, q: Array) -> Array:
    """Return the tokens of positive q by p/q ascending, ties by index."""
    from mdsd_theory.ratio_sort_loop import argsort_positive

    with np.errstate(all="ignore"):
        order: Array = argsort_positive(p / q)
    return order[: np.count_nonzero(q)]


def alone(p: Array, q: Array, n: int, label: Array) -> Groups:
    """Return every token as a group, sorted.

    Parameters
    ----------
    p, q : array, shape (V,)
    n : int
        Number of drafts.
    label : array of int, shape (V,)
        Overwritten.
    """
    label[:] = np.arange(p.size)
    return whole_groups(label, p, q, ratio_order(p, q), n)


def whole_groups(label: Array, p: Array, q: Array, order: Array, n: int) -> Groups:
    """Return the groups of these sums, in this order by p/q ascending of those of positive q."""
    from mdsd_theory.verifiers.optimal.winning_loop import clip_levels

    rank, nothing = np.zeros(p.size + 1, np.int32), np.zeros(p.size)
    rank[order] = np.arange(order.size)
    p, q = p[order], q[order]
    return Groups(label, rank, nothing, nothing, p, q, clip_levels(p, q, n))
