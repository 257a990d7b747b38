"""Awkward pairs for the routes with replacement, and their α* in extended precision."""

from __future__ import annotations

import numpy as np

NAMES = (
    "flat",
    "peaked",
    "wide",
    "ties",
    "one tie",
    "equal",
    "nearly equal",
    "one ulp apart",
    "p zeros",
    "q zeros",
    "disjoint",
    "one-hot p",
    "one-hot q",
    "same one-hot",
    "small tail",
    "clustered",
    "every prefix ties",
)


def awkward_pair(name, vocabulary, n, rng):
    """Return p and q of shape (V,)."""
    p, q = rng.dirichlet(np.full(vocabulary, 0.3), size=2) + 1e-13
    hot = np.zeros(vocabulary)
    hot[rng.integers(vocabulary)] = 1.0
    place = np.arange(1, vocabulary + 1)
    p, q = {
        "flat": lambda: rng.dirichlet(np.ones(vocabulary), size=2),
        "peaked": lambda: (p**3, q**3),
        "wide": lambda: 10.0 ** rng.uniform(-280, 0, (2, vocabulary)),
        "ties": lambda: rng.integers(1, 4, (2, vocabulary)) * 1.0,
        "one tie": lambda: (q * np.where(q < np.median(q), 0.5, 1.5), q),
        "equal": lambda: (p, p),
        "nearly equal": lambda: (q * np.exp(1e-3 * rng.standard_normal(vocabulary)), q),
        "one ulp apart": lambda: (np.nextafter(q, rng.integers(0, 2, vocabulary)), q),
        "p zeros": lambda: (p * (rng.random(vocabulary) < 0.3) + hot, q),
        "q zeros": lambda: (p, q * (rng.random(vocabulary) < 0.3) + hot),
        "disjoint": lambda: (p * (place % 2), q * (place % 2 == 0) + (hot if vocabulary < 2 else 0)),
        "one-hot p": lambda: (hot, q),
        "one-hot q": lambda: (p, hot),
        "same one-hot": lambda: (hot, hot),
        "small tail": lambda: (hot + p * 1e-40, q + 1e-200),
        "clustered": lambda: (q * n * (1 - 0.5 ** rng.integers(1, 60, vocabulary)), q),
        # P = s^n at every prefix of n equal ... drafts: no bucket can be left out.
        "every prefix ties": lambda: (np.diff(np.append(0, place / vocabulary) ** n), place * 0 + 1.0),
    }[name]()
    p, q = rng.permutation(np.stack([p, q]), axis=1)
    return p / p.sum(), q / q.sum()


def oracle(p, q, n):
    """Return the best prefix's value with sums in extended precision, and what it may be off by."""
    with np.errstate(all="ignore"):
        ratio = p / q
    order = np.argsort(ratio, kind="stable")
    mass, drafted = (np.cumsum(x[order].astype(np.longdouble)) for x in (p, q))
    values = mass / mass[-1] + 1 - (drafted / drafted[-1]) ** n
    unit = np.finfo(np.longdouble).eps
    return float(min(1, values.min())), float(4 * (n + 1) * p.size * unit) + 2.0**-52


def value_at(subset, p, q, n):
    """Return P(H) + 1 − q(H)^n in extended precision."""
    p, q = p.astype(np.longdouble), q.astype(np.longdouble)
    return float(p[subset].sum() / p.sum() + 1 - (q[subset].sum() / q.sum()) ** n)
