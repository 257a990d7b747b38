"""Check every kernel against the CPU, then time the aims of the performance page on one GPU.

Run: ``python benchmarks/gpu.py`` on a machine with a CUDA build of torch and CuPy (some ten minutes, most
of them checks; ``--check-only``, ``--no-check``). ``--emulate`` needs no GPU: it runs the kernels on the
CPU, thread by thread, on a few small inputs, and times nothing. Exits 1 on disagreement. Writes a log and
a table of times named after the device.

Times are medians between CUDA events, of calls from Python and of the same kernels replayed from a CUDA
graph; inputs rotate among sets larger than the cache. Ratios are of replayed times.
"""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Sequence
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from tempfile import mkdtemp
from typing import Annotated

import torch
import typer
from gpu_aims import AIMS, Time, verdict, write_times
from gpu_checks import Checks, Line, Scope, failures
from gpu_times import cases, inputs, times
from rich.console import Console
from rich.table import Table

import mdsd_theory.cuda.solving
from mdsd_theory import routes
from mdsd_theory.cuda.launching import CupyLauncher, Launcher

RESULTS = Path(__file__).parent / "results"
SMALL = Scope(
    "cpu", (2, 40), (3,), (torch.float32,), positions=0, temperatures=(), draws=2_000, longest=0, seeds=1
)


def emulated() -> Launcher:
    """Return a launcher that runs kernels on the CPU, and let the device's routes take its tensors."""
    sys.path.insert(0, str(Path(__file__).parents[1]))
    launcher: Launcher = import_module("tests.cuda.conftest").HostLauncher(Path(mkdtemp()))
    mdsd_theory.cuda.solving.launcher_of = lambda tensor: launcher
    routes.ROUTES = {
        name: replace(route, devices=("cpu",), missing=None) if route.devices == ("cuda",) else route
        for name, route in routes.ROUTES.items()
    }
    return launcher


def checked(console: Console, launcher: Launcher, scope: Scope) -> list[str]:
    """Print what was compared; return what disagrees."""
    lines = Checks(launcher, scope).run()
    table = Table(title="agreement: the largest share of what is allowed")
    for name in ("what", "cases", "difference", "allowed", "agrees"):
        table.add_column(name, justify="left" if name == "what" else "right")
    for name, line in lines.items():
        table.add_row(name, *cells(line))
    console.print(table)
    return list(failures(lines))


def cells(line: Line) -> list[str]:
    """Return a line of the table."""
    figures = f"{line.difference:.1e}", f"{line.allowed:.1e}"
    return [f"{line.cases:,}", *figures, "yes" if line.agrees else "NO"]


def times_table(found: Sequence[Time]) -> Table:
    """Return all figures: a row for each call and batch size."""
    table = Table(title="microseconds")
    for name in ("B", "what", "plain", "replayed", "of reading", "memory, [B, V] float32 = 1"):
        table.add_column(name, justify="left" if name == "what" else "right")
    read = {x.rows: x.replayed for x in found if x.what == "read float32"}
    for x in found:
        ratio = x.replayed / read.get(x.rows, math.nan)
        figures = f"{x.plain:,.1f}", f"{x.replayed:,.1f}", f"{ratio:.2f}", f"{x.memory:.3f}"
        table.add_row(str(x.rows), x.what, *figures)
    return table


def aims_table(found: Sequence[Time]) -> Table:
    """Return what was reached of the aims."""
    table = Table(title="aims, replayed from a graph")
    for name in ("what", "B", "time, ms", "compared with", "ratio", "aim", "met"):
        table.add_column(name)
    for aim in AIMS:
        table.add_row(*verdict(aim, found))
    return table


def slug(device: str) -> str:
    """Return a device's name as a file is named."""
    return re.sub(r"[^A-Za-z0-9]+", "_", device).strip("_").lower()


def main(
    rows: Annotated[
        str, typer.Option(help="Batch sizes, with commas between them.")
    ] = "1,16,64,256,1024",
    vocabulary: Annotated[int, typer.Option(help="V.")] = 151_936,
    check: Annotated[bool, typer.Option(help="Check.")] = True,
    check_only: Annotated[bool, typer.Option(help="Time nothing.")] = False,
    emulate: Annotated[bool, typer.Option(help="On the CPU: small checks, no times.")] = False,
    output: Annotated[Path, typer.Option(help="Folder of the results.")] = RESULTS,
) -> None:
    """Check, then time."""
    console = Console(width=118, record=True)
    if emulate:
        launcher, scope, device = emulated(), SMALL, "the CPU, emulated"
        for case in cases(launcher).values():
            case(inputs(2, 40, "cpu", 0))
    elif torch.cuda.is_available():
        launcher, scope = CupyLauncher(torch.cuda.current_device()), Scope()
        device = torch.cuda.get_device_name()
    else:
        raise SystemExit("torch finds no CUDA device; --emulate runs the kernels on the CPU")
    console.print(f"{device}, torch {torch.__version__}, CUDA {torch.version.cuda}")
    failed = checked(console, launcher, scope) if check else []
    found: list[Time] = []
    if not (emulate or check_only):
        for each in map(int, rows.split(",")):
            found += times(launcher, each, vocabulary)
            torch.cuda.empty_cache()
        console.print(times_table(found))
        console.print(aims_table(found))
    console.print("disagreement: " + "; ".join(failed) if failed else "all agree" if check else "")
    if not emulate:
        output.mkdir(parents=True, exist_ok=True)
        console.save_text(str(output / f"gpu_{slug(device)}.log"))
        if found:
            write_times(found, output / f"gpu_{slug(device)}.csv")
    raise SystemExit(bool(failed))


if __name__ == "__main__":
    typer.run(main)
