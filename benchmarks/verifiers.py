"""Every verifier's rate, plan and sampler, and every scheme's drafts: time, synchronisations, memory.

Run: ``python benchmarks/verifiers.py`` (about ten minutes; ``--quick`` for one). One core: milliseconds
of CPU time a row, the least of a few calls, on checked pairs; checks of the input are the first line.
Rows: the shipped distributions of SmolLM2-135M at temperature 0.7 (V = 49,152), tiled, and Zipf-like
pairs over 151,936 tokens. A call that would take more than the budget is left out (–).

*syncs*: calls that make the host wait for an accelerator: a tensor read as a Python number, copied to the
host, or of a shape that depends on values; counted on CPU tensors that take an accelerator's route.
*memory*: the most that is held beyond the input, in multiples of one float64 array of shape (B, V), at
the largest B timed.
"""

from __future__ import annotations

import contextlib
import os
import time
import tracemalloc
from collections.abc import Callable, Iterator
from typing import Annotated, Any
from unittest import mock

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from mdsd_theory import SCHEMES, VERIFIERS
from mdsd_theory.demo_data import load_demo_data
from mdsd_theory.distributions import pair
from mdsd_theory.verifiers import cpu

Array = np.ndarray[Any, Any]
Call = Callable[[], object]

READS = ("__bool__", "__float__", "__int__", "__index__", "item", "tolist", "cpu", "numpy", "nonzero")
"""Methods of a tensor that wait for its values."""

RULES = [
    ("naive", "with_replacement", 3),
    ("naive", "without_replacement", 3),
    ("rrs", "with_replacement", 3),
    ("rrs_without_replacement", "without_replacement", 2),
    ("rrs_without_replacement", "without_replacement", 3),
    ("rrs_without_replacement", "without_replacement", 4),
    ("k_seq", "with_replacement", 3),
    ("greedy", "greedy", 3),
    ("spechub", "spechub", 2),
    ("khisti", "with_replacement", 2),
    ("optimal", "with_replacement", 3),
    ("optimal", "without_replacement", 3),
]


def zipf(vocabulary: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """Return q ∝ 1/rank^1.1 and p ∝ q·exp(z/2), z normal."""
    q = rng.permutation(1 / np.arange(1, vocabulary + 1) ** 1.1)
    p = q * np.exp(rng.normal(size=vocabulary) / 2)
    return p / p.sum(), q / q.sum()


def rows(vocabulary: int, count: int) -> tuple[Array, Array]:
    """Return targets and drafts of shape (count, V)."""
    if vocabulary == 49_152:
        data = load_demo_data(0.7)
        place = np.arange(count) % data.p.shape[0]
        return data.p[place], data.q[place]
    rng = np.random.default_rng(0)
    some = [zipf(vocabulary, rng) for _ in range(min(count, 4))]
    return tuple(np.stack([some[r % len(some)][k] for r in range(count)]) for k in (0, 1))  # type: ignore[return-value]


class Syncs:
    """Counts reads of tensors; a read inside a read is one."""

    def __init__(self) -> None:
        self.count, self.depth = 0, 0

    @contextlib.contextmanager
    def watch(self) -> Iterator[Syncs]:
        """Count while inside."""
        import torch

        with contextlib.ExitStack() as stack:
            for owner, name in [(torch.Tensor, x) for x in READS] + [
                (torch, "unique"),
                (torch, "nonzero"),
            ]:
                stack.enter_context(mock.patch.object(owner, name, self._counted(getattr(owner, name))))
            yield self

    def _counted(self, method: Any) -> Any:
        def counted(*args: Any, **options: Any) -> Any:
            self.count += self.depth == 0
            self.depth += 1
            try:
                return method(*args, **options)
            finally:
                self.depth -= 1

        return counted


def syncs(call: Call) -> int:
    """Return how often a call reads tensors."""
    with mock.patch.object(cpu, "on_cpu", return_value=False), Syncs().watch() as found:
        call()
    return found.count


def peak(call: Call, library: str) -> float:
    """Return the most bytes that a call holds: what NumPy, or torch's allocator, gives out."""
    if library == "numpy":
        tracemalloc.start()
        call()
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return float(most)
    from torch.profiler import ProfilerActivity, profile

    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as found:
        call()
    held = most = 0
    for event in sorted(found.profiler.kineto_results.events(), key=lambda e: e.start_ns()):
        if event.name() == "[memory]":
            held += event.nbytes()
            most = max(most, held)
    return float(most)


def milliseconds(call: Call, budget: float) -> float:
    """Return the least time of a few calls, as many as the budget allows."""
    times: list[float] = []
    end = time.perf_counter() + budget
    while not times or (time.perf_counter() < end and len(times) < 7):
        start = time.process_time()
        call()
        times.append(time.process_time() - start)
    return 1e3 * min(times)


def library_rows(library: str, p: Array, q: Array) -> tuple[Any, Any, Any]:
    """Return the rows and a generator in a library."""
    if library == "numpy":
        return p, q, np.random.default_rng(0)
    import torch

    return torch.from_numpy(p), torch.from_numpy(q), torch.Generator().manual_seed(0)


def calls(name: str, scheme: str, n: int, library: str, p: Array, q: Array) -> dict[str, Call]:
    """Return the calls of one rule; ``sample`` emits one token a row from a plan."""
    p, q, generator = library_rows(library, p, q)
    checked, rule, law = pair(p, q), VERIFIERS[name], SCHEMES[scheme]
    made: dict[str, Any] = {}

    def plan() -> Any:
        return rule._plan(checked, n, law)

    def sample() -> object:
        if not made.get("ready"):
            made["ready"] = (plan(), law.sample(q, n, generator))
        ready, drafts = made["ready"]
        return ready.sample(drafts, generator)

    return {"rate": lambda: rule.rate(checked, n, law), "plan": plan, "sample": sample}


def other_calls(library: str, p: Array, q: Array) -> dict[str, dict[str, Call]]:
    """Return the check of a pair, and the drafts of the schemes."""
    p, q, generator = library_rows(library, p, q)
    found: dict[str, dict[str, Call]] = {"input": {"check": lambda: pair(p, q)}}
    for scheme, n in (("with_replacement", 3), ("without_replacement", 3), ("greedy", 3), ("spechub", 2)):
        law = SCHEMES[scheme]
        found[f"{scheme}, n = {n}"] = {
            "drafts": lambda law=law, n=n: law.sample(q, n, generator),  # type: ignore[misc]
            "check of q": lambda law=law, n=n: law._drafted(q, n),  # type: ignore[misc]
        }
    return found


def cells(
    make: Callable[[int], Call], step: str, sizes: list[int], budget: float, library: str, v: int
) -> list[str]:
    """Return ms a row at each B, the syncs, and the memory."""
    found, last, largest = [], 0.0, 0
    for size in sizes:
        if last * size > 1e3 * budget * 4:
            found.append("–")
            continue
        call = make(size)
        if size == sizes[0] or step == "sample":
            call()
        last = milliseconds(call, budget) / size
        largest = size
        found.append(f"{last:.3f}")
    call = make(largest)
    call()
    found.append(str(syncs(call)) if library == "torch" else "")
    found.append(f"{peak(call, library) / (8 * largest * v):.2f}")
    return found


def main(
    quick: Annotated[bool, typer.Option(help="V = 49,152 and B up to 16 only.")] = False,
    library: Annotated[list[str] | None, typer.Option(help="numpy or torch; may be repeated.")] = None,
    vocabulary: Annotated[list[int] | None, typer.Option(help="May be repeated.")] = None,
    only: Annotated[str, typer.Option(help="Rules whose name holds this.")] = "",
    budget: Annotated[float, typer.Option(help="Seconds for each figure.")] = 0.5,
) -> None:
    """Print the tables."""
    os.environ["NUMBA_NUM_THREADS"] = "1"
    with contextlib.suppress(ImportError):
        import torch

        torch.set_num_threads(1)
    sizes = [1, 16] if quick else [1, 16, 256]
    for v in vocabulary or ([49_152] if quick else [49_152, 151_936]):
        data = {size: rows(v, size) for size in sizes}
        for lib in library or ["numpy", "torch"]:
            table = Table(title=f"{lib}, V = {v:,}: ms a row at B =")
            for column in ("rule", "step", *map(str, sizes), "syncs", "memory"):
                table.add_column(column, justify="left" if column in ("rule", "step") else "right")
            for label, make in jobs(lib, data, only):
                for step in make(1):
                    line = cells(lambda b, s=step, m=make: m(b)[s], step, sizes, budget, lib, v)  # type: ignore[misc]
                    table.add_row(*label, step, *line)
            Console(width=110).print(table)


def jobs(lib: str, data: Any, only: str) -> Iterator[tuple[list[str], Callable[[int], dict[str, Call]]]]:
    """Return labels and what makes their calls for B rows."""
    if not only:
        for label in other_calls(lib, *data[1]):
            yield [label], lambda b, x=label: other_calls(lib, *data[b])[x]  # type: ignore[misc]
    for name, scheme, n in RULES:
        if only in name:
            yield (
                [f"{name}, {scheme}, n = {n}"],
                lambda b, x=(name, scheme, n): calls(*x, lib, *data[b]),  # type: ignore[misc]
            )


if __name__ == "__main__":
    typer.run(main)
