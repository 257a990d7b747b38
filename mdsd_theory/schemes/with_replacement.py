"""I.i.d. drafts from q."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, ClassVar

from mdsd_theory.arrays import Array
from mdsd_theory.distributions import Rows
from mdsd_theory.schemes.base import Number, Scheme, SetLaw, guard_sets, support
from mdsd_theory.schemes.drawing import draw


class WithReplacement(Scheme):
    """Draw X_1 … X_n independently from q, so that Q(H) = q(H)^n.

    Examples
    --------
    >>> from fractions import Fraction as F
    >>> law = WithReplacement().set_law([F(1, 3), F(2, 3)], 2)
    >>> {tuple(s): str(w) for s, w in law.items()}
    {(0,): '1/9', (0, 1): '4/9', (1,): '4/9'}
    """

    name: ClassVar[str] = "with_replacement"
    summary: ClassVar[str] = "n independent draws from q"

    def set_law(self, q: Sequence[Number], n: int) -> SetLaw:
        """Return the law of the set of n independent draws (see :meth:`Scheme.set_law`)."""
        return repeated_draws([q] * n, self.name)

    def next_draft(self, q: Sequence[Number], n: int, drawn: tuple[int, ...]) -> dict[int, Number]:
        """Return q, whatever was drawn."""
        return {i: q[i] for i in support(q)}

    def _draw(self, rows: Rows, n: int, count: int, generator: Any) -> Array:
        drawn = draw(rows.backend, rows.x, count * n, generator)
        return rows.backend.xp.reshape(drawn, (rows.x.shape[0], count, n))


def repeated_draws(drafters: Sequence[Sequence[Number]], name: str) -> SetLaw:
    """Return the set law of independent draws, one from each drafter.

    Adds one draw at a time; all terms are non-negative, so floats lose no accuracy.
    """
    tokens = {i for q in drafters for i in support(q)}
    guard_sets(len(tokens), len(drafters), name)
    law: SetLaw = {frozenset(): 1}
    for q in drafters:
        longer: dict[frozenset[int], Number] = defaultdict(int)
        for drawn, weight in law.items():
            for i in support(q):
                longer[drawn | {i}] += weight * q[i]
        law = dict(longer)
    return law
