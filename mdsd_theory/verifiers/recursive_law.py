"""The law of the token that recursive rejection emits, given the drafts, in exact numbers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from mdsd_theory.schemes.base import Number


def recursive_law(
    p: Sequence[Number], q: Sequence[Number], drafts: tuple[int, ...], *, replacement: bool
) -> dict[int, Number]:
    """Return the law of Y, residual after residual, as the rule is stated.

    Accept X_k with probability min(1, r(X_k)/q(X_k)), else r ← (r − q)_+, renormalised; without
    replacement q then loses X_k and is renormalised too. Y ~ r when every draft was rejected.

    Examples
    --------
    >>> from fractions import Fraction as F
    >>> law = recursive_law([F(1, 4), F(3, 4)], [F(3, 4), F(1, 4)], (0, 0), replacement=True)
    >>> {token: str(chance) for token, chance in law.items()}
    {0: '1/3', 1: '2/3'}
    """
    law: dict[int, Number] = defaultdict(int)
    residual, draft, waiting = list(p), list(q), 1
    for x in drafts:
        accept = min(1, residual[x] / draft[x])
        law[x] += waiting * accept
        waiting *= 1 - accept
        if waiting == 0:
            return drop_zeros(law)
        residual = normalised([max(a - b, 0) for a, b in zip(residual, draft, strict=True)])
        if not replacement:
            draft = normalised([0 if i == x else b for i, b in enumerate(draft)])
    for token, chance in enumerate(residual):
        law[token] += waiting * chance
    return drop_zeros(law)


def normalised(x: Sequence[Number]) -> list[Number]:
    """Return x divided by its sum, or x itself where that is zero."""
    total = sum(x)
    return [a / total for a in x] if total else list(x)


def drop_zeros(law: dict[int, Number]) -> dict[int, Number]:
    """Return the law without tokens of chance zero."""
    return {token: chance for token, chance in law.items() if chance}
