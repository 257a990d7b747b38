"""Shrinking: the same fault on fewer tokens and rounder numbers."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from mdsd_theory.arrays import Array
from mdsd_theory.auditing.instance import Instance, normalised, over_drafters
from mdsd_theory.auditing.trial import Trial
from mdsd_theory.errors import InputError

DENOMINATORS = (2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 50, 100, 1000)
"""Tried in this order for p and q."""

Judge = Callable[[Instance], Trial | None]
"""Returns the trial that refutes a candidate, at its own share of the false alarms, or None."""


def shrink(trial: Trial, judge: Judge, deadline: float) -> Trial:
    """Return a trial that refutes a smaller instance, or the one given.

    Greedy: the first candidate that is refuted becomes the instance, and the search starts again from
    it. Tokens are dropped in blocks of V/2, V/4, …, 1; then p and q are rounded.
    """
    for step in (_fewer_tokens, _rounder):
        trial = _exhaust(trial, step, judge, deadline)
    return trial


def _exhaust(
    trial: Trial, step: Callable[[Instance], Iterator[Instance]], judge: Judge, deadline: float
) -> Trial:
    candidates = step(trial.instance)
    while time.perf_counter() < deadline:
        candidate = next(candidates, None)
        if candidate is None:
            break
        found = judge(candidate)
        if found is not None:
            trial, candidates = found, step(found.instance)
    return trial


def _fewer_tokens(instance: Instance) -> Iterator[Instance]:
    """Yield the instance without a block of tokens, large blocks first."""
    v = instance.vocabulary
    size = v // 2
    while size >= 1:
        for start in range(0, v, size):
            keep = np.ones(v, dtype=bool)
            keep[start : start + size] = False
            if keep.sum() >= 2:
                yield from _valid(_restricted(instance, keep))
        size //= 2


def _restricted(instance: Instance, keep: Array) -> Instance | None:
    """Return the instance on some of its tokens, or None where p or q loses all mass."""
    p = instance.p[keep]
    if isinstance(instance.q, dict):
        q: Any = _law_on(instance.q, keep)
        masses = [sum(q.values())]
    else:
        q = over_drafters(instance.scheme, instance.q, lambda x: x[keep])
        masses = [x.sum() for x in q] if isinstance(q, list) else [q.sum()]
    if min(p.sum(), *masses) <= 1e-12:
        return None
    if isinstance(q, dict):
        return instance.with_laws(normalised(p), {x: w / masses[0] for x, w in q.items()})
    return instance.with_laws(normalised(p), over_drafters(instance.scheme, q, normalised))


def _law_on(law: dict[tuple[int, ...], float], keep: Array) -> dict[tuple[int, ...], float]:
    place = np.cumsum(keep) - 1
    return {
        tuple(int(place[i]) for i in drafts): weight
        for drafts, weight in law.items()
        if all(keep[i] for i in drafts)
    }


def _rounder(instance: Instance) -> Iterator[Instance]:
    """Yield the instance with q, p or both rounded to small denominators, the roundest first."""
    now = _roundness(instance)
    for d in DENOMINATORS:
        p = rounded(instance.p, d)
        q = over_drafters(instance.scheme, instance.q, lambda x, d=d: rounded(x, d))  # type: ignore[misc]
        for candidate in (instance.with_laws(p, q), instance.with_laws(p, instance.q)):
            if _roundness(candidate) < now:
                yield from _valid(candidate)
        candidate = instance.with_laws(instance.p, q)
        if _roundness(candidate) < now:
            yield from _valid(candidate)


def rounded(x: Array, denominator: int) -> Array:
    """Return the distribution with entries k/denominator that is next to x, zeros kept.

    Examples
    --------
    >>> import numpy as np
    >>> rounded(np.array([0.62, 0.0, 0.38]), 3).round(3).tolist()
    [0.667, 0.0, 0.333]
    """
    scaled = x * denominator
    whole = np.floor(scaled + 1e-9)
    missing = round(denominator - whole.sum())
    order = np.argsort(-(scaled - whole) + 10.0 * (x == 0), kind="stable")
    whole[order[:missing]] += 1
    return np.asarray(whole / denominator)


def _roundness(instance: Instance) -> tuple[int, int]:
    """Return the smallest denominators that p and q have, the larger one first."""
    q = instance.q
    drafts = list(q) if isinstance(q, list) else [] if isinstance(q, dict) else [q]
    found = [denominator(x) for x in (instance.p, *drafts)]
    return max(found), sum(found)


def denominator(x: Array) -> int:
    """Return the smallest listed denominator of all entries, 10,000 if there is none."""
    for d in DENOMINATORS:
        if np.abs(x * d - np.round(x * d)).max() < 1e-9:
            return d
    return 10_000


def _valid(candidate: Instance | None) -> Iterator[Instance]:
    """Yield a candidate that the scheme can draft from."""
    if candidate is None:
        return
    try:
        candidate.check()
    except InputError:
        return
    yield candidate
