"""Orders of schemes and verifiers, and their names for people."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from mdsd_theory.verifiers import VERIFIERS

if TYPE_CHECKING:
    import pandas as pd

ONE_DRAFT = "one_draft"
"""What tables call a single draft beside the schemes of several."""

SCHEMES = {
    ONE_DRAFT: "one draft",
    "with_replacement": "with replacement",
    "without_replacement": "without replacement",
    "greedy": "greedy",
    "top_k": "top n",
    "spechub": "SpecHub",
}
NAMES = {
    "alpha": "α*",
    "naive": "naive",
    "rrs": "RRS",
    "rrs_without_replacement": "RRS without",
    "k_seq": "K-SEQ",
    "khisti": "Khisti",
    "greedy": "greedy",
    "spechub": "SpecHub",
    "optimal": "optimal",
}

OURS = "optimal"
"""The verifier that is not among the existing ones that the paper compares."""


def scheme_label(scheme: str) -> str:
    """Return the name of a scheme for people; ``top_k`` drafts the n likeliest tokens.

    Examples
    --------
    >>> scheme_label("with_replacement@top100")
    'with replacement, top 100'
    """
    name, at, cut = scheme.partition("@")
    label = SCHEMES.get(name, name)
    return label if not at else f"{label}, {cut.replace('top', 'top ')}"


def verifier_label(verifier: str) -> str:
    """Return the name of a verifier, or of the column ``alpha``, for people."""
    return NAMES.get(verifier, verifier)


def schemes_of(frame: pd.DataFrame) -> list[str]:
    """Return the schemes of some rows: one draft, with, without, greedy, then the others by name."""
    order = list(SCHEMES)
    found: Iterable[str] = frame["scheme"].unique()
    return sorted(found, key=lambda x: (order.index(x) if x in order else len(order), x))


def verifiers_of(frame: pd.DataFrame) -> list[str]:
    """Return the verifiers that some rows have a rate of."""
    return [name for name in VERIFIERS if name in frame and frame[name].notna().any()]
