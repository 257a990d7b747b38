"""What the optimal verifier gains over the best existing one, in acceptance and in tokens."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from mdsd_theory.study.differences import conditions, error_of, existing_verifiers, number
from mdsd_theory.study.finding import Finding, Number, signed, verdict_of
from mdsd_theory.study.labels import OURS, scheme_label, verifier_label

if TYPE_CHECKING:
    import pandas as pd

LEVELS = 4
"""Depth of the deeper tree, as of the paper's trees of two drafts a node."""


def expected_tokens(rate: float, levels: int) -> float:
    r"""Return the expected tokens of one call of the target.

    .. math:: 1 + a + a^2 + \dots + a^d

    for a tree of d levels with n drafts a node, each level accepted with the chance a whatever came
    before; one level gives 1 + a.

    Examples
    --------
    >>> expected_tokens(0.5, 1), expected_tokens(0.5, 3)
    (1.5, 1.875)
    """
    return sum(rate**level for level in range(levels + 1))


def _slope(rate: float, levels: int) -> float:
    return sum(level * rate ** (level - 1) for level in range(1, levels + 1))


def optimal_gains(frame: pd.DataFrame) -> Finding:
    """Compare ``optimal`` with the best existing verifier of each scheme at the same positions."""
    found = signed(
        x
        for scheme in ("with_replacement", "without_replacement")
        for condition, rows in conditions(frame, scheme)
        for x in _gains(condition, scheme, rows)
    )
    note = (
        f"Tokens of one call: 1 + a + … + a^{LEVELS} for {LEVELS} levels of equal, independent "
        "acceptance a, its mean over positions; with one level, 1 + a, the gain in tokens is that in "
        "acceptance."
    )
    claim = "The verifier optimal accepts more than the best existing verifier."
    return Finding("optimal", claim, verdict_of(found), found, note)


def _gains(condition: tuple[str, float, int], scheme: str, rows: pd.DataFrame) -> Iterator[Number]:
    if OURS not in rows or rows[OURS].isna().all():
        return
    rows = rows[rows[OURS].notna()]
    rivals = existing_verifiers(rows)
    if not rivals:
        return
    rows = rows[rows[rivals[0]].notna()]
    ours, rival = rows[OURS], rows[rivals[0]]
    name = f"{scheme_label(scheme)}: optimal − {verifier_label(rivals[0])}"
    slack = error_of(rows, OURS) + error_of(rows, rivals[0])
    yield number(condition, rows, f"{name}, acceptance", ours - rival, slack)
    yield _tokens(condition, rows, f"{name}, tokens of {LEVELS} levels", ours, rival)


def _tokens(
    condition: tuple[str, float, int], rows: pd.DataFrame, what: str, ours: pd.Series, rival: pd.Series
) -> Number:
    """Return the difference of expected tokens at the mean rates, its error by the delta method."""
    ends = [
        expected_tokens(mean, LEVELS) + _slope(mean, LEVELS) * (rates - mean)
        for mean, rates in ((float(ours.mean()), ours), (float(rival.mean()), rival))
    ]
    return number(condition, rows, what, ends[0] - ends[1], decides=False)
