"""The fast layer against exact rationals and 160-bit balls, peaked distributions included."""

from __future__ import annotations

import numpy as np
import pytest

from mdsd_theory import certify, optimal_acceptance
from mdsd_theory.instances import KINDS, random_pair
from mdsd_theory.reference.high_precision import prefix_values


def peaked(vocabulary, top, rng):
    """One token of mass ``top``, the rest spread over thirty orders of magnitude."""
    tail = 10.0 ** rng.uniform(-31, 0, vocabulary - 1)
    q = np.concatenate([[top], tail * (1 - top) / tail.sum()])
    q[0] += 1 - q.sum()
    p = rng.dirichlet(np.full(vocabulary, 0.3))
    return p, rng.permutation(q)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n", [1, 2, 3, 5, 8])
def test_within_1e_12_of_fractions(kind, n, rng):
    for _ in range(3):
        vocabulary = int(rng.integers(max(2, n), 9))
        p, q = random_pair(kind, vocabulary, n, rng)
        result = optimal_acceptance(p, q, n=n)
        exact = certify(p, q, n=n).value
        assert abs(result.value - exact) <= 1e-12
        assert result.lower <= exact <= result.upper
        assert result.upper - result.lower <= 2e-11


@pytest.mark.parametrize("top", [0.9, 1 - 1e-6, 1 - 1e-12])
@pytest.mark.parametrize("n", [2, 3, 5])
def test_peaked_drafts_within_1e_12_of_fractions(top, n, rng):
    p, q = peaked(7, top, rng)
    result = optimal_acceptance(p, q, n=n)
    assert abs(result.value - certify(p, q, n=n).value) <= 1e-12


def check_against_balls(vocabulary, top, n, rng):
    p, q = peaked(vocabulary, top, rng) if top else rng.dirichlet(np.ones(vocabulary), size=2)
    _, values = prefix_values(p.tolist(), q.tolist(), n)
    result = optimal_acceptance(p, q, n=n)
    assert abs(result.value - min(values)) <= 1e-9
    assert result.lower <= min(values) <= result.upper


@pytest.mark.parametrize(("top", "n"), [(None, 3), (0.5, 8), (1 - 1e-12, 3)])
def test_within_1e_9_of_balls(top, n, rng):
    check_against_balls(120, top, n, rng)


@pytest.mark.slow
@pytest.mark.parametrize("top", [None, 0.5, 1 - 1e-6, 1 - 1e-12])
@pytest.mark.parametrize("n", [2, 3, 4, 8])
def test_within_1e_9_of_balls_at_one_thousand_tokens(top, n, rng):
    check_against_balls(1000, top, n, rng)


def test_balls_agree_with_fractions(rng):
    p, q = peaked(7, 1 - 1e-12, rng)
    for n in (2, 3, 5):
        _, values = prefix_values(p.tolist(), q.tolist(), n)
        assert abs(min(values) - certify(p, q, n=n).value) <= 1e-15
