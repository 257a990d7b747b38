"""The exact law of the emitted token: every tuple of drafts, every branch of the verifier."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np

from mdsd_theory.auditing.instance import Instance
from mdsd_theory.auditing.paths import MAX_PATHS, NEGLIGIBLE, Outcome, PathSource, outcomes
from mdsd_theory.auditing.rules import PerPath, as_token
from mdsd_theory.errors import SizeError
from mdsd_theory.options import exact_draft
from mdsd_theory.rationals import exact_distribution

TOLERANCE = 1e-6
"""Largest |law − p| that floats excuse, those of a rule that computes in float32 included.

A branch of chance w is reached through O(nV) roundings of 2⁻⁵³ (2⁻²⁴); a residual that is divided by its
small sum Z loses V·2⁻⁵³/Z, and is reached with chance Z. In all O(nV)·2⁻⁵³ a token: below 1e-12 (1e-6) at
the V ≤ 10 that are enumerated. ``exact=True`` excuses nothing.
"""

MAX_TUPLES = 5000
"""Most tuples of drafts of one instance."""


@dataclass
class EnumeratedLaw:
    """The law of the emitted token, and what it was on each tuple of drafts.

    Attributes
    ----------
    law : list of Fraction, shape (V,)
    given : dict of tuple to list of Fraction
        Drafts → joint chance of these drafts and each token.
    impossible : (tuple of int, int) or None
        Drafts and the token of probability zero that was emitted with positive chance.
    boundary : (tuple of int, int) or None
        The same, where a uniform number has to equal a bound exactly.
    """

    target: list[Fraction]
    law: list[Fraction]
    exact: bool
    given: dict[tuple[int, ...], list[Fraction]] = field(default_factory=dict)
    impossible: tuple[tuple[int, ...], int] | None = None
    boundary: tuple[tuple[int, ...], int] | None = None

    @property
    def worst(self) -> Fraction:
        """max |law − p|."""
        return max(abs(a - b) for a, b in zip(self.law, self.target, strict=True))

    @property
    def refutes(self) -> bool:
        """Whether the law is not p, or a token of probability zero can be emitted."""
        off = self.worst > (0 if self.exact else TOLERANCE)
        return off or self.impossible is not None or self.boundary is not None

    @property
    def total_variation(self) -> float:
        """½ Σ |law − p|; zero where floats excuse the difference."""
        if self.worst <= (0 if self.exact else TOLERANCE):
            return 0.0
        return float(sum(abs(a - b) for a, b in zip(self.law, self.target, strict=True)) / 2)


def enumerate_law(
    rule: PerPath, instance: Instance, exact: bool = False, deadline: float = math.inf
) -> EnumeratedLaw:
    """Return the exact law of the emitted token.

    Raises
    ------
    SizeError
        When there are more than :data:`MAX_TUPLES` tuples of drafts, or
        :data:`~mdsd_theory.auditing.paths.MAX_PATHS` branches on one of them.

    Notes
    -----
    One call for each tuple of drafts and branch. The law of the drafts is that of the scheme at q's
    exact binary values.
    """
    target = (
        list(instance.arguments[0])
        if exact and instance.arguments
        else exact_distribution(instance.p.tolist(), "p")
    )
    found = EnumeratedLaw(target, [Fraction(0)] * len(target), exact)
    tuples = _tuples(instance, exact)
    for drafts, weight in tuples.items():
        call = _caller(rule, instance, drafts)
        walks = list(outcomes(call, MAX_PATHS, forgiving=not exact, deadline=deadline))
        _account(found, drafts, weight, walks)
    return found


def _caller(rule: PerPath, instance: Instance, drafts: tuple[int, ...]) -> Callable[[PathSource], int]:
    p, q = instance.arguments or (instance.p, instance.q)
    row = np.array(drafts, dtype=np.int64)

    def call(source: PathSource) -> int:
        given = [x.copy() for x in q] if isinstance(q, list) else q.copy()
        return as_token(rule.call(p.copy(), given, row.copy(), source), instance, row)

    return call


def _account(
    found: EnumeratedLaw, drafts: tuple[int, ...], weight: Fraction, walks: list[Outcome]
) -> None:
    """Add the walks on one tuple of drafts to the law."""
    least = 0 if found.exact else NEGLIGIBLE
    joint = found.given.setdefault(drafts, [Fraction(0)] * len(found.law))
    for walk in walks:
        if not walk.point:
            joint[walk.token] += weight * walk.weight
        if found.target[walk.token] == 0 and walk.weight > least:
            if walk.point:
                found.boundary = found.boundary or (drafts, walk.token)
            else:
                found.impossible = found.impossible or (drafts, walk.token)
    found.law = [a + b for a, b in zip(found.law, joint, strict=True)]


def _tuples(instance: Instance, exact: bool) -> dict[tuple[int, ...], Fraction]:
    """Return the exact law of the tuples of drafts."""
    if instance.leaf:
        return {(): Fraction(1)}
    q: Any = instance.q
    if exact:
        q = instance.arguments[1] if instance.arguments else q
    if not isinstance(q, dict | list):
        q = list(q)
    draft, n = exact_draft(q, instance.n, instance.scheme, instance.vocabulary)
    law = instance.scheme.tuple_law(draft, n)
    if len(law) > MAX_TUPLES:
        raise SizeError(f"{len(law):,} tuples of drafts are too many to enumerate")
    return law
