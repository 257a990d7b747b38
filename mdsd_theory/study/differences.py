"""Numbers of a claim: means under every pair, temperature and n of a frame."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from mdsd_theory.study.clusters import clustered_mean, strata_of
from mdsd_theory.study.finding import Number
from mdsd_theory.study.labels import OURS, verifiers_of
from mdsd_theory.study.rows import at_positions

if TYPE_CHECKING:
    import pandas as pd

CONDITION = ["pair", "temperature", "n"]


def differences(frame: pd.DataFrame, what: str, one: str, other: str) -> list[Number]:
    """Return the mean of α* of a scheme minus α* of another, at the same positions, under each condition.

    With the enclosures [lower, α*] of both, a mean errs by at most the larger of the two mean widths.
    """
    joined = bounds_of(frame, one, other)
    joined["difference"] = joined["one"] - joined["other"]
    return [
        number(condition, rows, what, rows["difference"], width_of(rows, "one_width", "other_width"))
        for condition, rows in conditions(joined)
    ]


def bounds_of(frame: pd.DataFrame, one: str, other: str) -> pd.DataFrame:
    """Return α* of two schemes, ``one`` and ``other``, and the widths of their enclosures."""
    wide = frame.assign(width=(frame["alpha"] - frame["lower"]).clip(lower=0.0).fillna(0.0))
    columns = {"one": (one, "alpha"), "other": (other, "alpha")}
    columns |= {"one_width": (one, "width"), "other_width": (other, "width")}
    return at_positions(wide, columns)


def width_of(rows: pd.DataFrame, *names: str) -> float:
    """Return the largest mean of some columns of widths: what a difference of two bounds can err by."""
    return max(float(rows[name].mean()) for name in names)


def conditions(
    frame: pd.DataFrame, scheme: str | None = None
) -> Iterator[tuple[tuple[str, float, int], pd.DataFrame]]:
    """Yield pair, temperature and n, and the rows there: of a scheme, or all."""
    rows = frame if scheme is None else frame[frame["scheme"] == scheme]
    keys: Any
    for keys, some in rows.groupby(CONDITION, observed=True):
        yield (str(keys[0]), float(keys[1]), int(keys[2])), some


def number(
    condition: tuple[str, float, int],
    rows: pd.DataFrame,
    what: str,
    values: pd.Series,
    slack: float = 0.0,
    decides: bool = True,
) -> Number:
    """Return the mean of values that stand beside rows; their tasks are strata."""
    estimate = clustered_mean(values, rows["cluster"], strata_of(rows))
    return Number(*condition, what, estimate, slack, decides)


def existing_verifiers(rows: pd.DataFrame) -> list[str]:
    """Return the verifiers of some rows that the paper compares, from the smallest gap on.

    Gaps are those at the positions where all these verifiers have a rate, if there are any.
    """
    names = [x for x in verifiers_of(rows) if x not in ("naive", OURS)]
    common = rows.dropna(subset=names)
    if common.empty:
        common = rows
    gaps = {name: float((common["alpha"] - common[name]).mean()) for name in names}
    return sorted(names, key=gaps.__getitem__)


def slack_of(rows: pd.DataFrame, verifier: str) -> float:
    """Return the mean error of α* − rate that is not from sampling: of an enclosure and of the rate."""
    known = rows[rows[verifier].notna()]
    return float((known["alpha"] - known["lower"]).clip(lower=0).mean()) + error_of(known, verifier)


def error_of(rows: pd.DataFrame, verifier: str) -> float:
    """Return the mean error of a verifier's rates where it has some: 0 without a column of errors."""
    column = f"{verifier}_error"
    return float(rows.loc[rows[verifier].notna(), column].fillna(0).mean()) if column in rows else 0.0
