"""What a check found: one finding a claim, the findings of a theorem together its evidence."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import Any


class Kind(StrEnum):
    """Where the certainty of a finding comes from."""

    SYMBOLIC = "symbolic"
    """All p and q at fixed V and n: a computer algebra system or a decision procedure."""
    GRID = "every fraction"
    """All p and q with denominators up to D, up to relabelling, in exact arithmetic."""
    RANDOM = "random fractions"
    """Random p and q in exact arithmetic."""
    ENCLOSURE = "enclosure"
    """Ball arithmetic: every rounding is inside the ball."""
    FLOATING = "floating point"
    """Floats, compared within a tolerance."""
    COUNTEREXAMPLE = "counterexample"
    """One exact instance on which a neighbouring statement is false."""


class Verdict(StrEnum):
    """What a finding says about its claim."""

    HOLDS = "holds"
    REFUTED = "refuted"
    UNDECIDED = "undecided"


@dataclass(frozen=True)
class Finding:
    """The outcome of one claim.

    Attributes
    ----------
    claim : str
        What was checked, in one line.
    kind : Kind
    verdict : Verdict
    scope : str
        Which instances: V, n, denominators.
    instances : int
        How many were tried; 0 for symbolic findings, which cover all p and q of their scope.
    margin : Fraction, float or None
        Of an equation the largest difference seen, of an inequality the smallest slack; None where a
        claim has neither.
    witness : object or None
        The instance with that margin; of a refuted claim the smallest counterexample found.
    seconds : float
    note : str
        What else a reader should know: what stayed undecided, what the margin means.
    relation : {"=", "≥", ""}
        What the margin belongs to: an equation, an inequality, or neither.
    """

    claim: str
    kind: Kind
    verdict: Verdict
    scope: str
    instances: int
    margin: Fraction | float | None
    witness: Any
    seconds: float
    note: str = ""
    relation: str = ""


@dataclass(frozen=True)
class Evidence:
    """Everything that the check of one theorem found.

    Examples
    --------
    >>> Evidence(()).verdict
    <Verdict.UNDECIDED: 'undecided'>
    """

    findings: tuple[Finding, ...]

    @classmethod
    def of(cls, *findings: Finding) -> Evidence:
        """Return the findings together."""
        return cls(findings)

    @property
    def verdict(self) -> Verdict:
        """Refuted if any claim is; holds if any does and none is refuted; else undecided."""
        verdicts = {finding.verdict for finding in self.findings}
        for verdict in (Verdict.REFUTED, Verdict.HOLDS):
            if verdict in verdicts:
                return verdict
        return Verdict.UNDECIDED

    @property
    def instances(self) -> int:
        """Instances tried in all."""
        return sum(finding.instances for finding in self.findings)

    @property
    def seconds(self) -> float:
        """Time of all findings."""
        return sum(finding.seconds for finding in self.findings)
