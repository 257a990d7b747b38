"""Time of α* of one row on the CPU, beside the sort that a NumPy program would use.

Run: ``python benchmarks/dual.py`` (a few minutes; ``--largest 151936`` for one). Whole calls of
``mdsd.optimal_acceptance`` are timed, checks and result included, by every fast route of each scheme, on
one thread. They take turns with ``np.argsort`` of the same row and with a NumPy program that sorts, for
α* with replacement, so that a drifting machine matters little. Figures are medians of times and ratios.
"""

from __future__ import annotations

import os

os.environ.setdefault("NUMBA_NUM_THREADS", "1")

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

SIZES = (1_000, 10_000, 49_152, 151_936, 1_000_000)
SCHEMES = ("with_replacement", "without_replacement", "greedy", "top_k")


def seconds(call: Call) -> float:
    """Return the wall time of one call."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def sorted_numpy(p: np.ndarray, q: np.ndarray, n: int) -> float:
    """Return α* with replacement as a NumPy program would: a sort, two gathers, two running sums."""
    order = np.argsort(p / q)
    drafted = np.cumsum(q[order])
    power = drafted.copy()
    for _ in range(n - 1):
        power *= drafted
    return 1 + float(np.min(np.cumsum(p[order]) - power))


def turns(call: Call, units: list[Call], budget: float) -> tuple[float, list[float]]:
    """Return the median time of a call, and its median multiples of the units' times."""
    for each in (call, *units):
        each()
    found: list[list[float]] = []
    end = time.perf_counter() + budget
    while len(found) < 5 or (time.perf_counter() < end and len(found) < 400):
        found.append([seconds(each) for each in (call, *units)])
    ratios = [statistics.median(x[0] / x[k + 1] for x in found) for k in range(len(units))]
    return statistics.median(x[0] for x in found), ratios


def draw(vocabulary: int, alpha: float, dtype: str, rng: np.random.Generator) -> list[np.ndarray]:
    """Return p and q of shape (V,) without zeros."""
    drawn = rng.dirichlet(np.full(vocabulary, alpha), size=2) + 1e-12
    return [(x / x.sum()).astype(dtype) for x in drawn]


def handed_over(x: np.ndarray, library: str) -> object:
    """Return the row as an array of the library that the caller uses."""
    if library == "numpy":
        return x
    import torch

    torch.set_num_threads(1)
    return torch.from_numpy(x)


def main(
    n: Annotated[int, typer.Option(help="Number of drafts.")] = 3,
    smallest: Annotated[int, typer.Option(help="Smallest vocabulary.")] = 1_000,
    largest: Annotated[int, typer.Option(help="Largest vocabulary.")] = 1_000_000,
    library: Annotated[str, typer.Option(help="numpy or torch.")] = "numpy",
    dtype: Annotated[str, typer.Option(help="float64 or float32.")] = "float64",
    scheme: Annotated[str, typer.Option(help="One draft scheme, or all.")] = "all",
    budget: Annotated[float, typer.Option(help="Seconds for each figure.")] = 1.0,
    seed: int = 0,
) -> None:
    """Print the table."""
    rng = np.random.default_rng(seed)
    table = Table(title=f"one row, n = {n}, {library} {dtype}, one thread")
    for name in ("V", "draft", "scheme", "route"):
        table.add_column(name)
    for name in ("ms", "of np.argsort", "of sorted NumPy"):
        table.add_column(name, justify="right")
    for vocabulary in (v for v in SIZES if smallest <= v <= largest):
        for kind, alpha in (("flat", 1.0), ("LLM-like", 0.02)):
            p, q = draw(vocabulary, alpha, dtype, rng)
            ratio = p / q
            units: list[Call] = [
                lambda ratio=ratio: np.argsort(ratio),
                lambda p=p, q=q: sorted_numpy(p, q, n),
            ]
            given = handed_over(p, library), handed_over(q, library)
            first = f"{vocabulary:,}", kind
            for name in SCHEMES if scheme == "all" else (scheme,):
                able = [r for r in mdsd.ROUTES.values() if r.serves(mdsd.SCHEMES[name])]
                for route in (r.name for r in able if r.layer == "dual"):

                    def call(name: str = name, route: str = route, given: tuple = given) -> object:
                        return mdsd.optimal_acceptance(*given, n=n, scheme=name, route=route)

                    median, ratios = turns(call, units, budget)
                    cells = [f"{x:.3f}" for x in ratios]
                    table.add_row(*first, name, route, f"{median * 1e3:.3f}", *cells)
                    first = "", ""
            table.add_section()
    Console(width=110).print(table)


if __name__ == "__main__":
    typer.run(main)
