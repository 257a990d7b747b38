"""Exact instances with any law of the set of drafts: from a scheme, or made up."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import combinations

import numpy as np

from mdsd_theory.proving.evidence import Kind
from mdsd_theory.proving.instances import Drafters, Pair, Vector, denominator, merged, rounded, shown
from mdsd_theory.proving.optima import Law, set_law, subsets
from mdsd_theory.proving.samples import Sample, listed, random_vector

MOST = 8
"""The largest number of sets that a random law draws from: many more make ties and zeros rare."""


@dataclass(frozen=True)
class Position:
    """A target p and any law w of the set of drafts.

    Attributes
    ----------
    p : tuple of Fraction
    law : mapping of frozenset of int to Fraction
        w(S) of the sets that are drafted.

    Examples
    --------
    >>> x = Position.of(Pair.of("1/2 1/2", "1/3 2/3", 2), "with_replacement")
    >>> print(x)
    p = (1/2, 1/2), w(0) = 1/9, w(0, 1) = 4/9, w(1) = 4/9
    >>> x.V
    2
    """

    p: Vector
    law: Law = field(hash=False)

    @classmethod
    def of(cls, x: Pair | Drafters, scheme: str) -> Position:
        """Return an instance with the sets of drafts that a scheme draws."""
        return cls(x.p, set_law(x, scheme))

    @property
    def V(self) -> int:  # noqa: N802 - the field's symbol
        """The size of the vocabulary."""
        return len(self.p)

    @property
    def size(self) -> tuple[int, int, int]:
        """What makes one position smaller than another: V, drafted sets, denominators."""
        return self.V, len(self.law), denominator(self.p) + denominator(tuple(self.law.values()))

    def smaller(self) -> Iterator[Position]:
        """Yield positions that are smaller: two tokens made one, or smaller denominators."""
        for i, j in combinations(range(self.V), 2):
            yield Position(merged(self.p, i, j), _merged_sets(self.law, i, j))
        for d in range(1, min(denominator(self.p), 60)):
            yield Position(rounded(self.p, d), self.law)
        masses = tuple(self.law.values())
        for d in range(1, min(denominator(masses), 60)):
            yield Position(self.p, _drafted(self.law, rounded(masses, d)))

    def __str__(self) -> str:
        sets = (f"w({', '.join(map(str, sorted(s)))}) = {x}" for s, x in self.law.items())
        return f"p = {shown(self.p)}, {', '.join(sets)}"


def _merged_sets(law: Law, i: int, j: int) -> Law:
    """Return the law with token j > i put into token i, as :func:`merged` does."""
    result: dict[frozenset[int], Fraction] = {}
    for s, mass in law.items():
        image = frozenset(i if t == j else t - (t > j) for t in s)
        result[image] = result.get(image, Fraction(0)) + mass
    return result


def _drafted(sets: Collection[frozenset[int]], masses: Vector) -> Law:
    """Return a law on the sets whose mass is positive."""
    return {s: mass for s, mass in zip(sets, masses, strict=True) if mass}


def positions(
    rng: np.random.Generator,
    count: int,
    vocabulary: Collection[int] = (2, 3, 4),
    sizes: Collection[int] | None = None,
) -> Sample:
    """Return random targets, each with a random law of the set of drafts.

    Parameters
    ----------
    rng : numpy.random.Generator
    count : int
    vocabulary : collection of int
        Drawn from for each instance.
    sizes : collection of int, optional
        Sizes of the sets that may be drafted; every non-empty set where left out.

    Examples
    --------
    >>> sample = positions(np.random.default_rng(0), 3, [3], sizes=[2])
    >>> sample.scope, {len(s) for x in sample.items for s in x.law}
    ('any law of sets of 2 tokens, V = 3', {2})
    """

    def draw() -> Position:
        v = int(rng.choice(list(vocabulary)))
        sets = [s for s in subsets(v) if s and (sizes is None or len(s) in sizes)]
        chosen = rng.permutation(len(sets))[: int(rng.integers(1, MOST + 1))]
        masses = random_vector(rng, len(chosen), 30)
        return Position(random_vector(rng, v, 30), _drafted([sets[k] for k in chosen], masses))

    kind = "any law of sets" if sizes is None else f"any law of sets of {listed(sizes)} tokens"
    return Sample(Kind.RANDOM, f"{kind}, V = {listed(vocabulary)}", [draw() for _ in range(count)])


def at_schemes(sample: Sample, schemes: Collection[str]) -> Sample:
    """Return the same instances with the law of each scheme.

    Examples
    --------
    >>> from mdsd_theory.proving.samples import grid
    >>> found = at_schemes(grid(2, 1, n=[1]), ["with_replacement", "greedy"])
    >>> found.scope, found.total
    ('2 schemes, V = 2, D ≤ 1, n = 1', 4)
    """
    named = f"{len(schemes)} schemes" if len(schemes) > 1 else "".join(schemes)
    found = [Position.of(x, name) for x in sample.items for name in schemes]
    return Sample(sample.kind, f"{named}, {sample.scope}", found)
