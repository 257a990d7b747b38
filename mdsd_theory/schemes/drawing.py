"""Draws from rows of probabilities: one token, or several different ones."""

from __future__ import annotations

from typing import Any

from mdsd_theory.arrays import Array, Backend, count_below, gather, uniforms

FEW_TIMES = 4
"""Up to this many times, n running sums for each cost less than one sort of the row."""


def draw(backend: Backend, q: Array, count: int, generator: Any) -> Array:
    """Return ``count`` independent tokens from each row of q, by inversion; shape (rows, count).

    A token of probability zero is never drawn, not even by a uniform number of exactly zero.
    """
    u = uniforms(backend, generator, (q.shape[0], count))
    return invert(backend, backend.xp.cumulative_sum(q, axis=-1), u)


def invert(backend: Backend, sums: Array, u: Array) -> Array:
    """Return the first token whose running sum exceeds u times the total.

    There is one: u ≤ 1 − 2⁻⁵³, so that u times the total rounds to less than the total.
    """
    return count_below(backend, sums, u * sums[:, -1:])


def draw_different(backend: Backend, q: Array, count: int, n: int, generator: Any) -> Array:
    """Return ``count`` times n successive tokens from each row, each without the earlier ones.

    A few times go over the row for each token. For more, tokens are put in ascending order of q. The mass
    that is left is the running sum at the largest token left, less the tokens drawn below it, each no
    larger than that one: nothing cancels, however peaked q is.

    Returns
    -------
    array of int, shape (rows, count, n)
    """
    xp = backend.xp
    u = uniforms(backend, generator, (n, q.shape[0], count))
    if 0 < count <= FEW_TIMES:
        return _draw_few(backend, q, u)
    order = xp.argsort(q, axis=-1, stable=True)
    zero = backend.zeros((q.shape[0], 1))
    sums = xp.concat([zero, xp.cumulative_sum(gather(xp, q, order), axis=-1)], axis=-1)
    places: list[Array] = []
    for k in range(n):
        places.append(_next_place(backend, sums, u[k, ...], places))
    return xp.stack([gather(xp, order, place) for place in places], axis=-1)


def _draw_few(backend: Backend, q: Array, u: Array) -> Array:
    """Return the tokens for u of shape (n, rows, count) by running sums of what is left of q."""
    xp, (n, _, count) = backend.xp, u.shape
    positions, times = backend.arange(q.shape[-1])[None, :], []
    for c in range(count):
        left = q
        tokens: list[Array] = []
        for k in range(n):
            if k:
                left = xp.where(positions == tokens[-1], 0.0, left)
            tokens.append(invert(backend, xp.cumulative_sum(left, axis=-1), u[k, :, c : c + 1]))
        times.append(xp.concat(tokens, axis=-1))
    return xp.stack(times, axis=1)


def _next_place(backend: Backend, sums: Array, u: Array, drawn: list[Array]) -> Array:
    """Return one more place in the ascending order, different from those drawn.

    Parameters
    ----------
    sums : array, shape (rows, V + 1)
        Running sums of q in that order, from zero.
    u : array, shape (rows, count)
    drawn : list of arrays of int, shape (rows, count)
    """
    xp = backend.xp
    if not drawn:
        return invert(backend, sums[:, 1:], u)
    places = list(xp.sort(xp.stack(drawn, axis=0), axis=0))
    end = xp.zeros_like(drawn[0]) + sums.shape[-1] - 1
    for place in reversed(places):
        end = xp.where(place == end - 1, place, end)
    gaps = [(gather(xp, sums, place), gather(xp, sums, place + 1)) for place in places]
    left = gather(xp, sums, end)
    for place, (start, stop) in zip(places, gaps, strict=True):
        left = left - xp.where(place < end, stop - start, 0.0)
    aim = u * left
    for start, stop in gaps:
        aim = xp.where(aim >= start, xp.maximum(aim + (stop - start), stop), aim)
    return xp.minimum(count_below(backend, sums[:, 1:], aim), end - 1)
