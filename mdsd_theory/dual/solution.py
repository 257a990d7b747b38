"""What every dual route returns, row by row."""

from __future__ import annotations

from dataclasses import dataclass

from mdsd_theory.arrays import Array, Backend, unit_interval


@dataclass(frozen=True)
class DualSolution:
    """The smallest P(H) + 1 − Q(H) found for each row, and an enclosure of α*.

    Attributes
    ----------
    value : array, shape (rows,)
        P(H) + 1 − Q(H) at ``subset``.
    lower, upper : array, shape (rows,)
        α* lies between them; rounding and quadrature errors are inside.
    subset : array of bool, shape (rows, V), or callable
        H, or what returns it.
    exact : bool
        Whether ``subset`` is a minimiser, so that the enclosure is as narrow as rounding.
    """

    value: Array
    lower: Array
    upper: Array
    subset: Array
    exact: bool = True


def enclosed(backend: Backend, value: Array, error: Array | float, subset: Array) -> DualSolution:
    """Return the exact solution whose value is known up to ``error``, clipped to [0, 1]."""
    xp = backend.xp
    return DualSolution(
        value=unit_interval(xp, value),
        lower=unit_interval(xp, value - error),
        upper=unit_interval(xp, value + error),
        subset=subset,
    )
