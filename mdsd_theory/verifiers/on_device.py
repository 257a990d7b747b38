"""Where kernels serve in place of array operations: on a CUDA device that can run them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from mdsd_theory.arrays import Array, Backend
from mdsd_theory.cuda import solving
from mdsd_theory.cuda.launching import Launcher
from mdsd_theory.routing import withdraw, withdrawn

Found = TypeVar("Found")


def tried(name: str, backend: Backend, rows: Array, work: Callable[[Launcher], Found]) -> Found | None:
    """Return what kernels find; None where there are none, and from the first failure on, told once.

    Parameters
    ----------
    name : str
        Of the kernels, for the warning.
    backend : Backend
    rows : array
        Where the kernels are to run. Rows that have been checked are in double precision there.
    work : callable
    """
    if not solving.serves(backend) or withdrawn(name) or not rows.numel():
        return None
    try:
        return work(solving.launcher_of(rows))
    except Exception as error:
        if type(error).__name__ == "OutOfMemoryError":
            raise
        withdraw(name, f"it failed with {type(error).__name__}: {error}")
        return None
