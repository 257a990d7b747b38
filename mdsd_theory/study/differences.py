"""Numbers of a claim: means under every pair, temperature and n of a frame."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from mdsd_theory.study.clusters import clustered_mean, grouped_means
from mdsd_theory.study.finding import Number
from mdsd_theory.study.labels import OURS, verifiers_of
from mdsd_theory.study.rows import at_positions

if TYPE_CHECKING:
    import pandas as pd

CONDITION = ["pair", "temperature", "n"]

Column = tuple[str, str]
"""Scheme and column."""


def differences(frame: pd.DataFrame, what: str, one: Column, other: Column) -> list[Number]:
    """Return the mean of one column minus another, at the same positions, under each condition."""
    joined = at_positions(frame, {"one": one, "other": other})
    joined["difference"] = joined["one"] - joined["other"]
    return [
        Number(str(pair), float(temperature), int(n), what, estimate)
        for (pair, temperature, n), estimate in grouped_means(joined, "difference", CONDITION)
    ]


def conditions(frame: pd.DataFrame, scheme: str) -> Iterator[tuple[tuple[str, float, int], pd.DataFrame]]:
    """Yield pair, temperature and n, and the rows of a scheme there."""
    rows = frame[frame["scheme"] == scheme]
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
    """Return the mean of values that stand beside rows."""
    estimate = clustered_mean(values.to_numpy(), rows["cluster"].to_numpy())
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
