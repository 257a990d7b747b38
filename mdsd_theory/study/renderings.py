"""Table 1 in Markdown, LaTeX and HTML; CSV and JSON are pandas' own."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from mdsd_theory.study.blocks import LEFT, Block, Cell, blocks
from mdsd_theory.study.captions import caption, short_caption
from mdsd_theory.study.columns import by_pair, header_lines, narrow
from mdsd_theory.study.screen import terminal

if TYPE_CHECKING:
    import pandas as pd

LATEX_ROOM = 110
"""Characters side by side, with one between columns, that fill about 480 pt in 9 pt letters."""

IN_PREAMBLE = r"% Needs \usepackage{booktabs} in the preamble, and \ref a second run."

IN_LATEX = str.maketrans(
    {
        "\\": r"\textbackslash{}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "±": r"$\pm$",
        "α": r"$\alpha$",
        "−": "$-$",
        "†": r"$^\dagger$",
        "*": r"${}^*$",
        "–": "--",
        **{x: "\\" + x for x in "&%$#_{}"},
    }
)
PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"/><title>Acceptance rates</title>
<style>
body { font-family: sans-serif } table { margin: 2em 0; border-collapse: collapse }
caption { text-align: left; font-weight: bold } thead th { border-bottom: 1px solid }
th, td { padding: 0.1em 0.6em; text-align: right } tbody th, th:first-child { text-align: left }
tbody tr + tr th { font-weight: normal; padding-left: 1.5em }
</style></head><body>"""

IN_MARKDOWN = str.maketrans({x: "\\" + x for x in "\\|*_`<>[]"})


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
    """Return a ``table*`` for each block, with a label; needs the package booktabs."""
    first = table.iloc[0]
    name = f"tab:mdsd-T{first['temperature']:g}-n{first['n']}-"
    parts: list[str] = []
    for block in blocks(table):
        key = name + re.sub(r"[^a-z0-9]+", "-", block.key)
        text = _latex_text(caption(table) if not parts else short_caption(table, block))
        text += "" if not parts else rf" Names and marks as in Table~\ref{{{name}bounds}}."
        parts += [r"\begin{table*}", IN_PREAMBLE] if not parts else [r"\begin{table*}"]
        parts += [r"\centering\small\setlength{\tabcolsep}{3pt}", rf"\caption{{{text}}}"]
        parts += [rf"\label{{{key}}}"]
        for group in narrow(block, LATEX_ROOM, 1):
            parts += _tabular(group)
        parts.append(r"\end{table*}")
    return "\n".join(parts) + "\n"


def _tabular(block: Block) -> list[str]:
    """Set a block with the tasks of a pair below a line with its name."""
    width = len(block.header) - 1
    title = rf"\multicolumn{{{width}}}{{@{{}}l@{{}}}}{{\textbf{{{_latex_text(block.title)}}}}} \\"
    parts = [rf"\par\medskip\begin{{tabular}}{{@{{}}l{'r' * (width - 1)}@{{}}}}", r"\toprule", title]
    parts += [r"\midrule", *(_latex_row(map(_latex_text, x)) for x in header_lines(block.header[1:]))]
    for pair, rows in by_pair(block):
        name = rf"\multicolumn{{{width}}}{{@{{}}l@{{}}}}{{\textit{{{_latex_text(pair)}}}}} \\"
        parts += [r"\midrule", name, *(_latex_row(map(_latex, row)) for row in rows)]
    return [*parts, r"\bottomrule", r"\end{tabular}"]


def _latex_row(cells: Iterable[str]) -> str:
    return " & ".join(cells) + r" \\"


def _latex_text(text: str) -> str:
    return text.translate(IN_LATEX).replace(r"$\alpha$${}^*$", r"$\alpha^*$")


def _latex(cell: Cell) -> str:
    text = _latex_text(cell.text)
    return rf"\textbf{{{text}}}" if cell.bold else text


def html_tables(table: pd.DataFrame) -> str:
    """Return a page with a ``table`` for each block."""
    parts = [PAGE, f"<p>{html.escape(caption(table))}</p>", *map(_html_table, blocks(table))]
    return "\n".join([*parts, "</body></html>"]) + "\n"


def _html_table(block: Block) -> str:
    head = "".join(f'<th scope="col">{html.escape(x)}</th>' for x in block.header[1:])
    parts = [f"<table><caption>{html.escape(block.title)}</caption>", f"<thead><tr>{head}</tr></thead>"]
    for pair, rows in by_pair(block):
        name = f'<th colspan="{len(block.header) - 1}" scope="rowgroup">{html.escape(pair)}</th>'
        parts.append(f"<tbody><tr>{name}</tr>")
        for task, *cells in rows:
            numbers = "".join(f"<td>{_html(cell)}</td>" for cell in cells)
            parts.append(f'<tr><th scope="row">{_html(task)}</th>{numbers}</tr>')
        parts.append("</tbody>")
    return "\n".join([*parts, "</table>"])


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

__all__ = ["WRITERS", "html_tables", "latex", "markdown", "markdown_table", "terminal"]
