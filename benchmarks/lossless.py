"""Every rule emits the target, exactly and at full vocabulary; ``optimal`` reaches α*.

Run: ``python benchmarks/lossless.py`` (some minutes). The first column counts random instances (V ≤ 4,
n ≤ 3, six awkward kinds) on which the law of the emitted token, summed over all drafts and branches in
fractions, *equals* p. The others draw from the shipped positions (V = 49,152) with float samplers: tokens
that 20 or more draws are expected to hit are bins of their own, the rest one bin; the smallest chi-square
p-value over the positions is multiplied by their number.

The second table is the largest |acceptance of the plan − α*|, α* by ``optimal_acceptance``: on random
instances (V ≤ 30, six kinds) and on the shipped positions.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.progress import track
from rich.table import Table
from scipy.stats import chisquare

import mdsd_theory as mdsd
from mdsd_theory.demo_data import load_demo_data
from mdsd_theory.instances import KINDS, random_pair
from mdsd_theory.verifiers import Verifier, verifiers_of
from mdsd_theory.verifiers.optimal import Optimal

SCHEMES = ("with_replacement", "without_replacement", "greedy", "top_k", "spechub")
FEWEST = 20


def serves(verifier: Verifier, scheme: str, n: int) -> bool:
    """Tell whether the rule and the scheme are defined for n drafts; all are for two."""
    return verifier.serves(mdsd.SCHEMES[scheme], n) and n in (mdsd.SCHEMES[scheme].drafts or (n,))


def exact_instances(verifier: Verifier, scheme: str, count: int, seed: int) -> str:
    """Return on how many instances the exact output law is p, as "lossless / tried"."""
    rng, tried, equal = np.random.default_rng(seed), 0, 0
    while tried < count:
        vocabulary = int(rng.integers(2, 5))
        n = int(rng.integers(1, min(3, vocabulary) + 1))
        n = n if serves(verifier, scheme, n) else 2
        floats = random_pair(KINDS[tried % len(KINDS)], vocabulary, min(n, vocabulary), rng)
        p, q = ([Fraction(int(k), 24) for k in _whole(x, rng)] for x in floats)
        if sum(x > 0 for x in q) < n:
            continue
        equal += verifier.output_law(p, q, n, scheme=scheme) == p
        tried += 1
    return f"{equal} / {tried}"


def _whole(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return whole numbers that sum to 24, zero where x is zero."""
    return rng.multinomial(24, x)


def chi_square(p: np.ndarray, token: np.ndarray) -> float:
    """Return the p-value of the emitted tokens against p."""
    bins = np.flatnonzero(p * token.size >= FEWEST)
    counts = np.bincount(token, minlength=p.size)
    if counts[p == 0].any():
        return 0.0
    expected = np.append(p[bins], max(1 - p[bins].sum(), 0)) * token.size
    observed = np.append(counts[bins], token.size - counts[bins].sum())
    if expected[-1] < FEWEST:
        expected[-2:], observed[-2:] = expected[-2:].sum(), observed[-2:].sum()
        expected, observed = expected[:-1], observed[:-1]
    if expected.size < 2:
        return 1.0
    return float(chisquare(observed, expected / expected.sum() * observed.sum()).pvalue)


def reached(scheme: str, n: int, count: int, seed: int) -> str:
    """Return the largest |Σ min(p, y) − α*| of the plans on random small instances."""
    rng, worst, tried = np.random.default_rng(seed), 0.0, 0
    rule = Optimal(tol=1e-12)
    while tried < count:
        vocabulary = int(rng.integers(2, 31))
        p, q = random_pair(KINDS[tried % len(KINDS)], vocabulary, min(n, vocabulary), rng)
        if scheme == "without_replacement" and (q > 0).sum() < n:
            continue
        worst = max(worst, difference(rule, p, q, n, scheme))
        tried += 1
    return f"{worst:.1e} ({tried:,})"


def difference(rule: Optimal, p: np.ndarray, q: np.ndarray, n: int, scheme: str) -> float:
    """Return |acceptance of the plan − α*|."""
    best = mdsd.optimal_acceptance(p, q, n=n, scheme=scheme).value
    return abs(rule.plan(p, q, n, scheme=scheme).acceptance - best)


def optimal_table(count: int, seed: int) -> Table:
    """Return the table of what ``optimal`` falls short of α*."""
    table = Table(title="largest |acceptance − α*| of optimal (instances)")
    for name in ("scheme", "V", "n = 2", "n = 3", "n = 4", "n = 8"):
        table.add_column(name, justify="right")
    for scheme in ("with_replacement", "without_replacement"):
        table.add_row(scheme, "≤ 30", *(reached(scheme, n, count, seed) for n in (2, 3, 4, 8)))
    shipped = [load_demo_data(temperature) for temperature in (0.7, 1.0)]
    pairs = [pair for data in shipped for pair in zip(data.p, data.q, strict=True)]
    rule = Optimal()
    cells = [
        f"{max(difference(rule, p, q, n, 'with_replacement') for p, q in pairs):.1e} ({len(pairs)})"
        for n in (2, 3, 4, 8)
    ]
    table.add_row("with_replacement", "49,152", *cells)
    return table


def main(
    instances: Annotated[int, typer.Option(help="Exact instances a rule.")] = 300,
    draws: Annotated[int, typer.Option(help="Draws a position.")] = 200_000,
    n: Annotated[int, typer.Option(help="Number of drafts of the sampled positions.")] = 3,
    reach: Annotated[int, typer.Option(help="Instances for each cell of the second table.")] = 1000,
    temperature: float = 1.0,
    seed: int = 0,
) -> None:
    """Print the tables."""
    data = load_demo_data(temperature)
    positions = data.p.shape[0]
    table = Table(title=f"{positions} positions, {draws:,} draws each, temperature {temperature}")
    for name in ("scheme", "verifier", "equal to p in fractions", "n", "min p-value × positions"):
        table.add_column(name, justify="right")
    pairs = [(scheme, verifier) for scheme in SCHEMES for verifier in verifiers_of(scheme)]
    for scheme, verifier in track(pairs, "rules", console=Console(stderr=True)):
        drafts_at_once = n if serves(verifier, scheme, n) else 2
        rng, values = np.random.default_rng(seed), []
        for p, q in zip(data.p, data.q, strict=True):
            drafts = mdsd.SCHEMES[scheme].sample(q, drafts_at_once, rng, size=draws)
            token, _ = verifier.sample(p, q, drafts, rng, scheme=scheme)
            values.append(chi_square(np.asarray(p, dtype=float), token))
        smallest = min(1.0, min(values) * positions)
        exact = exact_instances(verifier, scheme, instances, seed)
        table.add_row(scheme, verifier.name, exact, str(drafts_at_once), f"{smallest:.2g}")
    console = Console(width=120)
    console.print(table)
    console.print(optimal_table(reach, seed))


if __name__ == "__main__":
    typer.run(main)
