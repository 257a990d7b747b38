"""What is timed on the GPU, as plain calls and replayed from a CUDA graph."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from gpu_aims import BOUNDS, BUCKETS, EMIT, LOGITS, PLAN, RACE, READ, READ_LOGITS, SOFTMAX, Time

import mdsd_theory as mdsd
from mdsd_theory.cuda.iid_emit import iid_emit
from mdsd_theory.cuda.iid_plan import iid_plan
from mdsd_theory.cuda.inputs import Rows
from mdsd_theory.cuda.launching import Launcher
from mdsd_theory.cuda.race_buckets import race_optimum
from mdsd_theory.cuda.ratio_buckets import bucket_bounds, bucket_optimum

Tensor = torch.Tensor

ROTATION = 256 * 2**20
"""Bytes of p and q in all sets of inputs together: several times the cache."""

MOST_SETS = 256
TEMPERATURE = 0.7
DRAFTS = 3
SUM_TOLERANCE, LOGIT_TOLERANCE = 1e-4, 1e-3
TARGET = 0.15
"""Seconds that one figure is measured for, about."""


@dataclass(frozen=True)
class Inputs:
    """One set: probabilities, the logits that they come from, and drafts.

    Attributes
    ----------
    p, q, a, b : tensor of float32, shape (B, V)
        Probabilities and logits.
    a16, b16 : tensor of bfloat16
    room, room16 : tensor
        What a copy is written to.
    drafts : tensor of int64, shape (B, 1, n)
    """

    p: Tensor
    q: Tensor
    a: Tensor
    b: Tensor
    a16: Tensor
    b16: Tensor
    room: Tensor
    room16: Tensor
    drafts: Tensor


Case = Callable[[Inputs], object]


def inputs(rows: int, vocabulary: int, device: str, seed: int) -> Inputs:
    """Return LLM-like rows: normal logits, the draft's a noisy copy of the target's."""
    generator = torch.Generator(device).manual_seed(seed)

    def normal() -> Tensor:
        return torch.randn(rows, vocabulary, generator=generator, device=device)

    a = 3 * normal()
    b = a + 0.5 * normal()
    p, q = (torch.softmax(x / TEMPERATURE, -1) for x in (a, b))
    a16, b16 = a.bfloat16(), b.bfloat16()
    drafts = torch.multinomial(q, DRAFTS, replacement=True, generator=generator)[:, None, :]
    return Inputs(p, q, a, b, a16, b16, torch.empty_like(p), torch.empty_like(a16), drafts)


def sets_of(rows: int, vocabulary: int, device: str) -> list[Inputs]:
    """Return sets that take turns, so that the cache holds none from one turn to the next."""
    wanted = math.ceil(ROTATION / (8 * rows * vocabulary))
    return [inputs(rows, vocabulary, device, seed) for seed in range(max(2, min(MOST_SETS, wanted)))]


def sorted_torch(x: Inputs) -> Tensor:
    """Return α* with replacement by a sort, in float32."""
    order = torch.argsort(x.p / x.q, dim=-1)
    target = torch.cumsum(x.p.gather(-1, order), -1)
    drafted = torch.cumsum(x.q.gather(-1, order), -1)
    return 1 + (target - drafted**DRAFTS).amin(-1)


def cases(launcher: Launcher) -> dict[str, Case]:
    """Return what is timed: torch's own operations, then kernels; none waits for the host."""

    def rows(x: Inputs) -> Rows:
        return Rows(x.p, x.q)

    def logits16(x: Inputs) -> Rows:
        return Rows.of_logits(x.a16, x.b16, TEMPERATURE)

    def logits32(x: Inputs) -> Rows:
        return Rows.of_logits(x.a, x.b, TEMPERATURE)

    def verifier(x: Inputs) -> Any:
        plan = iid_plan(launcher, rows(x), DRAFTS, SUM_TOLERANCE)
        shape = (x.p.shape[0], 3 * DRAFTS + 2, 1)
        uniforms = torch.rand(shape, dtype=torch.float64, device=x.p.device)
        return iid_emit(launcher, plan, x.drafts, uniforms)

    def race(rows: Rows, tolerance: float) -> Any:
        return race_optimum(launcher, rows, DRAFTS, tolerance)

    return {
        "copy of p: as many bytes as p and q": lambda x: x.room.copy_(x.p),
        "p.sum() and q.sum()": lambda x: (x.p.sum(), x.q.sum()),
        "copy of bfloat16 logits": lambda x: x.room16.copy_(x.a16),
        "a.sum() and b.sum() of bfloat16 logits": lambda x: (x.a16.sum(), x.b16.sum()),
        "torch.minimum(p, q).sum(-1)": lambda x: torch.minimum(x.p, x.q).sum(-1),
        SOFTMAX: lambda x: (torch.softmax(x.p, -1), torch.softmax(x.q, -1)),
        "argsort, gather, cumsum in torch": sorted_torch,
        BOUNDS: lambda x: bucket_bounds(launcher, rows(x), DRAFTS, SUM_TOLERANCE),
        BUCKETS: lambda x: bucket_optimum(launcher, rows(x), DRAFTS, SUM_TOLERANCE),
        LOGITS: lambda x: bucket_bounds(launcher, logits16(x), DRAFTS, LOGIT_TOLERANCE),
        "cuda_buckets, bfloat16 logits": lambda x: bucket_optimum(
            launcher, logits16(x), DRAFTS, LOGIT_TOLERANCE
        ),
        "cuda_bounds, float32 logits": lambda x: bucket_bounds(
            launcher, logits32(x), DRAFTS, LOGIT_TOLERANCE
        ),
        RACE: lambda x: race(rows(x), SUM_TOLERANCE),
        "without replacement, and subset": lambda x: race(rows(x), SUM_TOLERANCE).subset(),
        "without replacement, bfloat16 logits": lambda x: race(logits16(x), LOGIT_TOLERANCE),
        PLAN: lambda x: iid_plan(launcher, rows(x), DRAFTS, SUM_TOLERANCE),
        EMIT: verifier,
    }


READS = {
    READ: ("copy of p: as many bytes as p and q", "p.sum() and q.sum()"),
    READ_LOGITS: ("copy of bfloat16 logits", "a.sum() and b.sum() of bfloat16 logits"),
}
"""The time to read both tensors once is the lesser of two."""


def front_doors() -> dict[str, Case]:
    """Return whole calls, which look at one flag on the host."""
    found: dict[str, Case] = {}
    for route in mdsd.ROUTES.values():
        if route.devices == ("cuda",):
            for scheme in route.schemes or ():
                found[f"optimal_acceptance, {route.name}"] = lambda x, s=scheme, r=route.name: (
                    mdsd.optimal_acceptance(x.p, x.q, n=DRAFTS, scheme=s, route=r)
                )
    return found


def plain(case: Case, sets: list[Inputs]) -> float:
    """Return the median microseconds of a call, over rounds of one call for each set."""
    return 1e3 * _median(lambda: [case(x) for x in sets]) / len(sets)


def replayed(case: Case, sets: list[Inputs]) -> float:
    """Return the same with the kernels replayed from a graph; NaN where they cannot be captured."""
    graph, side = torch.cuda.CUDAGraph(), torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        case(sets[0])
    torch.cuda.current_stream().wait_stream(side)
    try:
        with torch.cuda.graph(graph):
            for x in sets:
                case(x)
    except RuntimeError:
        torch.cuda.synchronize()
        return math.nan
    found = 1e3 * _median(graph.replay) / len(sets)
    graph.reset()
    return found


def _median(call: Callable[[], object]) -> float:
    """Return the median milliseconds of a call between two events."""
    for _ in range(2):
        call()
    first = _milliseconds(call)
    repeats = int(min(100, max(5, 1e3 * TARGET / max(first, 1e-3))))
    return statistics.median(_milliseconds(call) for _ in range(repeats))


def _milliseconds(call: Callable[[], object]) -> float:
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    start.record()
    call()
    end.record()
    end.synchronize()
    return float(start.elapsed_time(end))


def memory(case: Case, x: Inputs) -> float:
    """Return the peak memory beside the inputs, result included, in float32 tensors like p."""
    torch.cuda.synchronize()
    before = torch.cuda.memory_allocated()
    torch.cuda.reset_peak_memory_stats()
    result = case(x)
    torch.cuda.synchronize()
    peak = torch.cuda.max_memory_allocated() - before
    del result
    return float(peak / (4 * x.p.numel()))


def times(launcher: Launcher, rows: int, vocabulary: int) -> list[Time]:
    """Return the figures of one batch size."""
    sets = sets_of(rows, vocabulary, "cuda")
    found = []
    for name, case in cases(launcher).items():
        spent = plain(case, sets)
        found.append(Time(rows, name, spent, replayed(case, sets), memory(case, sets[0])))
    for name, case in front_doors().items():
        found.append(Time(rows, name, plain(case, sets), math.nan, memory(case, sets[0])))
    by_name = {x.what: x for x in found}
    for name, pair in READS.items():
        least = min((by_name[x] for x in pair), key=lambda x: x.replayed)
        found.append(Time(rows, name, least.plain, least.replayed, 0.0))
    return found
