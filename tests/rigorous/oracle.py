"""What enclosures are held to: exact values of Q by enumeration, on small instances."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from mdsd_theory.instances import KINDS, random_pair
from mdsd_theory.rationals import exact_distribution
from mdsd_theory.rigorous.balls import lower_end, precision, upper_end
from mdsd_theory.rigorous.prefixes import Prefixes, prefixes
from mdsd_theory.rigorous.prove import RACE_BITS
from mdsd_theory.rigorous.race import Race
from mdsd_theory.rigorous.weights import weights
from mdsd_theory.schemes import SCHEMES


def ordered(p, q) -> Prefixes:
    return prefixes(weights(p, "p"), weights(q, "q"))


def exact_value(p, q, n, scheme, subset) -> Fraction:
    """P(H) + 1 − Q(H) in fractions."""
    target, draft = exact_distribution(p, "p"), exact_distribution(q, "q")
    tokens = set(np.flatnonzero(subset).tolist())
    return sum(target[i] for i in tokens) + 1 - SCHEMES[scheme].inside(draft, n, tokens)


def awkward_pair(trial, n, rng, largest=8):
    """A random pair of each kind in turn; every fourth q has tokens of probability 1e-300."""
    while True:
        vocabulary = int(rng.integers(max(2, n), largest))
        p, q = random_pair(KINDS[trial % len(KINDS)], vocabulary, n, rng)
        if trial % 4 == 3:
            q = q * np.where(rng.random(vocabulary) < 0.4, 1e-300, 1.0)
            q = q / q.sum()
        if (q > 0).sum() >= n:
            return p, q


def misses(p, q, n) -> int:
    """Count the prefixes whose exact 1 − Q is outside its ball."""
    order, missed = ordered(p, q), 0
    law = SCHEMES["without_replacement"].set_law(exact_distribution(q, "q"), n)
    with precision(RACE_BITS):
        race = Race.of(order, n)
        for k in range(len(order.q) + 1):
            inside = sum(w for drafts, w in law.items() if drafts <= set(order.tokens[:k]))
            ball = race.avoided(k)
            missed += not lower_end(ball) <= 1 - inside <= upper_end(ball)
    return missed


def widest(p, q, n) -> float:
    """The largest radius of 1 − Q over the prefixes."""
    order = ordered(p, q)
    with precision(RACE_BITS):
        race = Race.of(order, n)
        return max(float(race.avoided(k).rad()) for k in range(len(order.q) + 1))
