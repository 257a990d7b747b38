"""α* without replacement on the CPU by buckets, ``race_buckets``: time, phases and accuracy.

Run: ``python benchmarks/race.py`` (about three minutes). Times are CPU time of one call on one row, the
mask of H included, all threads together: medians, so that a busy machine matters little; a ratio is the
median over pairs of calls that take turns. Accuracy is against ``race_prefix``, and against the proved
enclosure of ``mdsd.certify(..., rigorous=True)`` where python-flint is installed.
"""

from __future__ import annotations

import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

import mdsd_theory as mdsd
from mdsd_theory.arrays import Backend
from mdsd_theory.demo_data import load_demo_data
from mdsd_theory.dual import race_buckets_rows
from mdsd_theory.dual.race_buckets_rows import Row, lowest_cuts
from mdsd_theory.dual.race_prefix import race_prefix
from mdsd_theory.instances import KINDS, random_pair

Floats = np.ndarray[Any, Any]
Pair = tuple[Floats, Floats]
Call = Callable[[Floats, Floats, int], Any]

NUMPY = Backend("numpy", np.float64, "cpu")
VOCABULARY = 151_936
PHASES = {
    "largest tokens": ("largest", "sum_without"),
    "bucket pass": ("power_buckets", "odds_buckets"),
    "chain and search": ("bucket_chain", "search"),
    "open buckets": ("tokens_between", "token_chain"),
    "heavy tokens": ("heavy_arrivals",),
    "H and its value": ("sums_below", "odds_below"),
}
console = Console(width=130)


def normalised(p: Floats, q: Floats) -> Pair:
    """Return both divided by their sums."""
    return p / p.sum(), q / q.sum()


def logits_pair(vocabulary: int, spread: float, rng: np.random.Generator) -> Pair:
    """Return two softmaxes of normal logits, the draft's a noisy copy of the target's."""
    target = rng.normal(size=vocabulary) * spread
    return normalised(np.exp(target), np.exp(target + 0.7 * rng.normal(size=vocabulary)))


def rows_of(vocabulary: int, n: int, rng: np.random.Generator) -> Iterator[tuple[str, Pair]]:
    """Yield rows that differ in what the route finds hard."""
    yield "flat", normalised(*rng.dirichlet(np.ones(vocabulary), size=(2,)))
    yield "LLM-like", logits_pair(vocabulary, 4.0, rng)
    yield "sparse", normalised(*(rng.dirichlet(np.full(vocabulary, 0.02), size=2) + 1e-12))
    q = rng.dirichlet(np.ones(vocabulary))
    yield "p near q", normalised(q * (1 + 1e-3 * rng.normal(size=vocabulary)), q)
    yield "p = q, all equal", (np.full(vocabulary, 1 / vocabulary),) * 2
    dominant = np.concatenate([np.full(n - 1, 1 / (n - 1)), 1e-12 * q])
    yield "q: n − 1 tokens", normalised(rng.dirichlet(np.ones(dominant.size)), dominant)
    many = np.concatenate([rng.uniform(0.9, 1.1, 600), np.full(vocabulary - 600, 1e-9)])
    yield "q: 600 tokens", normalised(rng.dirichlet(np.ones(vocabulary)), many)


def buckets(p: Floats, q: Floats, n: int) -> tuple[Floats, Floats, Floats]:
    """Solve one row by buckets."""
    return lowest_cuts(p[None], q[None], n)


def prefixes(p: Floats, q: Floats, n: int) -> float:
    """Return α* of one row by sorting it."""
    return float(race_prefix(NUMPY, p[None], q[None], n).value[0])


def independent(p: Floats, q: Floats, n: int) -> object:
    """Solve one row with replacement, by whatever route is the first choice."""
    return mdsd.optimal_acceptance(p, q, n=n, scheme="with_replacement")


def seconds(call: Call, pair: Pair, n: int) -> float:
    """Return the CPU time of one call."""
    start = time.process_time()
    call(*pair, n)
    return time.process_time() - start


def compare(unit: Call, pair: Pair, n: int, budget: float) -> tuple[float, float]:
    """Return the median time by buckets, and its median ratio to another call in turns."""
    buckets(*pair, n), unit(*pair, n)
    times: list[float] = []
    ratios: list[float] = []
    end = time.perf_counter() + budget
    while len(ratios) < 5 or (time.perf_counter() < end and len(ratios) < 200):
        times.append(seconds(buckets, pair, n))
        ratios.append(times[-1] / seconds(unit, pair, n))
    return statistics.median(times), statistics.median(ratios)


def time_by_size(budget: float, rng: np.random.Generator) -> None:
    """Print time against V and n, and what one call costs in calls of other routes."""
    table = Table(title="race_buckets, one LLM-like row: milliseconds, and as multiples of other routes")
    for name in ("V", "n", "ms", "× race_prefix", "× with_replacement"):
        table.add_column(name, justify="right")
    for vocabulary in (1_000, 10_000, 49_152, VOCABULARY, 1_000_000):
        pair = logits_pair(vocabulary, 4.0, rng)
        for n in (2, 3, 8, 16):
            spent, by_sorting = compare(prefixes, pair, n, budget)
            _, with_replacement = compare(independent, pair, n, budget)
            cells = f"{spent * 1e3:.2f}", f"{by_sorting:.3f}", f"{with_replacement:.2f}"
            table.add_row(f"{vocabulary:,}", str(n), *cells)
    console.print(table)


def time_by_kind(budget: float, rng: np.random.Generator) -> None:
    """Print time, evaluations of Q and disagreement on rows of several kinds."""
    table = Table(title=f"race_buckets, one row, V = {VOCABULARY:,}")
    names = (
        "row",
        "n",
        "α*",
        "ms",
        "× race_prefix",
        "values of Q",
        "rounds",
        "heavy",
        "difference",
        "bound",
    )
    for name in names:
        table.add_column(name, justify="right")
    for n in (2, 3, 8):
        for kind, pair in rows_of(VOCABULARY, n, rng):
            row = Row(*pair, n)
            row.solve()
            value, _ = row.value_and_subset()
            spent, ratio = compare(prefixes, pair, n, budget)
            found = f"{value:.6f}", f"{spent * 1e3:.2f}", f"{ratio:.3f}", str(row.evaluations)
            rest = str(row.rounds), str(row.race.heavy.size)
            errors = f"{value - prefixes(*pair, n):.0e}", f"{row.error():.0e}"
            table.add_row(kind, str(n), *found, *rest, *errors)
    console.print(table)


def time_by_phase(rng: np.random.Generator, calls: int = 40) -> None:
    """Print how long each phase takes: the module's functions are wrapped for the while."""
    table = Table(title=f"phases in milliseconds, medians, V = {VOCABULARY:,}, LLM-like rows")
    for name in ("n", "dtype", *PHASES, "all"):
        table.add_column(name, justify="right")
    for n in (2, 3, 8, 16):
        for dtype in (np.float64, np.float32):
            p, q = (x.astype(dtype) for x in logits_pair(VOCABULARY, 4.0, rng))
            phases = [phase_times((p, q), n) for _ in range(calls + 2)][2:]
            cells = [
                f"{statistics.median(x[name] for x in phases) * 1e3:.2f}" for name in (*PHASES, "all")
            ]
            table.add_row(str(n), np.dtype(dtype).name, *cells)
    console.print(table)


def phase_times(pair: Pair, n: int) -> dict[str, float]:
    """Return the seconds of each phase in one call."""
    spent: dict[str, float] = defaultdict(float)
    plain = {name: getattr(race_buckets_rows, name) for names in PHASES.values() for name in names}

    def timed(phase: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            start = time.process_time()
            result = function(*arguments)
            spent[phase] += time.process_time() - start
            return result

        return call

    try:
        for phase, names in PHASES.items():
            for name in names:
                setattr(race_buckets_rows, name, timed(phase, plain[name]))
        spent["all"] = seconds(buckets, pair, n)
    finally:
        for name, function in plain.items():
            setattr(race_buckets_rows, name, function)
    return spent


def accuracy(rows: int, rng: np.random.Generator) -> None:
    """Print the largest differences over random rows of six kinds, and over real ones."""
    table = Table(
        title="largest difference from race_prefix, and from a proved enclosure (beyond its width)"
    )
    for name in ("rows", "n", "race_prefix", "proved", "of the claimed bound"):
        table.add_column(name, justify="right")
    proofs = find_spec("flint") is not None
    for kind in KINDS:
        for n in (2, 3, 8):
            pairs = [random_pair(kind, 3_000, n, rng) for _ in range(rows)]
            proved = [random_pair(kind, 200, n, rng) for _ in range(2 if proofs else 0)]
            table.add_row(f"{kind}, V = 3,000 and 200", str(n), *differences(pairs, proved, n))
    for temperature in (0.3, 0.7, 1.0):
        data = load_demo_data(temperature=temperature)
        for n in (2, 3, 4, 5, 6, 7, 8, 16):
            pairs = list(zip(data.p[::6], data.q[::6], strict=True))
            table.add_row(f"SmolLM2, T = {temperature}", str(n), *differences(pairs, [], n))
    console.print(table)


def differences(pairs: list[Pair], proved: list[Pair], n: int) -> tuple[str, str, str]:
    """Return the largest differences as text."""
    plain = [abs(float(buckets(p, q, n)[0][0]) - prefixes(p, q, n)) for p, q in pairs]
    beyond, share = [], []
    for p, q in proved:
        known = mdsd.certify(p, q, n=n, scheme="without_replacement", rigorous=True)
        (value,), (error,), _ = buckets(p, q, n)
        beyond.append(max(value - float(known.upper), float(known.lower) - value, 0.0))
        share.append(beyond[-1] / error)
    first, second, third = (f"{max(x):.1e}" if x else "" for x in (plain, beyond, share))
    return first, second, third


def main(
    budget: Annotated[float, typer.Option(help="Seconds for each time.")] = 0.4,
    rows: Annotated[int, typer.Option(help="Random rows for each kind and n.")] = 10,
    seed: int = 0,
) -> None:
    """Print the four tables."""
    rng = np.random.default_rng(seed)
    time_by_size(budget, rng)
    time_by_phase(rng)
    time_by_kind(budget, rng)
    accuracy(rows, rng)


if __name__ == "__main__":
    typer.run(main)
