"""What :func:`mdsd_theory.audit` returns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mdsd_theory.auditing.acceptance import MeasuredAcceptance
from mdsd_theory.auditing.counterexample import Counterexample

if TYPE_CHECKING:
    from rich.console import Group

NOT_LOSSLESS = "not lossless"
NO_FAULT = "no fault found"
LOSSLESS = "lossless on all instances"


@dataclass(frozen=True)
class Tried:
    """One instance that was tried.

    Attributes
    ----------
    name : str
        Kind and size.
    samples : int
        Tokens emitted on it; 0 where it was enumerated.
    log_e : float
        Log of the evidence against p at the end; ∞ for a token of probability zero.
    level : float
        From where on it refutes.
    enumerated : bool
    """

    name: str
    samples: int
    log_e: float
    level: float
    enumerated: bool


@dataclass(frozen=True, eq=False, repr=False)
class AuditReport:
    """The outcome of an audit.

    Attributes
    ----------
    refuted : bool
        The verifier is not lossless; wrong with probability at most ``false_alarm``.
    verdict : str
        ``"not lossless"``, ``"no fault found"``, or ``"lossless on all instances"`` where every
        instance was enumerated.
    total_variation : float
        Lower confidence bound on the largest total variation found between the emitted law and p, at
        ``confidence``; exact where that instance was enumerated.
    counterexample : Counterexample or None
        The smallest that was found.
    acceptance : tuple of MeasuredAcceptance
        The rule beside α* and the known rules.
    instances : tuple of Tried
    scheme : str
    n : int
    false_alarm, confidence : float
    samples : int
        Tokens emitted in the search.
    seconds : float
    stopped : str
        Why the search ended: ``"refuted"``, ``"enumerated"``, ``"samples"`` or ``"budget"``.
    notes : tuple of str
        What was seen and is no refutation.
    """

    refuted: bool
    verdict: str
    total_variation: float
    counterexample: Counterexample | None
    acceptance: tuple[MeasuredAcceptance, ...]
    instances: tuple[Tried, ...]
    scheme: str
    n: int
    false_alarm: float
    confidence: float
    samples: int
    seconds: float
    stopped: str
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain numbers, lists and strings; infinite evidence is None."""
        fields = {name: getattr(self, name) for name in self.__dataclass_fields__}
        fields["counterexample"] = self.counterexample and self.counterexample.to_dict()
        fields["acceptance"] = [x.to_dict() for x in self.acceptance]
        fields["instances"] = [_plain(x) for x in self.instances]
        return fields | {"notes": list(self.notes)}

    def to_json(self, **options: Any) -> str:
        """Return :meth:`to_dict` as JSON; ``options`` go to :func:`json.dumps`."""
        import json

        return json.dumps(self.to_dict(), **options)

    def __rich__(self) -> Group:
        from mdsd_theory.auditing.view import show_report

        return show_report(self)

    def __str__(self) -> str:
        from mdsd_theory.auditing.view import as_text

        return as_text(self)

    def __repr__(self) -> str:
        return (
            f"AuditReport(verdict={self.verdict!r}, total_variation={self.total_variation:.3g}, "
            f"scheme={self.scheme!r}, n={self.n}, samples={self.samples})"
        )


def _plain(tried: Tried) -> dict[str, Any]:
    fields = {name: getattr(tried, name) for name in tried.__dataclass_fields__}
    return fields | {"log_e": tried.log_e if np.isfinite(tried.log_e) else None}
