"""What samplers are held to: a law, and seeded generators of both libraries."""

from __future__ import annotations

from collections import Counter

import numpy as np
import torch
from scipy.stats import chisquare


def assert_law(tokens, law, level=1e-4):
    """Chi-square against a law; a token of chance zero must never come."""
    counts = Counter(tokens)
    assert set(counts) <= set(law)
    if len(law) > 1:
        expected = np.array(list(law.values()), dtype=float)
        observed = np.array([counts[token] for token in law])
        assert chisquare(observed, expected / expected.sum() * len(tokens)).pvalue > level


def source(library, seed):
    """Return a generator of NumPy or torch."""
    if library == "numpy":
        return np.random.default_rng(seed)
    return torch.Generator().manual_seed(seed)
