"""Shared fixtures: random pairs, and one instance per kind."""

from __future__ import annotations

import numpy as np
import pytest


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20251)


@pytest.fixture
def batch(rng):
    """Five rows over 40 tokens, one of them peaked."""
    p, q = rng.dirichlet(np.full(40, 0.5), size=(2, 5))
    q[2] = q[2] * 1e-9
    q[2, 7] = 1 - (q[2].sum() - q[2, 7])
    return p / p.sum(-1, keepdims=True), q / q.sum(-1, keepdims=True)
