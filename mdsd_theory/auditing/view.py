"""Audit reports in a terminal and as text. No mathematics."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from mdsd_theory.auditing.counterexample import Counterexample, shown

if TYPE_CHECKING:
    from mdsd_theory.auditing.acceptance import MeasuredAcceptance
    from mdsd_theory.auditing.draft_report import DraftAuditReport
    from mdsd_theory.auditing.report import AuditReport

MOST_TOKENS = 12
"""Lines of a counterexample that are shown."""


def as_text(renderable: Any) -> str:
    """Return what would be printed as plain text."""
    buffer = io.StringIO()
    Console(file=buffer, width=110, color_system=None).print(renderable)
    return "\n".join(line.rstrip() for line in buffer.getvalue().rstrip().splitlines())


def show_report(report: AuditReport) -> Group:
    """Return verdict, counterexample, acceptance and instances, one below the other."""
    parts: list[Any] = [verdict_line(report), Text(_effort(report))]
    if report.counterexample is not None:
        parts += [Text(), *_counterexample(report.counterexample, report.confidence)]
    if report.acceptance:
        parts += [Text(), _acceptance(report.acceptance)]
    parts += [Text(), _instances(report)]
    parts += [Text(f"note: {note}") for note in report.notes]
    return Group(*parts)


def verdict_line(report: Any) -> Text:
    """Return the verdict in bold, red where something was refuted."""
    return Text(report.verdict, style="bold red" if report.refuted else "bold")


def _effort(report: AuditReport) -> str:
    worst = f"total variation ≥ {report.total_variation:.2g}"
    tried = f"{len(report.instances)} instances, {report.samples:,} tokens, {report.seconds:.1f} s"
    where = f"scheme {report.scheme}, n = {report.n}"
    return f"{where}; {worst}; false alarms ≤ {report.false_alarm:.0e}\n{tried}"


def _counterexample(found: Counterexample, confidence: float) -> list[Any]:
    return [Text(_fault(found, confidence)), _tokens(found)]


def _fault(found: Counterexample, confidence: float) -> str:
    """Say in one sentence what is wrong."""
    drafts = f"drafts {list(found.drafts)}"
    if found.how == "uniform of 0":
        return f"with {drafts} and a uniform of exactly 0 it emits token {found.token}, where p = 0"
    if found.token is not None:
        return f"with {drafts} it emits token {found.token}, where p = 0"
    if found.samples is None:
        return f"enumerated: total variation {found.total_variation:.3g}, most of it from {drafts}"
    sure = f"total variation ≥ {found.total_variation:.2g} at confidence {confidence:g}"
    return f"{found.samples:,} fresh tokens: {sure}, most of it from {drafts}"


def _tokens(found: Counterexample) -> Table:
    """Return p, q and the emitted law, the tokens of largest difference first where V is large."""
    table = Table()
    many = isinstance(found.q, list) and found.q and isinstance(found.q[0], list)
    drafters: list[list[float]] = found.q if many else [] if isinstance(found.q, dict) else [found.q]
    names = [f"q{k + 1}" for k in range(len(drafters))] if many else ["q"][: len(drafters)]
    given = [f"given {list(found.drafts)}"] if found.given_drafts else []
    for name in ("token", "p", *names, "emitted", *given):
        table.add_column(name, justify="right")
    columns = [shown(x) for x in (found.p, *drafters)]
    columns += [[f"{v:.4f}" for v in x] for x in (found.emitted, found.given_drafts) if x]
    order = sorted(range(len(found.p)), key=lambda i: -abs(found.emitted[i] - found.p[i]))
    kept = sorted(order[:MOST_TOKENS] if found.token is None else [found.token, *order[:MOST_TOKENS]])
    for i in dict.fromkeys(kept):
        table.add_row(str(i), *(column[i] for column in columns))
    return table


def _acceptance(rows: tuple[MeasuredAcceptance, ...]) -> Table:
    table = Table(title="acceptance", title_justify="left")
    known = list(dict.fromkeys(name for row in rows for name in row.rates))
    for name in ("instance", "this rule", "α*", *known):
        table.add_column(name, justify="left" if name == "instance" else "right", overflow="fold")
    for row in rows:
        rates = [f"{row.rates[name]:.3f}" if name in row.rates else "" for name in known]
        measured = f"{row.measured:.3f} ± {row.standard_error:.3f}"
        table.add_row(row.instance, measured, f"{row.optimal:.3f}", *rates)
    return table


def _instances(report: AuditReport) -> Table:
    """Return the instances with the most evidence."""
    ranked = sorted(report.instances, key=lambda x: x.log_e - x.level, reverse=True)[:5]
    shown = f"instances, {len(ranked)} of {len(report.instances)}"
    table = Table(title=shown, title_justify="left")
    for name in ("instance", "tokens", "log E", "refutes from"):
        table.add_column(name, justify="left" if name == "instance" else "right")
    for tried in ranked:
        count = "enumerated" if tried.enumerated else f"{tried.samples:,}"
        table.add_row(tried.name, count, f"{tried.log_e:.1f}", f"{tried.level:.1f}")
    return table


def show_draft_report(report: DraftAuditReport) -> Group:
    """Return verdict, fault and the cells of the worst draft."""
    where = f"scheme {report.scheme}, n = {report.n}; total variation ≥ {report.total_variation:.2g}"
    effort = f"{report.samples:,} tuples, {report.seconds:.1f} s; false alarms ≤ {report.false_alarm:.0e}"
    parts: list[Any] = [verdict_line(report), Text(f"{where}; {effort}")]
    if report.fault:
        shown = f", drafts {list(report.drafts)}" if report.drafts else ""
        parts.append(Text(f"{report.fault}{shown}"))
    if report.cells:
        parts.append(_draft_cells(report))
    return Group(*parts)


def _draft_cells(report: DraftAuditReport) -> Table:
    """Return the cells, those of largest difference where there are many."""
    ranked = sorted(report.cells, key=lambda cell: -abs(cell.observed - cell.expected))
    table = Table()
    for name in ("drafted", "expected", "observed"):
        table.add_column(name, justify="left" if name == "drafted" else "right")
    for cell in report.cells:
        if cell in ranked[:MOST_TOKENS]:
            table.add_row(cell.name, f"{cell.expected:.4f}", f"{cell.observed:.4f}")
    return table
