"""The n−1 most likely tokens, and one random draw from the rest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from mdsd_theory.arrays import Array, mask_of_indices, top_indices
from mdsd_theory.distributions import Rows
from mdsd_theory.schemes.base import Number, Scheme, SetLaw, largest, support
from mdsd_theory.schemes.drawing import draw


class Greedy(Scheme):
    """Draft T, the n−1 tokens of largest q, and one draw from q̃ = q on Σ∖T, renormalised.

    Ties in q are broken towards the lowest index, which is part of the definition. At n = 2 the set
    law is SpecHub's (Sun et al. 2024, arXiv 2411.05289).

    Examples
    --------
    >>> from fractions import Fraction as F
    >>> law = Greedy().set_law([F(1, 2), F(1, 4), F(1, 4)], 2)
    >>> {tuple(sorted(s)): str(w) for s, w in law.items()}
    {(0, 1): '1/2', (0, 2): '1/2'}
    """

    name: ClassVar[str] = "greedy"
    summary: ClassVar[str] = "the n-1 tokens of largest q, and one draw from the rest of q"
    by_rank: ClassVar[bool] = True

    def set_law(self, q: Sequence[Number], n: int) -> SetLaw:
        """Return the law of T ∪ {X_n} (see :meth:`Scheme.set_law`)."""
        fixed = frozenset(largest(q, n - 1))
        rest = [i for i in range(len(q)) if i not in fixed and q[i] > 0]
        remaining = sum(q[i] for i in rest)
        return {fixed | {i}: q[i] / remaining for i in rest}

    def next_draft(self, q: Sequence[Number], n: int, drawn: tuple[int, ...]) -> dict[int, Number]:
        """Return the next of the n−1 likeliest tokens, or q̃ for the last draft."""
        if len(drawn) < n - 1:
            return {largest(q, n - 1)[len(drawn)]: 1}
        rest = [i for i in support(q) if i not in drawn]
        remaining = sum(q[i] for i in rest)
        return {i: q[i] / remaining for i in rest}

    def _draw(self, rows: Rows, n: int, count: int, generator: Any) -> Array:
        xp, q = rows.backend.xp, rows.x
        fixed = top_indices(rows.backend, q, n - 1)
        rest = xp.where(mask_of_indices(rows.backend, fixed, q.shape[-1]), 0.0, q)
        last = draw(rows.backend, rest, count, generator)[..., None]
        first = xp.broadcast_to(fixed[:, None, :], (q.shape[0], count, n - 1))
        return xp.concat([first, last], axis=-1)

    def support_needed(self, n: int) -> int:
        """Return n: the last draw needs a token outside T."""
        return n
