"""Every column of a capture: microseconds a position, the softmax and the output beside it.

Run: ``python benchmarks/measures.py`` (some minutes; ``--quick`` for the three schemes of the paper at
n = 3), on a GPU with ``--device cuda``. Rows: the shipped logits of SmolLM2-135M and its layer-skipping
draft (V = 49,152), tiled, in bfloat16, at temperature 0.7. Medians of calls that take turns, on the CPU
one thread and its own time. Below the columns: one call of ``measure``
for everything in the table but the rules that solve a program for each row on the host.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from statistics import median
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console
from rich.table import Table
from timing import cpu_seconds, cuda_seconds, turns

from mdsd_theory.capture.measures import measure
from mdsd_theory.capture.measures_cells import optimum, rates
from mdsd_theory.capture.measures_columns import Cell, cells_of
from mdsd_theory.capture.measures_laws import Laws, laws_of
from mdsd_theory.capture.measures_schemes import Warp
from mdsd_theory.capture.positions import Positions, Questions
from mdsd_theory.demo_data import load_demo_data

SLOW = {("optimal", "without_replacement")}
"""Rule and scheme that are timed at a few positions only."""

EVERY = ("all", "spechub", "with_replacement@top100")


def block(rows: int, device: str) -> Positions:
    """Return logits of that many positions."""
    import torch

    data = load_demo_data(1.0)
    place = np.arange(rows)
    logits = [
        torch.from_numpy(np.log(x))[place % len(x)].to(device, torch.bfloat16) for x in (data.p, data.q)
    ]
    return Positions(place, 0 * place, place, place, *logits)


def columns_of(laws: Laws, cell: Cell) -> dict[str, Callable[[], object]]:
    """Return what finds each column of a cell."""
    everywhere = np.ones(laws.pair.p.shape[0], dtype=bool)

    def rule(name: str) -> Callable[[], object]:
        alone = Cell(cell.n, cell.asked, {name: cell.rules[name]})
        return lambda: dict(rates(laws, alone, everywhere))

    found: dict[str, Callable[[], object]] = {"alpha": lambda: optimum(laws, cell)}
    return found | {name: rule(name) for name in cell.rules}


def times(
    positions: Positions, questions: Questions, clock: Any, budget: float
) -> list[tuple[str, str, str, float]]:
    """Return temperature's softmax and each column: scheme, n, column, microseconds a position."""
    import torch

    cells = cells_of(questions)
    warps = list(dict.fromkeys(cell.asked.warp for cell in cells))
    rows, found = len(positions.prompt), []
    for warp in [Warp(), *(x for x in warps if x != Warp())]:
        seconds = turns(
            {"": lambda w=warp: laws_of(positions.target, positions.draft, 0.7, [w])},  # type: ignore[misc]
            budget,
            clock,
            least=3,
        )[""]
        cut = f"top {warp.top_k}" if warp.top_k else ""
        found.append((cut, "", "probabilities", 1e6 * median(seconds) / rows))
    every = laws_of(positions.target, positions.draft, 0.7, warps)
    few = torch.arange(min(4, rows), device=positions.target.device)
    for cell in cells:
        laws = every[cell.asked.warp]
        for name, call in columns_of(laws, cell).items():
            count = rows
            if (name, cell.asked.scheme.name) in SLOW or name == "khisti":
                call, count = columns_of(laws.rows(few), cell)[name], len(few)
            seconds = turns({name: call}, budget, clock, least=3)[name]
            found.append((cell.asked.name, str(cell.n), name, 1e6 * median(seconds) / count))
    return found


def main(
    quick: Annotated[bool, typer.Option(help="Three schemes, n = 3.")] = False,
    device: Annotated[str, typer.Option(help="cpu or cuda.")] = "cpu",
    rows: Annotated[int, typer.Option(help="Positions of a block; 0: 64 on the CPU, 1,024 else.")] = 0,
    budget: Annotated[float, typer.Option(help="Seconds for each figure.")] = 1.0,
) -> None:
    """Print the table."""
    os.environ["NUMBA_NUM_THREADS"] = "1"
    import torch

    torch.set_num_threads(1)
    questions = Questions((0.7,), (3,)) if quick else Questions((0.7,), (2, 3, 4), EVERY)
    clock = cpu_seconds if device == "cpu" else cuda_seconds
    positions = block(rows or (64 if device == "cpu" else 1024), device)
    table = Table(title=f"{device}, {len(positions.prompt)} positions, V = {positions.target.shape[1]:,}")
    for name in ("scheme", "n", "column", "µs a position"):
        table.add_column(name, justify="right" if name in ("n", "µs a position") else "left")
    for *words, time in times(positions, questions, clock, budget):
        table.add_row(*words, f"{time:,.1f}")
    table.add_section()
    seconds = turns(
        {"": lambda: measure(positions, questions, program_share=0.0)}, budget, clock, least=3
    )
    each = 1e6 * median(seconds[""]) / len(positions.prompt)
    table.add_row("all", "", "measure, program_share = 0", f"{each:,.1f}")
    Console(width=100).print(table)


if __name__ == "__main__":
    typer.run(main)
