"""The verifier ``optimal``: for each scheme the rule that reaches α*."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar

from mdsd_theory.distributions import Pair, RawPair
from mdsd_theory.schemes import SCHEMES
from mdsd_theory.schemes.base import Number, Scheme
from mdsd_theory.verifiers.base import RowRate, Verifier
from mdsd_theory.verifiers.greedy import Greedy
from mdsd_theory.verifiers.naive import Naive
from mdsd_theory.verifiers.optimal.coupling_rule import OptimalCoupling
from mdsd_theory.verifiers.optimal.iid_rule import OptimalIID
from mdsd_theory.verifiers.optimal.orders_rule import DEFAULT_TOLERANCE, OptimalOrders
from mdsd_theory.verifiers.plan import Plan
from mdsd_theory.verifiers.spechub import SpecHub

MOST_SETS = 1000
"""Most sets of drafts for which the transport program is solved rather than a mixture of orders."""


class Optimal(Verifier):
    """Emit a token of law p that is one of the drafts as often as any rule can.

    ===================  ==================================================  ==========================
    scheme               rule                                                reaches
    ===================  ==================================================  ==========================
    with_replacement     :class:`~.iid_rule.OptimalIID`: random priorities   α*, exactly
    greedy               :class:`~mdsd_theory.verifiers.greedy.Greedy`       α*, exactly
    top_k                :class:`~mdsd_theory.verifiers.naive.Naive`         α*, exactly
    spechub              :class:`~mdsd_theory.verifiers.spechub.SpecHub`     α*, exactly
    without_replacement  :class:`~.orders_rule.OptimalOrders`                α* less a certified gap
    independent          :class:`~.orders_rule.OptimalOrders`                α* less a certified gap
    joint, your own      :class:`~.coupling_rule.OptimalCoupling`            α*, exactly
    ===================  ==================================================  ==========================

    Without replacement and with independent drafters, up to 1,000 possible sets of drafts are coupled
    like a joint law: α* exactly.

    Parameters
    ----------
    buckets : int, optional
        For i.i.d. drafts: group tokens into this many buckets of p/q, for a certified loss.
    tol : float
        For mixtures of orders: the gap at which the search stops.

    Examples
    --------
    >>> rule = Optimal()
    >>> round(rule.acceptance_rate([0.5, 0.3, 0.2], [0.2, 0.3, 0.5], 2).value, 12)
    0.86
    >>> p, q = [0.5, 0.3, 0.2], [0.2, 0.3, 0.5]
    >>> round(rule.acceptance_rate(p, q, 2, scheme="without_replacement").value, 12)
    0.985714285714
    """

    name: ClassVar[str] = "optimal"
    schemes: ClassVar[tuple[str, ...] | None] = None
    default_scheme: ClassVar[str] = "with_replacement"
    summary: ClassVar[str] = "the rule of each scheme that reaches the optimum"
    source: ClassVar[str] = "new here; the optimum: Hu et al. 2025, arXiv 2502.18779"

    def __init__(self, buckets: int | None = None, tol: float = DEFAULT_TOLERANCE) -> None:
        self.buckets, self.tol = buckets, tol
        self._rules: dict[str, Verifier] = {
            "with_replacement": OptimalIID(buckets),
            "greedy": Greedy(),
            "top_k": Naive(),
            "spechub": SpecHub(),
            "without_replacement": OptimalOrders(tol),
            "independent": OptimalOrders(tol),
        }
        self._coupling = OptimalCoupling()

    def rule(self, scheme: Scheme, vocabulary: int, n: int) -> Verifier:
        """Return the rule for a scheme, a size of vocabulary and a number of drafts."""
        known = self._rules.get(scheme.name) if type(scheme) is type(SCHEMES.get(scheme.name)) else None
        if known is None:
            return self._coupling
        sets = sum(math.comb(vocabulary, k) for k in range(1, n + 1))
        return self._coupling if isinstance(known, OptimalOrders) and sets <= MOST_SETS else known

    def _law(
        self, p: Sequence[Number], q: Any, drafts: tuple[int, ...], scheme: Scheme
    ) -> dict[int, Number]:
        """Return the law of Y given the drafts."""
        return self.rule(scheme, len(p), len(drafts))._law(p, q, drafts, scheme)

    def _plan(self, pair: Pair, n: int, scheme: Scheme) -> Plan:
        return self.rule(scheme, pair.vocabulary, n)._plan(pair, n, scheme)

    def _unchecked_plan(self, raw: RawPair, n: int, scheme: Scheme) -> Plan | None:
        return self.rule(scheme, raw.vocabulary, n)._unchecked_plan(raw, n, scheme)

    def _rate(self, pair: Pair, n: int, scheme: Scheme) -> RowRate:
        return self.rule(scheme, pair.vocabulary, n)._rate(pair, n, scheme)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(buckets={self.buckets}, tol={self.tol:g})"
