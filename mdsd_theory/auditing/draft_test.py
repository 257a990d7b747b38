"""What a draft sampler is tested against: the steps of its scheme, or its law over tuples."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from mdsd_theory.arrays import Array, host
from mdsd_theory.auditing.drafted_steps import Step, StepTest, combined
from mdsd_theory.auditing.drafted_tuples import TupleTest
from mdsd_theory.auditing.total_variation import lower_bound, over_emitted
from mdsd_theory.distributions import drafter_rows, rows_of
from mdsd_theory.errors import InputError
from mdsd_theory.schemes import SCHEMES
from mdsd_theory.schemes.base import Scheme, largest
from mdsd_theory.schemes.checks import check_support
from mdsd_theory.schemes.joint import check_law


class DraftTest:
    """All evidence against a sampler.

    Attributes
    ----------
    fixed : frozenset of int
        Tokens that the first drafts must be, as a set.
    steps : list of StepTest
    tuples : TupleTest or None
        In place of the steps, for schemes without them.
    fault : str
        What was refuted, in one sentence; empty before.
    drafts : tuple of int
        The drafts that show it, where one tuple does.
    """

    def __init__(self, scheme: Scheme, q: Any, n: int, false_alarm: float) -> None:
        self.scheme, self.level = scheme, -math.log(false_alarm)
        self.q, self.n, self.vocabulary = _checked_draft(scheme, q, n)
        self.fixed, steps = _steps(scheme, self.q, self.n)
        known = scheme.name in SCHEMES and type(scheme) is type(SCHEMES[scheme.name])
        self.tuples = None
        if not known or steps is None:
            self.tuples = TupleTest(scheme, self.q, self.n, self.vocabulary)
        self.steps = [StepTest(step) for step in steps or []] if self.tuples is None else []
        if self.tuples is not None:
            self.fixed = frozenset()
        self.samples, self.log_e = 0, 0.0
        self.fault, self.drafts = "", ()

    def given(self) -> Any:
        """Return q as the sampler is given it: a copy."""
        return [x.copy() for x in self.q] if isinstance(self.q, list) else self.q.copy()

    @property
    def refuted(self) -> bool:
        """Whether the drafts are not drawn as told."""
        return bool(self.fault)

    def add(self, drafts: Array) -> None:
        """Count more tuples of drafts."""
        self.samples += len(drafts)
        found = self._impossible(drafts)
        if found is not None:
            self.fault, self.log_e = found[1], math.inf
            self.drafts = tuple(drafts[found[0]].tolist())
            return
        for part in (self.tuples, *self.steps):
            if part is not None:
                part.add(drafts)
        self.log_e = self.tuples.evidence.log_e if self.tuples else combined(self.steps)
        if self.log_e >= self.level:
            self.fault = self._frequencies()

    def _impossible(self, drafts: Array) -> tuple[int, str] | None:
        fixed = np.sort(drafts[:, : len(self.fixed)], axis=1)
        wrong = np.flatnonzero((fixed != np.array(sorted(self.fixed), dtype=np.int64)).any(axis=1))
        if wrong.size:
            row, size = int(wrong[0]), len(self.fixed)
            got = drafts[row, :size].tolist()
            return row, f"the first {size} drafts are {got}; expected the likeliest, {sorted(self.fixed)}"
        for part in (self.tuples, *self.steps):
            found = None if part is None else part.impossible(drafts)
            if found is not None:
                return found
        return None

    def _frequencies(self) -> str:
        if self.tuples is not None:
            return "the frequencies of the tuples of drafts are not those of the scheme"
        worst = self._worst()
        return f"draft {worst.step.column + 1} of {self.n} does not have its law given the earlier ones"

    def _worst(self) -> StepTest:
        return max(self.steps, key=lambda step: float(step.logs.max()))

    def table(self) -> list[tuple[str, float, float]]:
        """Return name, expected and observed frequency of the cells of the worst step."""
        if not self.steps or self.samples == 0:
            return []
        worst = self._worst()
        total = max(float(worst.hits.sum()), 1.0)
        names = _cell_names(worst)
        rows = zip(names, worst.expected / total, worst.hits / total, strict=True)
        return [(name, float(a), float(b)) for name, a, b in rows if a > 0 or b > 0]

    def bound(self, fresh: Array, confidence: float) -> float:
        """Return a lower confidence bound on the total variation, from fresh tuples.

        Of the tuples, or of one draft given the earlier ones, on average over these: Hoeffding's bound
        for the mean of 1{X ∈ A} − π(A | earlier drafts).
        """
        if self._impossible(fresh) is not None and not self.steps:
            return 0.0
        if self.tuples is not None:
            evidence = self.tuples.evidence
            mask, places = over_emitted(evidence.counts, evidence.p), self.tuples.places(fresh)
            hits = int(mask[places].sum())
            return lower_bound(hits, len(fresh), float(evidence.p[mask].sum()), confidence)
        if not self.steps:
            return 0.0
        worst = self._worst()
        chance, hit = worst.chances(fresh)
        mask = worst.hits > worst.expected + np.sqrt(worst.expected)
        excess = float((mask[hit] - chance[:, mask].sum(axis=1)).mean())
        return max(0.0, excess - math.sqrt(-math.log(1 - confidence) / (2 * len(fresh))))


def _checked_draft(scheme: Scheme, q: Any, n: int) -> tuple[Any, int, int]:
    """Return q in float64 (or the law), n, and V."""
    if scheme.draft == "law":
        slots = check_law(q)
        return dict(q), slots, 1 + max(max(drafts) for drafts in q)
    if scheme.draft == "sequence":
        rows = drafter_rows(q)
        drafters = [host(x)[0] for x in rows.x]
        return drafters, len(drafters), int(drafters[0].size)
    rows = rows_of(q, "q")
    if rows.batch != ():
        raise InputError(f"q has shape {rows.batch} + (V,); expected one distribution")
    check_support(rows, scheme, n)
    return host(rows.x)[0], n, int(rows.x.shape[-1])


def _steps(scheme: Scheme, q: Any, n: int) -> tuple[frozenset[int], list[Step] | None]:
    """Return the tokens that are fixed and the steps that are random; None where there are no steps."""
    if scheme.name == "with_replacement":
        return frozenset(), [Step(k, q, False) for k in range(n)]
    if scheme.name == "without_replacement":
        return frozenset(), [Step(k, q, True) for k in range(n)]
    if scheme.name == "independent":
        return frozenset(), [Step(k, law, False) for k, law in enumerate(q)]
    if scheme.name == "top_k":
        return frozenset(largest(q.tolist(), n)), []
    if scheme.name == "greedy":
        fixed = frozenset(largest(q.tolist(), n - 1))
        rest = q.copy()
        rest[list(fixed)] = 0.0
        return fixed, [Step(n - 1, rest / rest.sum(), False)]
    return frozenset(), None


def _cell_names(test: StepTest) -> list[str]:
    """Return "token 5", "ranks 17–32", …; the last is "an earlier draft"."""
    law, names = test.step.law, []
    rank = np.empty(law.size, dtype=np.int64)
    rank[np.argsort(-law, kind="stable")] = np.arange(1, law.size + 1)
    for cell in range(test.cells - 1):
        inside = np.flatnonzero(test.labels == cell)
        if inside.size == 1:
            names.append(f"token {inside[0]}")
        elif inside.size:
            names.append(f"ranks {rank[inside].min():,} to {rank[inside].max():,}")
        else:
            names.append("")
    return [*names, "an earlier draft"]
