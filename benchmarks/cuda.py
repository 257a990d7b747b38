"""Check and time the fast layer on a CUDA device: results stay there and agree with the CPU.

Run: ``python benchmarks/cuda.py`` on a machine with a CUDA build of torch. Exits 1 on disagreement.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

import torch
from rich.console import Console
from rich.table import Table

import mdsd_theory as mdsd
from mdsd_theory.demo_data import load_demo_data
from mdsd_theory.verifiers import verifiers_of

SCHEMES = ("with_replacement", "without_replacement", "greedy", "top_k")
TOLERANCE = {torch.float64: 1e-12, torch.float32: 1e-6, torch.bfloat16: 8e-3}


def off(p: torch.Tensor, q: torch.Tensor, dtype: torch.dtype, call: Callable) -> tuple[float, float]:
    """Return the largest difference between CUDA and CPU, and what is allowed.

    The result must be on the device. A Monte Carlo rate may differ by its standard error: one draw in
    thousands falls on the other side of a rounded running sum.
    """
    host = p.to(dtype), q.to(dtype)
    result, expected = call(*(x.cuda() for x in host)), call(*host)
    there = result.value
    if there.device.type != "cuda" or there.dtype != dtype:
        raise SystemExit(f"result on {there.device} in {there.dtype}; expected cuda in {dtype}")
    difference = float((there.cpu().double() - expected.value.double()).abs().max())
    error = getattr(expected, "standard_error", None)
    return difference, TOLERANCE[dtype] + (0.0 if error is None else float(error.double().max()))


def calls(n: int) -> dict[str, Callable]:
    """Return every optimum and every verifier as a function of p and q."""
    found: dict[str, Callable] = {}
    for scheme in SCHEMES:
        found[f"α* {scheme}"] = lambda p, q, s=scheme: mdsd.optimal_acceptance(p, q, n=n, scheme=s)
        for verifier in verifiers_of(scheme):
            found[f"{verifier.name} {scheme}"] = lambda p, q, v=verifier, s=scheme: v.acceptance_rate(
                p, q, n, scheme=s
            )
    return found


def milliseconds(call: Callable, p: torch.Tensor, q: torch.Tensor) -> float:
    """Return the median time of five calls after one to warm up."""
    call(p, q)
    times = []
    for _ in range(5):
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        call(p, q)
        end.record()
        torch.cuda.synchronize()
        times.append(start.elapsed_time(end))
    return sorted(times)[2]


def main() -> None:
    """Print differences and times; exit 1 when a difference is too large."""
    data, console = load_demo_data(), Console(width=110)
    p, q = torch.tensor(data.p), torch.tensor(data.q)
    table = Table(title=f"{torch.cuda.get_device_name()}, torch {torch.__version__}: 24 × 49,152, n = 3")
    table.add_column("")
    for dtype in TOLERANCE:
        table.add_column(f"off, {str(dtype).removeprefix('torch.')}", justify="right")
    table.add_column("ms, float32", justify="right")
    failed = []
    for name, call in calls(3).items():
        cells = []
        for dtype in TOLERANCE:
            difference, tolerance = off(p, q, dtype, call)
            cells.append(f"{difference:.1e}")
            if not difference <= tolerance:
                failed.append(f"{name} in {dtype}: {difference:.1e}")
        time = milliseconds(call, p.float().cuda(), q.float().cuda())
        table.add_row(name, *cells, f"{time:.2f}")
    console.print(table)
    if failed:
        console.print("disagreement: " + "; ".join(failed))
        sys.exit(1)
    console.print("CUDA agrees with the CPU")


if __name__ == "__main__":
    main()
