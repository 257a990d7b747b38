"""A distribution as integers: no rounding, and no token too small to count."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np

from mdsd_theory.arrays import EPS, dtype_name, host
from mdsd_theory.distributions import sum_tolerance
from mdsd_theory.intake import adopt
from mdsd_theory.rationals import exact_distribution

MANTISSA = 53
"""Bits of a float64."""


@dataclass(frozen=True)
class Weights:
    """The distribution x_i = values_i / total, exactly.

    Attributes
    ----------
    values : list of int, shape (V,)
        Not negative.
    total : int
        Their sum; positive.
    """

    values: list[int] = field(repr=False)
    total: int

    @property
    def support(self) -> list[int]:
        """The tokens of positive probability, however small."""
        return [i for i, value in enumerate(self.values) if value]


def weights(x: Any, name: str) -> Weights:
    """Return a distribution of shape (V,) as integer weights.

    The rule is that of :func:`~mdsd_theory.rationals.exact_distribution`: floats are taken at their
    exact binary value and divided by their sum exactly; everything else at face value.

    Raises
    ------
    InputError, InputTypeError
        For a wrong shape or type, negative or non-finite entries, or a wrong sum.

    Notes
    -----
    Cost O(V) integer operations for floats.

    Examples
    --------
    >>> weights([0.25, 0.75], "p").values == [2**52, 3 * 2**52]
    True
    >>> weights(["1/3", "2/3"], "p")
    Weights(total=3)
    """
    found = _from_floats(x, name)
    if found is not None:
        return found
    fractions = exact_distribution(x, name)  # raises whatever is wrong with x
    unit = math.lcm(*(f.denominator for f in fractions))
    return Weights([f.numerator * (unit // f.denominator) for f in fractions], unit)


def _from_floats(x: Any, name: str) -> Weights | None:
    """Return the weights of valid floats in bulk; None for anything else."""
    if isinstance(x, list | tuple) and not all(type(entry) is float for entry in x):
        return None
    array = adopt(x, name)
    kind = dtype_name(array) if hasattr(x, "dtype") and dtype_name(x) in EPS else "float64"
    floats = np.asarray(host(array), dtype=np.float64)
    if floats.ndim != 1 or not (np.isfinite(floats) & (floats >= 0)).all() or not floats.any():
        return None
    values, unit = integers(floats)
    total = sum(values)
    if abs(total * unit - 1) > sum_tolerance(kind, floats.size):
        return None
    return Weights(values, total)


def integers(floats: np.ndarray[Any, Any]) -> tuple[list[int], Fraction]:
    """Return integers and the unit, a power of two, that multiply to the floats exactly."""
    mantissa, exponent = np.frexp(floats)
    lowest = int(exponent[floats > 0].min())
    shift = np.where(floats > 0, exponent - lowest, 0)
    whole = (mantissa * 2.0**MANTISSA).astype(np.int64)  # exact: a mantissa has 53 bits
    values = [m << s for m, s in zip(whole.tolist(), shift.tolist(), strict=True)]
    return values, Fraction(2) ** (lowest - MANTISSA)


def floating(values: Sequence[int]) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any], bool]:
    """Return mantissas m in [1/2, 1) and exponents e of positive integers, m·2^e ≤ value.

    A longer integer is cut after 53 bits, so that value < m·2^e·(1 + 2⁻⁵²); the last result tells
    whether any was.
    """
    lengths = [value.bit_length() for value in values]
    excess = [length - MANTISSA for length in lengths]
    top = [v >> s if s > 0 else v << -s for v, s in zip(values, excess, strict=True)]
    cut = any(s > 0 and v & ((1 << s) - 1) for v, s in zip(values, excess, strict=True))
    return np.array(top, dtype=np.float64) * 2.0**-MANTISSA, np.array(lengths, dtype=np.int64), cut
