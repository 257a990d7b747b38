"""Moments of a row's tokens, which stand for the many that hardly race."""

from __future__ import annotations

from typing import Any

import numpy as np

from mdsd_theory.cuda.inputs import Rows
from mdsd_theory.cuda.launching import Grid, Launcher, Source
from mdsd_theory.cuda.solving import rows_of

THREADS = 512


def power_sums(launcher: Launcher, marks: Any, z: Any, degree: int) -> tuple[Any, Any]:
    """Return Σ z^d and Σ m z^d for d = 0 … degree of each row of float64; each (degree + 1, rows).

    Notes
    -----
    Reads both once; two additions and two products a token and power. Compiled for each degree.
    """
    import torch

    rows = Rows(rows_of(marks), rows_of(z))
    sums = torch.empty((rows.count, 2, degree + 1), dtype=torch.float64, device=z.device)
    arguments = [*rows.arguments, sums, np.int32(rows.vocabulary)]
    source = Source("power_sums.cu", (("DEGREE", degree),))
    launcher.launch(source, "power_sums", Grid(rows.count, THREADS), arguments)
    return sums[:, 0].T, sums[:, 1].T
