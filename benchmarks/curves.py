"""Plots of the records of ``scaling.py``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from records import Record, curves

PANELS = (
    ("α*, with replacement", "route", "with_replacement"),
    ("α*, without replacement", "route", "without_replacement"),
    ("optimal verifier", "verifier", None),
)
STYLES = (("#000000", "o", "-"), ("#0072b2", "s", "--"), ("#d55e00", "^", "-."), ("#7a7a7a", "D", ":"))
"""Colours that the colour-blind tell apart, with markers and dashes for those who print in grey."""

AXES = {"V": "V (tokens)", "n": "n (drafts)", "B": "B (rows)"}
APART = 0.055
"""Least distance between labels, as a share of the panel's height."""

End = tuple[float, float, str, str]
"""A line's last point, its name and its colour."""


def draw(records: Sequence[Record], axis: str, path: Path) -> Figure | None:
    """Write the curves along one size, of the first library measured; None where there are none."""
    chosen = [r for r in records if r.axis == axis and r.library == records[0].library]
    if not chosen:
        return None
    figure = Figure(figsize=(12.0, 3.9), layout="constrained")
    panels = figure.subplots(1, len(PANELS), sharey=True)
    ends: list[list[End]] = []
    for axes, (title, kind, scheme) in zip(panels, PANELS, strict=True):
        some = [r for r in chosen if r.kind == kind and scheme in (None, r.scheme)]
        ends.append(panel(axes, some, title, axis))
    for axes, found in zip(panels, ends, strict=True):  # once all have their common limits
        label(axes, found)
    panels[0].set_ylabel("milliseconds a call")
    first = chosen[0]
    figure.suptitle(f"{first.machine}, {first.library}, {first.dtype}; {fixed(chosen)}", fontsize=9)
    mpl.rcParams["svg.hashsalt"] = "mdsd"
    figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)
    return figure


def fixed(records: Sequence[Record]) -> str:
    """Return the sizes that stay."""
    first = records[0]
    return ", ".join(f"{x} = {getattr(first, x):,}" for x in AXES if x != first.axis)


def panel(axes: Axes, records: Sequence[Record], title: str, axis: str) -> list[End]:
    """Draw one panel, medians and the quartiles as a band; return where its lines end."""
    ends = []
    for k, (key, points) in enumerate(curves(records).items()):
        colour, marker, dashes = STYLES[k % len(STYLES)]
        x = [r.size for r in points]
        low, middle, high = (np.array([getattr(r, s) for r in points]) / 1e3 for s in Record._fields[-3:])
        axes.fill_between(x, low, high, color=colour, alpha=0.15, lw=0)
        axes.plot(x, middle, color=colour, marker=marker, ls=dashes, ms=3.5, lw=1.3)
        name = key[3] if key[1] == "route" or key[2] == "with_replacement" else f"{key[3]}, without"
        ends.append((x[-1], float(middle[-1]), name, colour))
    axes.set(xscale="log", yscale="log", title=title, xlabel=AXES[axis])
    sizes = [r.size for r in records]
    step, most = (2, 16) if axis == "n" else (10, 10**6)
    ticks = [step**k for k in range(7) if step**k <= min(most, max(sizes, default=1))]
    axes.set_xticks([x for x in ticks if x >= min(sizes, default=1)], minor=False)
    if axis == "n":
        axes.xaxis.set_major_formatter(lambda x, _: f"{x:g}")
    axes.minorticks_off()
    axes.grid(which="major", color="#dddddd", lw=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    return ends


def label(axes: Axes, ends: list[End]) -> None:
    """Write names beside the last points, moved apart where they would meet."""
    if not ends:
        return
    left, right = axes.get_xlim()
    axes.set_xlim(left, right * (right / left) ** 0.55)
    inverse = axes.transAxes.inverted()
    at = [inverse.transform(axes.transData.transform((x, y))) for x, y, _, _ in ends]
    for k, height in spread([y for _, y in at]):
        name, colour = ends[k][2:]
        axes.annotate(
            name,
            ends[k][:2],
            xytext=(at[k][0] + 0.03, height),
            textcoords="axes fraction",
            fontsize=7.5,
            color=colour,
            va="center",
        )


def spread(heights: list[float]) -> list[tuple[int, float]]:
    """Return places and heights from below, no two nearer than a label is high."""
    found: list[tuple[int, float]] = []
    for k in np.argsort(heights):
        least = found[-1][1] + APART if found else -np.inf
        found.append((int(k), max(float(heights[k]), least)))
    return found
