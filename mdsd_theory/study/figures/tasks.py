"""Acceptance by task."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from mdsd_theory.study.clusters import Estimate, rate_mean
from mdsd_theory.study.figures.known import label_of, left_out, parts_told, uncut, with_gap
from mdsd_theory.study.figures.style import PANEL, Style, caption, grid, style_of, two_legends
from mdsd_theory.study.labels import scheme_label, verifiers_of
from mdsd_theory.study.rows import sample_of, select
from mdsd_theory.study.table import ALL, THESE

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

APART, TOGETHER = 0.16, 0.84
"""Heights between the points of two verifiers, and that all of them have, in tasks."""

HEIGHT = 0.42
"""Inches of a task."""

Curve = tuple[str, Style, list[Estimate]]
"""A label, a style, and a mean of each task."""


def tasks_figure(
    frame: pd.DataFrame, temperature: float, n: int, tasks: Sequence[str] | None = None
) -> Figure:
    """Draw the bounds and each verifier by task and over all, with bars of one standard error."""
    rows = select(frame, temperature, n, tasks)
    names = [str(x) for x in rows["task"].unique()]
    pooled = THESE if len(names) < frame["task"].nunique() else ALL
    lines = [*names, *[pooled] * (len(names) > 1)]
    pairs, schemes = list(rows["pair"].unique()), uncut(rows)
    shown = with_gap(rows, schemes)
    titles = ["bounds α*", *map(scheme_label, shown)]
    height = max(PANEL[1], 0.6 + HEIGHT * len(lines))
    figure, axes = grid(pairs, titles, "", height, sharex="row", sharey=True)
    for line, pair in zip(axes, pairs, strict=True):
        of_pair = rows[rows["pair"] == pair]
        _panel(line[0], _bounds(of_pair, schemes, names), lines)
        for panel, scheme in zip(line[1:], shown, strict=True):
            _panel(panel, _verifiers(of_pair[of_pair["scheme"] == scheme], names), lines)
    axes[0, 0].set_yticks(range(len(lines)), [x.replace("_", " ") for x in lines], parse_math=False)
    axes[0, 0].set_ylim(len(lines) - 0.5, -0.5)
    for panel in axes[-1]:
        panel.set_xlabel("acceptance", fontsize=9)
    two_legends(figure, axes)
    what = f"T = {temperature:g}, n = {n}; bars: ± one standard error clustered by prompt."
    alike = f"{pooled.capitalize()}: their positions count alike." if len(names) > 1 else ""
    told = (what, alike, parts_told(rows, shown), left_out(rows, shown))
    caption(figure, rows, *told, sample=sample_of(frame))
    return figure


def _bounds(rows: pd.DataFrame, schemes: list[str], tasks: list[str]) -> Iterable[Curve]:
    for scheme in schemes:
        found = _means(rows[rows["scheme"] == scheme], "alpha", tasks)
        yield f"α* {scheme_label(scheme)}", style_of(scheme, schemes), found


def _verifiers(rows: pd.DataFrame, tasks: list[str]) -> Iterable[Curve]:
    for name in ("alpha", *verifiers_of(rows)):
        yield label_of(rows, name), style_of(name), _means(rows, name, tasks)


def _means(rows: pd.DataFrame, name: str, tasks: list[str]) -> list[Estimate]:
    """Return the mean of each task, and at last of all where they are several."""
    found = [rate_mean(rows[rows["task"] == task], name) for task in tasks]
    return [*found, rate_mean(rows, name)] if len(tasks) > 1 else found


def _panel(axes: Axes, curves: Iterable[Curve], lines: list[str]) -> None:
    drawn = list(curves)
    apart = min(APART, TOGETHER / len(drawn))
    for k, (label, (colour, marker, _), found) in enumerate(drawn):
        axes.errorbar(
            [x.mean for x in found],
            np.arange(len(lines)) + (k - (len(drawn) - 1) / 2) * apart,
            xerr=np.nan_to_num([x.standard_error for x in found]),
            color=colour,
            marker=marker,
            ms=2.8,
            ls="none",
            elinewidth=1,
            capsize=2.6,
            capthick=0.8,
            label=label,
        )
    axes.grid(axis="y", visible=False)
    for edge in range(1, len(lines)):
        last = len(lines) > 2 and edge == len(lines) - 1
        axes.axhline(edge - 0.5, color="#888888" if last else "#dddddd", lw=0.9 if last else 0.6)
