"""The transport problem: sets of drafts on one side, tokens on the other, an edge for i ∈ S."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mdsd_theory.errors import InputError, InputTypeError
from mdsd_theory.reference.check import Number, SetLaw, is_exact, shown, total

if TYPE_CHECKING:
    from scipy.sparse import csr_array

SUM_TOLERANCE = 1e-9
"""How far a sum of float probabilities may be from one."""


@dataclass(frozen=True, eq=False, repr=False)
class TransportProblem:
    """The bipartite program that defines α*; build it with :func:`transport_problem`.

    maximise Σ c(S,i)  s.t.  Σ_{i∈S} c(S,i) ≤ w(S),  Σ_{S∋i} c(S,i) ≤ p_i,  c ≥ 0.

    Attributes
    ----------
    p : tuple of numbers, shape (V,)
    sets : tuple of frozenset
        The sets of positive probability, by size, then lexicographically.
    w : tuple of numbers
        Their probabilities.
    edge_set, edge_token : int arrays, shape (number of edges,)
        Edge e joins ``sets[edge_set[e]]`` to the token ``edge_token[e]``.
    exact : bool
        All numbers are Fractions; else all are floats.
    """

    p: tuple[Number, ...]
    sets: tuple[frozenset[int], ...]
    w: tuple[Number, ...]
    edge_set: NDArray[np.intp]
    edge_token: NDArray[np.intp]
    exact: bool

    @property
    def V(self) -> int:  # noqa: N802
        """Size of the vocabulary."""
        return len(self.p)

    @cached_property
    def law(self) -> SetLaw:
        """The set law, without sets of weight zero."""
        return dict(zip(self.sets, self.w, strict=True))

    def set_incidence(self) -> csr_array[Any, tuple[int, int]]:
        """Return the sparse 0/1 matrix of shape (sets, edges): which edge leaves which set."""
        return _incidence(self.edge_set, len(self.sets))

    def token_incidence(self) -> csr_array[Any, tuple[int, int]]:
        """Return the sparse 0/1 matrix of shape (V, edges): which edge enters which token."""
        return _incidence(self.edge_token, self.V)

    def integer_masses(self) -> tuple[list[int], list[int], int]:
        """Return p and w times a common denominator D, and D; a float is the fraction it stores."""
        p, w = ([Fraction(x) for x in masses] for masses in (self.p, self.w))
        scale = math.lcm(*(x.denominator for x in (*p, *w)))
        return [int(x * scale) for x in p], [int(x * scale) for x in w], scale

    def __repr__(self) -> str:
        numbers = "Fractions" if self.exact else "floats"
        return f"TransportProblem({describe(self)}, {numbers})"


def describe(problem: TransportProblem) -> str:
    """Return the sizes of a problem, for messages."""
    edges = len(problem.edge_set)
    return f"V = {problem.V}, {len(problem.sets)} sets, {edges} edges"


def transport_problem(p: Sequence[Number], law: SetLaw) -> TransportProblem:
    """Return the transport problem of a target p and a set law w.

    Numbers stay Fractions when all are Fractions or ints, else all become floats. Sets of weight
    zero are dropped: they ask nothing.

    Parameters
    ----------
    p : sequence of numbers, shape (V,)
        Target distribution.
    law : mapping of frozenset to number
        w(S), the probability that S is the set of distinct drafts.

    Returns
    -------
    TransportProblem

    Raises
    ------
    InputError
        A negative number, a token outside 0 … V−1, the empty set in the law, or p or w not summing
        to one (within 1e-9 for floats, exactly for Fractions).
    InputTypeError
        A key that is not a frozenset of ints, or a value that is not a real number.

    Notes
    -----
    O(number of edges). Source: Hu et al. 2025 (arXiv 2502.18779), section on the transport problem,
    with tuples of drafts collapsed to sets.

    Examples
    --------
    >>> law = {frozenset({0, 1}): Fraction(1, 3), frozenset({0, 2}): Fraction(2, 3)}
    >>> transport_problem([Fraction(1, 2), 0, Fraction(1, 2)], law)
    TransportProblem(V = 3, 2 sets, 4 edges, Fractions)
    """
    exact = is_exact([*p, *law.values()])
    target = _distribution(p, exact, "p")
    weights = _distribution(law.values(), exact, "the set law")
    _check_sets(law, len(target))
    members = [(drafts, sorted(drafts)) for drafts in law]
    found = [(*m, x) for m, x in zip(members, weights, strict=True) if x > 0]
    found.sort(key=lambda row: (len(row[1]), row[1]))
    return TransportProblem(
        p=target,
        sets=tuple(drafts for drafts, _, _ in found),
        w=tuple(weight for _, _, weight in found),
        edge_set=np.repeat(np.arange(len(found)), [len(tokens) for _, tokens, _ in found]),
        edge_token=np.array([i for _, tokens, _ in found for i in tokens], dtype=np.intp),
        exact=exact,
    )


def _distribution(values: Iterable[Number], exact: bool, name: str) -> tuple[Number, ...]:
    """Return the values as Fractions or as floats, checked."""
    try:
        masses: list[Number] = [Fraction(x) if exact else float(x) for x in values]
    except (TypeError, ValueError) as error:
        raise InputTypeError(f"{name} holds a value that is not a real number: {error}") from None
    if not masses or not all(x >= 0 for x in masses):
        raise InputError(f"{name} is empty or has a negative or undefined entry; expected all ≥ 0")
    mass = total(masses)
    tolerance: Number = 0 if exact else SUM_TOLERANCE
    if not -tolerance <= mass - 1 <= tolerance:
        raise InputError(f"{name} sums to {shown(mass)}; expected 1: divide by the sum first")
    return tuple(masses)


def _check_sets(law: Mapping[frozenset[int], Number], V: int) -> None:
    """Raise unless every key is a non-empty frozenset of tokens below V."""
    for drafts in law:
        if not isinstance(drafts, frozenset):
            raise InputTypeError(f"the set law has the key {drafts!r}; expected a frozenset of ints")
        if not drafts:
            raise InputError("the set law holds the empty set; expected at least one draft")
    tokens: frozenset[Any] = frozenset().union(*law)
    for token in tokens:
        if not isinstance(token, int | np.integer):
            raise InputTypeError(f"the set law holds the token {token!r}; expected an int")
        if not 0 <= token < V:
            raise InputError(f"the set law holds the token {token}; expected 0 … {V - 1}")


def _incidence(rows: NDArray[np.intp], height: int) -> csr_array[Any, tuple[int, int]]:
    """Return the 0/1 matrix with a one in each column e, at row ``rows[e]``."""
    from scipy.sparse import csr_array

    columns = np.arange(len(rows))
    return csr_array((np.ones(len(rows)), (rows, columns)), shape=(height, len(rows)))
