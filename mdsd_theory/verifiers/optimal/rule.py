"""The verifier ``optimal``: for each scheme the rule that reaches α*."""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType
from typing import Any, ClassVar

from mdsd_theory.distributions import Pair
from mdsd_theory.schemes.base import Number, Scheme
from mdsd_theory.verifiers.base import RowRate, Verifier
from mdsd_theory.verifiers.greedy import Greedy
from mdsd_theory.verifiers.naive import Naive
from mdsd_theory.verifiers.optimal.iid_rule import OptimalIID
from mdsd_theory.verifiers.plan import Plan


class Optimal(Verifier):
    """Emit a token of law p that is one of the drafts as often as any rule can.

    ==================  =====================================================================
    scheme              rule
    ==================  =====================================================================
    with_replacement    :class:`~mdsd_theory.verifiers.optimal.iid_rule.OptimalIID`
    greedy              :class:`~mdsd_theory.verifiers.greedy.Greedy`
    top_k               :class:`~mdsd_theory.verifiers.naive.Naive`: S is no random set
    ==================  =====================================================================

    Examples
    --------
    >>> round(Optimal().acceptance_rate([0.5, 0.3, 0.2], [0.2, 0.3, 0.5], 2).value, 12)
    0.86
    """

    name: ClassVar[str] = "optimal"
    schemes: ClassVar[tuple[str, ...] | None] = ("with_replacement", "greedy", "top_k")
    default_scheme: ClassVar[str] = "with_replacement"
    summary: ClassVar[str] = "the rule of each scheme that reaches the optimum"
    source: ClassVar[str] = "new here; the optimum: Hu et al. 2025, arXiv 2502.18779"

    def __init__(self) -> None:
        self._rules = MappingProxyType(
            {"with_replacement": OptimalIID(), "greedy": Greedy(), "top_k": Naive()}
        )

    def _law(
        self, p: Sequence[Number], q: Any, drafts: tuple[int, ...], scheme: Scheme
    ) -> dict[int, Number]:
        """Return the law of Y given the drafts."""
        return self._rules[scheme.name]._law(p, q, drafts, scheme)

    def _plan(self, pair: Pair, n: int, scheme: Scheme) -> Plan:
        return self._rules[scheme.name]._plan(pair, n, scheme)

    def _rate(self, pair: Pair, n: int, scheme: Scheme) -> RowRate:
        return self._rules[scheme.name]._rate(pair, n, scheme)
