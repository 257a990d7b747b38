"""The n most likely tokens, with no randomness."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from mdsd_theory.arrays import Array, top_indices
from mdsd_theory.distributions import Rows
from mdsd_theory.schemes.base import Number, Scheme, SetLaw, largest


class TopK(Scheme):
    """Draft the n tokens of largest q; ties are broken towards the lowest index.

    Examples
    --------
    >>> TopK().set_law([0.5, 0.25, 0.25], 2)
    {frozenset({0, 1}): 1}
    """

    name: ClassVar[str] = "top_k"
    summary: ClassVar[str] = "the n tokens of largest q, no randomness"
    source: ClassVar[str] = "Li et al. 2024 (EAGLE), arXiv 2401.15077"
    by_rank: ClassVar[bool] = True

    def set_law(self, q: Sequence[Number], n: int) -> SetLaw:
        """Return the point mass at the top n tokens (see :meth:`Scheme.set_law`)."""
        return {frozenset(largest(q, n)): 1}

    def next_draft(self, q: Sequence[Number], n: int, drawn: tuple[int, ...]) -> dict[int, Number]:
        """Return the next of the n likeliest tokens."""
        return {largest(q, n)[len(drawn)]: 1}

    def _draw(self, rows: Rows, n: int, count: int, generator: Any) -> Array:
        fixed = top_indices(rows.backend, rows.x, n)[:, None, :]
        return rows.backend.xp.broadcast_to(fixed, (rows.x.shape[0], count, n))

    def support_needed(self, n: int) -> int:
        """Return n: a token of probability zero is never worth a draft."""
        return n
