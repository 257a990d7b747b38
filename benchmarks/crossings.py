"""Where the routes to α* cross on the CPU, and the costs that ``route="auto"`` chooses by.

Run: ``python benchmarks/crossings.py`` (some minutes; ``--scheme without_replacement`` for the other
scheme with several exact routes). Whole calls of ``mdsd.optimal_acceptance`` are timed, checks and result
included, on one thread; the routes take turns, and each figure is a lower quartile, as other work on the
machine only ever adds. The fits are least squares of relative errors: the numbers of ``prices`` in
``mdsd_theory/routes.py``. Those of a GPU are fitted to what ``scaling.py`` has kept:
``--records benchmarks/results/scaling_cuda.csv``.
"""

from __future__ import annotations

import os

os.environ.setdefault("NUMBA_NUM_THREADS", "1")

import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from records import read_csv
from rich.console import Console
from rich.table import Table
from scipy.optimize import nnls

import mdsd_theory as mdsd
from mdsd_theory.routes import Route
from mdsd_theory.routing import Workload

SIZES = (4, 16, 64, 256, 1_024, 4_096, 16_384, 49_152, 151_936, 1_000_000)
ROWS = (1, 16, 256)
LARGEST = 1_500_000
"""Most tokens of one call."""


def pairs(work: Workload, library: str, rng: np.random.Generator) -> tuple[object, object]:
    """Return random p and q of a workload, half of the rows flat and half peaked."""
    alpha = np.where(np.arange(work.rows) % 2, 1.0, 0.05)
    draws = [[rng.dirichlet(np.full(work.vocabulary, a)) + 1e-12 for a in alpha] for _ in range(2)]
    p, q = (np.array(rows) / np.sum(rows, axis=-1, keepdims=True) for rows in draws)
    if library == "numpy":
        return p.astype(work.dtype), q.astype(work.dtype)
    import torch

    dtype = getattr(torch, work.dtype)
    return torch.tensor(p, dtype=dtype), torch.tensor(q, dtype=dtype)


def times(
    routes: list[Route], work: Workload, scheme: str, library: str, budget: float, seed: int
) -> dict[str, float]:
    """Return the lower quartile of the microseconds of each route, the routes taking turns."""
    p, q = pairs(work, library, np.random.default_rng(seed))
    spent: dict[str, list[float]] = {route.name: [] for route in routes}
    end = time.perf_counter() + budget * len(routes)
    while len(spent[routes[0].name]) < 4 or time.perf_counter() < end:
        for route in routes:
            start = time.perf_counter()
            mdsd.optimal_acceptance(p, q, n=work.n, scheme=scheme, route=route.name)
            spent[route.name].append((time.perf_counter() - start) * 1e6)
        if len(spent[routes[0].name]) >= 200:
            break
    return {name: statistics.quantiles(all_[1:])[0] for name, all_ in spent.items()}


def fit(works: list[Workload], measured: list[float], by_drafts: bool) -> dict[str, float]:
    """Return the terms of :class:`mdsd_theory.routing.Cost` of least relative error."""
    terms = []
    for work, found in zip(works, measured, strict=True):
        tokens = work.rows * work.vocabulary / 1000
        rest = [tokens * work.n**2] if by_drafts else []
        terms.append(np.array([1, work.rows, tokens, tokens * np.log2(work.vocabulary), *rest]) / found)
    solution, _ = nnls(np.array(terms), np.ones(len(terms)))
    names = ("call", "row", "token", "sorting", "drafts")
    return {name: float(f"{x:.3g}") for name, x in zip(names, solution, strict=False) if x > 0}


def fits_of_records(path: Path, scheme: str) -> Iterator[str]:
    """Yield the fits of all routes to a scheme's α* in a file of ``scaling.py``."""
    chosen = [r for r in read_csv(path) if r.kind == "route" and r.scheme == scheme]
    for name in dict.fromkeys(r.name for r in chosen):
        own = [r for r in chosen if r.name == name]
        works = [Workload(r.V, r.B, r.n, r.device, r.dtype) for r in own]
        yield shown_fit(name, fit(works, [r.low for r in own], scheme == "without_replacement"))


def shown_fit(name: str, terms: dict[str, float]) -> str:
    """Return a fit as the table of routes has it."""
    return f"{name}: Cost({', '.join(f'{k}={v}' for k, v in terms.items())})"


def main(
    scheme: Annotated[str, typer.Option(help="Draft scheme.")] = "with_replacement",
    library: Annotated[str, typer.Option(help="numpy or torch.")] = "numpy",
    dtype: Annotated[str, typer.Option(help="The caller's dtype.")] = "float64",
    budget: Annotated[float, typer.Option(help="Seconds for each figure.")] = 0.3,
    largest: Annotated[int, typer.Option(help="Most tokens of one call.")] = LARGEST,
    seed: int = 0,
    records: Annotated[Path | None, typer.Option(help="Only fit these.")] = None,
) -> None:
    """Print the times, the fits and the route that auto takes."""
    if records is not None:
        print(*fits_of_records(records, scheme), sep="\n")
        return
    if library == "torch":
        import torch

        torch.set_num_threads(1)
    kind = mdsd.SCHEMES[scheme]
    routes = [r for r in mdsd.ROUTES.values() if r.layer == "dual" and r.serves(kind)]
    drafts = (3,) if scheme == "with_replacement" else (2, 3, 6)
    works, measured = [], []
    table = Table(title=f"microseconds a call, {scheme}, {library} {dtype}")
    for name in ("V", "B", "n", *(r.name for r in routes), "auto takes"):
        table.add_column(name, justify="right")
    for rows in ROWS:
        for vocabulary in (v for v in SIZES if rows * v <= largest):
            for n in (n for n in drafts if n <= vocabulary):
                work = Workload(vocabulary, rows, n, "cpu", dtype)
                able = [r for r in routes if r.takes(work)]
                found = times(able, work, scheme, library, budget, seed)
                works.append(work)
                measured.append(found)
                shown = [f"{found[r.name]:,.0f}" if r in able else "" for r in routes]
                auto = mdsd.routes.ranking(kind, work)[0].name
                table.add_row(f"{vocabulary:,}", str(rows), str(n), *shown, auto)
    console = Console(width=110)
    console.print(table)
    for route in routes:
        known = [(w, m[route.name]) for w, m in zip(works, measured, strict=True) if route.name in m]
        terms = fit([w for w, _ in known], [m for _, m in known], len(drafts) > 1)
        console.print(shown_fit(route.name, terms))


if __name__ == "__main__":
    typer.run(main)
