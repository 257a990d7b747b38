"""Comparisons as tables: in a terminal, as text, as HTML. No mathematics."""

from __future__ import annotations

import html
import io
import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.console import Console
from rich.table import Table
from rich.text import Text

from mdsd_theory.export import mean

if TYPE_CHECKING:
    from rich.console import ConsoleOptions, RenderResult

    from mdsd_theory.comparison import Comparison, Row

SHOWN_ERROR = 5e-7
"""Smallest error that changes a digit of the table."""

HEADER = ("scheme", "verifier", "acceptance", "gap to α*", "route")


def cells(comparison: Comparison) -> list[tuple[str, str, str, str, str]]:
    """Return the cells of each row; a batch shows its mean, an enclosure its two ends."""
    return [_cells(row) for row in comparison.rows]


def title(comparison: Comparison) -> str:
    """Return the line above the table: vocabulary, drafts, positions."""
    first = next(iter(comparison.optimal.values()))
    drafts = sorted({optimum.n for optimum in comparison.optimal.values()})
    shape = tuple(first.subset.shape)
    line = f"V = {shape[-1]:,}, n = {', '.join(map(str, drafts))}"
    positions = int(np.prod(shape[:-1]))
    return line if len(shape) == 1 else f"{line}, mean over {positions:,} positions"


def _cells(row: Row) -> tuple[str, str, str, str, str]:
    if row.verifier is None:
        if row.optimal.exact:
            shown = _number(row.optimal.value)
        else:
            shown = f"{_number(row.optimal.lower)} … {_number(row.optimal.upper)}"
        return row.scheme, "α*", shown, "", row.route
    shown = _number(row.acceptance)
    for error in (row.standard_error, row.error_bound):
        if error is not None and mean(error) >= SHOWN_ERROR:
            shown += f" ± {mean(error):.1e}"
    sign = "" if row.optimal.exact else "≤ "
    return "", str(row.verifier), shown, sign + _number(row.gap), row.route


def _number(x: Any) -> str:
    value = mean(x)
    return "–" if np.isnan(value) else f"{round(value, 6) + 0.0:.6f}"


@dataclass(frozen=True)
class Layout:
    """What of a table is shown, from all of it to what a narrow terminal holds.

    Attributes
    ----------
    route : bool
        Show the last column.
    edge : bool
        Draw the outer frame.
    folded : bool
        Break names at underscores, and numbers before ±.
    merged : bool
        Put schemes and verifiers in one column.
    """

    route: bool = False
    edge: bool = False
    folded: bool = False
    merged: bool = False


LAYOUTS = (
    Layout(route=True, edge=True),
    Layout(edge=True),
    Layout(),
    Layout(folded=True),
    Layout(folded=True, merged=True),
)


class ComparisonTable(Table):
    """A table that takes the first layout that fits; numbers are never cut."""

    def __init__(self, comparison: Comparison) -> None:
        super().__init__()
        self._comparison = comparison

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        unbounded = options.update(width=100_000)
        for layout in LAYOUTS:
            table = _laid_out(self._comparison, layout)
            if console.measure(table, options=unbounded).maximum <= options.max_width:
                break
        yield table


def rich_table(comparison: Comparison) -> Table:
    """Return a rich table; ``rich.print(comparison)`` shows it."""
    return ComparisonTable(comparison)


def _laid_out(comparison: Comparison, layout: Layout) -> Table:
    table = Table(
        title=title(comparison), title_justify="left", show_edge=layout.edge, pad_edge=layout.edge
    )
    for name in _columns(HEADER, layout):
        number = name in HEADER[2:4]
        table.add_column(name, justify="right" if number else "left", overflow="fold")
    for row in cells(comparison):
        optimum = row[1] == "α*"
        if optimum and table.row_count:
            table.add_section()
        texts = [Text(cell, overflow="fold") for cell in _columns(row, layout)]
        table.add_row(*texts, style="bold" if optimum else None)
    return table


def _columns(row: tuple[str, ...], layout: Layout) -> list[str]:
    """Return the cells of a row that a layout shows."""
    scheme, verifier, acceptance, gap, route = row
    if layout.folded:
        scheme, verifier = _fold(scheme), _fold(verifier)
        acceptance = acceptance.replace(" ± ", "\n± ").replace(" … ", " …\n")
    if layout.merged:
        names = [verifier] if row == HEADER else [f"{scheme}\n{verifier}" if scheme else verifier]
    else:
        names = [scheme, verifier]
    return [*names, acceptance, gap, *([route] if layout.route else [])]


def _fold(name: str, width: int = 12) -> str:
    """Break a name after underscores into lines of at most ``width`` characters, where it can be."""
    lines = [""]
    for part in re.split("(?<=_)", name):
        if lines[-1] and len(lines[-1]) + len(part) > width:
            lines.append("")
        lines[-1] += part
    return "\n".join(lines)


def console(stderr: bool = False) -> Console:
    """Return a console as wide as the terminal or ``COLUMNS`` says, else of 110 columns."""
    found = Console(stderr=stderr)
    told = found.is_terminal or os.environ.get("COLUMNS", "").isdigit()
    return found if told else Console(stderr=stderr, width=110)


def text_table(comparison: Comparison) -> str:
    """Return the table as plain text."""
    buffer = io.StringIO()
    Console(file=buffer, width=100_000, color_system=None).print(rich_table(comparison))
    return "\n".join(line.rstrip() for line in buffer.getvalue().rstrip().splitlines())


def html_table(comparison: Comparison) -> str:
    """Return the table as HTML, for notebooks."""
    head = "".join(f"<th>{html.escape(name)}</th>" for name in HEADER)
    body = []
    for row in cells(comparison):
        tag = "th" if row[1] == "α*" else "td"
        body.append("<tr>" + "".join(f"<{tag}>{html.escape(c)}</{tag}>" for c in row) + "</tr>")
    caption = html.escape(title(comparison))
    return (
        f"<table><caption>{caption}</caption><thead><tr>{head}</tr></thead>"
        f"<tbody>{''.join(body)}</tbody></table>"
    )
