"""Small instances, and set laws and optima computed in the plainest way there is."""

from __future__ import annotations

from collections import defaultdict
from fractions import Fraction
from itertools import combinations

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

settings.register_profile(
    "reference", deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("reference")


def with_replacement(q, n):
    """Return the set law of n independent draws: law_m(S) = law_{m−1}(S) q(S) + Σ law(S∖i) q_i."""
    law = {frozenset(): 1}
    for _ in range(n):
        longer = defaultdict(int)
        for drafts, weight in law.items():
            for i, x in enumerate(q):
                longer[drafts | {i}] += weight * x
        law = longer
    return dict(law)


def without_replacement(q, n):
    """Return the set law of n successive draws: w(S) = Σ_{i∈S} w(S∖i) q_i / (1 − q(S∖i))."""
    law = {frozenset(): 1}
    for _ in range(n):
        longer = defaultdict(int)
        for drafts, weight in law.items():
            rest = [i for i, x in enumerate(q) if x > 0 and i not in drafts]
            for i in rest:
                longer[drafts | {i}] += weight * q[i] / sum(q[j] for j in rest)
        law = longer
    return dict(law)


LAWS = {"with_replacement": with_replacement, "without_replacement": without_replacement}


def all_subsets(V):
    """Yield every subset of 0 … V−1."""
    for size in range(V + 1):
        yield from map(frozenset, combinations(range(V), size))


def optimum(p, law):
    """Return min over H of P(H) + 1 − Q(H), straight from the definition."""
    return min(
        sum(p[i] for i in H) + 1 - sum(w for S, w in law.items() if S <= H) for H in all_subsets(len(p))
    )


def normalised(weights):
    """Return integers as Fractions that sum to one."""
    return [Fraction(int(x), int(sum(weights))) for x in weights]


def floats(p, law):
    """Return p and the law in floats."""
    return [float(x) for x in p], {S: float(w) for S, w in law.items()}


def dirichlet(V, n, seed, concentration=1.0, scheme="with_replacement"):
    """Return a random p and set law in floats."""
    rng = np.random.default_rng(seed)
    p, q = rng.dirichlet(np.full(V, concentration), 2).tolist()
    return p, LAWS[scheme](q, n)


def _case(p, q, n, scheme="with_replacement"):
    return normalised(p), LAWS[scheme](normalised(q), n)


CASES = {
    "one token": _case([1], [1], 3),
    "equal p and q": _case([3, 2, 1], [3, 2, 1], 2),
    "ties": _case([1, 1, 1, 1], [1, 1, 1, 1], 2, "without_replacement"),
    "ties in the ratio": _case([2, 2, 1, 1], [1, 1, 2, 2], 3),
    "zeros": _case([0, 1, 2, 0, 4], [3, 0, 1, 0, 2], 2, "without_replacement"),
    "disjoint supports": _case([1, 2, 0, 0], [0, 0, 3, 1], 3),
    "all drafted": _case([5, 1, 1], [1, 2, 3], 3, "without_replacement"),
    "point masses": _case([0, 7, 0], [0, 1, 0], 2),
    "tiny weights": _case([10**9, 1, 10**6], [1, 10**12, 10**5], 2),
}
"""Instances in Fractions that have broken solvers elsewhere."""


@st.composite
def instances(draw, max_vocabulary=5):
    """Draw an exact instance (p, law), zeros and ties included."""
    V = draw(st.integers(1, max_vocabulary))
    weights = st.lists(st.integers(0, 6), min_size=V, max_size=V).filter(any)
    p, q = normalised(draw(weights)), normalised(draw(weights))
    scheme = draw(st.sampled_from(sorted(LAWS)))
    most = 3 if scheme == "with_replacement" else min(3, sum(x > 0 for x in q))
    return p, LAWS[scheme](q, draw(st.integers(1, most)))
