"""Bins of equal counts along a column."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mdsd_theory.study.clusters import clustered_mean
from mdsd_theory.study.figures.style import Points

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

BINS = 8
LEAST = 12
"""Positions that a bin should hold."""

FLOOR = 1e-3
"""Entropies below it, in nats, are shown as it: the axis is logarithmic."""


def binned(frame: pd.DataFrame, column: str, values: str) -> Points:
    """Return the mean of a column and the clustered mean of values, bin by bin of the column.

    There are :data:`BINS` bins, fewer where they would hold less than :data:`LEAST` positions, or where
    many positions share a value.
    """
    x = frame[column].to_numpy()
    if column == "target_entropy":
        x = np.maximum(x, FLOOR)
    if not x.size:
        return [], [], []
    bins = max(1, min(BINS, x.size // LEAST))
    edges = np.unique(np.quantile(x, np.linspace(0, 1, bins + 1)))
    of = np.clip(np.searchsorted(edges, x, side="right") - 1, 0, max(0, edges.size - 2))
    inside = [of == k for k in np.unique(of)]
    means = [clustered_mean(frame[values][some], frame["cluster"][some]) for some in inside]
    places = [float(x[some].mean()) for some in inside]
    return places, [e.mean for e in means], [e.standard_error for e in means]


def entropy_axis(axes: Axes) -> None:
    """Set the axis of the target's entropy."""
    axes.set_xscale("log")
    axes.set_xlabel("entropy of the target (nats)", fontsize=9)
