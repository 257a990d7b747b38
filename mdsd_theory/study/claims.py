"""The claims of Hu et al. 2025 and Thomas and Pal 2025, each checked by a function."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from mdsd_theory.study.clusters import NAN, Estimate
from mdsd_theory.study.differences import (
    bounds_of,
    conditions,
    differences,
    existing_verifiers,
    number,
    slack_of,
    width_of,
)
from mdsd_theory.study.finding import TOLERANCE, Finding, Number, Sign, signed
from mdsd_theory.study.labels import scheme_label, schemes_of, verifier_label
from mdsd_theory.study.rows import at_positions

if TYPE_CHECKING:
    import pandas as pd

WITH, WITHOUT, GREEDY = "with_replacement", "without_replacement", "greedy"

LOW, HIGH = 0.5, 1.0
"""Temperatures up to the first are called low, from the second on high. The paper gives no cuts."""

LEAST_CUT = 100
"""Smallest k of the truncation that Thomas and Pal's claim is about."""


def _finding(key: str, claim: str, numbers: Iterable[Number], note: str = "") -> Finding:
    return Finding(key, claim, signed(numbers), note)


def without_beats_with(frame: pd.DataFrame) -> Finding:
    """Compare α* without and with replacement."""
    numbers = differences(frame, "α* without − α* with", WITHOUT, WITH)
    found = bounds_of(frame, WITHOUT, WITH)
    widths = found[["one_width", "other_width"]].max(axis=1).clip(lower=TOLERANCE)
    short = found["other"] - found["one"] > widths
    note = (
        f"At {short.sum():,} of {len(found):,} positions and conditions α* without is below α* with by "
        f"more than both enclosures allow ({widths.mean():.1g} on average); the theorem says at none."
    )
    claim = "Drafts without replacement beat drafts with."
    return _finding("without", claim, numbers, note if len(found) else "")


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
    claim = "Greedy's verifier reaches greedy's own bound (a theorem)."
    note = (
        "Bound and rate are computed by one formula, so that this checks the program, not the theorem: "
        f"at every position, to {TOLERANCE:g}. A largest value has no standard error."
    )
    return Finding("greedy", claim, tuple(numbers), note)


OFTEN = "The paper says often, and not at high temperature; judged here at every temperature."


def greedy_beats_with(frame: pd.DataFrame) -> Finding:
    """Compare greedy drafts with drafts with replacement at all temperatures."""
    claim = "Greedy drafts beat drafts with replacement."
    return _finding("greedy_with", claim, _greedy_minus(frame, WITH, "with"), OFTEN)


def greedy_beats_without(frame: pd.DataFrame) -> Finding:
    """Compare greedy drafts with drafts without replacement at all temperatures."""
    claim = "Greedy drafts beat drafts without replacement."
    return _finding("greedy_without", claim, _greedy_minus(frame, WITHOUT, "without"), OFTEN)


def _greedy_minus(frame: pd.DataFrame, scheme: str, name: str) -> list[Number]:
    return differences(frame, f"α* greedy − α* {name}", GREEDY, scheme)


def greedy_when_cold(frame: pd.DataFrame) -> Finding:
    """Compare greedy with both other schemes at low temperatures, where there are all three."""
    cold = frame[frame["temperature"] <= LOW]
    halves = [_greedy_minus(cold, WITH, "with"), _greedy_minus(cold, WITHOUT, "without")]
    both = set.intersection(*({x.condition for x in half} for half in halves))
    numbers = [x for half in halves for x in half if x.condition in both]
    claim = f"At low temperature (T ≤ {LOW:g}) greedy drafts beat drafts with and without replacement."
    return _finding("cold", claim, numbers, f"The cut T ≤ {LOW:g} is ours; a condition needs both leads.")


def greedy_when_hot(frame: pd.DataFrame) -> Finding:
    """Compare greedy with both other schemes at high temperatures; a positive number is its loss."""
    hot = frame[frame["temperature"] >= HIGH]
    numbers = [
        x
        for scheme, name in ((WITH, "with"), (WITHOUT, "without"))
        for x in differences(hot, f"α* {name} − α* greedy", scheme, GREEDY)
    ]
    claim = f"At high temperature (T ≥ {HIGH:g}) greedy drafts can fall behind."
    note = (
        f"The cut T ≥ {HIGH:g} is ours. It says that this can happen, so that one condition confirms it."
    )
    return Finding("hot", claim, signed(numbers), note, everywhere=False)


def rrs_gap_is_smaller_without(frame: pd.DataFrame) -> Finding:
    """Compare the gaps of recursive rejection sampling with and without replacement."""
    numbers = []
    for condition, rows in conditions(_gaps_of_rrs(frame)):
        slack = width_of(rows, "width", "width_without") + float(rows["error_without"].mean())
        numbers.append(
            number(
                condition,
                rows,
                "gap of RRS with − gap of RRS without",
                rows["gap"] - rows["gap_without"],
                slack,
            )
        )
        numbers += [
            number(
                condition, rows, f"gap / α*, RRS {name}", _relative(rows[gap], rows[bound]), decides=False
            )
            for name, gap, bound in (
                ("with", "gap", "bound"),
                ("without", "gap_without", "bound_without"),
            )
        ]
    claim = "RRS misses its bound by less without replacement than with."
    note = (
        "The paper calls the former close; how close is only shown, as mean gap / mean α*. Judged is the "
        "difference of the gaps at the same positions."
    )
    return _finding("rrs", claim, numbers, note)


def _gaps_of_rrs(frame: pd.DataFrame) -> pd.DataFrame:
    """Return bounds, gaps, widths of enclosures and errors of rates where both schemes have a rate."""
    name = "rrs_without_replacement"
    error = frame[f"{name}_error"].fillna(0.0) if f"{name}_error" in frame else 0.0
    width = (frame["alpha"] - frame["lower"]).clip(lower=0.0).fillna(0.0)
    columns = {
        "bound": (WITH, "alpha"),
        "rate": (WITH, "rrs"),
        "width": (WITH, "width"),
        "bound_without": (WITHOUT, "alpha"),
        "rate_without": (WITHOUT, name),
        "width_without": (WITHOUT, "width"),
        "error_without": (WITHOUT, "error"),
    }
    found = at_positions(frame.assign(width=width, error=error), columns)
    found["gap"] = found["bound"] - found["rate"]
    found["gap_without"] = found["bound_without"] - found["rate_without"]
    return found


def _relative(part: pd.Series, whole: pd.Series) -> pd.Series:
    """Return values whose mean is the ratio of two means and whose error is that of it linearised."""
    ratio = part.mean() / whole.mean()
    return ratio + (part - ratio * whole) / whole.mean()


def truncation_beats_greedy(frame: pd.DataFrame) -> Finding:
    """Compare i.i.d. drafts from q cut to its top k with greedy drafts from all of q (Thomas and Pal)."""
    numbers = _cut_minus_greedy(frame, "")
    claim = f"I.i.d. drafts from q cut to its top k ≥ {LEAST_CUT} beat greedy drafts."
    note = f"The greedy ones are from all of q. {_largest(frame, numbers)}"
    return Finding("top_k", claim, signed(numbers), note, everywhere=False)


def both_cut_beats_greedy(frame: pd.DataFrame) -> Finding:
    """Compare i.i.d. and greedy drafts that are both from q cut to its top k (Thomas and Pal)."""
    numbers = _cut_minus_greedy(frame, "@top{0}")
    claim = f"I.i.d. drafts beat greedy drafts where both are from q cut to its top k ≥ {LEAST_CUT}."
    note = f"The target is whole. {_largest(frame, numbers, '@top{0}')}"
    return Finding("both_cut", claim, signed(numbers), note, everywhere=False)


def _cut_minus_greedy(frame: pd.DataFrame, cut_of_greedy: str) -> list[Number]:
    """Return α* of cut i.i.d. drafts less α* of greedy ones, themselves cut as the form says."""
    numbers: list[Number] = []
    there = schemes_of(frame)
    for scheme in there:
        cut = re.fullmatch(rf"{WITH}@top(\d+)", scheme)
        rival = GREEDY + cut_of_greedy.format(cut[1]) if cut else ""
        if cut and int(cut[1]) >= LEAST_CUT and rival in there:
            what = f"α* with, top {cut[1]} − α* {scheme_label(rival)}"
            numbers += differences(frame, what, scheme, rival)
    return numbers


def _largest(frame: pd.DataFrame, numbers: list[Number], cut_of_greedy: str = "") -> str:
    """Tell the largest gain, also relative to greedy drafts, without judging its size."""
    if not numbers:
        return f"Needs rows of schemes such as {WITH}@top100 and {GREEDY}{cut_of_greedy.format(100)}."
    top = max(numbers, key=lambda x: x.estimate.mean)
    rival = GREEDY + cut_of_greedy.format(top.what.split("top ")[1].split()[0])
    greedy = next(rows for at, rows in conditions(frame, rival) if at == top.condition)
    share = top.estimate.mean / greedy["alpha"].mean()
    return (
        f"Largest mean gain {top.estimate.mean:.4f}, {100 * share:.1f} % of α* greedy "
        f"({top.pair}, T = {top.temperature:g}, n = {top.n}); Thomas and Pal report up to about 2 %, "
        "so that one condition confirms that it happens, and the size is not judged."
    )
