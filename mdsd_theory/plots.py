"""Plots: one function each, returning axes. No mathematics."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mdsd_theory.errors import InputError, MissingDependencyError
from mdsd_theory.export import mean

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from mdsd_theory.comparison import Comparison, Row

BAR = "#0072B2"
BOUND = "#D55E00"
"""Two colours of Okabe and Ito's palette, apart for every eye and in grey."""


def plot_rates(comparison: Comparison, ax: Axes | None = None) -> Axes:
    """Draw a bar for each verifier and a line for the bound α* of its scheme.

    For a batch everything is a mean over positions. Where α* is only enclosed, the bound is a band
    from ``lower`` to ``upper``; a Monte Carlo rate has its standard error beside it.

    Parameters
    ----------
    comparison : Comparison
    ax : matplotlib axes, optional
        A new figure is made when none is given.

    Returns
    -------
    matplotlib axes

    Raises
    ------
    InputError
        For a batch without rows.
    MissingDependencyError
        Without matplotlib.
    """
    if any(np.prod(optimum.subset.shape[:-1]) == 0 for optimum in comparison.optimal.values()):
        raise InputError("nothing to plot: the batch has no rows")
    ax = _axes(ax, len(comparison.rows))
    labels: dict[float, str] = {}
    schemes: list[int] = []
    y = 0.0
    for scheme, optimum in comparison.optimal.items():
        bound = mean(optimum.upper)
        labels[y] = scheme
        schemes.append(len(labels) - 1)
        sign = "=" if optimum.exact else "≤"
        ax.text(1.02, y, f"α* {sign} {bound:.3f}", va="center", fontsize=8, color=BOUND)
        rows = [row for row in comparison.rows if row.scheme == scheme and row.rate is not None]
        _bound(ax, y - 0.45, y + len(rows) + 0.45, optimum)
        for row in rows:
            y += 1
            labels[y] = str(row.verifier)
            ax.barh(y, mean(row.acceptance), 0.72, color=BAR)
            ax.text(1.02, y, _shown(row), va="center", fontsize=8)
        y += 1.4
    ax.set_yticks(list(labels), list(labels.values()), fontsize=8, parse_math=False)
    for index in schemes:
        ax.get_yticklabels()[index].set_fontweight("bold")
    ax.invert_yaxis()
    ax.set_xlim(0, 1)
    ax.set_xlabel("acceptance rate P(Y ∈ S)")
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def _axes(ax: Axes | None, rows: int) -> Axes:
    if ax is not None:
        return ax
    try:
        import matplotlib.pyplot as plt
    except ImportError:
        raise MissingDependencyError("plots need matplotlib: pip install 'mdsd-theory[plot]'") from None
    _, new = plt.subplots(figsize=(6.0, 0.9 + 0.27 * rows), layout="constrained")
    return new


def _shown(row: Row) -> str:
    shown = f"{mean(row.acceptance):.3f}"
    return shown if row.standard_error is None else f"{shown} ± {mean(row.standard_error):.1e}"


def _bound(ax: Axes, top: float, bottom: float, optimum: Any) -> None:
    lower, upper = mean(optimum.lower), mean(optimum.upper)
    ax.plot([upper, upper], [top, bottom], color=BOUND, lw=2, zorder=3, solid_capstyle="butt")
    if not optimum.exact:
        ax.fill_betweenx([top, bottom], lower, upper, color=BOUND, alpha=0.3, zorder=2)
