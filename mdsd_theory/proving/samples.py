"""Collections of exact instances: every small fraction, or random ones."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Iterator, Sized
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from mdsd_theory.proving.evidence import Kind
from mdsd_theory.proving.instances import Drafters, Pair, Vector


@dataclass(frozen=True)
class Sample:
    """Instances to try, with the words that a table says about them.

    Attributes
    ----------
    kind : Kind
    scope : str
        Which instances these are.
    items : iterable
        They may be generated on the way; run through once.
    """

    kind: Kind
    scope: str
    items: Iterable[Any]

    @property
    def total(self) -> int | None:
        """How many there are, where that is known beforehand."""
        return len(self.items) if isinstance(self.items, Sized) else None


def grid(
    vocabulary: int,
    denominator: int,
    n: Collection[int] = (1, 2, 3),
    *,
    distinct: bool = False,
    where: Callable[[Pair], bool] | None = None,
) -> Sample:
    """Return every p and q over V tokens with a common denominator up to D, up to relabelling.

    Parameters
    ----------
    vocabulary : int
        V.
    denominator : int
        D, the largest common denominator.
    n : collection of int
        Numbers of drafts.
    distinct : bool
        Only those whose q has at least n positive entries: what drafts without replacement need.
    where : callable, optional
        A further condition; say it in the claim.

    Examples
    --------
    >>> [str(x) for x in grid(2, 1, n=[2]).items]
    ['p = (0, 1), q = (0, 1), n = 2', 'p = (0, 1), q = (1, 0), n = 2']
    """
    items = [
        Pair(p, q, k)
        for p, q in grid_pairs(vocabulary, denominator)
        for k in n
        if not distinct or sum(x > 0 for x in q) >= k
    ]
    chosen = items if where is None else [x for x in items if where(x)]
    return Sample(Kind.GRID, _scope([vocabulary], denominator, n, distinct), chosen)


def grid_pairs(vocabulary: int, denominator: int) -> Iterator[tuple[Vector, Vector]]:
    """Yield every pair of distributions of common denominator up to D, up to relabelling."""
    for d in range(1, denominator + 1):
        for cells in _multisets(vocabulary, d, d, (0, 0)):
            if math.gcd(d, *(a for cell in cells for a in cell)) == 1:
                p, q = zip(*cells, strict=True)
                yield tuple(Fraction(a, d) for a in p), tuple(Fraction(b, d) for b in q)


def _multisets(
    places: int, p_left: int, q_left: int, least: tuple[int, int]
) -> Iterator[list[tuple[int, int]]]:
    """Yield ascending lists of pairs (a, b) that sum to (p_left, q_left)."""
    if places == 1:
        if (p_left, q_left) >= least:
            yield [(p_left, q_left)]
        return
    for a in range(least[0], p_left // places + 1):
        for b in range(least[1] if a == least[0] else 0, q_left + 1):
            for rest in _multisets(places - 1, p_left - a, q_left - b, (a, b)):
                yield [(a, b), *rest]


def random_pairs(
    rng: np.random.Generator,
    count: int,
    vocabulary: Collection[int] = (2, 3, 4, 5),
    n: Collection[int] = (1, 2, 3),
    *,
    denominator: int = 60,
    distinct: bool = False,
) -> Sample:
    """Return random exact instances: flat, peaked, tied, with zeros, equal.

    Parameters
    ----------
    rng : numpy.random.Generator
    count : int
    vocabulary, n : collection of int
        Drawn from for each instance.
    denominator : int
        Largest denominator of p and of q.
    distinct : bool
        As in :func:`grid`.

    Examples
    --------
    >>> sample = random_pairs(np.random.default_rng(0), 3, [3], [2], denominator=6)
    >>> sample.total, {x.V for x in sample.items}
    (3, {3})
    """
    sizes, drafts = list(vocabulary), list(n)
    items = [_random_pair(rng, sizes, drafts, denominator, distinct) for _ in range(count)]
    return Sample(Kind.RANDOM, _scope(vocabulary, denominator, n, distinct), items)


def _random_pair(
    rng: np.random.Generator, vocabulary: list[int], n: list[int], denominator: int, distinct: bool
) -> Pair:
    drafts = int(rng.choice(n))
    fitting = [v for v in vocabulary if v >= drafts] if distinct else vocabulary
    v = int(rng.choice(fitting or [max(vocabulary)]))
    drafts = min(drafts, v) if distinct else drafts
    q = random_vector(rng, v, denominator, drafts if distinct else 1)
    p = q if rng.random() < 0.05 else random_vector(rng, v, denominator)
    return Pair(p, q, drafts)


def random_drafters(
    rng: np.random.Generator,
    count: int,
    vocabulary: Collection[int] = (2, 3, 4),
    n: Collection[int] = (2, 3),
    *,
    denominator: int = 60,
) -> Sample:
    """Return random exact instances with n different drafters."""

    def draw() -> Drafters:
        v = int(rng.choice(list(vocabulary)))
        drafts = int(rng.choice(list(n)))
        vectors = [random_vector(rng, v, denominator) for _ in range(drafts + 1)]
        return Drafters(vectors[0], tuple(vectors[1:]))

    items = [draw() for _ in range(count)]
    return Sample(Kind.RANDOM, _scope(vocabulary, denominator, n, distinct=False), items)


def _scope(vocabulary: Collection[int], denominator: int, n: Collection[int], distinct: bool) -> str:
    support = " ≤ |supp q|" if distinct else ""
    return f"V = {listed(vocabulary)}, D ≤ {denominator}, n = {listed(n)}{support}"


def random_vector(
    rng: np.random.Generator, vocabulary: int, denominator: int, support: int = 1
) -> Vector:
    """Return a distribution of random shape and denominator, ``support`` or more entries positive."""
    d = int(rng.integers(max(support, 2), max(denominator, support, 2) + 1))
    alpha = float(rng.choice([0.2, 1.0, 5.0]))
    counts = rng.multinomial(d - support, rng.dirichlet(np.full(vocabulary, alpha)))
    counts[rng.permutation(vocabulary)[:support]] += 1
    return tuple(Fraction(int(a), d) for a in counts)


def listed(values: Collection[int]) -> str:
    """Return whole numbers as text, runs shortened: 1–3, 8.

    Examples
    --------
    >>> listed([1, 2, 3, 8])
    '1–3, 8'
    """
    runs: list[list[int]] = []
    for x in sorted(set(values)):
        if runs and x == runs[-1][-1] + 1:
            runs[-1].append(x)
        else:
            runs.append([x])
    return ", ".join(str(r[0]) if len(r) == 1 else f"{r[0]}–{r[-1]}" for r in runs)
