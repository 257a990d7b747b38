"""Comparisons as tables: in a terminal, as text, as HTML. No mathematics."""

from __future__ import annotations

import html
import io
from typing import TYPE_CHECKING, Any

import numpy as np

from mdsd_theory.export import host

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from mdsd_theory.comparison import Comparison, Row

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
            shown = _mean(row.optimal.value)
        else:
            shown = f"{_mean(row.optimal.lower)} … {_mean(row.optimal.upper)}"
        return row.scheme, "α*", shown, "", row.route
    shown = _mean(row.acceptance)
    if row.standard_error is not None:
        shown += f" ± {_pooled(row.standard_error):.1e}"
    sign = "" if row.optimal.exact else "≤ "
    return "", str(row.verifier), shown, sign + _mean(row.gap), row.route


def _mean(x: Any) -> str:
    values = np.asarray(host(x), dtype=np.float64)
    return "–" if values.size == 0 else f"{values.mean() + 0.0:.6f}"


def _pooled(errors: Any) -> float:
    """Return the mean of the standard errors: a bound for the mean's, however rows are correlated."""
    return float(np.mean(np.asarray(host(errors), dtype=np.float64)))


def rich_table(comparison: Comparison) -> Table:
    """Return a rich table; ``rich.print(comparison)`` shows it."""
    from rich.table import Table

    table = Table(title=title(comparison), title_justify="left")
    for name in HEADER:
        numeric = name in HEADER[2:4]
        table.add_column(name, justify="right" if numeric else "left", no_wrap=name != "route")
    for row in cells(comparison):
        optimum = row[1] == "α*"
        if optimum and table.row_count:
            table.add_section()
        table.add_row(*row, style="bold" if optimum else None)
    return table


def console(stderr: bool = False) -> Console:
    """Return a console as wide as the terminal, or 110 columns where there is none."""
    from rich.console import Console

    found = Console(stderr=stderr)
    return found if found.is_terminal else Console(stderr=stderr, width=110)


def text_table(comparison: Comparison) -> str:
    """Return the table as plain text."""
    from rich.console import Console

    buffer = io.StringIO()
    Console(file=buffer, width=160, color_system=None).print(rich_table(comparison))
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
