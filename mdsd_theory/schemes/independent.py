"""One draw from each of n different drafters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from mdsd_theory.schemes.base import Number, Scheme, SetLaw
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
