"""Distribution over positions of the gaps to the bound, and the gaps against the target's entropy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mdsd_theory.errors import InputError
from mdsd_theory.study.figures.bins import FLOOR, binned, entropy_axis
from mdsd_theory.study.figures.known import (
    bounds_told,
    gap_label_of,
    gap_of,
    is_bounded,
    left_out,
    parts_told,
    uncut,
    with_gap,
)
from mdsd_theory.study.figures.style import caption, curve, grid, legend, look_of, style_of
from mdsd_theory.study.labels import scheme_label, verifiers_of
from mdsd_theory.study.rows import sample_of, select

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SMALLEST, LARGEST = 1e-6, 1.0
"""Range of gaps; smaller ones are in the curve's height where it begins."""

STEPS = np.geomspace(SMALLEST, LARGEST, 601)
MARKERS = np.logspace(-5, -1, 5)
LEAST_SHOWN = 0.7 * SMALLEST
"""Lower end of the axis of mean gaps."""

SHADE: dict[str, Any] = {"alpha": 0.13, "lw": 0}
FAINT: dict[str, Any] = {"alpha": 0.45, "lw": 1.0}
"""Looks of where a gap may be, and of an upper bound on it."""


Panels = list[tuple["Axes", "pd.DataFrame"]]
"""A panel for each pair and scheme, with its rows."""


def gaps_figure(
    frame: pd.DataFrame, temperature: float, n: int, tasks: Sequence[str] | None = None
) -> Figure:
    """Draw the share of positions whose gap is at most x, for each verifier."""
    rows = select(frame, temperature, n, tasks)
    figure, axes, panels = _panels(rows, "positions with at most this gap")
    for panel, some in panels:
        for name in verifiers_of(some):
            _distribution(panel, some, name)
        panel.set(xscale="log", xlim=(SMALLEST, LARGEST), ylim=(0, 1.06))
        panel.set_xticks(10.0 ** np.arange(-6, 1, 2))
        panel.minorticks_off()
    for panel in axes[-1]:
        panel.set_xlabel("gap α* − rate", fontsize=9)
    legend(figure, axes.flat)
    what = f"T = {temperature:g}, n = {n}; a curve begins at the share of gaps below {SMALLEST:g}."
    caption(figure, rows, what, *_told(rows), sample=sample_of(frame))
    return figure


def entropy_figure(
    frame: pd.DataFrame, temperature: float, n: int, tasks: Sequence[str] | None = None
) -> Figure:
    """Draw the mean gap of each verifier against the entropy of the target, in bins of equal counts."""
    rows = select(frame, temperature, n, tasks)
    figure, axes, panels = _panels(rows, "mean gap α* − rate")
    for panel, some in panels:
        for name in verifiers_of(some):
            _by_entropy(panel, some, name)
        panel.set(yscale="log", ylim=(LEAST_SHOWN, LARGEST))
    for panel in axes[-1]:
        entropy_axis(panel)
    legend(figure, axes.flat)
    what = (
        f"T = {temperature:g}, n = {n}; entropies below {FLOOR:g} and gaps below {SMALLEST:g} are set "
        "there; bins of equal counts; bands: ± one standard error clustered by prompt."
    )
    caption(figure, rows, what, *_told(rows), sample=sample_of(frame))
    return figure


def _panels(frame: pd.DataFrame, y: str) -> tuple[Figure, NDArray[Any], Panels]:
    pairs, schemes = list(frame["pair"].unique()), uncut(frame)
    if not verifiers_of(frame[frame["scheme"].isin(schemes)]):
        raise InputError("the captures hold no verifier's rates; gaps need some: --verifiers all")
    shown = with_gap(frame, schemes)
    if not shown:
        raise InputError("every verifier of the captures reaches α*: there are no gaps to draw")
    figure, axes = grid(pairs, [scheme_label(x) for x in shown], y, sharex=True, sharey="row")
    panels = [
        (panel, frame[(frame["pair"] == pair) & (frame["scheme"] == scheme)])
        for line, pair in zip(axes, pairs, strict=True)
        for panel, scheme in zip(line, shown, strict=True)
    ]
    return figure, axes, panels


def _told(frame: pd.DataFrame) -> tuple[str, str, str]:
    shown = with_gap(frame, uncut(frame))
    return parts_told(frame, shown), bounds_told(frame, shown), left_out(frame, shown)


def _by_entropy(axes: Axes, rows: pd.DataFrame, name: str) -> None:
    gaps = rows.assign(gap=gap_of(rows, name)).dropna(subset=["gap"])
    x, means, errors = binned(gaps, "target_entropy", "gap")
    points = (x, [max(mean, SMALLEST) for mean in means], errors)
    look = look_of(name)
    if bounded := is_bounded(rows, name):
        axes.fill_between(x, LEAST_SHOWN, points[1], color=style_of(name)[0], **SHADE)
        look |= FAINT
    curve(axes, points, style_of(name), gap_label_of(rows, name), band=not bounded, **look)


def _distribution(axes: Axes, rows: pd.DataFrame, name: str) -> None:
    colour, marker, dashes = style_of(name)
    gaps, bounded = gap_of(rows, name).to_numpy(), is_bounded(rows, name)
    line: dict[str, Any] = {"color": colour, "lw": 1.3, "ls": dashes}
    dots: dict[str, Any] = {"color": colour, "marker": marker, "ms": 3.5} | look_of(name)
    if bounded:
        axes.fill_between(STEPS, _share(gaps, STEPS), 1.0, step="post", color=colour, **SHADE)
        line, dots = line | FAINT, dots | FAINT
    axes.plot(STEPS, _share(gaps, STEPS), drawstyle="steps-post", **line)
    axes.plot(MARKERS, _share(gaps, MARKERS), **(dots | {"ls": "none"}))
    axes.plot([], [], **(line | dots), label=gap_label_of(rows, name))


def _share(gaps: NDArray[np.float64], x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the share of gaps up to each x."""
    shares: NDArray[np.float64] = np.searchsorted(np.sort(gaps), x, side="right") / max(1, gaps.size)
    return shares
