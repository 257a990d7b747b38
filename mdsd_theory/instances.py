"""Random pairs of distributions of six kinds, made to be awkward."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Distribution = np.ndarray[Any, np.dtype[np.float64]]

KINDS = ("flat", "peaked", "ties", "zeros", "equal", "disjoint")
"""The kinds that :func:`random_pair` knows."""


def random_pair(
    kind: str, vocabulary: int, support: int, rng: np.random.Generator
) -> tuple[Distribution, Distribution]:
    """Return a target and a draft of shape (V,), the draft with at least ``support`` positive tokens.

    ========  ==================================================================
    kind      what is awkward
    ========  ==================================================================
    flat      nothing: Dirichlet(1)
    peaked    Dirichlet(0.1): most mass on one token, some below 1e-10
    ties      multiples of 1/12 or so: equal probabilities, equal ratios
    zeros     tokens that only one of them, or neither, can emit
    equal     p = q
    disjoint  no token in both supports (one is shared where V is too small)
    ========  ==================================================================
    """
    p, q = _MAKERS[kind](vocabulary, support, rng)
    return p / p.sum(), q / q.sum()


def _flat(v: int, support: int, rng: np.random.Generator) -> tuple[Distribution, Distribution]:
    return rng.dirichlet(np.ones(v)), rng.dirichlet(np.ones(v))


def _peaked(v: int, support: int, rng: np.random.Generator) -> tuple[Distribution, Distribution]:
    floor = 10.0 ** rng.uniform(-16, -6, (2, v))
    p, q = rng.dirichlet(np.full(v, 0.1), size=2) + floor
    return p, q


def _ties(v: int, support: int, rng: np.random.Generator) -> tuple[Distribution, Distribution]:
    p, q = rng.integers(1, 4, (2, v)).astype(np.float64)
    return p, q


def _zeros(v: int, support: int, rng: np.random.Generator) -> tuple[Distribution, Distribution]:
    p, q = rng.dirichlet(np.ones(v), size=2)
    p[rng.random(v) < 0.4] = 0.0
    p[rng.integers(v)] += 0.1
    drop = rng.permutation(v)[: rng.integers(0, v - support + 1)]
    q[drop] = 0.0
    return p, q


def _equal(v: int, support: int, rng: np.random.Generator) -> tuple[Distribution, Distribution]:
    p = rng.dirichlet(np.ones(v))
    return p, p.copy()


def _disjoint(v: int, support: int, rng: np.random.Generator) -> tuple[Distribution, Distribution]:
    p, q = rng.dirichlet(np.ones(v), size=2)
    tokens = rng.permutation(v)
    cut = rng.integers(support, v) if support < v else v - 1
    p[tokens[:cut]] = 0.0
    q[tokens[max(cut, support) :]] = 0.0
    return p, q


_MAKERS: dict[str, Callable[[int, int, np.random.Generator], tuple[Distribution, Distribution]]] = {
    "flat": _flat,
    "peaked": _peaked,
    "ties": _ties,
    "zeros": _zeros,
    "equal": _equal,
    "disjoint": _disjoint,
}
