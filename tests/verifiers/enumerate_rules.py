"""Every rule, walked through all drafts and all branches in exact fractions, straight from its paper."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from itertools import permutations, product

import numpy as np

KINDS = ("flat", "peaked", "ties", "zeros", "equal", "disjoint")


@dataclass
class Outcome:
    """Law of the emitted token, P(Y ∈ S), and the chance that the rule itself accepts a draft."""

    law: list[Fraction]
    value: Fraction = Fraction(0)
    explicit: Fraction = Fraction(0)

    def emit(self, token, drafts, weight, *, accepted):
        self.law[token] += weight
        self.value += weight * (token in drafts)
        self.explicit += weight * accepted

    def emit_from(self, residual, drafts, weight):
        """Emit from a residual, given up to a factor, after every draft was rejected."""
        if weight > 0:
            assert sum(residual) > 0
            for token, share in enumerate(residual):
                self.emit(token, drafts, weight * share / sum(residual), accepted=False)


def positive_part(x):
    return [max(a, Fraction(0)) for a in x]


def scaled(x):
    return [a / sum(x) for a in x] if sum(x) else x


def draft_tuples(q, n, scheme):
    """Yield (drafts, probability) for every ordered tuple of positive probability."""
    if scheme == "with_replacement":
        for drafts in product(range(len(q)), repeat=n):
            weight = Fraction(1)
            for x in drafts:
                weight *= q[x]
            if weight:
                yield drafts, weight
    elif scheme == "without_replacement":
        for drafts in permutations([i for i, a in enumerate(q) if a], n):
            weight, left = Fraction(1), Fraction(1)
            for x in drafts:
                weight, left = weight * q[x] / left, left - q[x]
            yield drafts, weight
    else:
        ranked = sorted(range(len(q)), key=lambda i: (-q[i], i))
        top = tuple(ranked[: n - 1])
        if scheme == "top_k":
            yield tuple(ranked[:n]), Fraction(1)
            return
        left = 1 - sum(q[i] for i in top)
        for x in ranked[n - 1 :]:
            if q[x]:
                yield (*top, x), q[x] / left


def naive(p, q, n, scheme):
    """Draw Y ~ p."""
    out = Outcome([Fraction(0)] * len(p))
    for drafts, weight in draft_tuples(q, n, scheme):
        for token, share in enumerate(p):
            out.emit(token, drafts, weight * share, accepted=token in drafts)
    return out


def recursive_rejection(p, q, n, scheme):
    """Accept X_k w.p. min(1, r_k/q_k); else r_{k+1} ∝ (r_k − q_k)_+."""
    out = Outcome([Fraction(0)] * len(p))
    for drafts, weight in draft_tuples(q, n, scheme):
        residual, law = p, q
        for x in drafts:
            accept = min(Fraction(1), residual[x] / law[x])
            out.emit(x, drafts, weight * accept, accepted=True)
            weight *= 1 - accept
            if not weight:
                break
            residual = scaled(positive_part([a - b for a, b in zip(residual, law, strict=True)]))
            if scheme == "without_replacement":
                law = scaled([Fraction(0) if i == x else a for i, a in enumerate(law)])
        out.emit_from(residual, drafts, weight)
    return out


def k_seq(p, q, n, gamma):
    """Accept X_k w.p. min(1, p/(γ q)); else Y ∝ p − min(q, p/γ)·(1 − (1 − β)^n)/β."""
    out = Outcome([Fraction(0)] * len(p))
    served = [min(b, a / gamma) for a, b in zip(p, q, strict=True)]
    beta = sum(served)
    factor = (1 - (1 - beta) ** n) / beta if beta else Fraction(0)
    residual = [a - s * factor for a, s in zip(p, served, strict=True)]
    assert min(residual) >= 0, "no residual: gamma is too small"
    for drafts, weight in draft_tuples(q, n, "with_replacement"):
        for x in drafts:
            accept = min(Fraction(1), p[x] / (gamma * q[x]))
            out.emit(x, drafts, weight * accept, accepted=True)
            weight *= 1 - accept
        out.emit_from(residual, drafts, weight)
    return out


def k_seq_feasible(p, q, n, gamma):
    beta = sum(min(b, a / gamma) for a, b in zip(p, q, strict=True))
    return 1 - (1 - beta) ** n <= gamma * beta


def greedy(p, q, n):
    """Accept the random draft w.p. min(1, p/q̃); else Y ∝ (p − q̃·1[Σ∖T])_+."""
    out = Outcome([Fraction(0)] * len(p))
    tuples = list(draft_tuples(q, n, "greedy"))
    last = [sum(w for d, w in tuples if d[-1] == i) for i in range(len(p))]
    residual = positive_part([a - b for a, b in zip(p, last, strict=True)])
    for drafts, weight in tuples:
        x = drafts[-1]
        accept = min(Fraction(1), p[x] / last[x])
        out.emit(x, drafts, weight * accept, accepted=True)
        out.emit_from(residual, drafts, weight * (1 - accept))
    return out


def random_instance(kind, vocabulary, support, rng):
    """Return p and q in small fractions, q with at least ``support`` positive tokens."""
    p, q = rng.integers(1, 30, (2, vocabulary))
    if kind == "peaked":
        p, q = 10 ** rng.integers(0, 12, (2, vocabulary))
    elif kind == "ties":
        p, q = rng.integers(1, 4, (2, vocabulary))
    elif kind == "zeros":
        p[rng.permutation(vocabulary)[: rng.integers(0, vocabulary)]] = 0
        q[rng.permutation(vocabulary)[: rng.integers(0, vocabulary - support + 1)]] = 0
    elif kind == "equal":
        p = q
    elif kind == "disjoint":
        tokens = rng.permutation(vocabulary)
        p[tokens[:support]] = 0
        q[tokens[support:]] = 0
    return _fractions(p), _fractions(q)


def _fractions(weights):
    total = int(weights.sum())
    return [Fraction(int(x), total) for x in weights]


def instances(scheme, seeds=2, largest=5, drafts=3):
    """Yield (p, q, n) of every kind, V = 2 … 5 and n = 1 … 3 where q can have the support."""
    rng = np.random.default_rng(7)
    for kind, vocabulary, n, _ in product(
        KINDS, range(2, largest + 1), range(1, drafts + 1), range(seeds)
    ):
        support = 1 if scheme == "with_replacement" else n
        # A target that shares no token with q needs a token outside the support.
        if support + (kind == "disjoint") <= vocabulary:
            yield (*random_instance(kind, vocabulary, support, rng), n)


def floats(*laws):
    return [[float(x) for x in law] for law in laws]


def exact_rate(p, q, n):
    """P(Y ∈ S) of recursive rejection without replacement, rejected token after rejected token."""
    accepted = sum(min(a, b) for a, b in zip(p, q, strict=True))
    excess = [max(a - b, 0) for a, b in zip(p, q, strict=True)]
    total = sum(excess)
    if n == 1 or total == 0:
        return accepted
    residual = [a / total for a in excess]
    for x, draft in enumerate(q):
        rejected = draft - min(p[x], draft)
        if rejected > 0:
            others = [0 if i == x else b / (1 - draft) for i, b in enumerate(q)]
            accepted += rejected * exact_rate(residual, others, n - 1)
    return accepted
