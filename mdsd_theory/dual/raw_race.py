"""The bucketed race from the caller's own rows: one row at a time is widened and divided by its sum."""

from __future__ import annotations

import numpy as np

from mdsd_theory.arrays import Array, Backend, dtype_name
from mdsd_theory.distributions import sum_tolerance
from mdsd_theory.dual.race_buckets import LARGEST_N, SMALLEST
from mdsd_theory.dual.ratio_buckets import raw_ratio_buckets
from mdsd_theory.dual.raw_rows import RawRows
from mdsd_theory.dual.solution import DualSolution, enclosed
from mdsd_theory.dual.threads import over_rows


def raw_race_buckets(backend: Backend, p: Array, q: Array, n: int) -> DualSolution | None:
    """Return what :func:`~.race_buckets.race_buckets` does, from unchecked p and q of shape (..., V).

    None where a row may be no distribution, has entries so small that they count as zero, or fewer than n
    tokens to draw; and for n and V that another route is called for.

    Notes
    -----
    Cost as of :func:`~.race_buckets.race_buckets`, and two passes over the row; memory beside the mask of
    H: two rows.
    """
    vocabulary = int(p.shape[-1])
    if n == 1:
        return raw_ratio_buckets(backend, p, q, 1)
    if n > LARGEST_N or vocabulary < SMALLEST.get(n, 64):
        return None
    limits = [0.99 * sum_tolerance(dtype_name(x), vocabulary) for x in (p, q)]
    rows = RawRows(p).rows
    values, errors = np.empty(rows), np.empty(rows)
    subsets = np.empty((rows, vocabulary), dtype=bool)

    def part(start: int, stop: int) -> bool:
        from mdsd_theory.dual.race_buckets_rows import lowest_cuts

        source = RawRows(p), RawRows(q)
        room = np.empty((2, 1, vocabulary))
        for k in range(start, stop):
            for x, limit, row in zip(source, limits, room, strict=True):
                if not _normalised(x.block(k, k + 1)[0], limit, backend.tiny, row[0]):
                    return False
            if np.count_nonzero(room[1]) < n:
                return False
            values[k : k + 1], errors[k : k + 1], subsets[k : k + 1] = lowest_cuts(room[0], room[1], n)
        return True

    if not all(over_rows(part, rows, vocabulary)):
        return None
    mask = subsets if backend.library == "numpy" else backend.xp.asarray(subsets)
    return enclosed(backend, backend.array(values), backend.array(errors), mask)


def _normalised(row: Array, limit: float, tiny: float, out: Array) -> bool:
    """Write the row divided by its sum; False where that is for the checks to decide."""
    with np.errstate(all="ignore"):
        total, least = row.sum(dtype=np.float64), row.min()
    if not (abs(total - 1) <= limit and least >= 0):
        return False
    if least < tiny and np.count_nonzero(row) != np.count_nonzero(row >= tiny):
        return False
    np.divide(row, total, out=out)
    if least == 0:
        np.abs(out, out=out)  # The bits of −0 are those of no ratio.
    return True
