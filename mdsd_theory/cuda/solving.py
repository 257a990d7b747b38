"""The kernels as routes to α*: rows of any leading shape in, a solution out."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from functools import lru_cache, partial
from typing import Protocol

from mdsd_theory.arrays import Array, Backend, unit_interval
from mdsd_theory.cuda.found import FoundRows
from mdsd_theory.cuda.inputs import BITS, Rows
from mdsd_theory.cuda.launching import CupyLauncher, Launcher
from mdsd_theory.cuda.race_buckets import race_optimum
from mdsd_theory.cuda.ratio_buckets import bucket_bounds, bucket_optimum
from mdsd_theory.distributions import sum_tolerance
from mdsd_theory.dual.solution import DualSolution

CHECKED_TOLERANCE = 1e-6
"""How far rows that have been divided by their sums may be from one: rounding and no more."""

LOGITS_TOLERANCE = 1e-3
"""The same for exponentials of logits: what is beyond is NaN or infinite."""


class Find(Protocol):
    """A kernel's results for some rows."""

    def __call__(self, launcher: Launcher, rows: Rows, n: int, tolerance: float) -> FoundRows: ...


@lru_cache
def missing() -> str | None:
    """Return what this installation or machine lacks to run the kernels; None if nothing."""
    if importlib.util.find_spec("cupy") is None:
        return "CuPy is not installed: pip install 'mdsd-theory[cuda]' (cupy-cuda12x for CUDA 12)"
    import torch

    if not torch.cuda.is_available():
        return "torch finds no CUDA device"
    return None


def serves(backend: Backend) -> bool:
    """Tell whether the kernels run where a backend's arrays are."""
    on_device = backend.library == "torch" and backend.device.type == "cuda"
    return on_device and backend.dtype_name in BITS and missing() is None


def launcher_of(tensor: Array) -> Launcher:
    """Return what starts kernels where a tensor is."""
    return CupyLauncher(tensor.device.index)


def rows_of(x: Array) -> Array:
    """Return (..., V) as rows whose tokens are neighbours; a copy only where they are not."""
    rows = x.reshape(-1, x.shape[-1])
    return rows if rows.shape[-1] == 1 or rows.stride(-1) == 1 else rows.contiguous()


def checked(find: Find, exact: bool, backend: Backend, p: Array, q: Array, n: int) -> DualSolution | None:
    """Return the solution of rows that have been checked, in float64; None where a row is not served."""
    found = find(launcher_of(p), Rows(p, q), n, CHECKED_TOLERANCE)
    return None if bool(found.bad.any()) else solution(backend, found, exact)


def unchecked(
    find: Find, exact: bool, backend: Backend, p: Array, q: Array, n: int
) -> DualSolution | None:
    """Return the solution of rows that nobody has checked; None where one is bad or not served.

    Sums and entries out of range are by-products of the kernel: one flag is looked at, the only time that
    the host waits for the device.
    """
    if p.dtype != q.dtype or backend.dtype_name not in BITS:
        return None
    tolerance = sum_tolerance(backend.dtype_name, int(p.shape[-1]))
    found = find(launcher_of(p), Rows(rows_of(p), rows_of(q)), n, tolerance)
    return None if bool(found.bad.any()) else solution(backend, found, exact)


def from_logits(
    find: Find, exact: bool, backend: Backend, p: Array, q: Array, n: int, temperature: float
) -> DualSolution | None:
    """Return the solution of logits; None where a row holds NaN, +inf or nothing finite."""
    if p.dtype != q.dtype or backend.dtype_name not in ("float32", "float16", "bfloat16"):
        return None
    rows = Rows.of_logits(rows_of(p), rows_of(q), temperature)
    found = find(launcher_of(p), rows, n, LOGITS_TOLERANCE)
    return None if bool(found.bad.any()) else solution(backend, found, exact)


def solution(backend: Backend, found: FoundRows, exact: bool) -> DualSolution:
    """Return what a kernel found as every other route does, rounding inside the enclosure."""
    xp = backend.xp
    return DualSolution(
        value=unit_interval(xp, found.value),
        lower=unit_interval(xp, xp.minimum(found.lower, found.value) - found.error),
        upper=unit_interval(xp, found.value + found.error),
        subset=found.subset,
        exact=exact,
    )


Way = Callable[..., DualSolution | None]


def ways(find: Find, exact: bool) -> tuple[Way, Way, Way]:
    """Return the three ways in: rows checked, rows as they came, logits."""
    return (
        partial(checked, find, exact),
        partial(unchecked, find, exact),
        partial(from_logits, find, exact),
    )


BUCKETS = ways(bucket_optimum, True)
"""α* for n i.i.d. drafts and H: p and q are read once, and a byte a token three times."""

BOUNDS = ways(bucket_bounds, False)
"""An enclosure of α* for n i.i.d. drafts: p and q are read once."""


def race(launcher: Launcher, rows: Rows, n: int, tolerance: float) -> FoundRows:
    """Return the best prefix without replacement; one draft is the same with it."""
    return (bucket_optimum if n == 1 else race_optimum)(launcher, rows, n, tolerance)


RACE = ways(race, True)
"""α* for 1 to 16 drafts without replacement, within 2⁻²²: q is read once, p and q twice or so."""
