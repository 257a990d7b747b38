"""Time of the optimal rule's plan for i.i.d. drafts, beside one ``np.argsort`` of the same row.

Run: ``python benchmarks/plan.py`` (about two minutes). One core: nothing here runs on two threads.
Times are CPU times, medians over turns that the calls take with the sort, so that a busy machine matters
little; ratios are medians of ratios within a turn. A plan is timed from two rows of floats to tables
that can be drawn from; compiling is not. Below, batches of flat rows: their plan, and drawing one token
a row from it.

Rows: the shipped distributions of SmolLM2-135M at temperature 0.7 (V = 49,152), and pairs over
V = 151,936 tokens. ``peaked``: p and q Dirichlet(0.02) + 1e-12. ``flat``: both Dirichlet(1). ``Zipf``:
q ∝ 1/rank^1.1 and p ∝ q·exp(z/2), z normal, where hardly a token is clipped.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable
from functools import partial
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

import mdsd_theory as mdsd
from mdsd_theory.demo_data import load_demo_data
from mdsd_theory.verifiers.optimal import OptimalIID
from mdsd_theory.verifiers.optimal.iid_row import iid_row

Array = np.ndarray[Any, Any]
Call = Callable[[], object]

NOTES = """error: largest |Σ min(p, y) − α*|, α* by optimal_acceptance; below, α* in extended precision.
Published, on other hardware: 40–95 ms a token for the approximate convex solver of Thomas & Pal
(arXiv 2511.15898), top-k 10 candidates, deviation from p within a tolerance."""


def synthetic(kind: str, vocabulary: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """Return a target and a draft of one of the kinds that the module names."""
    if kind == "Zipf":
        q = rng.permutation(1 / np.arange(1, vocabulary + 1) ** 1.1)
        p = q * np.exp(rng.normal(size=vocabulary) / 2)
    else:
        p, q = rng.dirichlet(np.full(vocabulary, {"peaked": 0.02, "flat": 1.0}[kind]), size=2) + 1e-12
    p, q = p / p.sum(), q / q.sum()
    return p / p.sum(), q / q.sum()


def seconds(call: Call) -> float:
    """Return the CPU time of one call."""
    start = time.thread_time()
    call()
    return time.thread_time() - start


def turns(calls: dict[str, Call], budget: float) -> dict[str, list[float]]:
    """Return the times of the calls, which take turns for some seconds, after one of each."""
    for call in calls.values():
        call()
    times: dict[str, list[float]] = {name: [] for name in calls}
    end = time.perf_counter() + budget
    while len(times["sort"]) < 9 or time.perf_counter() < end:
        for name, call in calls.items():
            times[name].append(seconds(call))
    return times


def shown(times: dict[str, list[float]], name: str) -> str:
    """Return the median time in ms, and as a multiple of the sort."""
    ratios = [a / b for a, b in zip(times[name], times["sort"], strict=True)]
    return f"{1e3 * statistics.median(times[name]):.2f} ({statistics.median(ratios):.2f})"


def line(pairs: list[tuple[Array, Array]], n: int, buckets: list[int], budget: float) -> list[str]:
    """Return the cells of one line: the first pair is timed, the largest error is over all."""
    p, q = pairs[0]
    ratio, plan = p / q, partial(iid_row, p, q, n)
    calls = {"sort": partial(np.argsort, ratio), "exact": plan}
    calls |= {str(k): partial(iid_row, p, q, n, k) for k in buckets}
    times = turns(calls, budget)
    cells = [f"{1e3 * statistics.median(times['sort']):.2f}", f"{plan().mass.size:,}"]
    cells.append(shown(times, "exact"))
    for k in buckets:
        loss = max(iid_row(*pair, n, k).loss for pair in pairs)
        cells.append(f"{shown(times, str(k))}\n{loss:.0e}")
    errors = np.max([error(*pair, n) for pair in pairs], axis=0)
    return [*cells, f"{errors[0]:.0e}\n{errors[1]:.0e}"]


def error(p: Array, q: Array, n: int) -> tuple[float, float]:
    """Return |Σ min(p, y) − α*| for the exact plan: α* by the dual, and in extended precision."""
    best = mdsd.optimal_acceptance(p, q, n=n, scheme="with_replacement").value
    order = np.argsort(p / q)
    target, inside = (np.append(0, np.cumsum(x[order].astype(np.longdouble))) for x in (p, q))
    precise = float((target + 1 - inside**n).min())
    value = float(np.minimum(p, iid_row(p, q, n).y).sum())
    return abs(value - best), abs(value - precise)


def batches(sizes: list[int], n: int, rng: np.random.Generator) -> Table:
    """Return a table of CPU times for batches of flat rows: one tuple of drafts a row."""
    table = Table(title=f"flat, V = 151,936, n = {n}: ms a row")
    for name in ("rows", "exact plan", "K = 1,024", "first sample", "sample"):
        table.add_column(name, justify="right")
    for size in sizes:
        p, q = (np.tile(x, (size, 1)) for x in synthetic("flat", 151_936, rng))
        sample = partial(OptimalIID().plan(p, q, n).sample, rng.integers(0, 151_936, (size, n)), rng)
        spent = [seconds(partial(OptimalIID(k).plan, p, q, n)) for k in (None, 1024)]
        spent += [seconds(sample), statistics.median(seconds(sample) for _ in range(9))]
        table.add_row(f"{size}", *(f"{1e3 * x / size:.3f}" for x in spent))
    return table


def main(
    budget: Annotated[float, typer.Option(help="Seconds for each line.")] = 4.0,
    row: Annotated[int, typer.Option(help="The shipped row that is timed.")] = 15,
    seed: int = 0,
) -> None:
    """Print the table."""
    os.environ["NUMBA_NUM_THREADS"] = "1"
    data, rng, buckets = load_demo_data(), np.random.default_rng(seed), [256, 1024, 4096]
    real = list(zip(data.p, data.q, strict=True))
    cases = {"shipped": [*real[row:], *real[:row]]}
    cases |= {kind: [synthetic(kind, 151_936, rng)] for kind in ("peaked", "flat", "Zipf")}
    title = "one core, ms (multiples of np.argsort); buckets: below, α* lost, largest over the rows"
    table = Table(title=title, show_lines=True)
    names = [f"K = {k:,}" for k in buckets]
    for name in ("rows", "V", "n", "np.argsort", "atoms", "exact plan", *names, "error"):
        table.add_column(name, justify="left" if name == "rows" else "right")
    for kind, pairs in cases.items():
        for n in (2, 3, 4, 8):
            vocabulary = f"{pairs[0][0].size:,}"
            table.add_row(kind, vocabulary, str(n), *line(pairs, n, buckets, budget))
    console = Console(width=132)
    console.print(table)
    console.print(NOTES)
    console.print(batches([1, 16, 64], 3, rng))


if __name__ == "__main__":
    typer.run(main)
