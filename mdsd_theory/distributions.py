"""Distributions: check p and q, and flatten them to rows."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mdsd_theory.arrays import EPS, Array, Backend, dtype_name, host, is_torch, quiet
from mdsd_theory.errors import InputError, InputTypeError
from mdsd_theory.intake import adopt, common_backend, require_vocabulary


def sum_tolerance(dtype: str, vocabulary: int) -> float:
    """Return how far a row of probabilities may be from summing to one.

    ======== =============================================
    dtype    tolerance
    ======== =============================================
    float64  1e-9
    float32  2e-6 + 2⁻²³·√V (a softmax summed in float32)
    float16  float32's + 2·2⁻¹⁰ + V·2⁻²⁴ (tail flushed to zero)
    bfloat16 float32's + 2·2⁻⁷
    ======== =============================================

    Within it a row is divided by its sum; beyond it an :class:`~mdsd_theory.errors.InputError` is
    raised.

    Parameters
    ----------
    dtype : str
        Name of the input's dtype.
    vocabulary : int
        V, the number of tokens.

    Examples
    --------
    >>> sum_tolerance("float64", 50_000)
    1e-09
    >>> round(sum_tolerance("float32", 50_000), 6)
    2.9e-05
    """
    if dtype == "float64":
        return 1e-9
    single = 2e-6 + EPS["float32"] * math.sqrt(vocabulary)
    if dtype == "float32":
        return single
    flushed = vocabulary * 2.0**-24 if dtype == "float16" else 0.0
    return single + 2 * EPS[dtype] + flushed


@dataclass(frozen=True)
class Rows:
    """Distributions of one kind, checked and flattened to rows.

    Attributes
    ----------
    x : array, shape (rows, V)
        In the work dtype.
    batch : tuple of int
        The leading shape of the caller's input.
    backend : Backend
    """

    x: Array
    batch: tuple[int, ...]
    backend: Backend


@dataclass(frozen=True)
class Pair:
    """A target and its draft, checked, flattened to rows, in the work dtype.

    Attributes
    ----------
    p : array, shape (rows, V)
    q : array, shape (rows, V), or (n, rows, V) for ``independent``, or a mapping for ``joint``
    batch : tuple of int
        The leading shape of the caller's p; ``()`` for one distribution.
    backend : Backend
    """

    p: Array
    q: Array
    batch: tuple[int, ...]
    backend: Backend

    @property
    def vocabulary(self) -> int:
        """V, the number of tokens."""
        return int(self.p.shape[-1])

    def row(self, r: int) -> tuple[list[float], Any]:
        """Return one instance as plain numbers: p and its draft."""
        p = self.p[r, :].tolist()
        if isinstance(self.q, Mapping):
            return p, self.q
        return p, (self.q[:, r, :] if self.q.ndim == 3 else self.q[r, :]).tolist()


@dataclass(frozen=True)
class RawPair:
    """A target and its draft of one shape, library and device, their values not looked at yet.

    Attributes
    ----------
    p, q : array, shape (..., V)
        The caller's memory, strides and dtypes where these are floating.
    backend : Backend
    """

    p: Array
    q: Array
    backend: Backend

    @property
    def batch(self) -> tuple[int, ...]:
        """The leading shape; ``()`` for one distribution."""
        return tuple(self.p.shape[:-1])

    @property
    def vocabulary(self) -> int:
        """V, the number of tokens."""
        return int(self.p.shape[-1])


def check_probabilities(x: Array, name: str, backend: Backend, *, divide: bool = True) -> Array:
    """Return rows (..., V) as (rows, V) probabilities in the work dtype, each summing to one.

    Entries below 1e-290 (1e-30 on Apple's MPS) count as zero. Without ``divide`` the rows keep the values
    that they came with: a division can make two neighbouring floats one, and so a tie.

    Raises
    ------
    InputError
        When an entry is NaN, infinite or negative, or a row's sum is beyond :func:`sum_tolerance`.
    """
    require_vocabulary(x, name)
    xp, leading, vocabulary = backend.xp, tuple(x.shape[:-1]), int(x.shape[-1])
    rows = xp.reshape(backend.widen(x), (-1, vocabulary)) if x.ndim != 1 else backend.widen(x)[None]
    # Along the rows of any other memory layout NumPy would sum naively.
    rows = backend.contiguous(rows)
    if rows.shape[0] == 0:
        return rows
    with quiet():
        total = xp.sum(rows, axis=-1, keepdims=True)
        off = float(xp.max(xp.abs(total - 1)))
        least = float(xp.min(rows))
    if not (least >= 0 and off <= sum_tolerance(dtype_name(x), vocabulary)):
        _explain(host(rows), leading, name, dtype_name(x))
    rows = rows / total if divide and off > 0 else rows
    return rows if least >= backend.tiny else xp.where(rows < backend.tiny, 0.0, rows)


def _explain(rows: Array, leading: tuple[int, ...], name: str, dtype: str) -> None:
    """Raise the error that names the first bad entry or row."""
    bad = ~np.isfinite(rows) | (rows < 0)
    if bad.any():
        row, token = (int(i) for i in np.argwhere(bad)[0])
        value = rows[row, token]
        what = "not finite" if not math.isfinite(value) else "negative"
        raise InputError(
            f"{place(name, leading, row, token)} is {value}, which is {what}; expected "
            "probabilities (if these are logits, call mdsd.from_logits first)"
        )
    tolerance = sum_tolerance(dtype, rows.shape[-1])
    totals = rows.sum(-1)
    row = int(np.argmax(np.abs(totals - 1)))
    raise InputError(
        f"{place(name, leading, row)} sums to {totals[row]:.10g}; expected 1 within {tolerance:.2g} "
        f"({dtype}, V = {rows.shape[-1]}); divide by the sum if that is what is meant, or call "
        "mdsd.from_logits if these are logits"
    )


def place(name: str, leading: tuple[int, ...], row: int, token: int | None = None) -> str:
    index = [int(i) for i in np.unravel_index(row, leading)] if leading else []
    index += [] if token is None else [token]
    return f"{name}[{', '.join(map(str, index))}]" if index else name


def rows_of(x: Any, name: str, *, divide: bool = True) -> Rows:
    """Check distributions of shape (..., V) that come alone (see :func:`check_probabilities`)."""
    array = adopt(x, name)
    backend = common_backend({name: array})
    checked = check_probabilities(array, name, backend, divide=divide)
    return Rows(checked, tuple(array.shape[:-1]), backend)


def pair(p: Any, q: Any, *, divide_draft: bool = True) -> Pair:
    """Check a target and one draft of equal shape (..., V) (see :func:`check_probabilities`).

    Raises
    ------
    InputTypeError
        For a type, a dtype or a mix of libraries or devices that cannot be used.
    InputError
        For a wrong shape, or rows that are not distributions.
    """
    target, draft = _alike({"p": p, "q": q}, as_given=() if divide_draft else ("q",))
    return Pair(target.x, draft.x, target.batch, target.backend)


def _same_shape(a: Array, b: Array, a_name: str, b_name: str) -> None:
    shapes = tuple(a.shape), tuple(b.shape)
    if shapes[0][-1] != shapes[1][-1]:
        raise InputError(
            f"{a_name} has a vocabulary of {shapes[0][-1]} tokens and {b_name} of {shapes[1][-1]} "
            f"(shapes {shapes[0]} and {shapes[1]}); both must be over the same tokens"
        )
    if shapes[0] != shapes[1]:
        raise InputError(
            f"{a_name} has shape {shapes[0]} and {b_name} {shapes[1]}; expected equal shapes (..., V): "
            "broadcast one of them first"
        )


def pair_with_drafters(p: Any, q: Any) -> Pair:
    """Check a target (..., V) and a sequence of n drafters, each of the target's shape."""
    named = {"p": p} | {f"q[{k}]": x for k, x in enumerate(drafter_list(q))}
    target, *drafters = _alike(named)
    stacked = target.backend.xp.stack([x.x for x in drafters], axis=0)
    return Pair(target.x, stacked, target.batch, target.backend)


def drafter_rows(q: Any) -> Rows:
    """Check a sequence of n drafters of equal shape; ``x`` has shape (n, rows, V)."""
    drafters = _alike({f"q[{k}]": x for k, x in enumerate(drafter_list(q))})
    first = drafters[0]
    stacked = first.backend.xp.stack([x.x for x in drafters], axis=0)
    return Rows(stacked, first.batch, first.backend)


def raw_pair(p: Any, q: Any) -> RawPair:
    """Check types, shapes and places of a target and one draft of equal shape, but no values.

    Raises
    ------
    InputTypeError, InputError
        See :func:`pair`.
    """
    arrays, backend = _adopted({"p": p, "q": q})
    return RawPair(arrays["p"], arrays["q"], backend)


def _adopted(named: dict[str, Any]) -> tuple[dict[str, Array], Backend]:
    """Return arrays by name: of one shape, one library, one device."""
    tensor = next((x for x in named.values() if is_torch(x)), None)
    arrays = {name: adopt(x, name, like=tensor) for name, x in named.items()}
    backend = common_backend(arrays)
    first = next(iter(arrays))
    for name, x in arrays.items():
        require_vocabulary(x, name)
        _same_shape(arrays[first], x, first, name)
    return arrays, backend


def _alike(named: dict[str, Any], as_given: tuple[str, ...] = ()) -> list[Rows]:
    """Check distributions by name: of one shape, one library, one device."""
    arrays, backend = _adopted(named)
    return [
        Rows(
            check_probabilities(x, name, backend, divide=name not in as_given),
            tuple(x.shape[:-1]),
            backend,
        )
        for name, x in arrays.items()
    ]


def target_alone(p: Any) -> Pair:
    """Check one target of shape (V,); its draft, a law over tuples, is checked by the scheme."""
    target = adopt(p, "p")
    require_vocabulary(target, "p")
    if target.ndim != 1:
        raise InputError(
            f"p has shape {tuple(target.shape)}; an explicit joint law goes with one target, shape (V,)"
        )
    backend = common_backend({"p": target})
    return Pair(check_probabilities(target, "p", backend), {}, (), backend)


def drafter_list(q: Any) -> list[Any]:
    """Return the drafters of scheme ``independent`` as a list, or say why q is none."""
    if isinstance(q, Sequence) and not isinstance(q, str | bytes):
        drafters = list(q)
    elif hasattr(q, "ndim") and q.ndim >= 2:
        drafters = [q[k] for k in range(q.shape[0])]
    else:
        raise InputTypeError(
            "scheme 'independent' needs q as a sequence of n drafters, each of p's shape; got "
            f"{type(q).__name__}: write [q1, q2, ...]"
        )
    if not drafters:
        raise InputError("scheme 'independent' got an empty sequence of drafters; expected n >= 1")
    if np.ndim(drafters[0]) == 0:
        raise InputError(
            "scheme 'independent' needs q as a sequence of n drafters; got one distribution: "
            "write [q1, q2, ...], or use scheme 'with_replacement' for one drafter"
        )
    return drafters


def looks_like_probabilities(x: Any) -> bool:
    """Tell whether every row is non-negative and sums to one within :func:`sum_tolerance`."""
    try:
        array = adopt(x, "x")
        backend = common_backend({"x": array})
        check_probabilities(array, "x", backend)
    except InputError:
        return False
    return True
