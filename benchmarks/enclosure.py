"""Rigorous enclosures of α* at full vocabulary: widths, seconds, and how far the fast layer is off.

Run: ``python benchmarks/enclosure.py`` (one core, one to three minutes). Every shipped position
(V = 49,152), then 151,936 tokens, made by splitting those of every fourth shipped row. "outside" counts
the rows on which the fast layer's enclosure misses the rigorous one: none should.
"""

from __future__ import annotations

import time
from typing import Annotated, NamedTuple

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

import mdsd_theory as mdsd
from mdsd_theory.demo_data import load_demo_data

LARGE = 151_936

Row = tuple[np.ndarray, np.ndarray]


class Case(NamedTuple):
    """A scheme with the numbers of drafts to try."""

    scheme: str
    drafts: tuple[int, ...]


CASES = (
    Case("with_replacement", (2, 3, 4)),
    Case("without_replacement", (1, 2, 3, 4, 8)),
    Case("greedy", (2, 3, 4)),
    Case("top_k", (2, 3, 4)),
    Case("spechub", (2,)),
)


def split(p: np.ndarray, q: np.ndarray, rng: np.random.Generator) -> Row:
    """Return a pair over 151,936 tokens: each token becomes about three, with shares of its own."""
    owner = np.concatenate([np.arange(p.size), rng.integers(p.size, size=LARGE - p.size)])
    parts = rng.exponential(size=(2, LARGE))
    shares = (x / np.bincount(owner, weights=x)[owner] for x in parts)
    p, q = (x[owner] * share for x, share in zip((p, q), shares, strict=True))
    return p / p.sum(), q / q.sum()


def drafters(q: np.ndarray, n: int, rng: np.random.Generator) -> list[np.ndarray]:
    """Return n drafters around q: its probabilities times random factors."""
    noisy = q * np.exp(rng.normal(size=(n, q.size)) / 2)
    return list(noisy / noisy.sum(axis=-1, keepdims=True))


def measure(pairs: list[tuple[np.ndarray, object]], n: int, scheme: str) -> list[str]:
    """Return a table row: widths and seconds, and the fast layer beside them."""
    widths, seconds, off, outside = [], [], [], 0
    for p, q in pairs:
        start = time.perf_counter()
        found = mdsd.certify(p, q, n=n, scheme=scheme, rigorous=True)
        seconds.append(time.perf_counter() - start)
        widths.append(found.width)
        fast = mdsd.optimal_acceptance(p, q, n=n, scheme=scheme)
        off.append(max(found.lower - fast.value, fast.value - found.upper))
        outside += fast.lower > found.upper or found.lower > fast.upper
    return [
        found.route,
        f"{max(widths):.0e}" if max(widths) else "exact",
        f"{np.median(seconds):.2f}",
        f"{max(seconds):.2f}",
        f"{max(off):.0e}",
        str(outside),
    ]


def main(
    temperature: float = 0.7,
    large: Annotated[bool, typer.Option(help="Also V = 151,936.")] = True,
    seed: int = 0,
) -> None:
    """Print the table."""
    rng, data = np.random.default_rng(seed), load_demo_data(temperature)
    sizes = {"49,152": list(zip(data.p, data.q, strict=True))}
    if large:
        sizes["151,936"] = [split(data.p[r], data.q[r], rng) for r in range(0, len(data.p), 4)]
    table = Table(title=f"rigorous enclosures of α*, temperature {temperature}")
    columns = (
        "V",
        "rows",
        "scheme",
        "n",
        "route",
        "width max",
        "s median",
        "max",
        "fast off by",
        "outside",
    )
    for name in columns:
        table.add_column(name, justify="left" if name in ("scheme", "route") else "right")
    for vocabulary, pairs in sizes.items():
        for scheme, counts in CASES:
            for n in counts:
                head = [vocabulary, str(len(pairs)), scheme, str(n)]
                table.add_row(*head, *measure(pairs, n, scheme))
        several = [(p, drafters(q, 3, rng)) for p, q in pairs[::4]]
        head = [vocabulary, str(len(several)), "independent", "3"]
        table.add_row(*head, *measure(several, 3, "independent"))
        table.add_section()
    Console(width=118).print(table)


if __name__ == "__main__":
    typer.run(main)
