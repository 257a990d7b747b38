"""Probabilities from logits: temperature, top-k, top-p."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from mdsd_theory.arrays import Array, Backend, gather, host, quiet
from mdsd_theory.distributions import place
from mdsd_theory.errors import InputError, InputTypeError
from mdsd_theory.intake import adopt, common_backend, require_vocabulary


def from_logits(
    logits: Any,
    *,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
) -> Array:
    r"""Return the probabilities that sampling from logits uses.

    .. math:: p_i \propto \exp(\ell_i / T)

    on the tokens kept, in the order temperature, top-k, top-p.

    Parameters
    ----------
    logits : array-like, shape (..., V)
        ``-inf`` marks a token that cannot be drawn.
    temperature : float
        T ≥ 0; zero puts all mass on the largest logit, the lowest index among ties.
    top_k : int, optional
        Keep exactly the k largest logits, lowest index first among ties.
    top_p : float, optional
        Keep the fewest tokens, largest first, whose mass reaches ``top_p``; at least one.

    Returns
    -------
    array, shape (..., V)
        The input's library, device and dtype. Computed in float64 (float32 on MPS), so that half
        precision is only rounded at the end.

    Raises
    ------
    InputError, InputTypeError
        For NaN, ``+inf``, a row without a finite logit, or options out of range.

    Notes
    -----
    Cost O(V), and one sort a row with ``top_k`` or ``top_p``.

    Examples
    --------
    >>> import numpy as np
    >>> from_logits(np.log([0.5, 0.3, 0.2]), top_p=0.7).round(3).tolist()
    [0.625, 0.375, 0.0]
    """
    x = adopt(logits, "logits")
    require_vocabulary(x, "logits")
    check_options(temperature, top_k, top_p, int(x.shape[-1]))
    backend = common_backend({"logits": x})
    xp = backend.xp
    rows = xp.reshape(backend.widen(x), (-1, x.shape[-1]))
    if rows.shape[0] == 0:
        return xp.asarray(x, copy=True)
    _check_logits(backend, rows, tuple(x.shape[:-1]))
    probabilities = _warp(backend, rows, temperature, top_k, top_p)
    return xp.reshape(xp.astype(probabilities, x.dtype), tuple(x.shape))


def check_options(temperature: float, top_k: int | None, top_p: float | None, vocabulary: int) -> None:
    """Raise where an option of :func:`from_logits` is out of range."""
    if isinstance(temperature, bool) or not isinstance(temperature, int | float | np.number):
        raise InputTypeError(f"temperature is {temperature!r}; expected a number >= 0")
    if not (math.isfinite(temperature) and temperature >= 0):
        raise InputError(f"temperature is {temperature}; expected a finite number >= 0")
    if top_k is not None and (
        isinstance(top_k, bool) or not isinstance(top_k, int | np.integer) or top_k < 1
    ):
        raise InputError(f"top_k is {top_k!r}; expected an integer >= 1 (V = {vocabulary})")
    if top_p is not None and (
        isinstance(top_p, bool) or not isinstance(top_p, int | float | np.number) or not 0 < top_p <= 1
    ):
        raise InputError(f"top_p is {top_p!r}; expected a number in (0, 1]")


def _check_logits(backend: Backend, rows: Array, leading: tuple[int, ...]) -> None:
    with quiet():
        largest = host(backend.xp.max(rows, axis=-1))
    bad = ~np.isfinite(largest)
    if not bad.any():
        return
    row = int(np.argmax(bad))
    where, value = place("logits", leading, row), largest[row]
    if value == -math.inf:
        raise InputError(f"{where} has no finite entry; expected at least one token that can be drawn")
    raise InputError(f"{where} holds {value}; expected finite numbers, or -inf for a masked token")


def _warp(
    backend: Backend, rows: Array, temperature: float, top_k: int | None, top_p: float | None
) -> Array:
    xp = backend.xp
    shifted = rows - xp.max(rows, axis=-1, keepdims=True)
    if temperature == 0:
        top_k, top_p, temperature = 1, None, 1.0
    with quiet():
        weights = xp.exp(shifted / temperature)
    if top_k is not None or top_p is not None:
        weights = _truncate(backend, shifted, weights, top_k, top_p)
    return weights / xp.sum(weights, axis=-1, keepdims=True)


def _truncate(
    backend: Backend, shifted: Array, weights: Array, top_k: int | None, top_p: float | None
) -> Array:
    """Zero the weights outside the top-k, then outside the nucleus of what is left."""
    xp = backend.xp
    order = xp.argsort(-shifted, axis=-1, stable=True)
    ranked = gather(xp, weights, order)
    keep = backend.arange(ranked.shape[-1])[None, :] < (top_k or ranked.shape[-1])
    ranked = xp.where(keep, ranked, 0.0)
    if top_p is not None:
        before = xp.cumulative_sum(ranked, axis=-1) - ranked
        ranked = xp.where(before < top_p * xp.sum(ranked, axis=-1, keepdims=True), ranked, 0.0)
    rank = xp.argsort(order, axis=-1)
    return gather(xp, ranked, rank)
