"""With replacement on the device: an enclosure in one pass, the best prefix in little more."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from mdsd_theory.cuda.found import FoundRows
from mdsd_theory.cuda.inputs import BITS, Rows, splits_of, streamed
from mdsd_theory.cuda.launching import Grid, Launcher
from mdsd_theory.cuda.normalising import normalise

BUCKETS = 2048
THREADS = 512
BUCKETS_OF_OCTAVE = 6
"""Binary logarithm of how many first buckets there are to an octave of p/q."""

PARTIAL = 2 * BUCKETS + 7
HEAVY = 128
HEAVY_WORDS = 3
COUNTS = 3
WORDS = 8
"""Eight-byte words of a row's record: see ``rows.cuh``."""

REFINE_SHARED = 16 * BUCKETS + 4 * 24 * THREADS
SUMS_SHARED = 16 * (BUCKETS + 64) + streamed(2, THREADS)

FRACTION = {64: 62, 32: 44, 16: 44}
"""Most bits after the binary point of a sum, by the width of the input."""

FEW_BITS = (40, 42)
"""Fewer for fewer tokens: additions in shared memory carry less often, and kernels take less time."""

ERROR = 2.0**-21
"""How much of an error rounding may make where fewer bits are taken."""


def bucket_bounds(launcher: Launcher, rows: Rows, n: int, tolerance: float) -> FoundRows:
    r"""Enclose α* for n i.i.d. drafts, reading p and q once.

    Parameters
    ----------
    launcher : Launcher
    rows : Rows
    n : int
        Number of drafts.
    tolerance : float
        How far a row's sum may be from one.
    """
    work = _Work.of(rows, splits_of(launcher, rows))
    _first_pass(launcher, rows, work, n, tolerance, None)
    return _found(work.record, rows, n, lambda: _subset(launcher, rows, work))


def bucket_optimum(launcher: Launcher, rows: Rows, n: int, tolerance: float) -> FoundRows:
    r"""Return the best prefix of the ratio order and its value for n i.i.d. drafts.

    The mask of H serves as a table of bucket numbers, one byte a token, until it is written.
    """
    import torch

    classes, work = _bytes(rows), _Work.of(rows, splits_of(launcher, rows))
    _first_pass(launcher, rows, work, n, tolerance, classes)
    most = rows.vocabulary // 32 + 1024
    open_tokens = torch.empty((rows.count, most), dtype=torch.int64, device=rows.p.device)
    sizes = [np.int32(x) for x in (rows.vocabulary, n, _base(rows, n), work.splits, most)]
    arguments = [*rows.arguments, rows.scales, classes, work.record, work.heavy, work.tickets]
    arguments += [work.zeros(2 * BUCKETS), open_tokens, *sizes]
    source = rows.source("refine.cu", FRACTION_BITS=_fraction(rows, n))
    launcher.launch(source, "refine", work.grid(REFINE_SHARED), arguments)
    return _found(work.record, rows, n, lambda: classes.view(torch.bool))


def _bytes(rows: Rows) -> Any:
    """Return room for a byte a token."""
    import torch

    return torch.empty((rows.count, rows.vocabulary), dtype=torch.uint8, device=rows.p.device)


def _subset(launcher: Launcher, rows: Rows, work: _Work) -> Any:
    """Return the mask of H, reading p and q once."""
    import torch

    subset = _bytes(rows)
    sizes = [np.int32(rows.vocabulary), np.int32(work.splits)]
    arguments = [*rows.arguments, rows.scales, subset, work.record, *sizes]
    source = rows.source("refine.cu", FRACTION_BITS=FRACTION[BITS[rows.dtype]])
    launcher.launch(source, "write_subset", work.grid(0), arguments)
    return subset.view(torch.bool)


@dataclass(frozen=True)
class _Work:
    """What the kernels write of each row beside their results; a few kilobytes a row."""

    splits: int
    record: Any
    heavy: Any
    tickets: Any

    @classmethod
    def of(cls, rows: Rows, splits: int) -> _Work:
        import torch

        def words(count: int) -> Any:
            return torch.empty((rows.count, count), dtype=torch.int64, device=rows.p.device)

        tickets = torch.zeros((rows.count, COUNTS), dtype=torch.int32, device=rows.p.device)
        return cls(splits, words(WORDS), words(HEAVY * HEAVY_WORDS), tickets)

    def grid(self, shared: int) -> Grid:
        return Grid(self.record.shape[0] * self.splits, THREADS, shared)

    def zeros(self, words: int) -> Any:
        """Return zeroed sums for blocks that share a row, or None."""
        import torch

        if self.splits == 1:
            return None
        rows, device = self.record.shape[0], self.record.device
        return torch.zeros((rows, words), dtype=torch.int64, device=device)


def _first_pass(
    launcher: Launcher, rows: Rows, work: _Work, n: int, tolerance: float, classes: Any
) -> None:
    if rows.temperature is not None:
        normalise(launcher, rows)
    sizes = [np.int32(x) for x in (rows.vocabulary, n, _base(rows, n), work.splits)]
    arguments = [*rows.arguments, rows.scales, classes, work.record, work.heavy, work.tickets]
    arguments += [work.zeros(PARTIAL), *sizes, np.float64(tolerance)]
    source = rows.source(
        "ratio_sums.cu", CLASSES=int(classes is not None), FRACTION_BITS=_fraction(rows, n)
    )
    launcher.launch(source, "ratio_sums", work.grid(SUMS_SHARED), arguments)


def _base(rows: Rows, n: int) -> int:
    """Return the rank of the lowest bucket: the highest ends just above the ratio n.

    A prefix that minimises holds no token of ratio above n: without it P falls by p_i and q(H)^n by
    at most n·q_i. Rows may sum to a little more or less than one.
    """
    largest, octave = 1.05 * n, 23
    if rows.temperature is not None:
        largest, octave = math.log2(largest) + 192, 16
    (rank,) = struct.unpack("<i", struct.pack("<f", largest))
    shift = octave - BUCKETS_OF_OCTAVE
    return int(((rank >> shift) + 1 - BUCKETS) << shift)


def _fraction(rows: Rows, n: int) -> int:
    """Return how many bits after the binary point the sums have."""
    bits = BITS[rows.dtype]
    enough = (x for x in FEW_BITS if bits < 64 and _rounding(rows, n, x) <= ERROR)
    return next(enough, FRACTION[bits])


def _rounding(rows: Rows, n: int, fraction: int) -> float:
    """Return what rounding each token to half a quantum can change in P(H) + 1 − Q(H)ⁿ, sums too."""
    return (n + 1) * rows.vocabulary * 0.5**fraction


def _found(record: Any, rows: Rows, n: int, subset: Callable[[], Any]) -> FoundRows:
    import torch

    numbers = record.view(torch.float64)
    # Of an exponential, weighed by p: arguments are -log2 p, up to log2 V on average.
    logits = rows.temperature is not None
    relative = 2.0**-24 * math.log2(rows.vocabulary + 1) + 2.0**-22 if logits else 0.0
    error = _rounding(rows, n, _fraction(rows, n)) + (n + 1) * (2.0**-48 + relative)
    return FoundRows(numbers[:, 4], numbers[:, 5], error, record.view(torch.int32)[:, 15], subset)
