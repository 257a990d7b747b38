"""Evidence as tables, as text and as JSON. No mathematics."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Any

from rich.table import Table
from rich.text import Text

from mdsd_theory.proving.evidence import Finding, Kind, Verdict
from mdsd_theory.proving.pages import Page
from mdsd_theory.proving.run import Outcome

LONGEST = 12
"""Most characters of a fraction that is shown as one."""

COLOURS = {Verdict.HOLDS: "green", Verdict.REFUTED: "bold red", Verdict.UNDECIDED: "yellow"}


def contents(pages: Iterable[Page]) -> Table:
    """Return the list of theorems."""
    table = Table(box=None, show_header=False)
    table.add_column(justify="right")
    table.add_column()
    for page in pages:
        table.add_row(str(page.number), page.title)
    return table


def summary(outcomes: Sequence[Outcome], title: str) -> Table:
    """Return theorem × kind of evidence × claims × instances × worst margin × time."""
    table = Table(title=title, title_justify="left")
    table.add_column("theorem", overflow="fold", max_width=44)
    table.add_column("evidence")
    for header in ("claims", "instances", "worst margin", "s"):
        table.add_column(header, justify="right")
    for outcome in outcomes:
        table.add_section()
        name = f"{outcome.page.number}. {outcome.page.title}"
        if outcome.error:
            table.add_row(name, Text("check broke", style="bold red"), "", "", "", "")
        for kind, findings in by_kind(outcome.evidence.findings).items():
            table.add_row(name, *_summed(kind, findings))
            name = ""
    return table


def _summed(kind: Kind, findings: Sequence[Finding]) -> list[Any]:
    count = sum(finding.instances for finding in findings)
    verdicts = [finding.verdict for finding in findings]
    worst = next((v for v in (Verdict.REFUTED, Verdict.UNDECIDED) if v in verdicts), Verdict.HOLDS)
    shown = "" if worst is Verdict.HOLDS else f" ({verdicts.count(worst)} {worst})"
    return [
        Text(f"{kind}{shown}", style=COLOURS[worst] if shown else ""),
        str(len(findings)),
        f"{count:,}" if count else "all",
        worst_margins(findings),
        f"{sum(finding.seconds for finding in findings):.1f}",
    ]


def by_kind(findings: Iterable[Finding]) -> dict[Kind, list[Finding]]:
    """Return the findings of each kind, in the order of :class:`Kind`."""
    groups: dict[Kind, list[Finding]] = {kind: [] for kind in Kind}
    for finding in findings:
        groups[finding.kind].append(finding)
    return {kind: group for kind, group in groups.items() if group}


def worst_margins(findings: Iterable[Finding]) -> str:
    """Return the largest difference of the equations and the smallest slack of the inequalities.

    Of counterexamples: by how much the false statement fails at least.
    """
    margins: dict[str, list[Any]] = {"=": [], "≥": [], "false": []}
    for finding in findings:
        if finding.margin is not None and finding.relation:
            relation = "false" if finding.kind is Kind.COUNTEREXAMPLE else finding.relation
            margins[relation].append(finding.margin)
    shown = [f"Δ = {number(max(margins['=']))}"] if margins["="] else []
    shown += [f"slack {number(min(margins['≥']))}"] if margins["≥"] else []
    shown += [f"fails by {number(min(margins['false']))}"] if margins["false"] else []
    return ", ".join(shown)


def claims(outcome: Outcome) -> Table:
    """Return one row for each claim of a theorem."""
    table = Table(title=f"{outcome.page.number}. {outcome.page.title}", title_justify="left")
    table.add_column("claim", overflow="fold", ratio=3)
    table.add_column("evidence", overflow="fold", ratio=2)
    for header in ("instances", "worst margin", "s"):
        table.add_column(header, justify="right")
    table.add_column("")
    for finding in outcome.evidence.findings:
        table.add_row(*_claim(finding))
    return table


def _claim(finding: Finding) -> list[Any]:
    claim, scope, verdict = finding.claim, finding.scope, str(finding.verdict)
    if finding.kind is Kind.COUNTEREXAMPLE:
        claim, scope = f"false: {claim}", str(finding.witness)
        verdict = "false" if finding.verdict is Verdict.HOLDS else "not refuted"
    return [
        claim,
        f"{finding.kind}: {scope}",
        f"{finding.instances:,}" if finding.instances else "all",
        worst_margins([finding]),
        f"{finding.seconds:.1f}",
        Text(verdict, style=COLOURS[finding.verdict]),
    ]


def remarks(outcome: Outcome) -> list[str]:
    """Return what a reader must be told of a theorem: refutations, what broke, what is undecided."""
    lines = []
    head = f"theorem {outcome.page.number}"
    if outcome.error:
        lines.append(f"{head}: the check broke: {outcome.error.strip().splitlines()[-1]}")
    for finding in outcome.evidence.findings:
        if finding.verdict is Verdict.REFUTED and finding.kind is Kind.COUNTEREXAMPLE:
            lines.append(f"{head}: no counterexample to “{finding.claim}”: {finding.witness}")
        elif finding.verdict is Verdict.REFUTED:
            lines.append(f"{head}: REFUTED: {finding.claim}")
            lines.append(f"  smallest counterexample found: {finding.witness}")
            if finding.margin is not None:
                lines.append(f"  margin {finding.margin}")
        elif finding.verdict is Verdict.UNDECIDED:
            lines.append(f"{head}: undecided: {finding.claim} ({finding.scope}). {finding.note}")
    return lines


def number(x: Any) -> str:
    """Return a margin as text: a short fraction as it is, others to three digits.

    Examples
    --------
    >>> number(Fraction(1, 60)), number(Fraction(1, 3**30)), number(0.0)
    ('1/60', '4.86e-15', '0')
    """
    if isinstance(x, int | Fraction) and len(str(x)) <= LONGEST:
        return str(x)
    return f"{float(x):.3g}"


def as_data(outcome: Outcome) -> dict[str, Any]:
    """Return an outcome as plain data for JSON; fractions become text."""
    return {
        "theorem": outcome.page.number,
        "title": outcome.page.title,
        "verdict": "broken" if outcome.error else str(outcome.evidence.verdict),
        "seconds": round(outcome.seconds, 3),
        "error": outcome.error,
        "findings": [_finding_data(finding) for finding in outcome.evidence.findings],
    }


def _finding_data(finding: Finding) -> dict[str, Any]:
    margin = finding.margin
    return {
        "claim": finding.claim,
        "kind": str(finding.kind),
        "verdict": str(finding.verdict),
        "scope": finding.scope,
        "instances": finding.instances,
        "relation": finding.relation,
        "margin": margin if margin is None or isinstance(margin, float) else str(margin),
        "witness": None if finding.witness is None else str(finding.witness),
        "seconds": round(finding.seconds, 3),
        "note": finding.note,
    }
