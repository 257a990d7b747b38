"""The single-draft rule for a picked token of law y, the last step of rules that pick first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mdsd_theory.arrays import Array, Backend, count_below
from mdsd_theory.schemes.base import Number
from mdsd_theory.verifiers.recursive_law import drop_zeros, normalised


@dataclass(frozen=True, eq=False)
class SingleDraft:
    """Accept a pick i of law y with probability min(1, p_i/y_i), else emit Y ∝ (p − y)_+.

    Attributes
    ----------
    p, y : array, shape (V,)
    residual : array, shape (V,)
        Running sums of (p − y)_+.
    """

    backend: Backend
    p: Array
    y: Array
    residual: Array

    @classmethod
    def of(cls, backend: Backend, p: Array, y: Array) -> SingleDraft:
        """Sum the residual of one row, on the row's device."""
        return cls(backend, p, y, residual_sums(backend, p, y))

    def emit(self, pick: Array, accept: Array, spare: Array) -> Array:
        """Return the tokens emitted for picks and two uniform numbers each, all of shape (count,)."""
        return self.draw(pick, accept * self.y[pick] < self.p[pick], spare)

    def draw(self, pick: Array, accepted: Array, spare: Array) -> Array:
        """Return the picks accepted, and draws from the residual elsewhere."""
        aim = spare * self.residual[-1]
        place = count_below(self.backend, self.residual[None, :], aim[None, :])[0, :]
        return self.backend.xp.where(accepted, pick, place)


def residual_sums(backend: Backend, p: Array, y: Array) -> Array:
    """Return running sums of (p − y)_+ along the last axis.

    Where that is zero p and y are equal but for rounding: of p, so that a pick that rounding rejects
    is replaced by a token of law p, and never by one of p = 0.
    """
    xp = backend.xp
    excess = xp.clip(p - y, 0.0, None)
    empty = xp.sum(excess, axis=-1, keepdims=True) <= 0
    return xp.cumulative_sum(xp.where(empty, p, excess), axis=-1)


def single_draft_law(
    p: Sequence[Number], y: Sequence[Number], picks: Mapping[int, Number]
) -> dict[int, Number]:
    """Return the law of the emitted token when the pick has the chances ``picks``, given the drafts.

    Where the residual is zero p and y are equal but for rounding, and every pick is accepted.

    Examples
    --------
    >>> from fractions import Fraction as F
    >>> p, y = [F(1, 2), F(1, 2)], [F(1, 4), F(3, 4)]
    >>> {token: str(chance) for token, chance in single_draft_law(p, y, {1: F(1)}).items()}
    {1: '2/3', 0: '1/3'}
    """
    residual = normalised([max(a - b, 0) for a, b in zip(p, y, strict=True)])
    if not any(residual):
        return drop_zeros(dict(picks))
    law: dict[int, Number] = {}
    rejected: Number = 0
    for token, chance in picks.items():
        accept = min(1, p[token] / y[token]) if chance else 0
        law[token] = chance * accept
        rejected += chance * (1 - accept)
    if rejected:
        for token, share in enumerate(residual):
            law[token] = law.get(token, 0) + rejected * share
    return drop_zeros(law)
