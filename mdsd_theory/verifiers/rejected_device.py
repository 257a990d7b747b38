"""Recursive rejection's enclosure where p and q live on a CUDA device: kernels for its largest parts."""

from __future__ import annotations

from mdsd_theory.arrays import Array, Backend
from mdsd_theory.cuda import rejected
from mdsd_theory.verifiers.on_device import tried

NAME = "cuda_rejected"

Found = tuple[Array, Array]


def cells(backend: Backend, p: Array, q: Array, top: Array, edges: Array, points: Array) -> Found | None:
    """Return Σ q and Σ |p − q| by cell; None where there is no kernel for it.

    The rounding of its sums depends on the order of threads: not where torch is to be deterministic.
    """
    if not rejected.fits(points.shape[-1], edges.shape[-1]) or _deterministic(backend):
        return None
    return tried(NAME, backend, p, lambda run: rejected.cells_of(run, p, q, top, edges, points))


def bounds(
    backend: Backend, points: Array, value: Array, slope: Array, least: Array, most: Array
) -> Found | None:
    """Return bounds from above at ``least`` and from below at ``most``; None as above."""
    if not rejected.fits(points.shape[-1]):
        return None
    known = points, value, slope, least, most
    return tried(NAME, backend, least, lambda run: rejected.slack_bounds(run, *known))


def _deterministic(backend: Backend) -> bool:
    if backend.library != "torch":
        return False
    import torch

    return torch.are_deterministic_algorithms_enabled()
