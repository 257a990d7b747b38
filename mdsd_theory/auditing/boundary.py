"""Sources that give a uniform number of exactly 0 when asked to: rare in life, and legal."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np

TOP = {np.dtype(np.float64): 1 - 2.0**-53, np.dtype(np.float32): 1 - 2.0**-24}
"""The largest number below one, by dtype."""


class BoundaryGenerator(np.random.Generator):
    """A ``numpy.random.Generator`` that forces one uniform number a call of the verifier.

    ``random`` and ``uniform`` are overridden, and with them ``choice`` with probabilities; all other
    methods give what they always give. A real generator returns 0 with chance 2⁻⁵³ (torch in
    float32: 2⁻²⁴); two in one call are never seen, so no more than one is forced.

    Attributes
    ----------
    forced : int
        How many numbers were asked for together with the forced one; 0 before it was.
    """

    def __init__(self, seed: Any) -> None:
        bits = seed if isinstance(seed, np.random.BitGenerator) else np.random.PCG64(seed)
        super().__init__(bits)
        self._wait, self._place, self._top, self.forced = -1, 0, False, 0

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
        self._wait, self._place, self._top, self.forced = after, place, top, 0

    def due(self, shape: tuple[int, ...], top: float) -> tuple[tuple[Any, ...], float] | None:
        """Count a request; where its turn has come, return the place and what to put there."""
        size = int(np.prod(shape))
        self._wait -= 1
        if self._wait != -1 or size == 0:
            return None
        self.forced = size
        return np.unravel_index(self._place % size, shape), top if self._top else 0.0

    def random(self, size: Any = None, dtype: Any = np.float64, out: Any = None) -> Any:
        """Return uniform numbers on [0, 1), the forced one among them."""
        x = super().random(size, dtype, out)
        forced = self.due(np.shape(x), TOP[np.dtype(dtype)])
        if forced is None:
            return x
        place, value = forced
        if not isinstance(x, np.ndarray):
            return type(x)(value)
        x[place] = value
        return x

    def uniform(self, low: Any = 0.0, high: Any = 1.0, size: Any = None) -> Any:
        """Return uniform numbers on [low, high), from :meth:`random`."""
        shape = np.broadcast(low, high).shape if size is None else size
        return low + (np.asarray(high) - low)[()] * self.random(None if shape == () else shape)

    def reaching_torch(self) -> AbstractContextManager[Any]:
        """Return a context in which the uniform numbers of torch, if it was imported, count as well."""
        torch = sys.modules.get("torch")
        return nullcontext() if torch is None else _torch_mode(self, torch)


def _torch_mode(source: BoundaryGenerator, torch: Any) -> AbstractContextManager[Any]:
    """Return the mode in which ``rand``, ``rand_like`` and ``uniform_`` of torch ask ``source``."""

    class Mode(torch.overrides.TorchFunctionMode):  # type: ignore[misc]
        def __torch_function__(
            self, function: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
        ) -> Any:
            x, name = function(*args, **(kwargs or {})), getattr(function, "__name__", "")
            if name in ("rand", "rand_like", "uniform_"):
                low, high = _limits(name, args, kwargs or {})
                forced = source.due(tuple(x.shape), 1 - torch.finfo(x.dtype).eps / 2)
                if forced is not None:
                    x[forced[0]] = low + (high - low) * forced[1]
            return x

    return Mode()


def _limits(name: str, args: tuple[Any, ...], given: dict[str, Any]) -> tuple[float, float]:
    """Return between which numbers a uniform one was asked for."""
    if name != "uniform_":
        return 0.0, 1.0
    low = args[1] if len(args) > 1 else given.get("from", 0.0)
    return low, args[2] if len(args) > 2 else given.get("to", 1.0)
