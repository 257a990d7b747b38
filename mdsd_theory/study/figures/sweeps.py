"""Acceptance against temperature and against n: the bounds, then the verifiers of each scheme."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mdsd_theory.errors import InputError
from mdsd_theory.study.clusters import rate_mean
from mdsd_theory.study.figures.known import label_of, left_out, parts_told, uncut, with_gap
from mdsd_theory.study.figures.style import Points, caption, curve, grid, look_of, style_of, two_legends
from mdsd_theory.study.labels import scheme_label, schemes_of, verifiers_of
from mdsd_theory.study.rows import sample_of, select

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BAND = "bands: ± one standard error of α*, clustered by prompt."


def temperature_figure(
    frame: pd.DataFrame, temperature: float, n: int, tasks: Sequence[str] | None = None
) -> Figure:
    """Draw acceptance against temperature at one n."""
    rows = select(frame, n=n, tasks=tasks)
    return _sweep(rows, "temperature", "temperature T", f"n = {n} drafts", sample_of(frame))


def drafts_figure(
    frame: pd.DataFrame, temperature: float, n: int, tasks: Sequence[str] | None = None
) -> Figure:
    """Draw acceptance against n at one temperature."""
    rows = select(frame, temperature=temperature, tasks=tasks)
    return _sweep(rows, "n", "drafts n", f"T = {temperature:g}", sample_of(frame))


def _sweep(frame: pd.DataFrame, column: str, label: str, fixed: str, sample: str) -> Figure:
    if frame[column].nunique() < 2:
        raise InputError(f"the captures hold one {column} only; a curve needs at least two")
    pairs, schemes = list(frame["pair"].unique()), schemes_of(frame)
    curved = [x for x in uncut(frame) if frame[frame["scheme"] == x][column].nunique() > 1]
    shown = with_gap(frame, curved)
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
    two_legends(figure, axes)
    left = left_out(frame[frame["scheme"].isin(curved)], shown)
    caption(figure, frame, f"{fixed}; {BAND}", parts_told(frame, shown), left, sample=sample)
    return figure


def _bounds(axes: Axes, frame: pd.DataFrame, column: str, schemes: list[str]) -> None:
    for scheme in schemes:
        points = _points(frame[frame["scheme"] == scheme], "alpha", column)
        curve(axes, points, style_of(scheme, schemes), f"α* {scheme_label(scheme)}")


def _verifiers(axes: Axes, frame: pd.DataFrame, column: str) -> None:
    for name in ("alpha", *verifiers_of(frame)):
        points, bound = _points(frame, name, column), name == "alpha"
        curve(axes, points, style_of(name), label_of(frame, name), band=bound, **look_of(name))


def _points(rows: pd.DataFrame, values: str, column: str) -> Points:
    known = rows.loc[rows[values].notna(), column].unique()
    found = [(float(x), rate_mean(rows[rows[column] == x], values)) for x in sorted(known)]
    return [x for x, _ in found], [e.mean for _, e in found], [e.standard_error for _, e in found]
