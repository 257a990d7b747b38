"""The parts of recursive rejection's enclosure that look at every token, or at every pair of groups."""

from __future__ import annotations

from typing import Any

import numpy as np

from mdsd_theory.cuda.inputs import Rows, splits_of
from mdsd_theory.cuda.launching import MOST_SHARED, Grid, Launcher, Source
from mdsd_theory.cuda.solving import rows_of

THREADS = 512


def fits(*tables: int) -> bool:
    """Tell whether tables of so many numbers fit into shared memory."""
    return 8 * sum(tables) <= MOST_SHARED


def cells_of(launcher: Launcher, p: Any, q: Any, top: Any, edges: Any, points: Any) -> tuple[Any, Any]:
    """Return what :func:`mdsd_theory.verifiers.rejected_cells_loop.cells_of_rows` does.

    Parameters
    ----------
    launcher : Launcher
    p, q : tensor of float64, shape (rows, V)
    top : tensor of int64, shape (rows, 2)
    edges, points : tensor of float64, shape (rows, G) and (rows, K)

    Returns
    -------
    mass, gap : tensor of float64, shape (rows, K + 1, G)
        Up to the rounding of sums in whatever order the threads add.

    Notes
    -----
    Reads p and q once; each token takes two searches and two additions in global memory.
    """
    import torch

    rows = Rows(rows_of(p), rows_of(q))
    count, groups = int(points.shape[1]), int(edges.shape[1])
    shape = (rows.count, count + 1, groups)
    gap, mass = (torch.zeros(shape, dtype=torch.float64, device=p.device) for _ in range(2))
    splits = splits_of(launcher, rows)
    grid = Grid(rows.count * splits, THREADS, 8 * (count + groups))
    tables = [x.contiguous() for x in (points, edges, top)]
    sizes = map(np.int32, (rows.vocabulary, count, groups, splits))
    arguments = [*rows.arguments, *tables, gap, mass, *sizes]
    launcher.launch(Source("rejected_cells.cu", ()), "rejected_cells", grid, arguments)
    return mass, gap


def slack_bounds(
    launcher: Launcher, points: Any, value: Any, slope: Any, least: Any, most: Any
) -> tuple[Any, Any]:
    """Return upper bounds at ``least`` and lower bounds at ``most``.

    Parameters
    ----------
    launcher : Launcher
    points, value, slope : tensor of float64, shape (rows, K)
        See :class:`mdsd_theory.verifiers.rejected_slack.Slack`.
    least, most : tensor of float64, shape (rows, M)

    Returns
    -------
    above, below : tensor of float64, shape (rows, M)
    """
    import torch

    known = [x.contiguous() for x in (points, value, slope, least, most)]
    above, below = torch.empty_like(known[3]), torch.empty_like(known[4])
    rows = Rows(known[3], known[4])
    count, splits = int(points.shape[1]), splits_of(launcher, rows)
    arguments = [*known, above, below, *map(np.int32, (count, rows.vocabulary, splits))]
    grid = Grid(rows.count * splits, THREADS, 8 * count)
    launcher.launch(Source("slack_bounds.cu", ()), "slack_bounds", grid, arguments)
    return above, below
