"""Blocks in the room there is: columns side by side, headers of several lines, rows by pair."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby

import numpy as np
from rich.cells import cell_len

from mdsd_theory.study.blocks import LEFT, Block, Cell


def header_lines(names: Sequence[str]) -> list[list[str]]:
    """Return the lines of a header, in which names break between words and sit on the last line.

    Examples
    --------
    >>> header_lines(["task", "with replacement, top 50"])
    [['', 'with'], ['', 'replacement,'], ['task', 'top 50']]
    """
    stacks = [_stack(name) for name in names]
    most = max(map(len, stacks))
    return [[([""] * (most - len(x)) + x)[k] for x in stacks] for k in range(most)]


def _stack(name: str) -> list[str]:
    return name.replace(" ", "\n", 1).replace(", ", ",\n").split("\n")


def widths(block: Block) -> list[int]:
    """Return the characters that each column takes."""
    cells = [[cell.text for cell in row] for row in block.rows]
    texts = zip(*header_lines(block.header), *cells, strict=True)
    return [max(map(cell_len, column)) for column in texts]


def narrow(block: Block, room: int, gap: int) -> list[Block]:
    """Return blocks of equally many columns, or nearly so, that fit beside the tasks.

    Parameters
    ----------
    block : Block
    room : int
        Characters of a line, in which the pair does not stand.
    gap : int
        Characters between columns.

    Returns
    -------
    list of Block
        As few as can be; one column each if nothing fits.
    """
    sizes = widths(block)
    numbers = range(LEFT, len(block.header))
    for count in range(1, len(numbers) + 1):
        groups = [list(map(int, x)) for x in np.array_split(numbers, count)]
        widest = max(sum(sizes[k] + gap for k in group) for group in groups)
        if sizes[LEFT - 1] + widest <= room:
            break
    return [_only(block, [*range(LEFT), *group]) for group in groups]


def _only(block: Block, columns: Sequence[int]) -> Block:
    header = tuple(block.header[k] for k in columns)
    return replace(block, header=header, rows=tuple(tuple(row[k] for k in columns) for row in block.rows))


def by_pair(block: Block) -> Iterator[tuple[str, list[tuple[Cell, ...]]]]:
    """Yield each pair and its rows without its name."""
    for pair, rows in groupby(block.rows, key=lambda row: row[0].text):
        yield pair, [row[1:] for row in rows]
