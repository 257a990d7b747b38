"""Where compiled loops serve in place of array operations: on the CPU, for NumPy and torch alike."""

from __future__ import annotations

from typing import Any

import numpy as np

from mdsd_theory.arrays import Array, Backend, host


def on_cpu(backend: Backend) -> bool:
    """Tell whether rows lie in the CPU's memory; elsewhere array operations keep them on the device."""
    return str(backend.device) == "cpu"


def host_rows(*arrays: Array) -> list[np.ndarray[Any, Any]]:
    """Return arrays as contiguous NumPy arrays for a compiled loop; on the CPU seldom a copy."""
    return [np.ascontiguousarray(host(x)) for x in arrays]
