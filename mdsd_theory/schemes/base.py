"""What a draft scheme is: the law of the set S of distinct drafts."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from typing import Any, ClassVar

from mdsd_theory.arrays import Array
from mdsd_theory.distributions import Rows, rows_of
from mdsd_theory.errors import InputError, SizeError
from mdsd_theory.schemes.checks import check_drafts, check_n, check_size, check_support

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
    drafts : tuple of int, or None
        The numbers of drafts n that it is defined for; None for every n.
    same_sets_as : str or None
        Name of the scheme whose sets of drafts it has, in another order: their α* is one, so that
        ``"all"`` leaves it out.
    by_rank : bool
        Whether the drafts depend on which entries of q are the largest. Then q is not divided by its
        sum, which may miss one by rounding: the division could make ties that the caller's q has not.

    Notes
    -----
    A new scheme needs :meth:`set_law` alone; every route of the reference layer then works on it. To
    be sampled it needs ``_draw`` too.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    source: ClassVar[str] = "Hu et al. 2025, arXiv 2502.18779"
    draft: ClassVar[str] = "single"
    drafts: ClassVar[tuple[int, ...] | None] = None
    same_sets_as: ClassVar[str | None] = None
    by_rank: ClassVar[bool] = False

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

    def next_draft(self, q: Any, n: int, drawn: tuple[int, ...]) -> dict[int, Number]:
        """Return the law of the next draft, given those already drawn, for a small vocabulary.

        Parameters
        ----------
        q : sequence of float or Fraction, shape (V,)
        n : int
            Number of drafts in all.
        drawn : tuple of int
            Fewer than n tokens.
        """
        raise InputError(
            f"scheme {self.name!r} does not say in which order it draws; give {type(self).__name__} a "
            "method next_draft(q, n, drawn)"
        )

    def can_draw(self, q: Any, drafts: tuple[int, ...]) -> bool:
        """Tell whether the scheme draws these tokens, in this order, with positive probability.

        A scheme that says no order is asked for their set.
        """
        n = len(drafts)
        if type(self).next_draft is Scheme.next_draft:
            return bool(self.set_law(q, n).get(frozenset(drafts), 0) > 0)
        return all(self.next_draft(q, n, drafts[:k]).get(x, 0) > 0 for k, x in enumerate(drafts))

    def tuple_law(self, q: Any, n: int) -> dict[tuple[int, ...], Number]:
        """Return P(X = x) of every ordered tuple of drafts of positive probability."""
        law: dict[tuple[int, ...], Number] = {(): 1}
        for _ in range(n):
            longer = {
                (*drawn, i): weight * chance
                for drawn, weight in law.items()
                for i, chance in self.next_draft(q, n, drawn).items()
                if chance > 0
            }
            if len(longer) > MAX_SETS:
                raise SizeError(
                    f"{self.name} with n = {n} has over {MAX_SETS:,} tuples of drafts; restrict to fewer "
                    "tokens or lower n"
                )
            law = longer
        return law

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

    def sample(self, q: Any, n: int, generator: Any, size: int | None = None) -> Any:
        """Draw the n drafts of one position, or of ``size`` independent ones.

        Parameters
        ----------
        q : array-like, shape (..., V)
            Draft distribution(s); a sequence of n of them for ``independent``, a mapping over tuples
            for ``joint``.
        n : int
            Number of drafts.
        generator : numpy.random.Generator or torch.Generator
            Of q's library and device; it alone decides what is drawn.
        size : int, optional
            How often to draw.

        Returns
        -------
        array of int64, shape (..., n) or (..., size, n)
            Tokens in the order in which they were drawn, on q's device.

        Raises
        ------
        InputError, InputTypeError, SupportError
            For q that is no distribution, a support smaller than n, or a generator of another kind.

        Notes
        -----
        Cost V log V once, then n log V a draw; without replacement n passes over q for each of up to four
        draws, another reading of the same random numbers.

        Examples
        --------
        >>> import numpy as np
        >>> from mdsd_theory import SCHEMES
        >>> generator = np.random.default_rng(0)
        >>> SCHEMES["without_replacement"].sample([0.5, 0.3, 0.2], 3, generator, size=2).tolist()
        [[1, 0, 2], [0, 1, 2]]
        """
        check_drafts(check_n(n), self)
        drafts = self._drafted(q, n)
        count = 1 if size is None else check_size(size)
        drawn = self._draw(drafts, n, count, generator)
        shape = (*drafts.batch, *([] if size is None else [count]), drawn.shape[-1])
        return drafts.backend.xp.reshape(drawn, shape)

    def _drafted(self, q: Any, n: int) -> Rows:
        """Return the checked q that :meth:`_draw` takes."""
        rows = rows_of(q, "q", divide=not self.by_rank)
        check_support(rows, self, n)
        return rows

    def _draw(self, rows: Rows, n: int, count: int, generator: Any) -> Array:
        """Return drafts of shape (rows, count, n) from checked rows."""
        raise InputError(
            f"scheme {self.name!r} does not say how to draw; give {type(self).__name__} a method "
            "_draw(rows, n, count, generator)"
        )

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
