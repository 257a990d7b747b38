"""Target and draft as functions from a path of tokens to the law of the next one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from mdsd_theory.errors import InputError
from mdsd_theory.rationals import exact_distribution
from mdsd_theory.schemes.base import Number

Tokens = tuple[int, ...]

NextToken = Callable[[Tokens], Sequence[Number]]
"""Path of tokens → distribution of the next, shape (V,): floats, or fractions for exact laws."""


@dataclass(frozen=True)
class Language:
    """A target and a draft model.

    Attributes
    ----------
    target, draft : callable
        p(·|u) and q(·|u) for a path u.
    """

    target: NextToken
    draft: NextToken


def markov(first: Sequence[Any], rows: Sequence[Sequence[Any]]) -> NextToken:
    """Return a Markov model in fractions: the law of the first token, then that after each token.

    Parameters
    ----------
    first : sequence, shape (V,)
    rows : sequence of sequence, shape (V, V)
        Fractions, strings such as ``"1/3"``, or floats at their exact binary value.

    Examples
    --------
    >>> coin = markov(["1/2", "1/2"], [["1/4", "3/4"], ["1/2", "1/2"]])
    >>> [str(x) for x in coin((1, 0))]
    ['1/4', '3/4']
    """
    start = tuple(exact_distribution(first, "first"))
    after = [tuple(exact_distribution(row, f"rows[{i}]")) for i, row in enumerate(rows)]
    if {len(start), *map(len, after)} != {len(after)}:
        raise InputError(
            f"first has {len(start)} entries and rows {len(after)} of {sorted(set(map(len, after)))}; "
            "expected V entries and V rows of V"
        )
    return lambda u: after[u[-1]] if u else start
