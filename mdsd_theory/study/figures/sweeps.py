"""Acceptance against temperature and against n: the bounds, then the verifiers of each scheme."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mdsd_theory.errors import InputError
from mdsd_theory.study.clusters import rate_mean
from mdsd_theory.study.figures.style import (
    Points,
    caption,
    curve,
    grid,
    legend,
    look_of,
    short_label,
    style_of,
)
from mdsd_theory.study.labels import scheme_label, schemes_of, verifiers_of
from mdsd_theory.study.rows import select

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BAND = "bands: ± one standard error of α*, clustered by prompt"


def temperature_figure(frame: pd.DataFrame, temperature: float, n: int) -> Figure:
    """Draw acceptance against temperature at one n."""
    return _sweep(select(frame, n=n), "temperature", "temperature T", f"n = {n} drafts")


def drafts_figure(frame: pd.DataFrame, temperature: float, n: int) -> Figure:
    """Draw acceptance against n at one temperature."""
    return _sweep(select(frame, temperature=temperature), "n", "drafts n", f"T = {temperature:g}")


def _sweep(frame: pd.DataFrame, column: str, label: str, fixed: str) -> Figure:
    if frame[column].nunique() < 2:
        raise InputError(f"the captures hold one {column} only; a curve needs at least two")
    pairs, schemes = list(frame["pair"].unique()), schemes_of(frame)
    shown = [x for x in schemes if "@" not in x and frame[frame["scheme"] == x][column].nunique() > 1]
    titles = ["bounds α*", *map(scheme_label, shown)]
    figure, axes = grid(pairs, titles, "acceptance", sharex=True, sharey="row")
    for line, pair in zip(axes, pairs, strict=True):
        of_pair = frame[frame["pair"] == pair]
        _bounds(line[0], of_pair, column, schemes)
        for panel, scheme in zip(line[1:], shown, strict=True):
            _verifiers(panel, of_pair[of_pair["scheme"] == scheme], column)
    for panel in axes[-1]:
        panel.set_xlabel(label, fontsize=9)
        panel.locator_params(axis="x", integer=column == "n")
    legend(figure, axes.flat)
    caption(figure, frame, f"{fixed}; {BAND}")
    return figure


def _bounds(axes: Axes, frame: pd.DataFrame, column: str, schemes: list[str]) -> None:
    for scheme in schemes:
        points = _points(frame[frame["scheme"] == scheme], "alpha", column)
        curve(axes, points, style_of(scheme, schemes), f"α* {scheme_label(scheme)}")


def _verifiers(axes: Axes, frame: pd.DataFrame, column: str) -> None:
    for name in ("alpha", *verifiers_of(frame)):
        points, bound = _points(frame, name, column), name == "alpha"
        curve(axes, points, style_of(name), short_label(name), band=bound, **look_of(name))


def _points(rows: pd.DataFrame, values: str, column: str) -> Points:
    known = rows.loc[rows[values].notna(), column].unique()
    found = [(float(x), rate_mean(rows[rows[column] == x], values)) for x in sorted(known)]
    return [x for x, _ in found], [e.mean for _, e in found], [e.standard_error for _, e in found]
