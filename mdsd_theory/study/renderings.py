"""Table 1 in the terminal, Markdown, LaTeX and HTML; CSV and JSON are pandas' own."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterable, Sequence
from textwrap import fill
from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.console import Group
from rich.table import Table
from rich.text import Text

from mdsd_theory.study.blocks import Block, Cell, blocks, caption
from mdsd_theory.study.rows import pandas

if TYPE_CHECKING:
    import pandas as pd

LEFT = 2
"""Columns of names, set to the left; numbers are set to the right."""

NAME = 16
"""Width to which a terminal's table folds the names of pairs."""

IN_LATEX = str.maketrans(
    {
        "\\": r"\textbackslash{}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "±": r"$\pm$",
        "α": r"$\alpha$",
        "†": r"$^\dagger$",
        "*": r"${}^*$",
        "–": "--",
        **{x: "\\" + x for x in "&%$#_{}"},
    }
)
IN_MARKDOWN = str.maketrans({x: "\\" + x for x in "\\|*_`<>[]"})


def terminal(table: pd.DataFrame) -> Group:
    """Return what rich prints."""
    parts = [part for block in blocks(table) for part in (Text(), _rich(block))]
    return Group(Text(caption(table)), *parts)


def _rich(block: Block) -> Table:
    """Set a block with the tasks of a pair below its name, which leaves room for the numbers."""
    grid = Table(
        title=Text(block.title, style="bold"),
        title_justify="left",
        box=SIMPLE_HEAD,
        show_edge=False,
        padding=(0, 1, 0, 0),
    )
    grid.add_column("pair\n  task", overflow="fold")
    for name in block.header[LEFT:]:
        head = Text(name.replace(" ", "\n", 1).replace(", ", ",\n"))
        grid.add_column(head, justify="right", overflow="fold")
    above = None
    for pair, task, *cells in block.rows:
        if pair.text != above:
            above = pair.text
            grid.add_row(Text(fill(above, NAME), style="bold"))
        texts = (Text(x.text, style="bold" if x.bold else "") for x in cells)
        grid.add_row(Text(f"  {task.text}"), *texts)
    return grid


def markdown(table: pd.DataFrame) -> str:
    """Return the blocks as pipe tables below headings."""
    parts = [_markdown_text(caption(table))]
    for block in blocks(table):
        parts.append(f"### {_markdown_text(block.title)}\n\n{markdown_table(block.header, block.rows)}")
    return "\n\n".join(parts) + "\n"


def markdown_table(header: Sequence[str], rows: Iterable[Sequence[Cell]]) -> str:
    """Return a pipe table; the first columns are set to the left, the others to the right."""
    rule = ["---"] * LEFT + ["---:"] * (len(header) - LEFT)
    lines = [map(_markdown_text, header), rule, *(map(_markdown, row) for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _markdown_text(text: str) -> str:
    return " ".join(text.split()).translate(IN_MARKDOWN)


def _markdown(cell: Cell) -> str:
    text = _markdown_text(cell.text)
    return f"**{text}**" if cell.bold else text


def latex(table: pd.DataFrame) -> str:
    """Return a ``table*`` of tabulars; needs the package booktabs."""
    parts = [r"\begin{table*}", r"\centering\small", rf"\caption{{{_latex_text(caption(table))}}}"]
    for block in blocks(table):
        columns = "l" * LEFT + "r" * (len(block.header) - LEFT)
        title = rf"\multicolumn{{{len(block.header)}}}{{l}}{{\textbf{{{_latex_text(block.title)}}}}} \\"
        parts += [rf"\par\medskip\begin{{tabular}}{{{columns}}}", r"\toprule", title, r"\midrule"]
        parts += [_latex_row(map(_latex_text, block.header)), r"\midrule"]
        parts += [_latex_row(map(_latex, row)) for row in block.rows]
        parts += [r"\bottomrule", r"\end{tabular}"]
    return "\n".join([*parts, r"\end{table*}"]) + "\n"


def _latex_row(cells: Iterable[str]) -> str:
    return " & ".join(cells) + r" \\"


def _latex_text(text: str) -> str:
    return text.translate(IN_LATEX).replace(r"$\alpha$${}^*$", r"$\alpha^*$")


def _latex(cell: Cell) -> str:
    text = _latex_text(cell.text)
    return rf"\textbf{{{text}}}" if cell.bold else text


def html_tables(table: pd.DataFrame) -> str:
    """Return a caption and a ``table`` for each block."""
    parts = [f"<p>{html.escape(caption(table))}</p>"]
    for block in blocks(table):
        rows = [[_html(cell) for cell in row] for row in block.rows]
        frame = pandas().DataFrame(rows, columns=[html.escape(x) for x in block.header])
        body = frame.to_html(index=False, escape=False, border=0, justify="left")
        parts.append(f"<h3>{html.escape(block.title)}</h3>\n{body}")
    return "\n".join(parts) + "\n"


def _html(cell: Cell) -> str:
    text = html.escape(cell.text)
    return f"<b>{text}</b>" if cell.bold else text


WRITERS: dict[str, Callable[[pd.DataFrame], str]] = {
    "markdown": markdown,
    "latex": latex,
    "html": html_tables,
    "csv": lambda table: str(table.to_csv(index=False)),
    "json": lambda table: str(table.to_json(orient="records", force_ascii=False, indent=1)) + "\n",
}
"""Text of a table by name of the format."""
