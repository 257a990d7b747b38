"""Sources of randomness with one interface: what a callable that takes ``uniforms=`` is given."""

from __future__ import annotations

from typing import Any

import numpy as np


class SampledSource:
    """Real random numbers behind the methods of :class:`~mdsd_theory.auditing.paths.PathSource`.

    Used where an instance is too large to list its branches.
    """

    def __init__(self, generator: np.random.Generator) -> None:
        self._generator = generator

    def random(self, size: int | tuple[int, ...] | None = None) -> Any:
        """Return a uniform number on [0, 1), or an array of them."""
        return self._generator.random(size)

    def uniform(
        self, low: float = 0.0, high: float = 1.0, size: int | tuple[int, ...] | None = None
    ) -> Any:
        """Return a uniform number on [low, high), or an array of them."""
        return self._generator.uniform(low, high, size)

    def __call__(self) -> Any:
        return self.random()

    def __iter__(self) -> SampledSource:
        return self

    def __next__(self) -> Any:
        return self.random()

    def index(self, weights: Any) -> int:
        """Return i with chance weights[i] / Σ weights."""
        sums = np.cumsum(np.asarray(weights, dtype=np.float64))
        return int(np.searchsorted(sums / sums[-1], self._generator.random(), side="right"))

    def choice(self, a: Any, p: Any = None) -> Any:
        """Return one of ``a``, or of 0 … a − 1, with chances p: as a NumPy generator does."""
        tokens = np.arange(a) if np.ndim(a) == 0 else np.asarray(a)
        return tokens[self.index(np.ones(tokens.size) if p is None else p)]
