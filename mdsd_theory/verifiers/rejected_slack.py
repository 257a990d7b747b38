"""1 − F between points at which it is known: enclosed by its chords and tangents."""

from __future__ import annotations

from dataclasses import dataclass

from mdsd_theory.arrays import Array, Backend, count_below, gather
from mdsd_theory.verifiers import rejected_device
from mdsd_theory.verifiers.rejected_cells import Cells


@dataclass(frozen=True)
class Slack:
    """s ↦ 1 − F(1 + s) = Σ (e − s q)_+, convex and falling, by its values and slopes at K points.

    Attributes
    ----------
    points, value, slope : array, shape (rows, K)
        Ascending from 0; the slope is that to the right, with its sign turned.
    """

    backend: Backend
    points: Array
    value: Array
    slope: Array

    @classmethod
    def of(cls, backend: Backend, p: Array, q: Array, points: Array) -> Slack:
        """Sum the tokens between the points; cost O(V log K) a row."""
        xp = backend.xp
        nobody = xp.zeros((q.shape[0], 2), dtype=xp.int64, device=backend.device)
        cells = Cells.of(backend, p, q, points, nobody, backend.zeros((q.shape[0], 1)))
        return cls(backend, points, *cells.slack())

    def enclose(self, least: Array, most: Array) -> tuple[Array, Array]:
        """Return :meth:`above` at ``least`` and :meth:`below` at ``most``, each of shape (rows, K)."""
        known = self.points, self.value, self.slope, least, most
        return rejected_device.bounds(self.backend, *known) or (self.above(least), self.below(most))

    def above(self, s: Array) -> Array:
        """Return upper bounds, by chords, for s of shape (rows, K) between the end points."""
        here, after = self._around(s)
        start, end, value, final = self._at(here, after)
        xp = self.backend.xp
        part = xp.clip((s - start) / xp.where(end > start, end - start, 1.0), 0.0, 1.0)
        return value - part * (value - final)

    def below(self, s: Array) -> Array:
        """Return lower bounds, by tangents, for s of shape (rows, K) between the end points."""
        here, after = self._around(s)
        start, end, value, final = self._at(here, after)
        xp = self.backend.xp
        right = value - gather(xp, self.slope, here) * (s - start)
        left = final + gather(xp, self.slope, after) * xp.clip(end - s, 0.0, None)
        return xp.clip(xp.maximum(right, left), 0.0, None)

    def _around(self, s: Array) -> tuple[Array, Array]:
        """Return the points before and after."""
        after = count_below(self.backend, self.points, s)
        last = self.points.shape[-1] - 1
        return self.backend.xp.clip(after - 1, 0, None), self.backend.xp.clip(after, None, last)

    def _at(self, here: Array, after: Array) -> list[Array]:
        pairs = ((x, k) for x in (self.points, self.value) for k in (here, after))
        return [gather(self.backend.xp, x, k) for x, k in pairs]
