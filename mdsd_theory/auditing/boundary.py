"""A generator that gives a uniform number of exactly 0 when asked to: rare in life, and legal."""

from __future__ import annotations

from typing import Any

import numpy as np

TOP = {np.dtype(np.float64): 1 - 2.0**-53, np.dtype(np.float32): 1 - 2.0**-24}
"""The largest number below one, by dtype."""


class BoundaryGenerator(np.random.Generator):
    """A ``numpy.random.Generator`` that forces one uniform number a call of the verifier.

    ``random`` and ``uniform`` are overridden, and with them ``choice`` with probabilities; all other
    methods give what they always give. A real generator returns 0 with chance 2⁻⁵³ (torch in
    float32: 2⁻²⁴); two in one call are never seen, so no more than one is forced.
    """

    def __init__(self, seed: Any) -> None:
        super().__init__(np.random.PCG64(seed))
        self._wait, self._place, self._top = -1, 0, False
        self.forced = False

    def arm(self, after: int, place: int, top: bool = False) -> None:
        """Force one number of the request that follows ``after`` others.

        Parameters
        ----------
        after : int
        place : int
            Which number of an array, modulo its size.
        top : bool
            Force the largest number below one, not zero.
        """
        self._wait, self._place, self._top, self.forced = after, place, top, False

    def random(self, size: Any = None, dtype: Any = np.float64, out: Any = None) -> Any:
        """Return uniform numbers on [0, 1), the forced one among them."""
        x = super().random(size, dtype, out)
        self._wait -= 1
        if self._wait != -1 or np.size(x) == 0:
            return x
        self.forced = True
        value = TOP[np.dtype(dtype)] if self._top else 0.0
        if not isinstance(x, np.ndarray):
            return type(x)(value)
        x.flat[self._place % x.size] = value
        return x

    def uniform(self, low: Any = 0.0, high: Any = 1.0, size: Any = None) -> Any:
        """Return uniform numbers on [low, high), from :meth:`random`."""
        shape = np.broadcast(low, high).shape if size is None else size
        return low + (np.asarray(high) - low)[()] * self.random(shape or None)
