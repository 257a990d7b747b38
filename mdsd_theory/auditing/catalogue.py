"""The instances that an audit tries, made to break rules; small vocabularies first."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from mdsd_theory.auditing.instance import Instance, normalised
from mdsd_theory.errors import InputError
from mdsd_theory.instances import Distribution, random_pair
from mdsd_theory.schemes.base import Scheme

Maker = Callable[[int, int, np.random.Generator], tuple[Distribution, Distribution]]

SMALL = (2, 3, 4, 5, 8)
"""Vocabularies at which every kind is tried twice."""

LARGER = {
    20: ("flat", "zeros", "ties", "sure draft"),
    200: ("flat", "zeros", "half precision", "mostly zero"),
    2000: ("scattered", "mostly zero"),
}
"""Kinds at larger vocabularies."""


def _common(kind: str) -> Maker:
    return lambda v, support, rng: random_pair(kind, v, support, rng)


def _scattered(v: int, support: int, rng: np.random.Generator) -> tuple[Distribution, Distribution]:
    p, q = 10.0 ** rng.uniform(-4, 0, (2, v))
    return p, q


def _likely(rest: float, like: float = 0.0) -> Maker:
    """Put all but ``rest`` of p on one token; q is flat, or has about ``like`` times that rest."""

    def make(v: int, support: int, rng: np.random.Generator) -> tuple[Distribution, Distribution]:
        p, top = rng.dirichlet(np.full(v, 2.0)), int(rng.integers(v))
        p *= rest / (p.sum() - p[top])
        p[top] = 1 - rest
        if like == 0:
            return p, rng.dirichlet(np.ones(v)) + 0.05
        q = p * like * rng.uniform(0.5, 1, v)
        q[top] = 1 - rest
        return p, q

    return make


def _sure_draft(v: int, support: int, rng: np.random.Generator) -> tuple[Distribution, Distribution]:
    q = rng.dirichlet(np.ones(v)) * 0.15
    q[int(rng.integers(v))] += 0.85
    return rng.dirichlet(np.ones(v)), q


def _certain_draft(v: int, support: int, rng: np.random.Generator) -> tuple[Distribution, Distribution]:
    p, q = rng.dirichlet(np.ones(v), size=2)
    q = q * 1e-3
    q[int(np.argmax(p))] += 0.999
    return p, q


def _whole_support(v: int, support: int, rng: np.random.Generator) -> tuple[Distribution, Distribution]:
    """Give q as few tokens as the scheme can do with."""
    p, q = rng.dirichlet(np.ones(v), size=2)
    q[rng.permutation(v)[support:]] = 0.0
    return p, q


def _half(v: int, support: int, rng: np.random.Generator) -> tuple[Distribution, Distribution]:
    p, q = rng.dirichlet(np.full(v, 0.7), size=2).astype(np.float16).astype(np.float64)
    return p, q


def _mostly_zero(v: int, support: int, rng: np.random.Generator) -> tuple[Distribution, Distribution]:
    p, q = np.zeros((2, v))
    q[rng.permutation(v)[: max(support, v // 4)]] = 1.0
    q *= rng.dirichlet(np.ones(v))
    p[rng.permutation(v)[:4]] = [0.4, 0.3, 0.2, 0.1][:v]
    return p, q


def _one_hot(v: int, support: int, rng: np.random.Generator) -> tuple[Distribution, Distribution]:
    p = np.zeros(v)
    p[int(rng.integers(v))] = 1.0
    return p, rng.dirichlet(np.ones(v))


def _reversed(v: int, support: int, rng: np.random.Generator) -> tuple[Distribution, Distribution]:
    q = np.sort(rng.dirichlet(np.ones(v)) + 0.02)
    return q[::-1].copy(), q


MAKERS: dict[str, Maker] = {
    "flat": _common("flat"),
    "zeros": _common("zeros"),
    "ties": _common("ties"),
    "sure draft": _sure_draft,
    "q as small as can be": _whole_support,
    "disjoint": _common("disjoint"),
    "equal": _common("equal"),
    "certain draft": _certain_draft,
    "p on one token but 3e-2": _likely(3e-2),
    "p on one token but 9e-4": _likely(9e-4),
    "p and q on one token but 9e-4": _likely(9e-4, like=1.0),
    "p on one token but 1e-4": _likely(1e-4),
    "reversed": _reversed,
    "one-hot": _one_hot,
    "half precision": _half,
    "scattered": _scattered,
    "mostly zero": _mostly_zero,
    "p on one token but 9e-4, q surer": _likely(9e-4, like=0.01),
}
"""Kind → how p and q are made, before they are divided by their sums."""


def sizes(scheme: Scheme, n: int) -> list[int]:
    """Return the small vocabularies that can hold the drafts."""
    needed = scheme.support_needed(n)
    return sorted({max(v, needed) for v in SMALL} | {needed + 1} - {1})


def catalogue(scheme: Scheme, n: int, seed: int, largest: int = 2000) -> list[Instance]:
    """Return the instances for a scheme, those that it cannot draft from left out.

    Raises
    ------
    InputError
        When none is left.
    """
    found, reason = [], ""
    for kind, vocabulary in _plan(sizes(scheme, n), largest):
        rng = np.random.default_rng([seed, vocabulary, list(MAKERS).index(kind)])
        instance = _made(kind, vocabulary, scheme, n, rng)
        try:
            instance.check()
        except InputError as error:
            reason = str(error)
            continue
        found.append(instance)
    if not found:
        raise InputError(f"no instance fits scheme {scheme.name!r} with n = {n}: {reason}")
    return found


def _plan(small: list[int], largest: int) -> Iterator[tuple[str, int]]:
    for turn in range(2):
        for i, kind in enumerate(MAKERS):
            yield kind, small[(i + 2 * turn + 1) % len(small)]
        if turn == 0:
            for vocabulary, kinds in LARGER.items():
                if max(small) < vocabulary <= largest:
                    yield from ((kind, vocabulary) for kind in kinds)


def _made(kind: str, v: int, scheme: Scheme, n: int, rng: np.random.Generator) -> Instance:
    support = min(scheme.support_needed(n), v)
    p, q = (normalised(x) for x in MAKERS[kind](v, support, rng))
    if scheme.draft == "single":
        return Instance(kind, p, q, n, scheme)
    if scheme.draft == "sequence":
        others = [normalised(MAKERS[kind](v, support, rng)[1]) for _ in range(n - 1)]
        return Instance(kind, p, [q, *others], n, scheme)
    return Instance(kind, p, _random_law(q, n, rng), n, scheme)


def _random_law(q: Distribution, n: int, rng: np.random.Generator) -> dict[tuple[int, ...], float]:
    """Return a law over at most eight tuples of tokens that q can draw."""
    tuples = {tuple(int(x) for x in rng.choice(q.size, n, p=q)) for _ in range(8)}
    return dict(zip(sorted(tuples), rng.dirichlet(np.ones(len(tuples))).tolist(), strict=True))
