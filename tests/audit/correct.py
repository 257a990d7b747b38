"""Textbook verifiers in plain NumPy, as a user would write them: all lossless."""

from __future__ import annotations

import numpy as np


def positive(x):
    """Return (x)_+ divided by its sum; x itself, clipped, where nothing is left."""
    x = np.maximum(x, 0)
    return x / x.sum() if x.sum() > 0 else x


def draw(weights, generator):
    """Draw by inversion of running sums that end at exactly 1; side="right" skips empty tokens."""
    sums = np.cumsum(weights)
    return int(np.searchsorted(sums / sums[-1], generator.random(), side="right"))


def naive(p, q, drafts, generator):
    """Draw from p."""
    return generator.choice(p.size, p=p)


def rrs(p, q, drafts, generator):
    """Recursive rejection sampling of i.i.d. drafts."""
    r = p
    for x in drafts:
        if generator.random() < r[x] / q[x]:
            return x
        r = positive(r - q)
    return draw(r, generator)


def rrs_choice(p, q, drafts, generator):
    """The same, in place and with Generator.choice."""
    for x in drafts:
        if generator.uniform() * q[x] < p[x]:
            return int(x)
        p -= q
        np.clip(p, 0, None, out=p)
        p /= p.sum()
    return generator.choice(p.size, p=p)


def rrs_without(p, q, drafts, generator):
    """Recursive rejection sampling of different drafts, q renormalised without the rejected one."""
    for x in drafts:
        if generator.random() < p[x] / q[x]:
            return x
        p, q = positive(p - q), positive(np.where(np.arange(q.size) == x, 0, q))
    return draw(p, generator)


def rrs_independent(p, q, drafts, generator):
    """Recursive rejection sampling, one drafter after the other."""
    for x, law in zip(drafts, q, strict=True):
        if generator.random() < p[x] / law[x]:
            return x
        p = positive(p - law)
    return draw(p, generator)


def served(p, q, gamma):
    return np.minimum(q, p / gamma)


def smallest_gamma(p, q, n):
    """Return γ with 1 − (1 − β)^n ≤ γβ, by bisection; any γ above the smallest is lossless."""
    low, high = 1.0, float(n)
    for _ in range(15):
        gamma = (low + high) / 2
        beta = served(p, q, gamma).sum()
        low, high = (low, gamma) if 1 - (1 - beta) ** n <= gamma * beta else (gamma, high)
    return high


def k_seq(p, q, drafts, generator, gamma=None):
    """K-SEQ (SpecTr)."""
    gamma = smallest_gamma(p, q, len(drafts)) if gamma is None else gamma
    for x in drafts:
        if generator.random() < p[x] / (gamma * q[x]):
            return x
    share = served(p, q, gamma)
    beta = share.sum()
    factor = (1 - (1 - beta) ** len(drafts)) / beta if beta > 0 else 0.0
    return draw(positive(p - share * factor), generator)


def last_law(q, n):
    """Return the law of the last greedy draft: q off the n − 1 likeliest tokens."""
    rest = q.copy()
    rest[np.argsort(-q, kind="stable")[: n - 1]] = 0
    return rest / rest.sum()


def greedy(p, q, drafts, generator):
    """Accept the random draft; else draw from what it leaves, the deterministic drafts whole."""
    rest = last_law(q, len(drafts))
    x = drafts[-1]
    if generator.random() < p[x] / rest[x]:
        return x
    return draw(positive(p - rest), generator)


def rrs_paths(p, q, drafts, *, uniforms):
    """Recursive rejection sampling whose branches can be listed."""
    for x in drafts:
        if uniforms.random() * q[x] < p[x]:
            return x
        p = positive(p - q)
    return uniforms.choice(p.size, p=p)


def rrs_without_paths(p, q, drafts, uniforms):
    """The same without replacement; works in fractions too."""
    for x in drafts:
        if uniforms.random() * q[x] < p[x]:
            return x
        p, q = positive(p - q), positive(np.where(np.arange(q.size) == x, 0, q))
    return uniforms.index(p)


CORRECT = {
    "naive": (naive, "joint"),
    "rrs": (rrs, "with_replacement"),
    "rrs_choice": (rrs_choice, "with_replacement"),
    "rrs_without": (rrs_without, "without_replacement"),
    "rrs_independent": (rrs_independent, "independent"),
    "k_seq": (k_seq, "with_replacement"),
    "greedy": (greedy, "greedy"),
    "naive top_k": (naive, "top_k"),
}
"""Name → callable and scheme."""
