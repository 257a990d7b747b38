"""How figures look: colours and dashes, panels, captions, files."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from mdsd_theory.errors import DataFileError, MissingDependencyError
from mdsd_theory.study.blocks import drawn
from mdsd_theory.study.labels import OURS, verifier_label

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Style = tuple[str, str, Any]
"""Colour, marker, dashes."""

Points = tuple[Sequence[float], Sequence[float], Sequence[float]]
"""Places, means, standard errors."""

OF_SCHEME: dict[str, Style] = {
    "with_replacement": ("#0072b2", "s", (0, (5, 2))),
    "without_replacement": ("#d55e00", "^", "-"),
    "greedy": ("#000000", "o", (0, (6, 1.5, 1.2, 1.5))),
}
OF_VERIFIER: dict[str, Style] = {
    "alpha": ("#000000", "o", "-"),
    "optimal": ("#009e73", "D", (0, (1, 1.2))),
    "rrs": ("#0072b2", "s", (0, (5, 2))),
    "rrs_without_replacement": ("#0072b2", "s", (0, (5, 2))),
    "k_seq": ("#d55e00", "^", (0, (6, 1.5, 1.2, 1.5))),
    "khisti": ("#cc79a7", "v", (0, (3, 1.5))),
    "greedy": ("#e69f00", "v", (0, (5, 2))),
    "spechub": ("#56b4e9", "P", (0, (5, 2))),
    "naive": ("#7a7a7a", "x", ":"),
}
OTHERS: tuple[Style, ...] = (
    ("#009e73", "D", ":"),
    ("#cc79a7", "v", (0, (3, 1.5))),
    ("#7a7a7a", "x", (0, (1, 1.5))),
)
"""Okabe and Ito's colours, apart for the colour-blind; markers and dashes for those who print in grey."""

OF_CUT: tuple[tuple[str, Any], ...] = (("x", (0, (1, 1.2))), ("+", (0, (3, 1, 1, 1))), ("1", (0, (2, 3))))
"""Marker and dashes of schemes whose q is cut, cut by cut, in the colour of the scheme itself."""

PANEL = (2.7, 2.5)
"""Inches of a panel: narrow, so that letters stay large where a figure is set in a page's width."""

NARROW = 2.25
"""Inches of a panel where there are more than three beside each other."""


Place = Literal["left", "center", "right"]
PLACES: dict[Place, Literal["outside upper left", "outside upper center", "outside upper right"]] = {
    "left": "outside upper left",
    "center": "outside upper center",
    "right": "outside upper right",
}
"""Where legends are, above the panels."""


def style_of(name: str, schemes: Sequence[str] = ()) -> Style:
    """Return the style of a scheme, where schemes are given, or else of a verifier."""
    if not schemes:
        return OF_VERIFIER.get(name, OTHERS[0])
    base, cut = name.partition("@")[::2]
    if cut and base in OF_SCHEME:
        cuts = list(dict.fromkeys(x.partition("@")[2] for x in schemes if "@" in x))
        return (OF_SCHEME[base][0], *OF_CUT[cuts.index(cut) % len(OF_CUT)])
    others = [x for x in schemes if x.partition("@")[0] not in OF_SCHEME]
    return OF_SCHEME[name] if name in OF_SCHEME else OTHERS[others.index(name) % len(OTHERS)]


def grid(
    rows: Sequence[str], columns: Sequence[str], y: str, height: float = PANEL[1], **options: Any
) -> tuple[Figure, np.ndarray[Any, Any]]:
    """Return a figure with a panel for each row and column, named at the left and at the top."""
    wide = PANEL[0] if len(columns) <= 3 else NARROW
    size = (max(6.0, 0.6 + wide * len(columns)), 0.9 + height * len(rows))
    figure = _matplotlib().figure.Figure(figsize=size, layout="constrained")
    axes = figure.subplots(len(rows), len(columns), squeeze=False, **options)
    for panel, name in zip(axes[0], columns, strict=True):
        panel.set_title(name, fontsize=10, parse_math=False)
    for line, name in zip(axes, rows, strict=True):
        side = f"{name.replace(' / ', chr(10))}\n{y}"
        line[0].set_ylabel(side, fontsize=9, parse_math=False)
    for panel in axes.flat:
        panel.grid(which="major", color="#dddddd", lw=0.6)
        panel.spines[["top", "right"]].set_visible(False)
        panel.tick_params(labelsize=8)
    return figure, axes


def curve(
    axes: Axes, points: Points, style: Style, label: str, *, band: bool = True, **options: Any
) -> None:
    """Draw means, with a band of one standard error where it is defined."""
    colour, marker, dashes = style
    x, middle, half = (np.asarray(values, dtype=np.float64) for values in points)
    if band:
        half = np.nan_to_num(half)
        axes.fill_between(x, middle - half, middle + half, color=colour, alpha=0.13, lw=0)
    look = {"color": colour, "marker": marker, "ls": dashes, "ms": 3.5, "lw": 1.3, "label": label}
    axes.plot(x, middle, **(look | options))


def look_of(verifier: str) -> dict[str, Any]:
    """Return what sets the bound and the optimal verifier apart where curves coincide."""
    if verifier == "alpha":
        return {"lw": 2.6, "marker": "", "alpha": 0.45}
    return {"ms": 6.5, "mfc": "none"} if verifier == OURS else {}


def legend(figure: Figure, axes: Iterable[Axes], place: Place = "center", **options: Any) -> None:
    """Write one legend above all panels, each name once, in as many columns as there is room for."""
    found: dict[str, Any] = {}
    for panel in axes:
        lines, names = panel.get_legend_handles_labels()
        found |= dict(zip(names, lines, strict=True))
    widest = 0.6 + 0.085 * max(map(len, found), default=1)
    columns = max(1, min(len(found), int(figure.get_figwidth() / widest)))
    look: dict[str, Any] = {"ncols": columns, "fontsize": 9, "frameon": False, "handlelength": 3.2}
    figure.legend(list(found.values()), list(found), loc=PLACES[place], **(look | options))


def two_legends(figure: Figure, axes: np.ndarray[Any, Any]) -> None:
    """Write a legend for the panels of bounds, the first of each row, and one for the others."""
    bounds = len(axes[0, 0].get_legend_handles_labels()[1])
    look: dict[str, Any] = {"title_fontsize": 9, "alignment": "left", "handlelength": 2.6}
    if axes.shape[1] == 1:
        legend(figure, axes.flat)
        return
    legend(figure, axes[:, 0], "left", title="bounds (first panels)", ncols=1 + (bounds > 4), **look)
    legend(figure, axes[:, 1:].flat, "right", title="rates (other panels)", ncols=2, **look)


def caption(figure: Figure, frame: pd.DataFrame, *told: str, sample: str = "") -> None:
    """Write what is shown, and of how many prompts and positions, below all panels.

    Parameters
    ----------
    figure : Figure
    frame : pandas.DataFrame
        The rows that are shown.
    *told : str
        Sentences; empty ones are left out.
    sample : str
        Of :func:`mdsd_theory.study.rows.sample_of`, which has to see all tasks; it comes first.
    """
    prompts = frame["cluster"].nunique()
    places = frame[["cluster", "turn", "position"]].drop_duplicates()
    pairs = frame["pair"].nunique()
    summed = f", summed over {pairs} pairs" if pairs > 1 else ""
    counts = f"{prompts:,} prompt{'s' * (prompts != 1)}, {len(places):,} positions{summed}."
    text = " ".join(filter(None, (sample, counts, drawn(frame), *told)))
    line = fill(text, int(16 * figure.get_figwidth()))
    figure.supxlabel(line, fontsize=8, color="#444444", parse_math=False)


def save(figure: Figure, folder: Path, name: str) -> list[Path]:
    """Write a figure as SVG and PNG; the same rows give the same bytes.

    Raises
    ------
    DataFileError
        When they cannot be written.
    """
    paths = [folder / f"{name}.{kind}" for kind in ("svg", "png")]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _matplotlib().rc_context({"svg.hashsalt": "mdsd"}):
            for path in paths:
                facts = {"Date": None} if path.suffix == ".svg" else None
                figure.savefig(path, dpi=150, metadata=facts)
    except OSError as error:
        raise DataFileError(f"cannot write to {folder}: {error.strerror or error}") from None
    return paths


def short_label(verifier: str) -> str:
    """Return a verifier's name in the panel of its scheme."""
    return verifier_label(verifier).removesuffix(" without")


def _matplotlib() -> Any:
    try:
        import matplotlib as mpl
        import matplotlib.figure
    except ImportError:
        raise MissingDependencyError("figures need matplotlib: pip install 'mdsd-theory[plot]'") from None
    return mpl
