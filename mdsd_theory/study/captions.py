"""What is said above Table 1: what was measured, of which answers, what the marks and names mean."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mdsd_theory.study.blocks import PART, Block, drawn, schemes_without_gap
from mdsd_theory.study.labels import ONE_DRAFT, scheme_label, verifier_label
from mdsd_theory.study.table import ALL, MEAN, THESE

if TYPE_CHECKING:
    import pandas as pd


def caption(table: pd.DataFrame, mark: str = "Bold") -> str:
    """Return what a table shows; ``mark`` is how cells stand out."""
    shown = table[~table["scheme"].isin(schemes_without_gap(table))]
    parts = (
        f"Acceptance rates {condition(table)}: mean over positions ± standard error clustered by prompt.",
        drawn(table),
        str(table["sample"].iloc[0]),
        _pooled(table),
        "One draft: 1 − total variation." if (table["scheme"] == ONE_DRAFT).any() else "",
        "Naive: a token drawn from the target, accepted if it was drafted."
        if (shown["verifier"] == "naive").any()
        else "",
        _marked(table, mark),
        _parts(table),
        _left_out(table),
    )
    return " ".join(filter(None, parts))


def condition(table: pd.DataFrame) -> str:
    """Return at which temperature and with how many drafts."""
    first = table.iloc[0]
    drafts = "draft" if first["n"] == 1 else "drafts"
    return f"at temperature {first['temperature']:g} with n = {first['n']} {drafts}"


def short_caption(table: pd.DataFrame, block: Block) -> str:
    """Return what a block of verifiers shows, for one that stands apart from the caption."""
    return f"Acceptance rates of the verifiers of the scheme {block.title} {condition(table)}."


def _pooled(table: pd.DataFrame) -> str:
    names = [x for x in (ALL, THESE) if (table["task"] == x).any()]
    if not names:
        return ""
    positions = "positions in the sample" if table["sample"].any() else "positions"
    return (
        f"In {' and '.join(names)} a task weighs by its {positions}, in {MEAN} all weigh the same; the "
        "standard errors of both take the tasks as fixed."
    )


def _marked(table: pd.DataFrame, mark: str) -> str:
    parts = (
        "the largest α* of the draft schemes"
        if table[table["scheme"] != ONE_DRAFT]["scheme"].nunique() > 1
        else "",
        "the existing verifier nearest to its scheme's bound α* (naive and optimal are none)"
        if table["best"].any()
        else "",
    )
    told = "; among verifiers, ".join(filter(None, parts))
    return f"{mark}: {told}." if told else ""


def _parts(table: pd.DataFrame) -> str:
    """Tell at how many positions the rates are known that are known at a sample of them."""
    lines = table[table["task"] != MEAN]
    whole = lines[lines["task"] == lines.groupby("pair", sort=False)["task"].transform("last")]
    some = whole[whole["part"]].groupby(["scheme", "verifier"], sort=False)[["positions", "of"]].sum()
    if some.empty:
        return ""
    told = ", ".join(
        f"{known:,} of {of:,} positions ({scheme_label(scheme)}: {verifier_label(verifier)})"
        for (scheme, verifier), known, of in some.itertuples(name=None)
    )
    return f"{PART}: α* less the mean gap where the rate is known: at {told}."


def _left_out(table: pd.DataFrame) -> str:
    names = [scheme_label(x) for x in schemes_without_gap(table)]
    if not names:
        return ""
    return f"Of {' and '.join(names)} α* alone is shown: all verifiers reach it."
