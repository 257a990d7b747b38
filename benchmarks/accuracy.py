"""Accuracy of α* without replacement, measured against fractions and against 160-bit balls.

Run: ``python benchmarks/accuracy.py`` (a few minutes; ``--quick`` for a tenth of it). Needs python-flint.
"""

from __future__ import annotations

from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

import mdsd_theory as mdsd
from mdsd_theory.instances import KINDS, random_pair
from mdsd_theory.reference.high_precision import prefix_values

TOPS = (None, 0.5, 1 - 1e-3, 1 - 1e-6, 1 - 1e-9, 1 - 1e-12)


def peaked_pair(vocabulary: int, top: float | None, rng: np.random.Generator) -> np.ndarray:
    """Return p and q; q has one token of mass ``top`` and the rest over thirty orders of magnitude."""
    if top is None:
        return rng.dirichlet(np.ones(vocabulary), size=2)
    tail = 10.0 ** rng.uniform(-31, 0, vocabulary - 1)
    q = np.concatenate([[top], tail * (1 - top) / tail.sum()])
    return np.stack([rng.dirichlet(np.full(vocabulary, 0.3)), rng.permutation(q / q.sum())])


def small(count: int, rng: np.random.Generator) -> dict[int, float]:
    """Return the largest |α* − exact fraction| for V ≤ 8, by number of drafts."""
    worst = dict.fromkeys((1, 2, 3, 4, 6, 8), 0.0)
    for n in worst:
        for i in range(count):
            vocabulary = int(rng.integers(max(2, n), 9))
            if i % 7 == 6:
                p, q = peaked_pair(vocabulary, 1 - 1e-12, rng)
                if (q > 0).sum() < n:
                    continue
            else:
                p, q = random_pair(KINDS[i % len(KINDS)], vocabulary, n, rng)
            exact = mdsd.certify(p, q, n=n).value
            worst[n] = max(worst[n], abs(float(mdsd.optimal_acceptance(p, q, n=n).value - exact)))
    return worst


def large(
    drafts: tuple[int, ...], rng: np.random.Generator
) -> list[tuple[str, int, float, float, float]]:
    """Return top, n, |α* − balls|, the width of the enclosure, and float32's error, at V = 1,000."""
    rows = []
    for top in TOPS:
        for n in drafts:
            p, q = peaked_pair(1000, top, rng)
            _, values = prefix_values(p.tolist(), q.tolist(), n)
            result = mdsd.optimal_acceptance(p, q, n=n)
            single = mdsd.optimal_acceptance(np.float32([p]), np.float32([q]), n=n)
            label = "flat" if top is None else f"1 − {1 - top:.0e}"
            rows.append(
                (
                    label,
                    n,
                    abs(result.value - min(values)),
                    result.upper - result.lower,
                    abs(float(single.value[0]) - min(values)),
                )
            )
    return rows


def main(quick: Annotated[bool, typer.Option(help="A tenth of the instances.")] = False) -> None:
    """Print both tables."""
    rng, console = np.random.default_rng(7), Console(width=110)
    count = 30 if quick else 300
    table = Table(title=f"V ≤ 8 against fractions, {count} instances for each n")
    table.add_column("n", justify="right")
    table.add_column("largest |α* − exact|", justify="right")
    for n, worst in small(count, rng).items():
        table.add_row(str(n), f"{worst:.1e}")
    console.print(table)
    table = Table(title="V = 1,000 against 160-bit balls, smallest q below 1e-30 unless flat")
    for name in ("largest q", "n", "|α* − balls|", "enclosure's width", "float32 input"):
        table.add_column(name, justify="right")
    for label, n, error, width, single in large((3,) if quick else (2, 3, 4, 8), rng):
        table.add_row(label, str(n), f"{error:.1e}", f"{width:.1e}", f"{single:.1e}")
    console.print(table)


if __name__ == "__main__":
    typer.run(main)
