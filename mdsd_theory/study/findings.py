"""All findings of a frame, and their page in Markdown."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from mdsd_theory.study import claims, gains
from mdsd_theory.study.blocks import ABSENT, PART, Cell, shown
from mdsd_theory.study.finding import LEVEL, Finding, Number
from mdsd_theory.study.renderings import markdown_table

if TYPE_CHECKING:
    import pandas as pd

CLAIMS: tuple[Callable[[pd.DataFrame], Finding], ...] = (
    claims.without_beats_with,
    claims.no_verifier_reaches,
    claims.greedy_reaches,
    claims.greedy_beats_with,
    claims.greedy_beats_without,
    claims.greedy_when_cold,
    claims.greedy_when_hot,
    claims.rrs_gap_is_smaller_without,
    claims.truncation_beats_greedy,
    claims.both_cut_beats_greedy,
    gains.optimal_gains,
)

HEADER = ("pair", "what", "T", "n", "mean ± SE", "positions", "prompts", "for the claim")

MOST = 8
"""Numbers against a claim that its page lists; the others are counted."""


def findings(frame: pd.DataFrame) -> list[Finding]:
    """Return what the rows say of each claim of the paper.

    Conditions are the triples of pair, temperature and n ≥ 2 of the frame: one draft is the same in all
    schemes. A condition is decided where the confidence intervals of its numbers are; the intervals of a
    claim are simultaneous ones of level 95 % (Bonferroni).

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


def about(frame: pd.DataFrame, sample: str = "") -> str:
    """Return what findings are of: pairs, tasks, positions, prompts, answers, and how they are judged.

    ``sample`` is what :func:`mdsd_theory.study.rows.sample_of` says of the rows before any selection.
    """
    several = frame[frame["n"] > 1]
    if several.empty:
        return "No rows of two drafts or more; one draft is the same in all schemes."
    tasks = [str(x) for x in several["task"].unique() if x != ""]
    first = several.drop_duplicates(["cluster", "turn", "position"])
    pairs = several["pair"].nunique()
    summed = f", summed over {pairs} pairs" if pairs > 1 else ""
    fixed = " and take the mix of tasks as fixed" if len(tasks) > 1 else ""
    parts = (
        f"Of {_listed(map(str, several['pair'].unique()))}"
        + (f"; tasks: {_listed(tasks)}." if tasks else "."),
        f"{len(first):,} positions of {first['cluster'].nunique():,} prompts{summed}.",
        _answers(several),
        sample,
        f"T: {_listed(_numbers(several['temperature']))}; n: {_listed(_numbers(several['n']))}.",
        "A condition is a pair, a temperature T and a number n of drafts. Means are over positions; "
        f"standard errors are clustered by prompt{fixed}. The intervals of a "
        f"claim are simultaneous ones of level {100 * LEVEL:g} % (Bonferroni).",
    )
    return " ".join(filter(None, parts))


def _answers(frame: pd.DataFrame) -> str:
    if "drawn_at" not in frame or frame["drawn_at"].isna().all():
        return ""
    return f"Answers drawn at temperature {_listed(_numbers(frame['drawn_at'].dropna()))}."


def _numbers(values: pd.Series) -> list[str]:
    return [f"{x:g}" for x in sorted(values.unique())]


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)


def findings_page(
    found: Sequence[Finding], temperature: float = 0.7, n: int = 3, caption: str = ""
) -> str:
    """Return Markdown: a caption, a table of verdicts, then each finding with its numbers.

    Shown are the conditions at a temperature and n, the smallest and largest number of each kind, and
    those against the claim. ``caption`` is that of :func:`about`.
    """
    heads = [(Cell(x.claim), Cell(x.verdict, bold=True), Cell(_counts(x))) for x in found]
    parts = ["# Findings", caption, markdown_table(("claim", "verdict", "conditions"), heads)]
    return "\n\n".join([*filter(None, parts), *(_section(x, temperature, n) for x in found)]) + "\n"


def _counts(finding: Finding) -> str:
    signs = finding.signs
    if not signs:
        return "none"
    return f"{signs.count('yes')} for, {signs.count('no')} against, {signs.count('open')} undecided"


def _section(finding: Finding, temperature: float, n: int) -> str:
    verdict = f"**{finding.verdict}**; conditions: {_counts(finding)}. {finding.note}"
    parts = [f"## {finding.claim}", verdict.strip()]
    chosen = _chosen(finding, temperature, n)
    if chosen:
        parts.append(markdown_table(HEADER, [_row(x) for x in chosen]))
    left = len(finding.fails) - sum(x in chosen for x in finding.fails)
    if left:
        parts.append(f"Against it speak {left} numbers more.")
    return "\n\n".join(parts)


def _row(number: Number) -> list[Cell]:
    estimate = number.estimate
    mean = shown(estimate.mean, estimate.standard_error, number.digits)
    texts = (
        number.pair,
        number.what,
        f"{number.temperature:g}",
        str(number.n),
        (mean if number.decides else mean.removesuffix(f" ± {ABSENT}")) + (PART if number.part else ""),
        f"{estimate.positions:,}",
        f"{estimate.prompts:,}",
        number.sign if number.decides else "not judged",
    )
    return [Cell(text) for text in texts]


def _chosen(finding: Finding, temperature: float, n: int) -> list[Number]:
    chosen = {x for x in finding.numbers if (x.temperature, x.n) == (temperature, n)}
    for what in {x.what for x in finding.numbers}:
        kind = sorted((x for x in finding.numbers if x.what == what), key=lambda x: x.estimate.mean)
        chosen |= {kind[0], kind[-1]}
    chosen |= set(finding.fails[:MOST])
    return [x for x in finding.numbers if x in chosen]
