"""With replacement on the device: an enclosure in one pass, the best prefix in little more."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from mdsd_theory.cuda.found import FoundRows
from mdsd_theory.cuda.inputs import BITS, Rows, splits_of
from mdsd_theory.cuda.launching import Grid, Launcher
from mdsd_theory.cuda.normalising import normalise

BUCKETS = 2048
THREADS = 512
FIRST_SHIFT = 17
PARTIAL = 2 * BUCKETS + 7
HEAVY = 128
HEAVY_WORDS = 3
COUNTS = 2
WORDS = 8
"""Eight-byte words of a row's record: see ``rows.cuh``."""

SHARED = 16 * BUCKETS
SUMS_SHARED = 16 * (BUCKETS + 64)

FRACTION = {64: 62, 32: 44, 16: 44}
"""Bits after the binary point of the sums, by the width of the input."""


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

    def subset() -> Any:
        return _write_subset(launcher, rows, work, n, _bytes(rows), 0)

    return _found(work.record, rows, n, subset)


def bucket_optimum(launcher: Launcher, rows: Rows, n: int, tolerance: float) -> FoundRows:
    r"""Return the best prefix of the ratio order and its value for n i.i.d. drafts.

    The mask of H serves as a table of bucket numbers, one byte a token, until it is written.
    """
    classes, work = _bytes(rows), _Work.of(rows, splits_of(launcher, rows))
    _first_pass(launcher, rows, work, n, tolerance, classes)
    sizes = [np.int32(x) for x in (rows.vocabulary, n, _base(rows, n), work.splits)]
    arguments = [*rows.arguments, rows.scales, classes, work.record, work.heavy, work.tickets]
    arguments += [work.zeros(2 * BUCKETS), *sizes]
    launcher.launch(rows.source("refine.cu", CLASSES=1), "refine", work.grid(SHARED), arguments)
    subset = _write_subset(launcher, rows, work, n, classes, 1)
    return _found(work.record, rows, n, lambda: subset)


def _bytes(rows: Rows) -> Any:
    """Return room for a byte a token."""
    import torch

    return torch.empty((rows.count, rows.vocabulary), dtype=torch.uint8, device=rows.p.device)


def _write_subset(launcher: Launcher, rows: Rows, work: _Work, n: int, subset: Any, classes: int) -> Any:
    """Return the mask of H, written over the classes of ``subset`` if it holds them."""
    import torch

    sizes = [np.int32(x) for x in (rows.vocabulary, _base(rows, n), work.splits)]
    arguments = [*rows.arguments, rows.scales, subset, work.record, *sizes]
    launcher.launch(rows.source("refine.cu", CLASSES=classes), "write_subset", work.grid(0), arguments)
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
    source = rows.source("ratio_sums.cu", CLASSES=int(classes is not None))
    launcher.launch(source, "ratio_sums", work.grid(SUMS_SHARED), arguments)


def _base(rows: Rows, n: int) -> int:
    """Return the rank of the lowest bucket: the highest ends just above the ratio n.

    A prefix that minimises holds no token of ratio above n: without it P falls by p_i and q(H)^n by
    at most n·q_i. Rows may sum to a little more or less than one.
    """
    largest = 1.05 * n
    if rows.temperature is None:
        (rank,) = struct.unpack("<i", struct.pack("<f", largest))
    else:
        rank = int((math.log2(largest) + 127) * 2**23)
    return int(((rank >> FIRST_SHIFT) + 1 - BUCKETS) << FIRST_SHIFT)


def _found(record: Any, rows: Rows, n: int, subset: Callable[[], Any]) -> FoundRows:
    import torch

    numbers = record.view(torch.float64)
    quantum = 0.5 ** FRACTION[BITS[rows.dtype]]
    # Of an exponential, weighed by p: arguments are -log2 p, up to log2 V on average.
    logits = rows.temperature is not None
    relative = 2.0**-24 * math.log2(rows.vocabulary + 1) + 2.0**-22 if logits else 0.0
    error = (n + 1) * (rows.vocabulary * quantum + 2.0**-48 + relative)
    return FoundRows(numbers[:, 4], numbers[:, 5], error, record.view(torch.int32)[:, 15], subset)
