"""Time of α* on the CPU, as multiples of one ``np.argsort`` of the same row.

Run: ``python benchmarks/dual.py`` (about a minute). Each figure is the median ratio of pairs of calls
that take turns, so that a drifting machine does not matter; ``mdsd.optimal_acceptance`` is timed whole,
checks and result included.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

import mdsd_theory as mdsd

Call = Callable[[], object]


def seconds(call: Call) -> float:
    """Return the wall time of one call."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def ratio(call: Call, unit: Call, budget: float) -> float:
    """Return the median of time(call) / time(unit) over turns, after one of each to warm up."""
    call(), unit()
    ratios, end = [], time.perf_counter() + budget
    while len(ratios) < 5 or (time.perf_counter() < end and len(ratios) < 400):
        ratios.append(seconds(call) / seconds(unit))
    return statistics.median(ratios)


def main(
    n: Annotated[int, typer.Option(help="Number of drafts.")] = 3,
    largest: Annotated[int, typer.Option(help="Largest vocabulary.")] = 1_000_000,
    budget: Annotated[float, typer.Option(help="Seconds for each figure.")] = 1.0,
    seed: int = 0,
) -> None:
    """Print the table."""
    rng = np.random.default_rng(seed)
    table = Table(title=f"time of one row, n = {n}, as multiples of one np.argsort of p/q")
    for name in ("V", "draft", "np.argsort", "with_replacement", "without_replacement", "greedy"):
        table.add_column(name, justify="right")
    for vocabulary in (v for v in (1_000, 10_000, 49_152, 151_936, 1_000_000) if v <= largest):
        for kind, alpha in (("flat", 1.0), ("LLM-like", 0.02)):
            p, q = rng.dirichlet(np.full(vocabulary, alpha), size=2) + 1e-12
            p, q = p / p.sum(), q / q.sum()
            x = p / q

            def unit(x: np.ndarray = x) -> object:
                return np.argsort(x)

            def call(scheme: str, p: np.ndarray = p, q: np.ndarray = q) -> Call:
                return lambda: mdsd.optimal_acceptance(p, q, n=n, scheme=scheme)

            schemes = ("with_replacement", "without_replacement", "greedy")
            cells = [f"{ratio(call(s), unit, budget):.2f}" for s in schemes]
            base = statistics.median(seconds(unit) for _ in range(9))
            table.add_row(f"{vocabulary:,}", kind, f"{base * 1e3:.3f} ms", *cells)
    Console(width=110).print(table)


if __name__ == "__main__":
    typer.run(main)
