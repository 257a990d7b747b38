"""Clocks and rows that the benchmarks of speed share.

On the CPU: time that all threads of the process spent, so that a busy machine matters little. On a CUDA
device: wall time from an idle device to an idle device.
"""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

Call = Callable[[], object]
Clock = Callable[[Call], float]
Floats = np.ndarray[Any, Any]

DISTINCT = 64
"""Rows drawn anew for a batch; more rows repeat them."""

ENOUGH = 200
"""Most calls of one figure."""


def cpu_seconds(call: Call) -> float:
    """Return the CPU time of one call, all threads together."""
    start = time.process_time()
    call()
    return time.process_time() - start


def cuda_seconds(call: Call) -> float:
    """Return the wall time of one call on an idle device, until the device is idle again."""
    import torch

    torch.cuda.synchronize()
    start = time.perf_counter()
    call()
    torch.cuda.synchronize()
    return time.perf_counter() - start


def turns(
    calls: Mapping[str, Call], budget: float, clock: Clock = cpu_seconds, least: int = 5
) -> dict[str, list[float]]:
    """Return the seconds of calls that take turns, after one of each.

    Parameters
    ----------
    calls : mapping of str to callable
    budget : float
        Seconds for each of them.
    clock : callable
        Times one call.
    least : int
        Turns at least.
    """
    for call in calls.values():
        call()
    found: dict[str, list[float]] = {name: [] for name in calls}
    end, done = time.perf_counter() + budget * len(calls), 0
    while done < least or (time.perf_counter() < end and done < ENOUGH):
        for name, call in calls.items():
            found[name].append(clock(call))
        done += 1
    return found


def llm_like(rows: int, vocabulary: int, dtype: str, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Return p and q of shape (rows, V): softmaxes of normal logits, those of q noisy copies of p's."""
    drawn = min(rows, DISTINCT)
    target = 4 * rng.standard_normal((drawn, vocabulary))
    draft = target + 0.7 * rng.standard_normal((drawn, vocabulary))
    found = []
    for logits in (target, draft):
        x = np.exp(logits - logits.max(axis=-1, keepdims=True))
        x = (x / x.sum(axis=-1, keepdims=True)).astype(dtype)
        found.append(np.resize(x, (rows, vocabulary)))
    return found[0], found[1]


def processor() -> str:
    """Return what the operating system calls the processor."""
    described = Path("/proc/cpuinfo")
    for line in described.read_text().splitlines() if described.is_file() else ():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()
