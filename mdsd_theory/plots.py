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

    For a batch, bars are means over positions and whiskers one standard deviation between positions.
    Where α* is only enclosed, the bound is a band from ``lower`` to ``upper``.

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
    ax = _axes(ax, sum(1 for _ in comparison.rows))
    places: list[float] = []
    labels: list[str] = []
    x = 0.0
    for scheme, optimum in comparison.optimal.items():
        rows = [row for row in comparison.rows if row.scheme == scheme and row.rate is not None]
        width = max(1, len(rows))
        _bound(ax, x - 0.5, x + width - 0.5, optimum)
        for row in rows:
            values = _flat(row.acceptance)
            spread = values.std() if values.size > 1 else None
            ax.bar(x, values.mean(), 0.72, color=BAR, yerr=spread, capsize=3, ecolor="0.25")
            places.append(x)
            labels.append(f"{row.verifier}\n{scheme}")
            x += 1
        if not rows:
            places.append(x)
            labels.append(f"(bound)\n{scheme}")
            x += 1
        x += 0.5
    ax.set_xticks(places, labels, fontsize=8, rotation=30, ha="right", rotation_mode="anchor")
    ax.set_ylim(0, 1)
    ax.set_ylabel("acceptance rate P(Y ∈ S)")
    ax.legend(loc="lower right", fontsize=8, framealpha=1)
    return ax


def _axes(ax: Axes | None, bars: int) -> Axes:
    if ax is not None:
        return ax
    try:
        import matplotlib.pyplot as plt
    except ImportError:
        raise MissingDependencyError("plots need matplotlib: pip install 'mdsd-theory[plot]'") from None
    _, new = plt.subplots(figsize=(max(4.0, 0.75 * bars + 1.5), 3.6), layout="constrained")
    return new


def _flat(x: Any) -> Any:
    return np.ravel(np.asarray(host(x), dtype=np.float64))


def _bound(ax: Axes, left: float, right: float, optimum: Any) -> None:
    lower, upper = _flat(optimum.lower).mean(), _flat(optimum.upper).mean()
    label = "bound α*" if not ax.get_legend_handles_labels()[1] else None
    ax.plot([left, right], [upper, upper], color=BOUND, lw=2, label=label, zorder=3)
    if not optimum.exact:
        ax.fill_between([left, right], lower, upper, color=BOUND, alpha=0.3, zorder=2)
