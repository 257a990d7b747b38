"""Cost against V, n and B: every route to α*, and the optimal verifier's plan.

Run: ``python benchmarks/scaling.py`` (some ten minutes; ``--quick`` for one; ``--device cuda``). Whole
calls, checks and result included, on one thread; routes of one scheme take turns, and each figure is a
median. Writes ``scaling_<device>.csv`` and plots to the output folder, prints fitted exponents and where
routes cross. ``--page`` only writes the tables of ``benchmarks/README.md`` from the results there.
"""

from __future__ import annotations

import os

os.environ.setdefault("NUMBA_NUM_THREADS", "1")

import statistics
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Annotated, NamedTuple

import numpy as np
import typer
from curves import draw
from page import write_page
from records import Record, crossings_table, exponents_table, write_csv
from rich.console import Console
from timing import Call, Floats, cpu_seconds, cuda_seconds, llm_like, processor, turns

import mdsd_theory as mdsd
from mdsd_theory.routing import Workload

SCHEMES = ("with_replacement", "without_replacement")
RESULTS = Path(__file__).parent / "results"
MOST_TOKENS = {"cpu": 2**24, "cuda": 2**30}
"""Most tokens of one call, B times V."""

PATIENCE = 2.0
"""Seconds: a call that takes more is the last of its curve."""


class Sweep(NamedTuple):
    """One size that grows while the others stay.

    Attributes
    ----------
    axis : {"V", "n", "B"}
    sizes : list of (V, B, n)
        The few V below 1,000 are there for the crossings.
    """

    axis: str
    sizes: list[tuple[int, int, int]]


def sweeps(device: str, quick: bool) -> list[Sweep]:
    """Return what is measured on a device."""
    largest, drafts, rows = (20_000, 4, 64) if quick else (1_000_000, 16, 4096)
    v = [30, 100, 300, 151_936, 1_000_000] + [a * 10**k for k in (3, 4, 5) for a in (1, 2, 5)]
    wide = 20_000 if quick else 151_936
    many = 151_936 if device == "cuda" else 4_096
    return [
        Sweep("V", [(x, 1, 3) for x in sorted(v) if x <= largest]),
        Sweep("n", [(wide, 1, x) for x in (1, 2, 3, 4, 6, 8, 12, 16) if x <= drafts]),
        Sweep("B", [(many, 4**k, 3) for k in range(7) if 4**k <= rows]),
    ]


def inputs(work: Workload, library: str, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Return p and q of a workload, for the library that the caller uses."""
    p, q = llm_like(work.rows, work.vocabulary, work.dtype, rng)
    if library == "numpy":
        return p, q
    import torch

    return torch.from_numpy(p).to(work.device), torch.from_numpy(q).to(work.device)


def routes_of(scheme: str, work: Workload) -> list[str]:
    """Return the routes of the dual layer that can solve such an input on this machine."""
    return [
        route.name
        for route in mdsd.ROUTES.values()
        if route.layer == "dual" and route.serves(mdsd.SCHEMES[scheme]) and route.takes(work)
        if route.missing is None or route.missing() is None
    ]


def groups(p: Floats, q: Floats, work: Workload, library: str) -> dict[tuple[str, str], dict[str, Call]]:
    """Return calls that take turns, by scheme and kind."""
    found: dict[tuple[str, str], dict[str, Call]] = {}
    for scheme in SCHEMES:
        solve = partial(mdsd.optimal_acceptance, p, q, n=work.n, scheme=scheme)
        found[scheme, "route"] = {r: partial(solve, route=r) for r in routes_of(scheme, work)}
    exact, bucketed = mdsd.VERIFIERS["optimal"], mdsd.verifiers.optimal.Optimal(buckets=1024)
    generator = np.random.default_rng(0)
    if library == "torch":
        import torch

        generator = torch.Generator(work.device).manual_seed(0)
    drafts = mdsd.SCHEMES["with_replacement"].sample(q, work.n, generator)

    def plan(verifier: mdsd.Verifier, scheme: str) -> object:
        return verifier.plan(p, q, work.n, scheme=scheme)

    found["with_replacement", "verifier"] = {
        "exact plan": partial(plan, exact, "with_replacement"),
        "bucketed plan": partial(plan, bucketed, "with_replacement"),
        "bucketed plan + sample": lambda: plan(bucketed, "with_replacement").sample(drafts, generator),
    }
    found["without_replacement", "verifier"] = {"plan": partial(plan, exact, "without_replacement")}
    return found


def measure(
    sweep: Sweep,
    device: str,
    library: str,
    dtype: str,
    budget: float,
    most: int,
    patience: float,
    console: Console,
) -> Iterator[Record]:
    """Yield the times of a sweep, and say what is left out."""
    rng, machine = np.random.default_rng(0), place(device)
    over: set[tuple[str, str, str]] = set()
    for vocabulary, rows, n in sweep.sizes:
        if vocabulary * rows > most:
            console.print(f"left out: V = {vocabulary:,}, B = {rows:,}: more than {most:,} tokens")
            continue
        work = Workload(vocabulary, rows, n, device, dtype)
        p, q = inputs(work, library, rng)
        for (scheme, kind), calls in groups(p, q, work, library).items():
            able = {name: call for name, call in calls.items() if (scheme, kind, name) not in over}
            clock = cuda_seconds if device == "cuda" else cpu_seconds
            for name, found in turns(able, budget, clock, 3).items():
                low, middle, high = (1e6 * x for x in statistics.quantiles(found))
                sizes = (sweep.axis, vocabulary, rows, n)
                yield Record(
                    machine, device, library, dtype, kind, scheme, name, *sizes, low, middle, high
                )
                if middle > 1e6 * patience:
                    over.add((scheme, kind, name))
                    console.print(f"{name}, {scheme}: last point of {sweep.axis} at {middle / 1e6:.1f} s")


def place(device: str) -> str:
    """Return the name of the machine's processor or GPU."""
    if device == "cpu":
        return processor()
    import torch

    return str(torch.cuda.get_device_name())


def main(
    device: Annotated[str, typer.Option(help="cpu or cuda.")] = "cpu",
    library: Annotated[str, typer.Option(help="numpy, torch, or both; on cuda always torch.")] = "both",
    dtype: Annotated[str, typer.Option(help="float64 or float32; as usual on the device.")] = "",
    quick: Annotated[bool, typer.Option(help="Small sizes, in under a minute.")] = False,
    milliseconds: Annotated[int, typer.Option(help="Time for each figure, at least.")] = 100,
    most: Annotated[int, typer.Option(help="Most tokens of one call; 0: as fits the device.")] = 0,
    patience: Annotated[float, typer.Option(help="A slower call ends its curve: seconds.")] = PATIENCE,
    output: Annotated[Path, typer.Option(help="Folder of the results.")] = RESULTS,
    page: Annotated[bool, typer.Option(help="Only write the page's tables.")] = False,
) -> None:
    """Measure, fit, draw."""
    if page:
        write_page(output)
        return
    console = Console(width=110)
    if device == "cpu" and library != "numpy":
        import torch

        torch.set_num_threads(1)
    budget = 0.01 if quick else milliseconds / 1000
    dtype = dtype or {"cpu": "float64", "cuda": "float32"}[device]
    libraries = ("torch",) if device == "cuda" else {"both": ("numpy", "torch")}.get(library, (library,))
    records = [
        record
        for each in libraries
        for sweep in sweeps(device, quick)
        for record in measure(
            sweep, device, each, dtype, budget, most or MOST_TOKENS[device], patience, console
        )
    ]
    console.print(exponents_table(records))
    console.print(crossings_table(records))
    output.mkdir(parents=True, exist_ok=True)
    write_csv(records, output / f"scaling_{device}.csv")
    for axis in ("V", "n", "B"):
        draw(records, axis, output / f"scaling_{device}_{axis}.svg")
    console.print(f"results: {output}")


if __name__ == "__main__":
    typer.run(main)
