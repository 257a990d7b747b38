"""Where greedy drafts win and where they lose."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mdsd_theory.errors import InputError
from mdsd_theory.study.clusters import grouped_means
from mdsd_theory.study.figures.bins import binned, entropy_axis
from mdsd_theory.study.figures.style import OF_SCHEME, Points, caption, curve, grid, legend
from mdsd_theory.study.finding import TOLERANCE
from mdsd_theory.study.labels import scheme_label
from mdsd_theory.study.rows import PLACE, at_positions, select

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
LABELS = {"temperature": "temperature T", "total_variation": "½ Σ |p − q|"}


def greedy_figure(frame: pd.DataFrame, temperature: float, n: int) -> Figure:
    """Draw how far α* of greedy is ahead of α* with and without replacement, and who wins how often.

    Greedy wins or loses at a position where the two differ by more than the captures' rounding.
    """
    frame = select(frame, n=n)
    select(frame, temperature)
    ahead = _differences(frame)
    pairs = [x for x in frame["pair"].unique() if (ahead["pair"] == x).any()]
    columns = [x for x in COLUMNS if x != "temperature" or frame["temperature"].nunique() > 1]
    titles = [*(COLUMNS[x] for x in columns), "how often, by entropy"]
    figure, axes = grid(pairs, titles, "α* greedy − α* of the rival")
    for line, pair in zip(axes, pairs, strict=True):
        of_pair = ahead[ahead["pair"] == pair]
        at = of_pair[of_pair["temperature"] == temperature]
        for panel, column in zip(line, columns, strict=False):
            _means(panel, of_pair if column == "temperature" else at, column)
        _shares(line[-1], at)
    legend(figure, axes.flat)
    told = "bands: ± one standard error clustered by prompt"
    caption(figure, frame, f"n = {n}, T = {temperature:g} where T is not the axis; {told}")
    return figure


def _differences(frame: pd.DataFrame) -> pd.DataFrame:
    """Return greedy's lead over each rival, one row a position and rival."""
    wanted = {"greedy": ("greedy", "alpha")} | {x: (x, "alpha") for x in RIVALS}
    facts = {x: ("greedy", x) for x in ("target_entropy", "total_variation")}
    found = at_positions(frame, wanted | facts)
    if found.empty:
        raise InputError("the captures lack one of with_replacement, without_replacement and greedy")
    long = found.melt([*PLACE, *facts, "greedy"], list(RIVALS), "rival", "alpha")
    return long.assign(lead=long["greedy"] - long["alpha"])


def _means(axes: Axes, rows: pd.DataFrame, column: str) -> None:
    axes.axhline(0, color="#444444", lw=0.8)
    for rival in RIVALS:
        some = rows[rows["rival"] == rival]
        points = _by_temperature(some) if column == "temperature" else binned(some, column, "lead")
        curve(axes, points, OF_SCHEME[rival], f"lead over {scheme_label(rival)}")
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
            ("wins against", some["lead"] > TOLERANCE, "-"),
            ("loses to", some["lead"] < -TOLERANCE, ":"),
        ):
            points = binned(some.assign(hit=hit.astype(float)), "target_entropy", "hit")
            curve(axes, points, (colour, marker, dashes), f"{name} {scheme_label(rival)}")
    axes.set_ylim(0, 1)
    axes.set_ylabel("share of positions", fontsize=9)
    entropy_axis(axes)
