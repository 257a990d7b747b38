"""The claims of Hu et al. 2025 and Thomas and Pal 2025, each checked by a function."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from mdsd_theory.study.clusters import NAN, Estimate
from mdsd_theory.study.differences import (
    conditions,
    differences,
    error_of,
    existing_verifiers,
    number,
    slack_of,
)
from mdsd_theory.study.finding import TOLERANCE, Finding, Number, Sign, Verdict, signed, verdict_of
from mdsd_theory.study.labels import schemes_of, verifier_label
from mdsd_theory.study.rows import at_positions

if TYPE_CHECKING:
    import pandas as pd

WITH, WITHOUT, GREEDY = "with_replacement", "without_replacement", "greedy"

LOW, HIGH = 0.5, 1.0
"""Temperatures up to the first are called low, from the second on high."""

LEAST_CUT = 100
"""Smallest k of the truncation that Thomas and Pal's claim is about."""


def _finding(key: str, claim: str, numbers: Iterable[Number], note: str = "") -> Finding:
    found = signed(numbers)
    return Finding(key, claim, verdict_of(found), found, note)


def without_beats_with(frame: pd.DataFrame) -> Finding:
    """Compare α* without and with replacement."""
    numbers = differences(frame, "α* without − α* with", (WITHOUT, "alpha"), (WITH, "alpha"))
    joined = at_positions(frame, {"without": (WITHOUT, "alpha"), "with": (WITH, "alpha")})
    short = joined["with"] - joined["without"]
    note = (
        f"At {(short > TOLERANCE).sum():,} of {len(short):,} positions and conditions α* without is more "
        f"than {TOLERANCE:g} below α* with; the theorem says at none."
    )
    return _finding("without", "Drafts without replacement beat drafts with.", numbers, note)


def no_verifier_reaches(frame: pd.DataFrame) -> Finding:
    """Measure α* − rate of the existing verifiers, with and without replacement."""
    numbers = [
        number(condition, rows, f"gap of {verifier_label(x)}", rows["alpha"] - rows[x], slack_of(rows, x))
        for scheme in (WITH, WITHOUT)
        for condition, rows in conditions(frame, scheme)
        for x in existing_verifiers(rows)
    ]
    claim = "No existing verifier reaches the bound, with or without replacement."
    return _finding("gap", claim, numbers, "A gap counts only beyond the numerical error of both rates.")


def greedy_reaches(frame: pd.DataFrame) -> Finding:
    """Look for a position where greedy's verifier is not at greedy's bound."""
    numbers = []
    for condition, rows in conditions(frame, GREEDY):
        if GREEDY in rows and rows[GREEDY].notna().any():
            gap = (rows["alpha"] - rows[GREEDY]).abs()
            estimate = Estimate(float(gap.max()), NAN, int(gap.count()), rows["cluster"].nunique())
            sign: Sign = "yes" if estimate.mean <= TOLERANCE else "no"
            numbers.append(Number(*condition, "largest |α* − rate|", estimate, sign=sign))
    claim = "Greedy's verifier reaches greedy's own bound."
    note = f"At every position, to {TOLERANCE:g}; a largest value has no standard error."
    return Finding("greedy", claim, verdict_of(numbers), tuple(numbers), note)


def _greedy_minus(frame: pd.DataFrame, scheme: str, name: str) -> list[Number]:
    return differences(frame, f"α* greedy − α* {name}", (GREEDY, "alpha"), (scheme, "alpha"))


def greedy_when_cold(frame: pd.DataFrame) -> Finding:
    """Compare greedy with both other schemes at low temperatures; both halves have to hold."""
    cold = frame[frame["temperature"] <= LOW]
    numbers = _greedy_minus(cold, WITH, "with") + _greedy_minus(cold, WITHOUT, "without")
    claim = f"At low temperature (up to {LOW:g}) greedy drafts beat both i.i.d. and without replacement."
    found = signed(numbers)
    halves = [verdict_of([x for x in found if x.what == what]) for what in {x.what for x in found}]
    worst: tuple[Verdict, ...] = ("refuted", "mixed", "not enough data", "confirmed")
    verdict: Verdict = min(halves, key=worst.index) if halves else "not enough data"
    note = "Its verdict is the worse of the two halves'."
    return Finding("cold", claim, verdict, found, note)


def greedy_when_hot(frame: pd.DataFrame) -> Finding:
    """Compare greedy with both other schemes at high temperatures; a positive number is its loss."""
    hot = frame[frame["temperature"] >= HIGH]
    numbers = [
        x
        for scheme, name in ((WITH, "with"), (WITHOUT, "without"))
        for x in differences(hot, f"α* {name} − α* greedy", (scheme, "alpha"), (GREEDY, "alpha"))
    ]
    found = signed(numbers)
    verdict = verdict_of(found)
    claim = f"At high temperature (from {HIGH:g} on) greedy drafts can fall behind."
    note = "It says that this can happen: one condition confirms it, the others tell where."
    return Finding("hot", claim, "confirmed" if verdict == "mixed" else verdict, found, note)


def rrs_is_close_without(frame: pd.DataFrame) -> Finding:
    """Compare the gaps of recursive rejection sampling with and without replacement."""
    columns = {
        "bound": (WITH, "alpha"),
        "rate": (WITH, "rrs"),
        "bound_without": (WITHOUT, "alpha"),
        "rate_without": (WITHOUT, "rrs_without_replacement"),
    }
    error = f"{columns['rate_without'][1]}_error"
    if error in frame:
        frame = frame.assign(**{error: frame[error].fillna(0)})
        columns["rate_without_error"] = (WITHOUT, error)
    joined = at_positions(frame, columns).assign(scheme="both")
    numbers = []
    for condition, rows in conditions(joined, "both"):
        gap = rows["bound"] - rows["rate"]
        gap_without = rows["bound_without"] - rows["rate_without"]
        numbers += [
            number(
                condition,
                rows,
                "gap of RRS with − gap of RRS without",
                gap - gap_without,
                error_of(rows, "rate_without"),
            ),
            number(condition, rows, "gap of RRS with", gap, decides=False),
            number(condition, rows, "gap of RRS without", gap_without, decides=False),
        ]
    claim = "RRS without replacement is close to its bound, RRS with replacement less so."
    return _finding("rrs", claim, numbers, "Decided by the difference of the gaps at the same positions.")


def truncation_beats_greedy(frame: pd.DataFrame) -> Finding:
    """Compare i.i.d. drafts from q cut to its top k with greedy drafts (Thomas and Pal)."""
    numbers: list[Number] = []
    for scheme in schemes_of(frame):
        cut = re.fullmatch(rf"{WITH}@top(\d+)", scheme)
        if cut and int(cut[1]) >= LEAST_CUT:
            what = f"α* with, top {cut[1]} − α* greedy"
            numbers += differences(frame, what, (scheme, "alpha"), (GREEDY, "alpha"))
    claim = f"I.i.d. drafts from q cut to its top k ≥ {LEAST_CUT} beat greedy drafts, by up to about 2 %."
    return _finding("top_k", claim, numbers, _largest(numbers))


def _largest(numbers: list[Number]) -> str:
    if not numbers:
        return "Needs rows of a scheme such as with_replacement@top100."
    top = max(numbers, key=lambda x: x.estimate.mean)
    return (
        f"Largest mean gain {100 * top.estimate.mean:.2f} points of acceptance ({top.pair}, "
        f"T = {top.temperature:g}, n = {top.n})."
    )
