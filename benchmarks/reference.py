"""Time the reference linear program against the programs that do not collapse tuples to sets.

Three ways from p and q (drafts with replacement) to α*, building included:

========== ======================================================================================
reference  set law, transport problem over sets, HiGHS, both witnesses certified
emd        ``ot.emd2`` of POT on the full Vⁿ × V matrix of costs 1[i ∉ S]
equality   the same program in cvxpy with HiGHS: Vⁿ × V variables, both marginals as equalities
========== ======================================================================================

Every way runs in a process of its own; the clock starts after the imports. A time is the median of
``--repeats`` runs, or of as many as end within the time limit. Ratios are within one run of this script.

Run with::

    python benchmarks/reference.py --timeout 60
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np

SIZES = [(V, n) for n in (2, 3) for V in (10, 20, 50)]


def instance(V: int, seed: int) -> tuple[Any, Any]:
    """Return p and q, each uniform on the simplex."""
    p, q = np.random.default_rng(seed).dirichlet(np.ones(V), 2)
    return p, q


def reference(p: Any, q: Any, n: int) -> tuple[float, str]:
    """Return α* and the status from the reference layer."""
    from mdsd_theory.reference import solve_highs, transport_problem
    from mdsd_theory.schemes import SCHEMES

    law = SCHEMES["with_replacement"].set_law(q.tolist(), n)
    solution = solve_highs(transport_problem(p.tolist(), law))
    return float(solution.value), solution.status


def emd(p: Any, q: Any, n: int) -> tuple[float, str]:
    """Return α* from POT's network simplex on the full cost matrix."""
    import ot

    law, accepted = all_tuples(q, n)
    cost, log = ot.emd2(law, p, 1.0 - accepted, numItermax=10**8, log=True)
    return 1.0 - float(cost), log["warning"] or "optimal"


def equality(p: Any, q: Any, n: int) -> tuple[float, str]:
    """Return the value of the equality form over tuples, as cvxpy and HiGHS give it."""
    import cvxpy as cp

    law, accepted = all_tuples(q, n)
    c = cp.Variable(accepted.shape, nonneg=True)
    marginals = [cp.sum(c, axis=1) == law, cp.sum(c, axis=0) == p]
    program = cp.Problem(cp.Maximize(cp.sum(cp.multiply(accepted, c))), marginals)
    program.solve(solver=cp.HIGHS)
    return float("nan" if program.value is None else program.value), str(program.status)


def all_tuples(q: Any, n: int) -> tuple[Any, Any]:
    """Return the law of all Vⁿ tuples and the Vⁿ × V matrix 1[i among the drafts]."""
    V = len(q)
    tuples = np.stack(np.unravel_index(np.arange(V**n), (V,) * n), axis=1)
    accepted = np.zeros((V**n, V))
    accepted[np.arange(V**n)[:, None], tuples] = 1.0
    return np.prod(q[tuples], axis=1), accepted


WAYS: dict[str, Callable[[Any, Any, int], tuple[float, str]]] = {
    "reference": reference,
    "emd": emd,
    "equality": equality,
}


def worker(way: str, V: int, n: int, seed: int, repeats: int, budget: float) -> None:
    """Print "ready", then one JSON line with the times, the value and the status."""
    p, q = instance(V, seed)
    WAYS[way](*instance(2, seed), 1)  # imports and warms up
    print("ready", flush=True)
    times: list[float] = []
    value, status = float("nan"), ""
    while len(times) < repeats and sum(times) + 2 * max(times, default=0.0) < budget:
        start = time.perf_counter()
        value, status = WAYS[way](p, q, n)
        times.append(time.perf_counter() - start)
    print(json.dumps({"seconds": times, "value": value, "status": status}), flush=True)


def measure(way: str, V: int, n: int, options: argparse.Namespace) -> dict[str, Any]:
    """Run one way in a process of its own and return its time, value and status."""
    numbers = map(str, (V, n, options.seed, options.repeats, options.timeout))
    command = [sys.executable, __file__, "--worker", way, *numbers]
    with tempfile.TemporaryFile("w+", encoding="utf-8") as errors:
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=errors, text=True, encoding="utf-8"
        )
        assert process.stdout is not None
        ready = process.stdout.readline().strip() == "ready"
        expired = threading.Event()
        timer = threading.Timer(options.timeout, lambda: (expired.set(), process.kill()))
        timer.start()
        lines = process.stdout.read().splitlines()
        process.wait()
        timer.cancel()
        errors.seek(0)
        complaint = errors.read().strip().splitlines()
    if expired.is_set():
        return {"seconds": None, "value": float("nan"), "status": "time limit"}
    if not ready or process.returncode:
        reason = [f"exit {process.returncode}", *complaint][-1]
        return {"seconds": None, "value": float("nan"), "status": reason}
    answer: dict[str, Any] = json.loads(lines[-1])  # a solver may print lines before
    return {**answer, "seconds": statistics.median(answer["seconds"])}


def rows(options: argparse.Namespace) -> list[list[str]]:
    """Return the lines of the table, one an instance and a way."""
    lines = []
    for V, n in options.sizes:
        found = {way: measure(way, V, n, options) for way in WAYS}
        base = found["reference"]
        for way, answer in found.items():
            line = [*sized(V, n, way), way, *shown(answer, base, options.timeout)]
            lines.append(line)
            print("  ".join(line), file=sys.stderr, flush=True)
    return lines


def sized(V: int, n: int, way: str) -> list[str]:
    """Return V, n and the number of rows on the drafts' side."""
    from math import comb

    sets = sum(comb(V, k) for k in range(1, n + 1))
    return [str(V), str(n), f"{sets if way == 'reference' else V**n:,}"]


def shown(answer: dict[str, Any], base: dict[str, Any], timeout: float) -> list[str]:
    """Return time, ratio, value, difference and status as text."""
    seconds, reference_time = answer["seconds"], base["seconds"]
    if seconds is None:
        late = answer["status"] == "time limit"
        time_text = f"> {timeout:g} s" if late else "failed"
        ratio = f"> {timeout / reference_time:,.0f}" if late and reference_time else ""
        return [time_text, ratio, "", "", answer["status"]]
    ratio = f"{seconds / reference_time:,.1f}" if reference_time else ""
    difference = abs(answer["value"] - base["value"])
    return [
        f"{seconds:.4f} s",
        ratio,
        f"{answer['value']:.12f}",
        f"{difference:.1e}",
        answer["status"],
    ]


def main() -> None:
    """Parse the command line, measure, and print the table."""
    if sys.argv[1:2] == ["--worker"]:
        way, V, n, seed, repeats, budget = sys.argv[2:]
        worker(way, int(V), int(n), int(seed), int(repeats), float(budget))
        return
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--timeout", type=float, default=60.0, help="seconds a way may take")
    parser.add_argument("--repeats", type=int, default=3, help="runs a time is the median of")
    parser.add_argument("--seed", type=int, default=0, help="seed of p and q")
    parser.add_argument(
        "--sizes",
        type=lambda text: tuple(map(int, text.split(","))),
        nargs="+",
        default=SIZES,
        metavar="V,n",
        help="instances, for example 10,2 50,3",
    )
    options = parser.parse_args()

    from rich.console import Console
    from rich.table import Table

    table = Table(title="α* with replacement: time from p and q to the number")
    for name in ("V", "n", "draft rows", "way", "time", "× reference", "value", "Δ value", "status"):
        table.add_column(name, justify="left" if name in ("way", "status") else "right")
    for line in rows(options):
        table.add_row(*line)
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
