"""What :func:`mdsd_theory.audit_drafts` returns."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Group


@dataclass(frozen=True)
class Cell:
    """A group of tokens of like rank: how often it should be drafted, and how often it was."""

    name: str
    expected: float
    observed: float


@dataclass(frozen=True, eq=False, repr=False)
class DraftAuditReport:
    """The outcome of an audit of a draft sampler.

    Attributes
    ----------
    refuted : bool
        Wrong with probability at most ``false_alarm``.
    verdict : str
        ``"drafts are not as told"`` or ``"no fault found"``.
    fault : str
        What was refuted, in one sentence.
    drafts : tuple of int
        Drafts of probability zero that came, else empty.
    total_variation : float
        Lower confidence bound, for the worst draft given the earlier ones.
    cells : tuple of Cell
        Of the worst draft, by rank of q.
    scheme : str
    n : int
    false_alarm, confidence : float
    log_e : float
        Evidence: log of a likelihood ratio.
    samples : int
        Tuples drawn in the search.
    seconds : float
    stopped : str
        ``"refuted"``, ``"samples"`` or ``"budget"``.
    """

    refuted: bool
    verdict: str
    fault: str
    drafts: tuple[int, ...]
    total_variation: float
    cells: tuple[Cell, ...]
    scheme: str
    n: int
    false_alarm: float
    confidence: float
    log_e: float
    samples: int
    seconds: float
    stopped: str

    def to_dict(self) -> dict[str, Any]:
        """Return plain numbers, lists and strings; infinite evidence is None."""
        fields = asdict(self)
        return fields | {"log_e": self.log_e if math.isfinite(self.log_e) else None}

    def __rich__(self) -> Group:
        from mdsd_theory.auditing.view import show_draft_report

        return show_draft_report(self)

    def __str__(self) -> str:
        from mdsd_theory.auditing.view import as_text

        return as_text(self)

    def __repr__(self) -> str:
        return (
            f"DraftAuditReport(verdict={self.verdict!r}, fault={self.fault!r}, "
            f"total_variation={self.total_variation:.3g}, scheme={self.scheme!r}, n={self.n})"
        )
