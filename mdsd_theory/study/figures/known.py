"""What rows know of a verifier's gap to the bound, and words for it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from mdsd_theory.study.blocks import PART
from mdsd_theory.study.figures.style import short_label
from mdsd_theory.study.finding import TOLERANCE
from mdsd_theory.study.labels import scheme_label, schemes_of, verifiers_of

if TYPE_CHECKING:
    import pandas as pd

AT_MOST = "at most"
"""Beside the name of a verifier whose gap is within the error of its rate."""


def gap_of(rows: pd.DataFrame, verifier: str) -> pd.Series:
    """Return α* − rate at the positions where it is known."""
    return (rows["alpha"] - rows[verifier]).dropna()


def is_part(rows: pd.DataFrame, verifier: str) -> bool:
    """Return whether a verifier's rate is known at some of the positions only."""
    return bool(0 < rows[verifier].notna().sum() < rows["alpha"].notna().sum())


def is_bounded(rows: pd.DataFrame, verifier: str) -> bool:
    r"""Return whether a verifier's gap is known from above only.

    With the gaps :math:`g_i` and the errors :math:`e_i` of its rates, it is where their means satisfy
    :math:`0 < \bar g \le \bar e`, each up to the captures' rounding: the rate may then reach the bound.
    """
    gap, error = gap_of(rows, verifier), _errors(rows, verifier)
    return error.size > 0 and bool(TOLERANCE < gap.mean() <= error.mean() + TOLERANCE)


def label_of(rows: pd.DataFrame, verifier: str) -> str:
    """Return a verifier's name in the panel of its scheme, with † where its rate is known in part."""
    return short_label(verifier) + PART * is_part(rows, verifier)


def gap_label_of(rows: pd.DataFrame, verifier: str) -> str:
    """Return the name of a verifier's gap: that of the verifier, and whether it is a bound."""
    name = label_of(rows, verifier)
    return f"{name}, {AT_MOST}" if is_bounded(rows, verifier) else name


def with_gap(frame: pd.DataFrame, schemes: Sequence[str]) -> list[str]:
    """Return the schemes in which the mean gap of some verifier of some pair is not zero."""
    return [
        scheme
        for scheme in schemes
        for rows in [frame[frame["scheme"] == scheme]]
        if any(
            abs(gap_of(some, name).mean()) > TOLERANCE
            for _, some in rows.groupby("pair", observed=True)
            for name in verifiers_of(some)
        )
    ]


def uncut(frame: pd.DataFrame) -> list[str]:
    """Return the schemes whose drafts are not cut to some likeliest tokens."""
    return [x for x in schemes_of(frame) if "@" not in x]


def left_out(frame: pd.DataFrame, shown: Iterable[str]) -> str:
    """Return which schemes have no panel as all of their verifiers reach the bound, as a sentence."""
    some = [x for x in uncut(frame) if verifiers_of(frame[frame["scheme"] == x])]
    names = [scheme_label(x) for x in some if x not in shown]
    return f"No panel for {' and '.join(names)}: every verifier reaches α* there." if names else ""


def parts_told(frame: pd.DataFrame, schemes: Iterable[str]) -> str:
    """Return at how many positions each rate is known that is known in part, as a sentence."""
    told = []
    for scheme, rows, name in _quantities(frame, schemes):
        if is_part(rows, name):
            known, there = rows[name].notna().sum(), rows["alpha"].notna().sum()
            told.append(f"{_title(scheme, name)} at {known:,} of {there:,} positions")
    return f"{PART}: known at a sample only, {'; '.join(told)}." if told else ""


def bounds_told(frame: pd.DataFrame, schemes: Iterable[str]) -> str:
    """Return which gaps are known from above only, and how large the errors are, as a sentence."""
    told = []
    for scheme, rows, name in _quantities(frame, schemes):
        some = [x for _, x in rows.groupby("pair", observed=True) if is_bounded(x, name)]
        if some:
            worst = max(float(_errors(x, name).max()) for x in some)
            mean = sum(_errors(x, name).sum() for x in some) / sum(_errors(x, name).size for x in some)
            told.append(f"{_title(scheme, name)} (error {mean:.1e} on average, {worst:.1e} at most)")
    if not told:
        return ""
    return (
        f"“{AT_MOST}”: the gap is the tolerance to which the rate was solved, an upper bound; it may lie "
        f"anywhere in the shade: {'; '.join(told)}."
    )


def _quantities(frame: pd.DataFrame, schemes: Iterable[str]) -> Iterable[tuple[str, pd.DataFrame, str]]:
    for scheme in schemes:
        rows = frame[frame["scheme"] == scheme]
        yield from ((scheme, rows, name) for name in verifiers_of(rows))


def _title(scheme: str, verifier: str) -> str:
    return f"{short_label(verifier)} {scheme_label(scheme)}"


def _errors(rows: pd.DataFrame, verifier: str) -> pd.Series:
    """Return the errors of a verifier's rates where known, 0 where exact; none without their column."""
    column = f"{verifier}_error"
    if column not in rows:
        return rows["alpha"].iloc[:0]
    return rows.loc[rows[verifier].notna(), column].fillna(0.0)
