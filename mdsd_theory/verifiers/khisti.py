"""The canonical decomposition for two i.i.d. drafts: importance selection, then one draft verified."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from mdsd_theory.distributions import Pair
from mdsd_theory.schemes.base import Number, Scheme
from mdsd_theory.schemes.checks import whole
from mdsd_theory.verifiers.base import RowRate, Verifier
from mdsd_theory.verifiers.importance_law import importance_law
from mdsd_theory.verifiers.importance_plan import ImportancePlan, Selected

DEFAULT_TOKENS = 100
"""Tokens in the programme: a few hundredths of a second a row."""


class Khisti(Verifier):
    r"""Pick one of two drafts, i from {i, j} with weight w_ij; verify it as a single draft.

    .. math:: y_i = q_i^2 + \sum_{j \ne i} 2 q_i q_j w_{ij}, \qquad w_{ij} + w_{ji} = 1

    is the law of the pick i, which is accepted with probability min(1, p_i/y_i); else Y ∝ (p − y)_+.

    Let Ω₀ be the s tokens of largest p − q². Within it w maximises Σ min(p, y), a linear programme;
    from every other pair the token of larger p − q² is picked. y follows exactly from any w, so that
    the rule is lossless whatever s, and however well the programme was solved. With s ≥ V it is the
    optimum α* of two drafts.

    .. math:: P(Y \in S) = \sum_i \min(p_i, y_i) + \sum_i \Bigl(1 - \frac{p_i}{y_i}\Bigr)_+
              \sum_{j \ne i} 2 q_i q_j w_{ij}\, r_j, \qquad r \propto (p - y)_+

    ``explicit`` is the first sum. The second is a residual draw that hits the draft not picked: zero
    where Ω₀ = Σ, since α* leaves nothing to win, and small otherwise.

    Parameters
    ----------
    tokens : int
        s, the number of tokens in Ω₀.

    Notes
    -----
    Two drafts from one q, no more and no fewer. O(V log V) and a programme of s²/2 variables and s rows
    for each row of a batch, one after the other: 10, 20 and 60 ms for s = 15, 100 and 200 on one core at
    V = 49,152. On the shipped positions these fall short of α* by 5e-4, 9e-5 and 4e-5 on average at
    temperature 0.7, and by 1e-2, 5e-3 and 3e-3 at 1, where q is spread over more tokens.
    Tokens of q = 0 are never drafted, and come last in the order.

    Examples
    --------
    >>> round(Khisti().acceptance_rate([0.5, 0.3, 0.2], [0.2, 0.3, 0.5], 2).value, 12)
    0.86
    >>> round(Khisti(tokens=1).acceptance_rate([0.5, 0.3, 0.2], [0.2, 0.3, 0.5], 2).value, 12)
    0.86
    """

    name: ClassVar[str] = "khisti"
    schemes: ClassVar[tuple[str, ...] | None] = ("with_replacement",)
    drafts: ClassVar[tuple[int, ...] | None] = (2,)
    default_scheme: ClassVar[str] = "with_replacement"
    summary: ClassVar[str] = "pick one draft by a truncated linear programme, then verify that one"
    source: ClassVar[str] = "Khisti et al. 2025, arXiv 2410.18234"

    def __init__(self, tokens: int = DEFAULT_TOKENS) -> None:
        self.tokens = whole(tokens, "tokens", 1, "the number of tokens in the programme")

    def _law(
        self, p: Sequence[Number], q: Sequence[Number], drafts: tuple[int, ...], scheme: Scheme
    ) -> dict[int, Number]:
        """Return the law of Y given the drafts."""
        return importance_law(p, q, drafts, self.tokens)

    def _plan(self, pair: Pair, n: int, scheme: Scheme) -> ImportancePlan:
        return ImportancePlan.of(pair, n, self.tokens)

    def _rate(self, pair: Pair, n: int, scheme: Scheme) -> RowRate:
        """Return Σ min(p, y) and, on top of it, the residual draws that are drafts."""
        found = Selected.of(pair, self.tokens)
        accepted = found.accepted()
        return RowRate(accepted + found.met(), accepted, "truncated_lp")

    def __repr__(self) -> str:
        return "Khisti()" if self.tokens == DEFAULT_TOKENS else f"Khisti(tokens={self.tokens})"
