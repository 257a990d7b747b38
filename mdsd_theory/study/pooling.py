"""Which captures may be read together as one experiment."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mdsd_theory.errors import InputError, UnfinishedCaptureWarning

if TYPE_CHECKING:
    import pandas as pd

SAME = ("target", "draft", "generation_temperature", "max_tokens", "dtype", "chat_template")
"""Settings in which captures of one pair must agree."""

CELL = ["temperature", "n", "scheme"]
ANSWER = ["prompt", "turn"]

FIRST_WORDS = 24
"""Tokens by which two answers are told apart: in half precision later ones may differ by rounding."""


def warn_of_unfinished(folders: Sequence[Path], manifests: Sequence[Mapping[str, Any]]) -> None:
    """Warn of captures that were cut short: their first prompts may be no sample of all."""
    for folder, manifest in zip(folders, manifests, strict=True):
        if "finished" in manifest and manifest["finished"] is None:
            warnings.warn(
                f"{folder} is not finished; run its command again to go on where it stopped",
                UnfinishedCaptureWarning,
                stacklevel=3,
            )


def require_one_experiment(
    folders: Sequence[Path], manifests: Sequence[Mapping[str, Any]], frames: Sequence[pd.DataFrame]
) -> None:
    """Refuse folders of one pair that differ in a setting, or hold the same answers under one condition.

    Raises
    ------
    InputError
    """
    read = list(zip(folders, manifests, frames, strict=True))
    for (one, its, rows), (other, others, more) in combinations(read, 2):
        if rows["pair"].iloc[0] != more["pair"].iloc[0]:
            continue
        mine, theirs = its.get("settings", {}), others.get("settings", {})
        for name in SAME:
            if mine.get(name) != theirs.get(name):
                raise InputError(
                    f"{one} and {other} are of one pair, but {name} is {mine.get(name)} in the one and "
                    f"{theirs.get(name)} in the other; means over both would mix them: read them apart"
                )
        _require_other_answers(one, other, rows, more)


def _require_other_answers(one: Path, other: Path, rows: pd.DataFrame, more: pd.DataFrame) -> None:
    cells = [x[CELL].drop_duplicates() for x in (rows, more)]
    both = cells[0].merge(cells[1])
    if both.empty:
        return
    shared = both.iloc[:1]
    answers, others = (_answers(x.merge(shared)) for x in (rows, more))
    twice, fewer = len(answers & others), min(len(answers), len(others))
    if 2 * twice > fewer:
        where = ", ".join(f"{x} = {shared[x].iloc[0]}" for x in CELL)
        raise InputError(
            f"{one} and {other} hold the same answers ({twice} of {fewer}) under one "
            f"condition ({where}); their rows would count twice: read them apart"
        )


def _answers(rows: pd.DataFrame) -> set[tuple[int, ...]]:
    """Return the first tokens of each answer."""
    ordered = rows[rows["position"] < FIRST_WORDS].sort_values("position")
    return {tuple(x) for _, x in ordered.groupby(ANSWER)["token"]}
