"""What the optimal verifier gains over the best existing one, in acceptance and in tokens."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from mdsd_theory.study.blocks import PART
from mdsd_theory.study.clusters import NAN, combined_mean, rate_mean
from mdsd_theory.study.differences import conditions, error_of, existing_verifiers
from mdsd_theory.study.finding import Finding, Number, signed
from mdsd_theory.study.labels import OURS, scheme_label, verifier_label

if TYPE_CHECKING:
    import pandas as pd

Rate = TypeVar("Rate", float, "pd.Series")

LEVELS = 4
"""Depth of the deeper tree, as of the paper's trees of two drafts a node."""


def expected_tokens(rate: Rate, levels: int) -> Rate:
    r"""Return the expected tokens of one call of the target.

    .. math:: 1 + a + a^2 + \dots + a^d

    for a tree of d levels with n drafts a node, each level accepted with the chance a whatever came
    before; one level gives 1 + a.

    Examples
    --------
    >>> expected_tokens(0.5, 1), expected_tokens(0.5, 3)
    (1.5, 1.875)
    """
    tokens = 0.0 * rate + 1.0
    for _ in range(levels):
        tokens = tokens * rate + 1.0
    return tokens


def nodes(n: int, levels: int) -> int:
    """Return the nodes of a tree of d levels with n drafts a node, without its root: n + n² + … + nᵈ.

    Examples
    --------
    >>> nodes(3, 4)
    120
    """
    return sum(n**level for level in range(1, levels + 1))


def optimal_gains(frame: pd.DataFrame) -> Finding:
    """Compare ``optimal`` with the best existing verifier of each scheme, over all positions."""
    found = signed(
        x
        for scheme in ("with_replacement", "without_replacement")
        for condition, rows in conditions(frame, scheme)
        for x in _gains(condition, scheme, rows)
    )
    parts = [
        f"Tokens of one call: 1 + a + … + a^{LEVELS} for a tree of {LEVELS} levels, each accepted with "
        "the chance a whatever came before; with a the mean acceptance, or a position's own and then the "
        "mean over positions. How far the two are apart shows what the assumption is worth."
    ]
    if any(x.part for x in found):
        parts.append(f"{PART}: the rate is known at a sample of the positions, see the table.")
    claim = "The verifier optimal accepts more than the best existing verifier."
    return Finding("optimal", claim, found, " ".join(parts))


def _gains(condition: tuple[str, float, int], scheme: str, rows: pd.DataFrame) -> Iterator[Number]:
    rivals = existing_verifiers(rows)
    if OURS not in rows or not rivals or (rows[OURS] + rows[rivals[0]]).isna().all():
        return
    rival = rivals[0]
    name = f"{scheme_label(scheme)}: optimal − {verifier_label(rival)}"
    part = bool((rows["alpha"].notna() & rows[OURS].isna()).any())
    gaps = [(1.0, rows["alpha"] - rows[rival]), (-1.0, rows["alpha"] - rows[OURS])]
    slack = error_of(rows, OURS) + error_of(rows, rival) + _width(rows, part)
    gain = combined_mean(rows, gaps)
    yield Number(*condition, f"{name}, acceptance", gain, slack, part=part)
    tree = f"tokens of {LEVELS} levels ({nodes(condition[2], LEVELS)} nodes)"
    for way, tokens in (
        ("a of the mean", _of_means(rows, rival)),
        ("a by position", _by_position(rows, rival)),
    ):
        shown = replace(gain, mean=tokens, standard_error=NAN)
        yield Number(*condition, f"{name}, {tree}, {way}", shown, decides=False, part=part, digits=2)


def _width(rows: pd.DataFrame, part: bool) -> float:
    """Return what the enclosures of α* add: nothing where both means are over the same positions."""
    if not part:
        return 0.0
    widths = (rows["alpha"] - rows["lower"]).clip(lower=0.0)
    return max(float(widths.mean()), float(widths[rows[OURS].notna()].mean()))


def _of_means(rows: pd.DataFrame, rival: str) -> float:
    ends = [expected_tokens(rate_mean(rows, name).mean, LEVELS) for name in (OURS, rival)]
    return ends[0] - ends[1]


def _by_position(rows: pd.DataFrame, rival: str) -> float:
    """Return the mean difference of expected tokens over positions, by the difference estimator."""
    bound, ours, theirs = (expected_tokens(rows[x], LEVELS) for x in ("alpha", OURS, rival))
    return combined_mean(rows, [(1.0, bound - theirs), (-1.0, bound - ours)]).mean
