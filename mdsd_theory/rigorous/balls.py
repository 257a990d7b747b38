"""Ball arithmetic by python-flint: loaded when needed, at a set precision, read outwards."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from typing import Any

from mdsd_theory.errors import MissingDependencyError

Ball = Any
"""A ``flint.arb``: a real number known to lie within a radius of a midpoint."""


def load_flint() -> Any:
    """Return the module ``flint``.

    Raises
    ------
    MissingDependencyError
        Without python-flint.
    """
    try:
        import flint
    except ImportError:
        raise MissingDependencyError(
            "rigorous enclosures need python-flint: pip install 'mdsd-theory[proofs]'"
        ) from None
    return flint


@contextmanager
def precision(bits: int) -> Iterator[Any]:
    """Work with balls of ``bits`` bits, then put the caller's precision back; gives ``flint.arb``."""
    flint = load_flint()
    before, flint.ctx.prec = flint.ctx.prec, bits
    try:
        yield flint.arb
    finally:
        flint.ctx.prec = before


def power_of_two(exponent: int) -> Ball:
    """Return 2^exponent, exactly."""
    return load_flint().arb((1, exponent))


def between_zero_and(bound: Ball) -> Ball:
    """Return a ball that holds every number from 0 to ``bound`` ≥ 0."""
    return load_flint().arb(0).union(bound)


def lower_end(ball: Ball) -> Fraction:
    """Return a fraction that no number in the ball falls below."""
    return _fraction(ball.lower())


def upper_end(ball: Ball) -> Fraction:
    """Return a fraction that no number in the ball exceeds."""
    return _fraction(ball.upper())


def _fraction(exact: Ball) -> Fraction:
    mantissa, exponent = exact.man_exp()
    return Fraction(int(mantissa)) * Fraction(2) ** int(exponent)


def float_below(x: Fraction) -> float:
    """Return the largest float ≤ x.

    Examples
    --------
    >>> float_below(Fraction(1, 3)) < Fraction(1, 3) < float_above(Fraction(1, 3))
    True
    >>> float_below(Fraction(1, 2)) == float_above(Fraction(1, 2)) == 0.5
    True
    """
    near = float(x)
    return near if near <= x else math.nextafter(near, -math.inf)


def float_above(x: Fraction) -> float:
    """Return the smallest float ≥ x."""
    near = float(x)
    return near if near >= x else math.nextafter(near, math.inf)
