"""The smallest counterexample that can be found in a few seconds."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from itertools import permutations
from typing import Any

from mdsd_theory.proving.instances import Pair
from mdsd_theory.proving.samples import grid_pairs

SECONDS = 3.0
"""Time for each of the two searches."""


def smallest(found: Any, refutes: Callable[[Any], bool], seconds: float = SECONDS) -> Any:
    """Return the smallest instance that still refutes a claim.

    All small fractions are tried first, by V, n and denominator; then, if none refutes, the instance
    found is made smaller step by step for as long as it goes on refuting.

    Parameters
    ----------
    found : instance
        One that refutes. Without a method ``smaller`` it is returned as it is.
    refutes : callable
        May raise for an instance that the claim is not about.
    seconds : float
        For each of the two searches.

    Examples
    --------
    >>> x = Pair.of("3/7 2/7 2/7", "1/7 1/7 5/7", 3)
    >>> print(smallest(x, lambda y: y.q[0] < y.p[0]))
    p = (1, 0), q = (0, 1), n = 1
    """
    if isinstance(found, Pair):
        for candidate in _within(_small_pairs(found), seconds):
            if candidate.size < found.size and _safely(refutes, candidate):
                return candidate
    return _descend(found, refutes, time.monotonic() + seconds)


def _small_pairs(found: Pair) -> Iterator[Pair]:
    """Yield pairs of every labelling, few tokens, few drafts and small denominators first."""
    for v in range(1, found.V + 1):
        for n in range(1, found.n + 1):
            for p, q in grid_pairs(v, 6 if v < 4 else 4):
                for cells in sorted(set(permutations(zip(p, q, strict=True)))):
                    yield Pair(tuple(a for a, _ in cells), tuple(b for _, b in cells), n)


def _descend(found: Any, refutes: Callable[[Any], bool], deadline: float) -> Any:
    """Take the first smaller instance that refutes, and again from there."""
    while hasattr(found, "smaller") and time.monotonic() < deadline:
        better = (x for x in found.smaller() if x.size < found.size and _safely(refutes, x))
        step = next(_before(better, deadline), None)
        if step is None:
            return found
        found = step
    return found


def _within(items: Iterator[Any], seconds: float) -> Iterator[Any]:
    return _before(items, time.monotonic() + seconds)


def _before(items: Iterator[Any], deadline: float) -> Iterator[Any]:
    for item in items:
        if time.monotonic() > deadline:
            return
        yield item


def _safely(refutes: Callable[[Any], bool], candidate: Any) -> bool:
    """Tell whether a candidate refutes; one that the claim is not about does not."""
    try:
        return refutes(candidate)
    except Exception:  # whatever a claim raises on input that it is not made for
        return False
