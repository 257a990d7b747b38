"""What the kernels find of each row, with and without replacement."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class FoundRows:
    """The best prefix of the ratio order that was found for each row, on the device.

    Attributes
    ----------
    value : tensor of float64, shape (rows,)
        P(H) + 1 − Q(H).
    lower : tensor of float64, shape (rows,)
        No prefix of the ratio order has less, errors apart.
    error : float
        What rounding, and without replacement quadrature and cut series, can have changed in either.
    bad : tensor of int32, shape (rows,)
        1 where a row is no pair of distributions; without replacement 2 where the kernels do not serve
        it: fewer than n drafts possible, or less than 1e-14 of q outside the n − 1 largest tokens.
    subset : callable
        Returns H, a tensor of bool of shape (rows, V); where it is not written yet it reads p and q.
    """

    value: Any
    lower: Any
    error: float
    bad: Any
    subset: Callable[[], Any]
