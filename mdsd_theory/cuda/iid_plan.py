"""The optimal rule for i.i.d. drafts on the device: p and q in, what tokens are drawn from out.

Tokens between two *rungs* of p/q draw one of them, so that a few dozen atoms stand for a vocabulary and
every token keeps a density of its own: see :mod:`mdsd_theory.verifiers.optimal.ladder`. Which edges of
2,048 buckets are rungs is chosen row by row: intervals are narrow only where P(H) − q(H)^n has its
minimum (``iid_rungs.cuh``). That leaves acceptance within 1e-5 or so of α*, mostly within 1e-8, and the
row's own bound says how near.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from mdsd_theory.cuda.inputs import Rows, splits_of
from mdsd_theory.cuda.launching import Grid, Launcher, Source
from mdsd_theory.cuda.normalising import normalise

BUCKETS = 2048
RUNGS = 256
PIECES = 4 * RUNGS
COARSE = 512
FINE_SHIFT, COARSE_SHIFT = 15, 19
BITS = 52
SUM_THREADS, PLAN_THREADS = 512, 256
SUM_WORDS = 2 * BUCKETS + 7
SUM_SHARED, PLAN_SHARED = 16 * BUCKETS, 16 * (BUCKETS + 1)

ROW = np.dtype(
    [
        *((name, "f8") for name in ("p_sum", "q_sum", "acceptance", "optimum", "floor", "ceiling")),
        *((name, "i4") for name in ("rungs", "atoms", "bad", "unused")),
        *((name, "f8", RUNGS) for name in ("foot", "step", "base", "slope")),
        ("keys", "u8", PIECES),
        ("level", "u2", PIECES),
        ("atom", "u2", RUNGS),
        ("first", "u2", RUNGS + 4),
        ("label", "u1", BUCKETS + 8),
    ]
)
"""A row's record, as ``iid_row.cuh`` has it."""


@dataclass(frozen=True)
class IIDDevicePlan:
    """What each row is drawn from, on the device; about 21 KB a row.

    Attributes
    ----------
    rows : Rows
        p and q, which must stay as they are.
    n : int
        Number of drafts.
    records : tensor of uint8, shape (rows, 21584)
        See :data:`ROW`.
    """

    rows: Rows
    n: int
    records: Any

    @property
    def acceptance(self) -> Any:
        """Σ min(p, y) of each row, at least, up to :attr:`error`; float64."""
        return self._floats("acceptance")

    @property
    def optimum(self) -> Any:
        """P(H) + 1 − q(H)^n of each row's best edge: α* is at most this, and ``acceptance`` at least."""
        return self._floats("optimum")

    @property
    def loss(self) -> Any:
        """No less than α* − Σ min(p, y) of each row, up to :attr:`error`."""
        return (self.optimum - self.acceptance).clip(min=0.0)

    @property
    def error(self) -> float:
        """What rounding can have changed in ``acceptance`` or ``optimum``: n + 2 times that of the sums.

        Of logits also what exponentials in float32 lose, weighed by p: arguments are up to log2 V.
        """
        vocabulary = self.rows.vocabulary
        relative = 0.0 if self.rows.scales is None else 2.0**-24 * math.log2(vocabulary + 1) + 2.0**-22
        return (self.n + 2) * (vocabulary * 0.5**62 + 0.5**46 + relative)

    @property
    def floor(self) -> Any:
        """c′ of each row, 0 where it binds nowhere."""
        return self._floats("floor")

    @property
    def ceiling(self) -> Any:
        """c of each row, n where it binds nowhere."""
        return self._floats("ceiling")

    @property
    def bad(self) -> Any:
        """Whether each row is no pair of distributions; int32. Such a row has no plan."""
        import torch

        return self._column("bad").view(torch.int32)[:, 0]

    @cached_property
    def host(self) -> Any:
        """The records as a structured NumPy array, copied from the device."""
        return np.frombuffer(self.records.cpu().numpy().tobytes(), dtype=ROW)

    def _floats(self, name: str) -> Any:
        import torch

        return self._column(name).view(torch.float64)[:, 0]

    def _column(self, name: str) -> Any:
        kind, offset = ROW.fields[name][:2]  # type: ignore[index]
        return self.records[:, offset : offset + kind.itemsize]


def iid_plan(launcher: Launcher, rows: Rows, n: int, tolerance: float) -> IIDDevicePlan:
    """Make each row ready to draw from; nothing waits for the device.

    Parameters
    ----------
    launcher : Launcher
    rows : Rows
        Probabilities, or logits, whose scales are written.
    n : int
        Number of drafts.
    tolerance : float
        How far a row's sum may be from one.

    Returns
    -------
    IIDDevicePlan

    Notes
    -----
    Reads p and q once (logits twice); then one block a row, whose serial part takes some ten steps an
    atom. A batch needs 54 KB a row beside p and q, 21 KB of which stay.
    """
    import torch

    device = rows.p.device
    records = torch.empty((rows.count, ROW.itemsize), dtype=torch.uint8, device=device)
    if not rows.count:
        return IIDDevicePlan(rows, n, records)
    if rows.scales is not None:
        normalise(launcher, rows)
    splits = splits_of(launcher, rows)
    sums = torch.zeros((rows.count, SUM_WORDS), dtype=torch.int64, device=device)
    base = np.int32(base_of(n))
    sizes = [np.int32(rows.vocabulary), base, np.int32(splits)]
    grid = Grid(rows.count * splits, SUM_THREADS, SUM_SHARED)
    launcher.launch(
        rows.source("iid_sums.cu"), "iid_sums", grid, [*rows.arguments, rows.scales, sums, *sizes]
    )
    arguments = [sums, records, np.int32(n), base, np.float64(tolerance)]
    grid = Grid(rows.count, PLAN_THREADS, PLAN_SHARED)
    launcher.launch(Source("iid_plan.cu", ()), "iid_plan", grid, arguments)
    return IIDDevicePlan(rows, n, records)


def base_of(n: int) -> int:
    """Return the bits of the edge at which fine buckets begin: the last one ends just above the ratio n.

    No density of a pick is above n. Rows may sum to a little more or less than one, hence 1.05 n.
    """
    (highest,) = struct.unpack("<i", struct.pack("<f", 1.05 * n))
    end = ((highest >> COARSE_SHIFT) + 1) << COARSE_SHIFT
    return int(end - ((BUCKETS - COARSE) << FINE_SHIFT))


def edges(n: int) -> Any:
    """Return the BUCKETS + 1 edges of the buckets of p/q for n drafts, as float64."""
    k = np.arange(BUCKETS + 1) - COARSE
    return (
        (base_of(n) + np.where(k < 0, k << COARSE_SHIFT, k << FINE_SHIFT))
        .astype(np.int32)
        .view(np.float32)
        .astype(np.float64)
    )
