"""Ratio buckets = sorted prefixes on large and on real rows, and = fractions on small ones."""

from __future__ import annotations

import numpy as np
import pytest

from mdsd_theory import certify, optimal_acceptance
from mdsd_theory.demo_data import load_demo_data
from mdsd_theory.instances import KINDS, random_pair

ROUNDING = 2.0**-53


def assert_agree(p, q, n):
    """Values within both stated errors, enclosures that meet, the value of the subset."""
    buckets, bounds, sorted_ = (
        optimal_acceptance(p, q, n=n, scheme="with_replacement", route=route)
        for route in ("ratio_buckets", "ratio_bounds", "sorted_prefix")
    )
    allowed = (n + 1) * (p.shape[-1] * 33 / 32 + 64) * ROUNDING
    assert (np.abs(buckets.value - sorted_.value) <= allowed).all()
    assert (np.maximum(buckets.lower, sorted_.lower) <= np.minimum(buckets.upper, sorted_.upper)).all()
    assert (np.maximum(bounds.lower, sorted_.lower) <= np.minimum(bounds.upper, sorted_.upper)).all()
    mass, drafted = np.sum(p * buckets.subset, axis=-1), np.sum(q * buckets.subset, axis=-1)
    assert (np.abs(mass + 1 - drafted**n - buckets.value) <= allowed).all()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("vocabulary", [257, 4_096, 49_152])
def test_every_kind_of_instance(kind, vocabulary, rng):
    for n in (1, 2, 3, 16):
        assert_agree(*random_pair(kind, vocabulary, 16, rng), n)


@pytest.mark.parametrize("kind", KINDS)
def test_a_full_vocabulary(kind, rng):
    assert_agree(*random_pair(kind, 151_936, 16, rng), 3)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n", [1, 2, 3, 8])
def test_fractions(kind, n, rng):
    for _ in range(3):
        p, q = random_pair(kind, int(rng.integers(max(2, n), 9)), n, rng)
        exact = certify(p, q, n=n, scheme="with_replacement").value
        for route in ("ratio_buckets", "ratio_bounds"):
            result = optimal_acceptance(p, q, n=n, scheme="with_replacement", route=route)
            assert result.lower <= exact <= result.upper
            assert result.value >= exact - 1e-14
        best = optimal_acceptance(p, q, n=n, scheme="with_replacement", route="ratio_buckets")
        assert abs(best.value - exact) <= (n + 1) * 40 * ROUNDING


@pytest.mark.parametrize("temperature", [0.3, 0.7, 1.0, 2.0])
def test_real_distributions(temperature):
    data = load_demo_data(temperature=temperature)
    for n in (1, 3, 8):
        assert_agree(data.p, data.q, n)
