"""Recursive rejection's enclosure where p and q live on a CUDA device: kernels for its largest parts."""

from __future__ import annotations

from collections.abc import Callable

from mdsd_theory.arrays import Array, Backend
from mdsd_theory.cuda import rejected, solving
from mdsd_theory.cuda.launching import Launcher
from mdsd_theory.routing import withdraw, withdrawn

NAME = "cuda_rejected"

Found = tuple[Array, Array]


def cells(backend: Backend, p: Array, q: Array, top: Array, edges: Array, points: Array) -> Found | None:
    """Return Σ q and Σ |p − q| by cell; None where there is no kernel for it."""
    tables = points.shape[-1], edges.shape[-1]
    return _tried(backend, p, tables, lambda run: rejected.cells_of(run, p, q, top, edges, points))


def bounds(
    backend: Backend, points: Array, value: Array, slope: Array, least: Array, most: Array
) -> Found | None:
    """Return bounds from above at ``least`` and from below at ``most``; None as above."""
    known = points, value, slope, least, most
    return _tried(backend, points, (points.shape[-1],), lambda run: rejected.slack_bounds(run, *known))


def _tried(
    backend: Backend, x: Array, tables: tuple[int, ...], work: Callable[[Launcher], Found]
) -> Found | None:
    if not solving.serves(backend) or withdrawn(NAME) or not x.numel() or not rejected.fits(*tables):
        return None
    try:
        return work(solving.launcher_of(x))
    except Exception as error:
        if type(error).__name__ == "OutOfMemoryError":
            raise
        withdraw(NAME, f"it failed with {type(error).__name__}: {error}")
        return None
