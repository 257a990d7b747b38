"""Table 1 in the terminal: no number and no word broken, whatever the width."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.text import Text

from mdsd_theory.study.blocks import Block, Cell, blocks
from mdsd_theory.study.captions import caption
from mdsd_theory.study.columns import by_pair, header_lines, narrow, widths

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Console, ConsoleOptions, RenderResult

GAP = 2
"""Blanks between columns."""

INDENT = "  "
"""Before the tasks of a pair."""


def terminal(table: pd.DataFrame) -> Screen:
    """Return what rich prints."""
    return Screen(table)


@dataclass(frozen=True)
class Screen:
    """A table as wide as the console; where that has no bold letters, an asterisk marks cells."""

    table: pd.DataFrame

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the lines."""
        plain = console.color_system is None
        yield Text(caption(self.table, "*" if plain else "Bold"))
        for block in blocks(self.table):
            yield Text(f"\n{block.title}", style="bold")
            for k, part in enumerate(narrow(_marked(block, plain), options.max_width, GAP)):
                yield from [Text()] * (k > 0)
                yield from _lines(part)


def _marked(block: Block, plain: bool) -> Block:
    """Indent the tasks; append an asterisk to what stands out, and as much room to the others."""
    bold = [any(cell.bold for cell in column) for column in zip(*block.rows, strict=True)]
    rows = []
    for pair, task, *cells in block.rows:
        texts = [
            replace(cell, text=cell.text + (" *"[cell.bold] if plain and beside else ""))
            for cell, beside in zip(cells, bold[2:], strict=True)
        ]
        rows.append((pair, Cell(INDENT + task.text), *texts))
    return replace(block, rows=tuple(rows))


def _lines(block: Block) -> Iterator[Text]:
    sizes = widths(block)[1:]
    for line in header_lines(block.header[1:]):
        yield _line([Cell(x) for x in line], sizes)
    yield Text("─" * (sum(sizes) + GAP * (len(sizes) - 1)))
    for pair, rows in by_pair(block):
        yield Text(pair, style="bold")
        for row in rows:
            yield _line(row, sizes)


def _line(cells: Sequence[Cell], sizes: Sequence[int]) -> Text:
    line = Text()
    for k, (cell, size) in enumerate(zip(cells, sizes, strict=True)):
        blanks = " " * (size - cell_len(cell.text))
        line.append(" " * GAP * (k > 0))
        line.append(blanks if k else "")
        line.append(cell.text, style="bold" if cell.bold else "")
        line.append("" if k else blanks)
    line.rstrip()
    return line
