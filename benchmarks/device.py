"""Check and time the fast layer on a CUDA device: results stay there and agree with the CPU.

Run: ``python benchmarks/device.py`` on a machine with a CUDA build of torch. Exits 1 on disagreement.
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

    The result must be on the device. A rate that is not exact may differ by its error: runs of tokens and
    draws fall on the other side of a rounded running sum.
    """
    host = p.to(dtype), q.to(dtype)
    result, expected = call(*(x.cuda() for x in host)), call(*host)
    there = result.value
    if there.device.type != "cuda" or there.dtype != dtype:
        raise SystemExit(f"result on {there.device} in {there.dtype}; expected cuda in {dtype}")
    difference = float((there.cpu().double() - expected.value.double()).abs().max())
    slack = TOLERANCE[dtype]
    for field in ("standard_error", "error_bound"):
        error = getattr(expected, field, None)
        slack += 0.0 if error is None else float(error.double().max())
    return difference, slack


def calls(n: int) -> dict[str, Callable]:
    """Return every optimum and every verifier as a function of p and q."""
    found: dict[str, Callable] = {}
    for scheme in SCHEMES:
        found[f"α* {scheme}"] = lambda p, q, s=scheme: mdsd.optimal_acceptance(p, q, n=n, scheme=s)
        for verifier in verifiers_of(scheme, n):
            found[f"{verifier.name} {scheme}"] = lambda p, q, v=verifier, s=scheme: v.acceptance_rate(
                p, q, n, scheme=s
            )
    return found


def sampled(p: torch.Tensor, q: torch.Tensor, n: int, draws: int = 100_000) -> list[list[str]]:
    """Return, for each rule, its rate, what its sampler accepts on the device, and the z-score."""
    generator = torch.Generator("cuda").manual_seed(0)
    p, q = p.cuda(), q.cuda()
    rows = []
    for scheme in SCHEMES:
        drafts = mdsd.SCHEMES[scheme].sample(q, n, generator, size=draws)
        for verifier in verifiers_of(scheme, n):
            token, index = verifier.sample(p, q, drafts, generator, scheme=scheme)
            if token.device.type != "cuda":
                raise SystemExit(f"{verifier.name} emitted on {token.device}; expected cuda")
            rate = verifier.acceptance_rate(p, q, n, scheme=scheme).value
            accepted = float((index >= 0).double().mean())
            error = max((rate * (1 - rate) / draws) ** 0.5, 1e-9)
            name = f"{verifier.name} {scheme}"
            rows.append([name, f"{rate:.5f}", f"{accepted:.5f}", f"{(accepted - rate) / error:+.1f}"])
    return rows


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
    draws = Table(title="one position, 100,000 draws on the device")
    for name in ("", "rate", "sampled", "z"):
        draws.add_column(name, justify="right" if name else "left")
    for row in sampled(p[15], q[15], 3):
        draws.add_row(*row)
        if abs(float(row[-1])) > 5:
            failed.append(f"{row[0]} accepts {row[2]} of its drafts, not {row[1]}")
    console.print(draws)
    if failed:
        console.print("disagreement: " + "; ".join(failed))
        sys.exit(1)
    console.print("CUDA agrees with the CPU")


if __name__ == "__main__":
    main()
