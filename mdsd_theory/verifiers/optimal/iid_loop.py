"""From the pieces of the left curtain to what a plan draws from, compiled."""

from __future__ import annotations

from typing import Any

import numpy as np

from mdsd_theory.compiled import compiled
from mdsd_theory.verifiers.optimal.curtain_levels import mean_height, more

Array = np.ndarray[Any, Any]


@compiled()
def keys_of(first: Array, width: Array, bits: int) -> Array:
    """Return, piece after piece, (atom + chance of its pieces so far) · 2^bits, as integers.

    They ascend over all atoms, so that one search finds the piece of an atom at a uniform number.
    They are written over the widths: fresh memory costs more than the arithmetic.

    Parameters
    ----------
    first : array of int, shape (K + 1,)
    width : array, shape (pieces,)
        Lost.
    bits : int
        K · 2^bits < 2^63.
    """
    keys, one = width.view(np.int64), np.int64(1) << bits
    for i in range(first.size - 1):
        total, lost = 0.0, 0.0
        for e in range(first[i], first[i + 1]):
            total, lost = more(total, lost, width[e])
        scale = one / (total + lost)
        base, total, lost = i * one, 0.0, 0.0
        for e in range(first[i], first[i + 1] - 1):
            total, lost = more(total, lost, width[e])
            keys[e] = base + min(np.int64((total + lost) * scale + 0.5), one)
        keys[first[i + 1] - 1] = base + one
    return keys


@compiled()
def picked_density(q: Array, first: Array, level: Array, keys: Array, bits: int, n: int) -> Array:
    """Return f = y/q of each atom, y the law of the pick under the chances that the keys hold.

    The levels get the masses that are really drawn there, whatever was meant; their running sums S_k
    give P(the highest level is k) = S_k^n − S_{k−1}^n, shared in proportion.

    Parameters
    ----------
    q : array, shape (K,)
        Masses of the atoms.
    first, level, keys, bits
        See :func:`keys_of`.
    n : int
        Number of drafts.
    """
    size = q.size
    mass, lost, density = np.zeros(size), np.zeros(size), np.empty(size)
    unit = 0.5**bits
    for i in range(size):
        before = np.int64(i) << bits
        for e in range(first[i], first[i + 1]):
            k = level[e]
            mass[k], lost[k] = more(mass[k], lost[k], q[i] * ((keys[e] - before) * unit))
            before = keys[e]
    total, rest = 0.0, 0.0
    for k in range(size):
        low = total + rest
        total, rest = more(total, rest, mass[k])
        total, rest = more(total, rest, lost[k])
        mass[k] = mean_height(low, total + rest, n)
    scale = (total + rest) ** -n
    for i in range(size):
        before, mean, error = np.int64(i) << bits, 0.0, 0.0
        for e in range(first[i], first[i + 1]):
            mean, error = more(mean, error, (keys[e] - before) * mass[level[e]])
            before = keys[e]
        density[i] = (mean + error) * unit * scale
    return density


@compiled()
def pick_and_residual(
    p: Array, q: Array, label: Array, foot: Array, base: Array, slope: Array, size: int
) -> tuple[Array, float, float]:
    """Return what is left of p where the pick is rejected, in blocks, and Σ min(p, y).

    Where that is nothing p and y are equal but for rounding: of p then, so that a rejected pick is drawn
    anew.

    Parameters
    ----------
    p, q, label : array, shape (V,)
    foot, base, slope : array, shape (groups,)
        y = q·base + (p − q·foot)·slope.
    size : int
        Tokens to a block, a power of two.

    Returns
    -------
    residual : array, shape (⌈V / size⌉,)
        Running sums of (p − y)_+ over blocks of tokens.
    kept : float
        1; 0 where the residual is p itself: it is (p − kept·y)_+.
    value : float
    """
    blocks = (p.size + size - 1) // size
    residual, spare, common = np.empty(blocks), np.zeros(size), np.zeros(size)
    total, lost, value, error = 0.0, 0.0, 0.0, 0.0
    for b in range(blocks):
        block = slice(b * size, (b + 1) * size)
        target, draft, group = p[block], q[block], label[block]
        spare[target.size :], common[target.size :] = 0.0, 0.0
        for j in range(target.size):
            g = group[j]
            y = draft[j] * base[g] + (target[j] - draft[j] * foot[g]) * slope[g]
            spare[j] = target[j] - y if target[j] > y else 0.0
            common[j] = y if target[j] > y else target[j]
        half = size // 2
        while half > 0:
            for j in range(half):
                spare[j] += spare[j + half]
                common[j] += common[j + half]
            half //= 2
        total, lost = more(total, lost, spare[0])
        value, error = more(value, error, common[0])
        residual[b] = total + lost
    if blocks > 0 and residual[-1] <= 0.0:
        for b in range(blocks):
            residual[b] = p[: (b + 1) * size].sum()
        return residual, 0.0, value + error
    return residual, 1.0, value + error
