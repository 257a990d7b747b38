"""Rates of whole vocabularies: ways that avoid a sort, or most of the race, against those that do not."""

from __future__ import annotations

from unittest import mock

import numpy as np
import pytest

from mdsd_theory import VERIFIERS
from mdsd_theory.demo_data import load_demo_data
from mdsd_theory.distributions import pair
from mdsd_theory.dual import race_inclusion
from mdsd_theory.dual.race_inclusion import weighted_inclusion
from mdsd_theory.dual.race_tail import SMALL, odds_series
from mdsd_theory.verifiers.optimal.iid_rule import COMPILED
from mdsd_theory.verifiers.optimal.water_filling import water_filling

NUMPY = pair([1.0], [1.0]).backend


def drafts(vocabulary, rng):
    """One law of each kind, by name; not divided."""
    rank = np.arange(1.0, vocabulary + 1)
    few = np.where(rank <= 200, 1.0, 0.0)
    return {
        "flat": np.ones(vocabulary),
        "zipf": rank**-1.1,
        "geometric": 0.9**rank + 1e-300,
        "one heavy": np.where(rank == 5, 1e12, 1.0),
        "two heavy": np.where(rank <= 2, 0.5, 1e-9),
        "two heavy, two less": np.where(rank <= 2, 1.0, np.where(rank <= 4, 1e-5, 1e-13)),
        "step": np.where(rank <= 50, 1.0, 1e-4),
        "wide": np.exp(8 * rng.normal(size=vocabulary)),
        "sparse": rng.dirichlet(np.full(vocabulary, 0.05)) + 1e-300,
        "one in the tail": few + np.where(rank == 700, 1e-3, 0.0),
        "three in the tail": few + np.where(rank > vocabulary - 3, 1e-4, 0.0),
        "ties": rng.integers(0, 3, size=vocabulary) + 0.0,
    }


def one_by_one(weights, q, n):
    with mock.patch.object(race_inclusion, "LARGEST_N", 0):
        return weighted_inclusion(NUMPY, weights, q, n)


@pytest.mark.parametrize("n", [3, 4, 8])
def test_moments_equal_tokens_one_by_one(n, rng):
    q = np.stack(list(drafts(3000, rng).values()))
    q /= q.sum(-1, keepdims=True)
    for weights in (np.ones_like(q), rng.dirichlet(np.full(3000, 0.1), len(q)), q[::-1]):
        moments, tokens = weighted_inclusion(NUMPY, weights, q, n), one_by_one(weights, q, n)
        # Either adds up some thousand roundings, pairwise; all terms are positive.
        np.testing.assert_allclose(moments, tokens, rtol=64 * 2.0**-53)
    np.testing.assert_allclose(weighted_inclusion(NUMPY, np.ones_like(q), q, n), n, rtol=1e-13)


def test_moments_take_most_of_the_tokens(rng):
    q = np.stack(list(drafts(3000, rng).values()))
    q /= q.sum(-1, keepdims=True)
    products, seen = race_inclusion._light_products, []

    def watched(backend, marks, q, nodes, n):
        seen.append(q.shape[-1])
        return products(backend, marks, q, nodes, n)

    with mock.patch.object(race_inclusion, "_light_products", watched):
        weighted_inclusion(NUMPY, q, q, 3)
    assert len(seen) == len(q)
    assert max(seen) < 400


@pytest.mark.parametrize("temperature", [0.1, 0.7, 1.5])
def test_moments_on_real_rows(temperature):
    data = load_demo_data(temperature)
    p, q = data.p[[3, 11]], data.q[[3, 11]]
    np.testing.assert_allclose(
        weighted_inclusion(NUMPY, p, q, 3), one_by_one(p, q, 3), rtol=64 * 2.0**-53
    )


def test_moments_on_torch_and_in_batches(rng):
    torch = pytest.importorskip("torch")
    q = np.stack(list(drafts(2000, rng).values()))
    q /= q.sum(-1, keepdims=True)
    checked = pair(torch.tensor(q), torch.tensor(q))
    rows = weighted_inclusion(NUMPY, q, q, 3)
    with mock.patch.object(type(checked.backend), "block_elements", 2**24):
        batch = weighted_inclusion(checked.backend, checked.p, checked.q, 3)
    # The nodes of a batch are as many as its widest row needs: the quadrature's own error.
    np.testing.assert_allclose(batch, rows, rtol=3e-14)


@pytest.mark.parametrize("k", [1, 2, 3, 7])
def test_series_of_odds(k):
    for x in (1e-9, 0.01, SMALL):
        value = sum(c * x ** (k + d) for d, c in enumerate(odds_series(k)))
        assert value == pytest.approx(np.expm1(x) ** k, rel=1e-15 * (k + 1))


def targets(vocabulary, rng):
    for q in drafts(vocabulary, rng).values():
        noisy = q * np.exp(rng.normal(size=vocabulary))
        yield from ((noisy, q), (q, q), (q[::-1], q), (q, noisy), (np.eye(vocabulary)[7], q + 1e-9))
    half = np.arange(vocabulary) < vocabulary // 2
    yield from ((half + 0.0, 1.0 - half), (np.eye(vocabulary)[0], np.eye(vocabulary)[0]))


@pytest.mark.parametrize("n", [1, 2, 3, 8])
def test_rate_of_the_plan_equals_water_filling(n, rng):
    laws = [np.stack(x) for x in zip(*targets(COMPILED, rng), strict=True)]
    data = load_demo_data(0.7)
    pairs = [[x / x.sum(-1, keepdims=True) for x in laws], [data.p[:6], data.q[:6]]]
    for p, q in pairs:
        checked = pair(p, q)
        rate = VERIFIERS["optimal"].acceptance_rate(p, q, n, scheme="with_replacement")
        y = water_filling(NUMPY, checked.p, checked.q, n)
        assert rate.route == "plan"
        assert rate.error_bound is None
        # Chances of 2⁻⁴⁴ or finer, and sums of V terms.
        np.testing.assert_allclose(rate.value, np.minimum(checked.p, y).sum(-1), rtol=0, atol=2e-13)
