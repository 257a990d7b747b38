"""Any explicit law over tuples of drafts."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Real
from typing import Any, ClassVar

import numpy as np

from mdsd_theory.arrays import Array, Backend
from mdsd_theory.distributions import Rows
from mdsd_theory.errors import InputError, InputTypeError
from mdsd_theory.schemes.base import Number, Scheme, SetLaw, positive
from mdsd_theory.schemes.checks import implied_n
from mdsd_theory.schemes.drawing import draw


class Joint(Scheme):
    """Draft a tuple (X_1 … X_n) from an explicit law, given as ``{(x_1, ..., x_n): probability}``.

    The law takes q's place: ``compare(p, {(0, 1): 0.5, (1, 2): 0.5}, scheme="joint")``.

    Examples
    --------
    >>> Joint().set_law({(0, 1): 0.5, (1, 0): 0.25, (2, 2): 0.25}, 2)
    {frozenset({0, 1}): 0.75, frozenset({2}): 0.25}
    """

    name: ClassVar[str] = "joint"
    summary: ClassVar[str] = "an explicit law over tuples of drafts"
    draft: ClassVar[str] = "law"

    def set_law(self, q: Mapping[tuple[int, ...], Number], n: int) -> SetLaw:
        """Collapse the law over tuples to one over sets (see :meth:`Scheme.set_law`)."""
        law: dict[frozenset[int], Number] = defaultdict(int)
        for drafts, weight in q.items():
            law[frozenset(drafts)] += weight
        return positive(law)

    def can_draw(self, q: Mapping[tuple[int, ...], Number], drafts: tuple[int, ...]) -> bool:
        """Tell whether the law gives the tuple positive probability."""
        return bool(q.get(drafts, 0) > 0)

    def tuple_law(self, q: Mapping[tuple[int, ...], Number], n: int) -> dict[tuple[int, ...], Number]:
        """Return the law itself, without tuples of probability zero."""
        return {drafts: weight for drafts, weight in q.items() if weight > 0}

    def _drafted(self, q: Any, n: int) -> Rows:
        implied_n(n, check_law(q))
        backend = Backend("numpy", np.dtype(np.float64), "cpu")
        weights = backend.array([[float(weight) for weight in q.values()]])
        return LawRows(weights / weights.sum(), (), backend, backend.xp.asarray(list(q)))

    def _draw(self, rows: Rows, n: int, count: int, generator: Any) -> Array:
        assert isinstance(rows, LawRows)
        return rows.tuples[draw(rows.backend, rows.x, count, generator)]


@dataclass(frozen=True)
class LawRows(Rows):
    """The weights of a law as one row, beside its tuples (an array of int, one line a tuple)."""

    tuples: Array


def check_law(law: Any, vocabulary: float = math.inf) -> int:
    """Check a law over tuples and return n, the length of its tuples.

    Raises
    ------
    InputTypeError, InputError
        When it is not a mapping from equally long, non-empty tuples of token indices below V to
        non-negative numbers that sum to one (within 1e-9).
    """
    n = check_tuples(law, vocabulary)
    for drafts, weight in law.items():
        if isinstance(weight, bool) or not isinstance(weight, Real):
            raise InputTypeError(f"the joint law gives {drafts} the weight {weight!r}; expected a number")
        if not float(weight) >= 0:
            raise InputError(f"the joint law gives {drafts} the weight {weight}; expected it >= 0")
    total = sum(law.values())
    if not abs(total - 1) <= 1e-9:
        raise InputError(f"the joint law sums to {float(total):.10g}; expected 1 within 1e-9")
    return n


def check_tuples(law: Any, vocabulary: float = math.inf) -> int:
    """Check the tuples of a law, whatever its weights, and return their length."""
    if not isinstance(law, Mapping):
        raise InputTypeError(
            "scheme 'joint' needs q as a mapping {(x_1, ..., x_n): probability}; got "
            f"{type(law).__name__}"
        )
    if not law:
        raise InputError("scheme 'joint' got an empty law; expected at least one tuple of drafts")
    for drafts in law:
        _check_tuple(drafts, vocabulary)
    lengths = {len(drafts) for drafts in law}
    if len(lengths) > 1:
        raise InputError(f"the tuples of the joint law have lengths {sorted(lengths)}; expected one n")
    return int(lengths.pop())


def _check_tuple(drafts: Any, vocabulary: float) -> None:
    if not isinstance(drafts, tuple) or not drafts:
        raise InputTypeError(f"the joint law has the key {drafts!r}; expected a non-empty tuple")
    for token in drafts:
        if isinstance(token, bool) or not hasattr(token, "__index__"):
            raise InputTypeError(f"the joint law has the draft {token!r}; expected a token index")
        if not 0 <= token < vocabulary:
            raise InputError(
                f"the joint law drafts token {token}; expected an index from 0 to {vocabulary - 1}"
            )
