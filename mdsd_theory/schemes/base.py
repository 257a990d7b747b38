"""What a draft scheme is: the law of the set S of distinct drafts."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from typing import Any, ClassVar

from mdsd_theory.errors import SizeError

Number = Any
"""A float or a :class:`fractions.Fraction`; arithmetic keeps the type."""

SetLaw = dict[frozenset[int], Number]

MAX_SETS = 500_000
"""Most sets of drafts that are enumerated before :class:`SizeError` is raised."""


class Scheme(ABC):
    """A rule that draws n drafts, seen through the law of their set S.

    Attributes
    ----------
    name : str
        Key in :data:`mdsd_theory.SCHEMES`.
    summary : str
        How the drafts are drawn, in one line.
    source : str
        Where the scheme is described.
    draft : {"single", "sequence", "law"}
        What q is: one distribution, n distributions, or a law over tuples.

    Notes
    -----
    A new scheme needs :meth:`set_law` alone; every route of the reference layer then works on it.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    source: ClassVar[str] = "Hu et al. 2025, arXiv 2502.18779"
    draft: ClassVar[str] = "single"

    @abstractmethod
    def set_law(self, q: Any, n: int) -> SetLaw:
        """Return w(S) = P(the drafts are exactly the set S), for a small vocabulary.

        Parameters
        ----------
        q : sequence of float or Fraction, shape (V,)
            The draft distribution (a sequence of n of them for ``independent``).
        n : int
            Number of drafts.

        Returns
        -------
        dict of frozenset to number
            Sets of positive probability; the values sum to one, in q's number type.

        Raises
        ------
        SizeError
            When more than :data:`MAX_SETS` sets would be listed.
        """

    def inside(self, q: Any, n: int, subset: Collection[int]) -> Number:
        """Return Q(H) = P(S ⊆ H), summed over the set law."""
        return sum((w for s, w in self.set_law(q, n).items() if s <= set(subset)), start=0)

    def inclusion(self, q: Any, n: int) -> dict[int, Number]:
        """Return P(i ∈ S) of every token i that can be drafted, summed over the set law."""
        chances: dict[int, Number] = {}
        for drafts, weight in self.set_law(q, n).items():
            for i in drafts:
                chances[i] = chances.get(i, 0) + weight
        return chances

    def support_needed(self, n: int) -> int:
        """Return how many tokens of positive probability q must have."""
        return 1

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


def guard_sets(vocabulary: int, n: int, name: str) -> None:
    """Raise :class:`SizeError` when sets of up to n of V tokens are too many to enumerate."""
    count = sum(math.comb(vocabulary, k) for k in range(min(n, vocabulary) + 1))
    if count > MAX_SETS:
        raise SizeError(
            f"{name} with V = {vocabulary} and n = {n} has up to {count:,} sets of drafts; the "
            f"limit for enumeration is {MAX_SETS:,}: restrict to fewer tokens, lower n, or use a "
            "route of the fast layer"
        )


def positive(law: Mapping[frozenset[int], Number]) -> SetLaw:
    """Drop sets of zero probability."""
    return {s: w for s, w in law.items() if w > 0}


def support(q: Sequence[Number]) -> list[int]:
    """Return the tokens of positive probability."""
    return [i for i, x in enumerate(q) if x > 0]


def largest(q: Sequence[Number], k: int) -> list[int]:
    """Return the k tokens of largest probability, the lowest index first among ties."""
    return sorted(range(len(q)), key=lambda i: (-q[i], i))[:k]
