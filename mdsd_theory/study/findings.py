"""All findings of a frame, and their page in Markdown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from mdsd_theory.study import claims, gains
from mdsd_theory.study.blocks import Cell, shown
from mdsd_theory.study.finding import Finding, Number
from mdsd_theory.study.renderings import markdown_table

if TYPE_CHECKING:
    import pandas as pd

CLAIMS: tuple[Callable[[pd.DataFrame], Finding], ...] = (
    claims.without_beats_with,
    claims.no_verifier_reaches,
    claims.greedy_reaches,
    claims.greedy_when_cold,
    claims.greedy_when_hot,
    claims.rrs_is_close_without,
    claims.truncation_beats_greedy,
    gains.optimal_gains,
)

MOST = 8
"""Conditions against a claim that its page lists; the others are counted."""

DIGITS = 5


def findings(frame: pd.DataFrame) -> list[Finding]:
    """Return what the rows say of each claim of the paper.

    Conditions are the pairs, temperatures and n ≥ 2 of the frame: one draft is the same in all schemes. A
    condition is decided where its confidence interval is; the intervals of a claim hold together with the
    chance 95 % (Bonferroni).

    Parameters
    ----------
    frame : pandas.DataFrame
        Of :func:`mdsd_theory.study.rows.read`.

    Returns
    -------
    list of Finding

    Notes
    -----
    Hu et al. 2025, arXiv 2502.18779, section 5; Thomas and Pal 2025, arXiv 2511.15898.
    """
    several = frame[frame["n"] > 1]
    return [claim(several) for claim in CLAIMS]


def findings_page(found: Sequence[Finding], temperature: float, n: int) -> str:
    """Return Markdown: a table of verdicts, then each finding with its numbers.

    Shown are the conditions at a temperature and n, the smallest and largest number of each kind, and
    those against the claim.
    """
    heads = [(Cell(x.claim), Cell(x.verdict, bold=True), Cell(_counts(x))) for x in found]
    parts = ["# Findings", markdown_table(("claim", "verdict", "conditions"), heads)]
    return "\n\n".join(parts + [_section(x, temperature, n) for x in found]) + "\n"


def _counts(finding: Finding) -> str:
    deciding = [x for x in finding.numbers if x.decides]
    signs = [x.sign for x in deciding]
    return f"{signs.count('yes')} for, {signs.count('no')} against, {signs.count('open')} undecided"


def _section(finding: Finding, temperature: float, n: int) -> str:
    parts = [f"## {finding.claim}", f"**{finding.verdict}**: {_counts(finding)}. {finding.note}".strip()]
    chosen = _chosen(finding, temperature, n)
    if chosen:
        header = ("pair", "what", "T", "n", "mean ± SE", "prompts", "for the claim")
        parts.append(markdown_table(header, [_row(x) for x in chosen]))
    left = len(finding.fails) - sum(x in chosen for x in finding.fails)
    if left:
        parts.append(f"Against it speak {left} conditions more.")
    return "\n\n".join(parts)


def _row(number: Number) -> list[Cell]:
    estimate = number.estimate
    texts = (
        number.pair,
        number.what,
        f"{number.temperature:g}",
        str(number.n),
        shown(estimate.mean, estimate.standard_error, DIGITS),
        f"{estimate.prompts:,}",
        number.sign if number.decides else "",
    )
    return [Cell(text) for text in texts]


def _chosen(finding: Finding, temperature: float, n: int) -> list[Number]:
    chosen = {x for x in finding.numbers if (x.temperature, x.n) == (temperature, n)}
    for what in {x.what for x in finding.numbers}:
        kind = sorted((x for x in finding.numbers if x.what == what), key=lambda x: x.estimate.mean)
        chosen |= {kind[0], kind[-1]}
    chosen |= set(finding.fails[:MOST])
    return [x for x in finding.numbers if x in chosen]
