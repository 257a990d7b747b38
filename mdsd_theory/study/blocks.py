"""Table 1 as blocks of text cells: what every rendering shows."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mdsd_theory.study.finding import TOLERANCE
from mdsd_theory.study.labels import ONE_DRAFT, scheme_label, schemes_of, verifier_label

if TYPE_CHECKING:
    import pandas as pd

LEFT = 2
"""Columns of names, set to the left; numbers are set to the right."""

ABSENT = "–"
"""What has no value, and a standard error of fewer than two prompts."""

PART = "†"
"""Beside the mean of a rate that is known at a sample of the positions."""

VANISHING = 1e-12
"""Rounding of sums of rates; below it a mean is shown as zero."""


@dataclass(frozen=True)
class Cell:
    """A text, and whether it stands out."""

    text: str
    bold: bool = False


@dataclass(frozen=True)
class Block:
    """One table: a key of its own, a title, names of columns, rows of as many cells.

    The first columns are :data:`LEFT` of names: pair and task.
    """

    key: str
    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


def shown(mean: float, error: float, digits: int = 3) -> str:
    """Return ``mean ± error``; what the digits would show as zero is shown by its power of ten.

    Examples
    --------
    >>> shown(0.71234, 0.0042), shown(0.71234, float("nan")), shown(float("nan"), float("nan"))
    ('0.712 ± 0.004', '0.712 ± –', '–')
    >>> shown(2e-6, 3e-7), shown(-1e-16, 0.0)
    ('2.0e-06 ± 3.0e-07', '0.000 ± 0.000')
    """
    if math.isnan(mean):
        return ABSENT
    small = VANISHING < abs(mean) < 0.5 * 10.0**-digits
    form = ".1e" if small else f".{digits}f"
    after = ABSENT if math.isnan(error) else f"{error:{form}}"
    return f"{mean if small else round(mean, digits) + 0.0:{form}} ± {after}"


def drawn(frame: pd.DataFrame) -> str:
    """Return at which temperature the answers were drawn, or nothing where that is not known."""
    found = sorted(frame["drawn_at"].dropna().unique()) if "drawn_at" in frame else []
    return f"Answers drawn at temperature {', '.join(f'{x:g}' for x in found)}." if found else ""


def blocks(table: pd.DataFrame) -> list[Block]:
    """Return a block that compares the schemes' bounds, and one for each scheme with a gap."""
    lines = list(dict.fromkeys(zip(table["pair"], table["task"], strict=True)))
    bounds = table[table["verifier"] == "alpha"]
    judged = table[(table["verifier"] != "alpha") & ~table["scheme"].isin(schemes_without_gap(table))]
    return [_bounds(bounds, lines)] + [_verifiers(table, x, lines) for x in schemes_of(judged)]


def schemes_without_gap(table: pd.DataFrame) -> list[str]:
    """Return the schemes that have verifiers all of which reach α*, up to rounding of the capture."""
    gaps = table[table["verifier"] != "alpha"].groupby("scheme")["gap"].agg(["min", "max"])
    none = gaps[(gaps["min"] >= -TOLERANCE) & (gaps["max"] <= TOLERANCE)]
    return [x for x in schemes_of(table) if x in none.index]


Lines = list[tuple[str, str]]


def _bounds(table: pd.DataFrame, lines: Lines) -> Block:
    schemes = schemes_of(table)
    rows = []
    for pair, task in lines:
        of_line = table[(table["pair"] == pair) & (table["task"] == task)].set_index("scheme")
        several = of_line[of_line.index != ONE_DRAFT]["mean"]
        cells = [
            Cell(shown(x["mean"], x["standard_error"]), x["mean"] == several.max() and len(several) > 1)
            for x in (of_line.reindex(schemes).to_dict("index")[name] for name in schemes)
        ]
        counts = (f"{of_line[x].max():,}" for x in ("prompts", "positions"))
        rows.append((Cell(pair), Cell(task), *map(Cell, counts), *cells))
    header = ("pair", "task", "prompts", "positions", *map(scheme_label, schemes))
    return Block("bounds", "α* of the draft schemes", header, tuple(rows))


def _verifiers(table: pd.DataFrame, scheme: str, lines: Lines) -> Block:
    of_scheme = table[table["scheme"] == scheme]
    names = list(dict.fromkeys(of_scheme["verifier"]))
    rows = []
    for pair, task in lines:
        of_line = of_scheme[(of_scheme["pair"] == pair) & (of_scheme["task"] == task)]
        if len(of_line):
            rows.append((Cell(pair), Cell(task), *_cells(of_line.set_index("verifier"), names)))
    header = ("pair", "task", *map(verifier_label, names), "gap of the best")
    return Block(scheme, scheme_label(scheme), header, tuple(rows))


def _cells(of_line: pd.DataFrame, names: Iterable[str]) -> list[Cell]:
    cells = []
    gap = ABSENT
    for name in names:
        if name not in of_line.index:
            cells.append(Cell(ABSENT))
            continue
        one: Any = of_line.loc[name].to_dict()
        text = shown(one["mean"], one["standard_error"]) + f" {PART}" * bool(one["part"])
        cells.append(Cell(text, bool(one["best"])))
        if one["best"]:
            gap = shown(one["gap"], one["gap_standard_error"], 4)
    return [*cells, Cell(gap)]
