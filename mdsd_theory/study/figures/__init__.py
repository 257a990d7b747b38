"""Figures of captures: one function each, returning a matplotlib figure."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from mdsd_theory.errors import InputError
from mdsd_theory.study.figures.gaps import entropy_figure, gaps_figure
from mdsd_theory.study.figures.greedy import greedy_figure
from mdsd_theory.study.figures.style import save
from mdsd_theory.study.figures.sweeps import drafts_figure, temperature_figure
from mdsd_theory.study.figures.tasks import tasks_figure

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


class Kind(Protocol):
    """What makes a figure of rows at a temperature and n, of all tasks or of some."""

    def __call__(
        self, frame: pd.DataFrame, temperature: float, n: int, tasks: Sequence[str] | None = None
    ) -> Figure: ...


FIGURES: dict[str, Kind] = {
    "temperature": temperature_figure,
    "drafts": drafts_figure,
    "gaps": gaps_figure,
    "entropy": entropy_figure,
    "greedy": greedy_figure,
    "tasks": tasks_figure,
}
"""Every figure by name; each takes rows, temperature, n and tasks."""


def draw(
    frame: pd.DataFrame,
    kind: str,
    folder: Path,
    temperature: float,
    n: int,
    tasks: Sequence[str] | None = None,
) -> list[Path]:
    """Write one figure, or all that the rows allow, as SVG and PNG.

    Parameters
    ----------
    frame : pandas.DataFrame
        Of :func:`mdsd_theory.study.rows.read`.
    kind : str
        A name in :data:`FIGURES`, or ``"all"``.
    folder : Path
        Made where it is missing.
    temperature, n
        What is held where it is not the axis.
    tasks : sequence of str, optional
        All when left out. Rows of all tasks should come in, so that captions can tell a sample.

    Returns
    -------
    list of Path
        The files.

    Raises
    ------
    InputError
        For an unknown kind, or rows that a figure cannot be made of; of ``"all"`` only if none can.
    DataFileError
        When a file cannot be written.
    """
    if kind not in ("all", *FIGURES):
        raise InputError(f"--kind is {kind!r}; expected {', '.join(FIGURES)} or all")
    if kind != "all":
        return save(FIGURES[kind](frame, temperature, n, tasks), folder, kind)
    paths: list[Path] = []
    refusal: InputError | None = None
    for name, figure in FIGURES.items():
        try:
            made = figure(frame, temperature, n, tasks)
        except InputError as error:
            refusal = error
            continue
        paths += save(made, folder, name)
    if refusal is not None and not paths:
        raise refusal
    return paths
