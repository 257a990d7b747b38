"""Distribution over positions of the gaps to the bound, and the gaps against the target's entropy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mdsd_theory.errors import InputError
from mdsd_theory.study.figures.bins import FLOOR, binned, entropy_axis
from mdsd_theory.study.figures.style import caption, curve, grid, legend, look_of, short_label, style_of
from mdsd_theory.study.labels import scheme_label, schemes_of, verifiers_of
from mdsd_theory.study.rows import select

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SMALLEST, LARGEST = 1e-6, 1.0
"""Range of gaps; smaller ones are in the curve's height where it begins."""

STEPS = np.geomspace(SMALLEST, LARGEST, 601)
MARKERS = np.logspace(-5, -1, 5)


def gaps_figure(frame: pd.DataFrame, temperature: float, n: int) -> Figure:
    """Draw the share of positions whose gap is at most x, for each verifier."""
    frame = select(frame, temperature, n)
    figure, axes, panels = _panels(frame, "share of positions with at most this gap")
    for panel, rows in panels:
        for name in verifiers_of(rows):
            _distribution(panel, (rows["alpha"] - rows[name]).dropna().to_numpy(), name)
        panel.set(xscale="log", xlim=(SMALLEST, LARGEST), ylim=(0, 1.03))
        panel.set_xticks(10.0 ** np.arange(-6, 1, 2))
        panel.minorticks_off()
    for panel in axes[-1]:
        panel.set_xlabel("gap α* − rate", fontsize=9)
    legend(figure, axes.flat)
    what = f"T = {temperature:g}, n = {n}; a curve begins at the share of gaps below {SMALLEST:g}"
    caption(figure, frame, what)
    return figure


def entropy_figure(frame: pd.DataFrame, temperature: float, n: int) -> Figure:
    """Draw the mean gap of each verifier against the entropy of the target, in bins of equal counts."""
    frame = select(frame, temperature, n)
    figure, axes, panels = _panels(frame, "mean gap α* − rate")
    for panel, rows in panels:
        for name in verifiers_of(rows):
            gaps = rows.assign(gap=rows["alpha"] - rows[name]).dropna(subset=["gap"])
            x, means, errors = binned(gaps, "target_entropy", "gap")
            points = (x, [max(mean, SMALLEST) for mean in means], errors)
            curve(panel, points, style_of(name), short_label(name), **look_of(name))
        panel.set(yscale="log", ylim=(0.7 * SMALLEST, LARGEST))
    for panel in axes[-1]:
        entropy_axis(panel)
    legend(figure, axes.flat)
    bands = (
        f"entropies below {FLOOR:g} and gaps below {SMALLEST:g} are set there; bins of equal counts; "
        "bands: ± one standard error clustered by prompt"
    )
    caption(figure, frame, f"T = {temperature:g}, n = {n}; {bands}")
    return figure


def _panels(frame: pd.DataFrame, y: str) -> tuple[Figure, NDArray[Any], list[tuple[Axes, pd.DataFrame]]]:
    pairs = list(frame["pair"].unique())
    schemes = [x for x in schemes_of(frame) if "@" not in x]
    schemes = [x for x in schemes if verifiers_of(frame[frame["scheme"] == x])]
    if not schemes:
        raise InputError("the captures hold no verifier's rates; gaps need some: --verifiers all")
    figure, axes = grid(pairs, [scheme_label(x) for x in schemes], y, sharex=True, sharey="row")
    panels = [
        (panel, frame[(frame["pair"] == pair) & (frame["scheme"] == scheme)])
        for line, pair in zip(axes, pairs, strict=True)
        for panel, scheme in zip(line, schemes, strict=True)
    ]
    return figure, axes, panels


def _distribution(axes: Axes, gaps: NDArray[np.float64], name: str) -> None:
    colour, marker, dashes = style_of(name)
    line: dict[str, Any] = {"color": colour, "lw": 1.3, "ls": dashes}
    axes.plot(STEPS, _share(gaps, STEPS), drawstyle="steps-post", **line)
    dots: dict[str, Any] = {"color": colour, "marker": marker, "ms": 3.5} | look_of(name)
    axes.plot(MARKERS, _share(gaps, MARKERS), **(dots | {"ls": "none"}))
    axes.plot([], [], **(line | dots), label=short_label(name))


def _share(gaps: NDArray[np.float64], x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the share of gaps up to each x."""
    shares: NDArray[np.float64] = np.searchsorted(np.sort(gaps), x, side="right") / max(1, gaps.size)
    return shares
