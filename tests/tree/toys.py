"""Toy models in fractions: small vocabularies, with the odd cases among them."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from mdsd_theory.tree.language import markov

PARTS = 6
"""Probabilities are multiples of a sixth: ties and zeros come by themselves."""


def vector(rng, v, least=1):
    """A random law with at least so many tokens."""
    while True:
        counts = rng.multinomial(PARTS, rng.dirichlet(np.ones(v)))
        if (counts > 0).sum() >= least:
            return tuple(Fraction(int(x), PARTS) for x in counts)


def model(rng, v, least=1):
    """A random Markov model."""
    return markov(vector(rng, v, least), [vector(rng, v, least) for _ in range(v)])


def pair(seed, v, least=1):
    """A random target and draft."""
    rng = np.random.default_rng(seed)
    return model(rng, v), model(rng, v, least)


def looking_back(seed, v):
    """A model whose law depends on the whole path."""
    known = {}

    def law(u):
        if u not in known:
            known[u] = vector(np.random.default_rng([seed, *u, 7]), v, 2)
        return known[u]

    return law


def odd_pairs(v):
    """Equal models, disjoint ones, and one-hot ones."""
    even = markov([Fraction(1, v)] * v, [[Fraction(1, v)] * v] * v)
    first = [Fraction(int(i == 0)) for i in range(v)]
    last = [Fraction(int(i == v - 1)) for i in range(v)]
    hot, cold = markov(first, [first] * v), markov(last, [last] * v)
    return {"equal": (even, even), "disjoint": (hot, cold), "one-hot draft": (even, hot)}
