"""The scales that turn rows of logits into probabilities, by a kernel of their own."""

from __future__ import annotations

import numpy as np

from mdsd_theory.cuda.inputs import Rows, splits_of, streamed
from mdsd_theory.cuda.launching import Grid, Launcher

THREADS = 512


def normalise(launcher: Launcher, rows: Rows) -> None:
    """Write ``rows.scales``; cost: both logits read once."""
    import torch

    splits, device = splits_of(launcher, rows), rows.p.device
    partial = torch.empty((rows.count, 2 * splits), dtype=torch.int64, device=device)
    tickets = torch.zeros(rows.count, dtype=torch.int32, device=device)
    sizes = [np.int32(rows.vocabulary), np.int32(splits), rows.factor]
    arguments = [*rows.arguments, partial, tickets, rows.scales, *sizes]
    grid = Grid(2 * rows.count * splits, THREADS, streamed(1, THREADS))
    launcher.launch(rows.source("log_normaliser.cu"), "log_normaliser", grid, arguments)
