"""A sequential test of whole tuples of drafts, for schemes whose law over tuples can be listed."""

from __future__ import annotations

from typing import Any

import numpy as np

from mdsd_theory.arrays import Array
from mdsd_theory.auditing.e_process import EProcess
from mdsd_theory.errors import InputError, SizeError
from mdsd_theory.schemes.base import Scheme

MAX_ORDERED = 1000
"""Beyond this vocabulary the order of the drafts is not looked at."""


class TupleTest:
    """Evidence against a law over tuples, or over sets where the scheme knows no order.

    Attributes
    ----------
    evidence : EProcess
        Over the tuples listed, and one more of probability zero for all others.
    """

    def __init__(self, scheme: Scheme, q: Any, n: int, vocabulary: int) -> None:
        law, self.ordered = _law(scheme, q, n, vocabulary)
        weights = np.array([float(w) for w in law.values()] + [0.0])
        self.keys = list(law)
        self._place = {key: i for i, key in enumerate(law)}
        self.evidence = EProcess(weights / weights.sum())

    def places(self, drafts: Array) -> Array:
        """Return the place of each row in the law; that of no tuple is the last."""
        rows = map(tuple if self.ordered else frozenset, drafts.tolist())
        return np.array([self._place.get(row, len(self._place)) for row in rows], dtype=np.int64)

    def impossible(self, drafts: Array) -> tuple[int, str] | None:
        """Return the first row that has probability zero, and why."""
        never = np.flatnonzero(self.places(drafts) == len(self._place))
        if never.size == 0:
            return None
        return int(never[0]), f"drafts {drafts[never[0]].tolist()} have probability zero"

    def add(self, drafts: Array) -> None:
        """Count more tuples."""
        self.evidence.add(self.places(drafts))


def _law(scheme: Scheme, q: Any, n: int, vocabulary: int) -> tuple[dict[Any, Any], bool]:
    """Return the law over tuples, else over sets, and whether it is over tuples."""
    if scheme.draft == "law" or vocabulary <= MAX_ORDERED:
        try:
            return dict(scheme.tuple_law(q, n)), True
        except (InputError, SizeError):
            pass
    return dict(scheme.set_law(q, n)), False
