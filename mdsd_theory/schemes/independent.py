"""One draw from each of n different drafters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from mdsd_theory.arrays import Array
from mdsd_theory.distributions import Rows, drafter_rows
from mdsd_theory.schemes.base import Number, Scheme, SetLaw, support
from mdsd_theory.schemes.checks import implied_n
from mdsd_theory.schemes.drawing import draw
from mdsd_theory.schemes.with_replacement import repeated_draws


class Independent(Scheme):
    """Draw X_k from q_k, independently, so that Q(H) = Π_k q_k(H).

    q is a sequence of n drafters. The prefix property does not hold here: no single ordering of the
    tokens contains a minimising subset for every instance.

    Examples
    --------
    >>> from fractions import Fraction as F
    >>> law = Independent().set_law([[F(1), F(0)], [F(1, 2), F(1, 2)]], 2)
    >>> {tuple(sorted(s)): str(w) for s, w in law.items()}
    {(0,): '1/2', (0, 1): '1/2'}
    """

    name: ClassVar[str] = "independent"
    summary: ClassVar[str] = "one draw from each of n different drafters"
    draft: ClassVar[str] = "sequence"

    def set_law(self, q: Sequence[Sequence[Number]], n: int) -> SetLaw:
        """Return the law of the set of draws, one a drafter (see :meth:`Scheme.set_law`)."""
        return repeated_draws(q, self.name)

    def _drafted(self, q: Any, n: int) -> Rows:
        rows = drafter_rows(q)
        implied_n(n, rows.x.shape[0])
        return rows

    def next_draft(
        self, q: Sequence[Sequence[Number]], n: int, drawn: tuple[int, ...]
    ) -> dict[int, Number]:
        """Return the distribution of the next drafter."""
        return {i: q[len(drawn)][i] for i in support(q[len(drawn)])}

    def can_draw(self, q: Sequence[Sequence[Number]], drafts: tuple[int, ...]) -> bool:
        """Tell whether each drafter gives its token positive probability."""
        return len(q) == len(drafts) and super().can_draw(q, drafts)

    def _draw(self, rows: Rows, n: int, count: int, generator: Any) -> Array:
        drawn = [draw(rows.backend, q, count, generator) for q in rows.x]
        return rows.backend.xp.stack(drawn, axis=-1)
