"""The anytime optimal verifier without replacement: certified gap and time at full vocabulary.

Run: ``python benchmarks/orders.py`` (about a minute). Every shipped position (V = 49,152) at each
temperature; the plan is timed whole, the bound α* included, after one call that compiles. A second
part takes 151,936 tokens, made by splitting those of every fourth shipped row.
"""

from __future__ import annotations

import time
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

import mdsd_theory as mdsd
from mdsd_theory.demo_data import load_demo_data
from mdsd_theory.verifiers.optimal.orders_rule import OptimalOrders

LARGE = 151_936


def split(p: np.ndarray, q: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return a pair over 151,936 tokens: each token becomes about three, with shares of its own."""
    owner = np.concatenate([np.arange(p.size), rng.integers(p.size, size=LARGE - p.size)])
    parts = rng.exponential(size=(2, LARGE))
    shares = (x / np.bincount(owner, weights=x)[owner] for x in parts)
    p, q = (x[owner] * share for x, share in zip((p, q), shares, strict=True))
    return p / p.sum(), q / q.sum()


def measure(pairs: list[tuple[np.ndarray, np.ndarray]], n: int, tol: float) -> list[str]:
    """Return a table row: gaps and seconds over the pairs, and the error of the law's sum."""
    rule, gaps, seconds, sums, steps = OptimalOrders(tol=tol), [], [], [], []
    for p, q in pairs:
        start = time.perf_counter()
        row = rule.plan(p, q, n).rows[0]
        seconds.append(time.perf_counter() - start)
        gaps.append(row.gap)
        steps.append(row.steps)
        sums.append(abs(row.y.sum() - 1))
    return [
        f"{max(gaps):.1e}",
        f"{np.median(gaps):.1e}",
        f"{np.median(seconds):.2f}",
        f"{max(seconds):.2f}",
        str(max(steps)),
        f"{max(sums):.0e}",
    ]


def main(
    tol: Annotated[list[float] | None, typer.Option(help="Gap to stop at; may be repeated.")] = None,
    large: Annotated[bool, typer.Option(help="Also V = 151,936.")] = True,
    seed: int = 0,
) -> None:
    """Print the tables."""
    tolerances, rng = tol or [1e-3, 1e-4], np.random.default_rng(seed)
    mdsd.acceptance_rate([0.5, 0.3, 0.2], [0.2, 0.3, 0.5], n=2, verifier=OptimalOrders())
    rows: dict[tuple[str, float], list[tuple[np.ndarray, np.ndarray]]] = {}
    for temperature in (0.7, 1.0):
        data = load_demo_data(temperature)
        rows["49,152", temperature] = list(zip(data.p, data.q, strict=True))
        if large:
            chosen = range(0, data.p.shape[0], 4)
            rows["151,936", temperature] = [split(data.p[r], data.q[r], rng) for r in chosen]
    table = Table(title="optimal without replacement: certified gap to α* and seconds to plan one row")
    columns = ("V", "temp.", "rows", "tol", "n", "gap max", "median", "s median", "max", "orders tried")
    for name in (*columns, "Σ y − 1"):
        table.add_column(name, justify="right")
    for (vocabulary, temperature), pairs in sorted(rows.items(), reverse=True):
        for tolerance in tolerances:
            for n in (2, 3, 4):
                head = [vocabulary, str(temperature), str(len(pairs)), f"{tolerance:.0e}", str(n)]
                table.add_row(*head, *measure(pairs, n, tolerance))
        table.add_section()
    Console(width=118).print(table)


if __name__ == "__main__":
    typer.run(main)
