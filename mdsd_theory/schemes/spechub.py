"""The likeliest token and one draw from the rest, in SpecHub's order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from mdsd_theory.arrays import Array, top_indices
from mdsd_theory.distributions import Rows
from mdsd_theory.schemes.base import Number, Scheme, SetLaw, largest, support
from mdsd_theory.schemes.checks import check_drafts
from mdsd_theory.schemes.drawing import draw


class SpecHub(Scheme):
    r"""Draw X_1 ~ q; the other draft is the hub a, or q without a if X_1 is the hub.

    .. math:: P(x, a) = q_x, \qquad P(a, x) = \frac{q_a q_x}{1 - q_a}, \qquad x \ne a

    The hub a is the likeliest token of q, the lowest index among ties. Two drafts, n = 2, no more and
    no fewer.

    The set {a, x} has probability q_x + q_a q_x/(1 − q_a) = q_x/(1 − q_a): the sets of drafts, and
    with them α*, are those of ``greedy`` at n = 2, so ``"all"`` leaves this scheme out.

    Examples
    --------
    >>> from fractions import Fraction as F
    >>> law = SpecHub().tuple_law([F(1, 2), F(1, 4), F(1, 4)], 2)
    >>> {drafts: str(w) for drafts, w in law.items()}
    {(0, 1): '1/4', (0, 2): '1/4', (1, 0): '1/4', (2, 0): '1/4'}
    """

    name: ClassVar[str] = "spechub"
    summary: ClassVar[str] = "the likeliest token and one draw from the rest, in either order; n = 2"
    source: ClassVar[str] = "Sun et al. 2024 (SpecHub), arXiv 2411.05289"
    drafts: ClassVar[tuple[int, ...] | None] = (2,)
    same_sets_as: ClassVar[str | None] = "greedy"
    by_rank: ClassVar[bool] = True

    def set_law(self, q: Sequence[Number], n: int) -> SetLaw:
        """Return the law of {a, X} (see :meth:`Scheme.set_law`)."""
        check_drafts(n, self)
        hub = largest(q, 1)[0]
        return {frozenset({hub, i}): chance for i, chance in without(q, hub).items()}

    def next_draft(self, q: Sequence[Number], n: int, drawn: tuple[int, ...]) -> dict[int, Number]:
        """Return q for the first draft; the hub after another token, q without the hub after it."""
        check_drafts(n, self)
        hub = largest(q, 1)[0]
        if not drawn:
            total = sum(q)
            return {i: q[i] / total for i in support(q)}
        return without(q, hub) if drawn[0] == hub else {hub: 1}

    def _draw(self, rows: Rows, n: int, count: int, generator: Any) -> Array:
        xp, q = rows.backend.xp, rows.x
        hub = top_indices(rows.backend, q, 1)
        others = xp.where(rows.backend.arange(q.shape[-1])[None, :] == hub, 0.0, q)
        first = draw(rows.backend, q, count, generator)
        other = draw(rows.backend, others, count, generator)
        return xp.stack([first, xp.where(first == hub, other, hub)], axis=-1)

    def support_needed(self, n: int) -> int:
        """Return 2: the hub and another token."""
        return 2


def without(q: Sequence[Number], hub: int) -> dict[int, Number]:
    """Return q̃, q without the hub, renormalised."""
    rest = [i for i in support(q) if i != hub]
    remaining = sum(q[i] for i in rest)
    return {i: q[i] / remaining for i in rest}
