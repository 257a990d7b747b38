"""Where greedy drafts win and where they lose."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from mdsd_theory.errors import InputError
from mdsd_theory.study.clusters import grouped_means
from mdsd_theory.study.figures.bins import binned, entropy_axis
from mdsd_theory.study.figures.style import OF_SCHEME, PANEL, Points, caption, curve, grid, legend
from mdsd_theory.study.finding import TOLERANCE
from mdsd_theory.study.labels import scheme_label
from mdsd_theory.study.rows import PLACE, at_positions, pandas, sample_of, select

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

RIVALS = ("with_replacement", "without_replacement")
COLUMNS = {
    "temperature": "by temperature",
    "target_entropy": "by entropy of the target",
    "total_variation": "by total variation",
}
LEGEND = 0.5
"""Inches that the taller legend has more than others."""

LABELS = {"temperature": "temperature T", "total_variation": "½ Σ |p − q|"}


def greedy_figure(
    frame: pd.DataFrame, temperature: float, n: int, tasks: Sequence[str] | None = None
) -> Figure:
    """Draw how far α* of greedy is ahead of α* with and without replacement, and who wins how often.

    Greedy wins or loses at a position where the two differ by more than the captures' rounding and the
    widths of the intervals that hold them.
    """
    rows = select(frame, n=n, tasks=tasks)
    shown = select(rows, temperature)
    ahead = _differences(rows)
    pairs = [x for x in rows["pair"].unique() if (ahead["pair"] == x).any()]
    swept = rows["temperature"].nunique() > 1
    columns = [x for x in COLUMNS if x != "temperature" or swept]
    titles = [*(COLUMNS[x] for x in columns), "how often, by entropy"]
    height = PANEL[1] + LEGEND / max(1, len(pairs))
    figure, axes = grid(pairs, titles, "α* greedy − α* of the rival", height)
    for line, pair in zip(axes, pairs, strict=True):
        of_pair = ahead[ahead["pair"] == pair]
        at = of_pair[of_pair["temperature"] == temperature]
        for panel, column in zip(line, columns, strict=False):
            _means(panel, of_pair if column == "temperature" else at, column)
            panel.sharey(line[0])
        _shares(line[-1], at)
    look = {"ncols": 1, "alignment": "left"}
    legend(figure, axes[:, :-1].flat, "left", title="mean lead of greedy (left panels)", **look)
    legend(figure, axes[:, -1], "right", title="share where greedy (right panel)", **look)
    held = f"T = {temperature:g}" + ", but for the panel by temperature" * swept
    what = (
        f"n = {n}, {held}; neither wins nor loses: within {TOLERANCE:g} or the enclosures of the two α*; "
        "bands: ± one standard error clustered by prompt."
    )
    caption(figure, rows if swept else shown, what, sample=sample_of(frame))
    return figure


def _differences(frame: pd.DataFrame) -> pd.DataFrame:
    """Return greedy's lead over each rival, and how wide a tie is, one row a position and rival."""
    wanted = {x: (x, "alpha") for x in ("greedy", *RIVALS)}
    lower = {f"{x}_lower": (x, "lower") for x in ("greedy", *RIVALS)}
    facts = {x: ("greedy", x) for x in ("target_entropy", "total_variation")}
    found = at_positions(frame, wanted | lower | facts)
    if found.empty:
        raise InputError("the captures lack one of with_replacement, without_replacement and greedy")
    width = {x: found[x] - found[f"{x}_lower"] for x in wanted}
    parts = [
        found[[*PLACE, *facts]].assign(
            rival=x,
            lead=found["greedy"] - found[x],
            tie=np.maximum(np.maximum(width["greedy"], width[x]), TOLERANCE),
        )
        for x in RIVALS
    ]
    long: pd.DataFrame = pandas().concat(parts, ignore_index=True)
    return long


def _means(axes: Axes, rows: pd.DataFrame, column: str) -> None:
    axes.axhline(0, color="#444444", lw=0.8)
    for rival in RIVALS:
        some = rows[rows["rival"] == rival]
        points = _by_temperature(some) if column == "temperature" else binned(some, column, "lead")
        curve(axes, points, OF_SCHEME[rival], f"over {scheme_label(rival)}")
    if column == "target_entropy":
        entropy_axis(axes)
    else:
        axes.set_xlabel(LABELS[column], fontsize=9)


def _by_temperature(rows: pd.DataFrame) -> Points:
    found = [(float(x), e) for (x,), e in grouped_means(rows, "lead", ["temperature"])]
    return [x for x, _ in found], [e.mean for _, e in found], [e.standard_error for _, e in found]


def _shares(axes: Axes, rows: pd.DataFrame) -> None:
    for rival in RIVALS:
        some = rows[rows["rival"] == rival]
        colour, marker, _ = OF_SCHEME[rival]
        for name, hit, dashes in (
            ("wins against", some["lead"] > some["tie"], "-"),
            ("loses to", some["lead"] < -some["tie"], ":"),
        ):
            points = binned(some.assign(hit=hit.astype(float)), "target_entropy", "hit")
            curve(axes, points, (colour, marker, dashes), f"{name} {scheme_label(rival)}")
    axes.set_ylim(-0.03, 1.03)
    axes.set_ylabel("share of positions", fontsize=9)
    entropy_axis(axes)
