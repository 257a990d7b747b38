"""Acceptance by task."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mdsd_theory.study.clusters import rate_mean
from mdsd_theory.study.figures.style import caption, grid, legend, short_label, style_of
from mdsd_theory.study.labels import scheme_label, schemes_of, verifiers_of
from mdsd_theory.study.rows import select

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

APART = 0.13
"""Height between the points of two verifiers, in tasks."""


def tasks_figure(frame: pd.DataFrame, temperature: float, n: int) -> Figure:
    """Draw the bound and each verifier by task, with bars of one standard error."""
    frame = select(frame, temperature, n)
    pairs, tasks = list(frame["pair"].unique()), list(frame["task"].unique())
    schemes = [x for x in schemes_of(frame) if "@" not in x]
    titles = [scheme_label(x) for x in schemes]
    figure, axes = grid(pairs, titles, "", sharex="row", sharey=True)
    for line, pair in zip(axes, pairs, strict=True):
        for panel, scheme in zip(line, schemes, strict=True):
            _panel(panel, frame[(frame["pair"] == pair) & (frame["scheme"] == scheme)], tasks)
    axes[0, 0].set_yticks(range(len(tasks)), tasks, parse_math=False)
    axes[0, 0].set_ylim(len(tasks) - 0.5, -0.5)
    for panel in axes[-1]:
        panel.set_xlabel("acceptance", fontsize=9)
    legend(figure, axes.flat)
    told = "bars: ± one standard error clustered by prompt"
    caption(figure, frame, f"T = {temperature:g}, n = {n}; {told}")
    return figure


def _panel(axes: Axes, rows: pd.DataFrame, tasks: list[str]) -> None:
    names = ["alpha", *verifiers_of(rows)]
    for k, name in enumerate(names):
        found = [rate_mean(rows[rows["task"] == task], name) for task in tasks]
        colour, marker, _ = style_of(name)
        axes.errorbar(
            [x.mean for x in found],
            np.arange(len(tasks)) + (k - (len(names) - 1) / 2) * APART,
            xerr=np.nan_to_num([x.standard_error for x in found]),
            color=colour,
            marker=marker,
            ms=4,
            ls="none",
            elinewidth=1,
            label=short_label(name),
        )
    axes.grid(axis="y", visible=False)
    for edge in range(1, len(tasks)):
        axes.axhline(edge - 0.5, color="#dddddd", lw=0.6)
