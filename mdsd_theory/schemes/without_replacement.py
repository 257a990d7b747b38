"""Sequential draws from q, each without the earlier ones."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, ClassVar

from mdsd_theory.arrays import Array
from mdsd_theory.distributions import Rows
from mdsd_theory.schemes.base import Number, Scheme, SetLaw, guard_sets, support
from mdsd_theory.schemes.drawing import draw_different


class WithoutReplacement(Scheme):
    """Draw X_1 … X_n from q one after the other, each time without the tokens already drawn.

    Sampling the n largest of log q + Gumbel noise gives the same law. Needs n ≤ |supp q|.

    Examples
    --------
    >>> from fractions import Fraction as F
    >>> law = WithoutReplacement().set_law([F(1, 2), F(1, 4), F(1, 4)], 2)
    >>> {tuple(sorted(s)): str(w) for s, w in law.items()}
    {(0, 1): '5/12', (0, 2): '5/12', (1, 2): '1/6'}
    """

    name: ClassVar[str] = "without_replacement"
    summary: ClassVar[str] = "n successive draws from q, each renormalised without the earlier ones"

    def set_law(self, q: Sequence[Number], n: int) -> SetLaw:
        """Return the law of the set of n successive draws (see :meth:`Scheme.set_law`)."""
        tokens = support(q)
        guard_sets(len(tokens), n, self.name)
        law: SetLaw = {frozenset(): 1}
        for _ in range(n):
            longer: dict[frozenset[int], Number] = defaultdict(int)
            for drawn, weight in law.items():
                rest = [i for i in tokens if i not in drawn]
                remaining = sum(q[i] for i in rest)
                for i in rest:
                    longer[drawn | {i}] += weight * q[i] / remaining
            law = dict(longer)
        return law

    def next_draft(self, q: Sequence[Number], n: int, drawn: tuple[int, ...]) -> dict[int, Number]:
        """Return q without the tokens drawn, renormalised."""
        rest = [i for i in support(q) if i not in drawn]
        remaining = sum(q[i] for i in rest)
        return {i: q[i] / remaining for i in rest}

    def _draw(self, rows: Rows, n: int, count: int, generator: Any) -> Array:
        return draw_different(rows.backend, rows.x, count, n, generator)

    def support_needed(self, n: int) -> int:
        """Return n: every draft is a new token."""
        return n
