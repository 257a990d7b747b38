"""The aims for the CPU: one thread, one row of 151,936 tokens, whole calls.

Run: ``python benchmarks/aims.py`` (under a minute). Calls take turns with what they are compared with;
ratios are medians over turns, times are medians of CPU time. Writes ``aims_cpu.csv``.
"""

from __future__ import annotations

import os

os.environ.setdefault("NUMBA_NUM_THREADS", "1")

import csv
import statistics
from functools import partial
from pathlib import Path
from typing import Annotated, NamedTuple

import numpy as np
import typer
from rich.console import Console
from rich.table import Table
from timing import Call, Floats, llm_like, processor, turns

import mdsd_theory as mdsd
from mdsd_theory.verifiers.optimal import Optimal

RESULTS = Path(__file__).parent / "results"
VOCABULARY = 151_936


class Aim(NamedTuple):
    """One aim: a call's time in milliseconds, or as a multiple of another's.

    Attributes
    ----------
    what : str
    call : str
        Key in :func:`calls`.
    unit : str
        Key of the call that it is compared with; "ms" for none.
    most : float
    """

    what: str
    call: str
    unit: str
    most: float


AIMS = (
    Aim("with replacement", "with replacement", "sort-based NumPy", 0.5),
    Aim("without replacement, n = 3", "without replacement", "with replacement", 10.0),
    Aim("optimal verifier plan, exact", "exact plan", "ms", 10.0),
    Aim("optimal verifier plan, bucketed", "bucketed plan", "ms", 2.0),
)


def flat(dtype: str, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Return p and q, both Dirichlet(1)."""
    p, q = (x[None].astype(dtype) for x in rng.dirichlet(np.ones(VOCABULARY), size=2))
    return p, q


def sort_based(p: Floats, q: Floats, n: int) -> float:
    """Return α* with replacement as a NumPy program would: a sort, two gathers, two running sums."""
    order = np.argsort(p / q)
    power = drafted = np.cumsum(q[order])
    for _ in range(n - 1):
        power = power * drafted
    return 1 + float(np.min(np.cumsum(p[order]) - power))


def calls(p: Floats, q: Floats, n: int) -> dict[str, Call]:
    """Return what is timed, for one row."""
    solve = partial(mdsd.optimal_acceptance, p, q, n=n)
    plan = partial(Optimal.plan, p=p, q=q, n=n, scheme="with_replacement")
    return {
        "sort-based NumPy": partial(sort_based, p, q, n),
        "with replacement": partial(solve, scheme="with_replacement"),
        "without replacement": partial(solve, scheme="without_replacement"),
        "exact plan": partial(plan, Optimal()),
        "bucketed plan": partial(plan, Optimal(buckets=1024)),
    }


def reached(times: dict[str, list[float]], aim: Aim) -> tuple[float, float]:
    """Return the median milliseconds, and what is compared with the aim."""
    own = times[aim.call]
    milliseconds = 1e3 * statistics.median(own)
    if aim.unit == "ms":
        return milliseconds, milliseconds
    return milliseconds, statistics.median(a / b for a, b in zip(own, times[aim.unit], strict=True))


def main(
    n: Annotated[int, typer.Option(help="Number of drafts.")] = 3,
    milliseconds: Annotated[int, typer.Option(help="Time for each figure.")] = 1500,
    output: Annotated[Path, typer.Option(help="Folder of the results.")] = RESULTS,
) -> None:
    """Print and write the table."""
    rng = np.random.default_rng(0)
    table = Table(title=f"{processor()}, one thread, V = {VOCABULARY:,}, n = {n}")
    for name in ("what", "rows", "dtype", "ms", "of", "reached", "aim", "met"):
        table.add_column(name)
    lines = []
    for dtype in ("float64", "float32"):
        pairs = {"LLM-like": llm_like(1, VOCABULARY, dtype, rng), "flat": flat(dtype, rng)}
        for kind, (p, q) in pairs.items():
            times = turns(calls(p[0], q[0], n), milliseconds / 1000)
            for aim in AIMS:
                spent, found = reached(times, aim)
                met = "yes" if found <= aim.most else "no"
                figures = f"{spent:.3g}", aim.unit, f"{found:.3g}", f"{aim.most:g}"
                lines.append([aim.what, kind, dtype, *figures, met])
                table.add_row(*lines[-1])
    Console(width=118).print(table)
    output.mkdir(parents=True, exist_ok=True)
    with (output / "aims_cpu.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["machine", *(str(x.header) for x in table.columns)])
        writer.writerows([processor(), *line] for line in lines)


if __name__ == "__main__":
    typer.run(main)
