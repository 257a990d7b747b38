"""Plots: one function each, returning axes. No mathematics."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mdsd_theory.errors import MissingDependencyError
from mdsd_theory.export import host

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from mdsd_theory.comparison import Comparison

BAR = "#0072B2"
BOUND = "#D55E00"
"""Two colours of Okabe and Ito's palette, apart for every eye and in grey."""


def plot_rates(comparison: Comparison, ax: Axes | None = None) -> Axes:
    """Draw a bar for each verifier and a line for the bound α* of its scheme.

    For a batch everything is a mean over positions. Where α* is only enclosed, the bound is a band
    from ``lower`` to ``upper``.

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
    MissingDependencyError
        Without matplotlib.
    """
    ax = _axes(ax, len(comparison.rows))
    labels: dict[float, str] = {}
    y = 0.0
    for scheme, optimum in comparison.optimal.items():
        bound = _mean(optimum.upper)
        labels[y] = f"$\\bf{{{scheme.replace('_', chr(92) + '_')}}}$"
        sign = "=" if optimum.exact else "≤"
        ax.text(1.02, y, f"α* {sign} {bound:.3f}", va="center", fontsize=8, color=BOUND)
        rows = [row for row in comparison.rows if row.scheme == scheme and row.rate is not None]
        _bound(ax, y - 0.45, y + len(rows) + 0.45, optimum)
        for row in rows:
            y += 1
            value = _mean(row.acceptance)
            labels[y] = str(row.verifier)
            ax.barh(y, value, 0.72, color=BAR)
            ax.text(1.02, y, f"{value:.3f}", va="center", fontsize=8)
        y += 1.4
    ax.set_yticks(list(labels), list(labels.values()), fontsize=8)
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


def _mean(x: Any) -> float:
    return float(np.mean(np.asarray(host(x), dtype=np.float64)))


def _bound(ax: Axes, top: float, bottom: float, optimum: Any) -> None:
    lower, upper = _mean(optimum.lower), _mean(optimum.upper)
    ax.plot([upper, upper], [top, bottom], color=BOUND, lw=2, zorder=3, solid_capstyle="butt")
    if not optimum.exact:
        ax.fill_betweenx([top, bottom], lower, upper, color=BOUND, alpha=0.3, zorder=2)
