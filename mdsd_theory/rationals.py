"""Exact fractions from the caller's numbers."""

from __future__ import annotations

import numbers
from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np

from mdsd_theory.arrays import EPS, dtype_name
from mdsd_theory.distributions import sum_tolerance
from mdsd_theory.errors import InputError, InputTypeError
from mdsd_theory.intake import adopt

_EXACT = (numbers.Real, Decimal, str)


def exact_distribution(x: Any, name: str) -> list[Fraction]:
    """Return a distribution of shape (V,) in fractions that sum to exactly one.

    Fractions, integers, decimals and strings such as ``"1/3"`` are taken as they are and must sum to
    exactly one. Floats are taken at their exact binary value; their sum may be off by rounding
    (:func:`~mdsd_theory.distributions.sum_tolerance`), and each is divided by it exactly.

    Raises
    ------
    InputError, InputTypeError
        For a wrong shape or type, negative or non-finite entries, or a wrong sum.

    Examples
    --------
    >>> [str(f) for f in exact_distribution([0.25, 0.75], "p")]
    ['1/4', '3/4']
    >>> [str(f) for f in exact_distribution(["1/3", "2/3"], "p")]
    ['1/3', '2/3']
    """
    entries = _entries(x, name)
    values = [_fraction(entry, f"{name}[{i}]") for i, entry in enumerate(entries)]
    for i, value in enumerate(values):
        if value < 0:
            raise InputError(
                f"{name}[{i}] is {entries[i]}, which is negative; expected probabilities (if these "
                "are logits, call mdsd.from_logits first)"
            )
    total = sum(values, start=Fraction(0))
    tolerance = _tolerance(x, entries)
    if abs(total - 1) > tolerance:
        expected = f"1 within {tolerance:.2g}" if tolerance else "exactly 1"
        raise InputError(f"{name} sums to {total} ({float(total):.10g}); expected {expected}")
    return [value / total for value in values]


def _tolerance(x: Any, entries: Sequence[Any]) -> float:
    floats = [entry for entry in entries if isinstance(entry, float | np.floating)]
    if not floats:
        return 0.0
    names = {dtype_name(x)} if hasattr(x, "dtype") else {type(entry).__name__ for entry in floats}
    known = [name for name in names if name in EPS] or ["float64"]
    return max(sum_tolerance(name, len(entries)) for name in known)


def exact_law(law: Mapping[Any, Any]) -> dict[tuple[int, ...], Fraction]:
    """Return a law over tuples in fractions that sum to exactly one."""
    weights = exact_distribution(list(law.values()), "the joint law")
    return dict(zip(law, weights, strict=True))


def _entries(x: Any, name: str) -> Sequence[Any]:
    if isinstance(x, list | tuple):
        if not x:
            raise InputError(f"{name} is empty; expected a distribution of shape (V,)")
        if any(isinstance(entry, list | tuple) or getattr(entry, "ndim", 0) for entry in x):
            raise InputError(f"{name} is nested; exact certificates take one distribution, shape (V,)")
        return x
    array = adopt(x, name)
    if array.ndim != 1:
        raise InputError(
            f"{name} has shape {tuple(array.shape)}; exact certificates take one distribution, shape (V,)"
        )
    if array.shape[0] == 0:
        raise InputError(f"{name} is empty; expected a distribution of shape (V,)")
    return [float(entry) for entry in array]


def _fraction(entry: Any, place: str) -> Fraction:
    if isinstance(entry, bool) or not isinstance(entry, _EXACT):
        raise InputTypeError(
            f"{place} is {entry!r} of type {type(entry).__name__}; expected a Fraction, an integer, a "
            "float or a string such as '1/3'"
        )
    if not isinstance(entry, Decimal | str):
        entry = int(entry) if isinstance(entry, numbers.Integral) else entry
        entry = entry if isinstance(entry, numbers.Rational) else float(entry)
    try:
        return Fraction(entry)  # NaN and infinity raise here
    except (ValueError, TypeError, OverflowError, ZeroDivisionError) as error:
        raise InputError(f"{place} is {entry!r}, which is no number ({error})") from None
