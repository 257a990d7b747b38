"""Probabilities from logits, against plain softmax and brute truncation."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mdsd_theory import from_logits


def softmax(x, temperature=1.0):
    x = np.exp((x - x.max(-1, keepdims=True)) / temperature)
    return x / x.sum(-1, keepdims=True)


def test_softmax_with_temperature(rng):
    x = rng.normal(0, 5, (3, 4, 50))
    np.testing.assert_allclose(from_logits(x, temperature=0.7), softmax(x, 0.7), rtol=1e-12)


def test_large_logits_do_not_overflow():
    assert from_logits([1e4, 0.0, -1e4]).tolist() == [1.0, 0.0, 0.0]
    assert from_logits([1.0, 2.0], temperature=1e-310).tolist() == [0.0, 1.0]


def test_temperature_zero_takes_the_first_of_the_largest():
    assert from_logits([1.0, 3.0, 3.0], temperature=0).tolist() == [0.0, 1.0, 0.0]


def test_masked_tokens_get_nothing():
    assert from_logits([0.0, -np.inf, 0.0]).tolist() == [0.5, 0.0, 0.5]


def test_top_k_keeps_exactly_k_lowest_index_first():
    p = from_logits([1.0, 2.0, 2.0, 2.0], top_k=2)
    assert p.tolist() == [0.0, 0.5, 0.5, 0.0]
    assert from_logits([1.0, 2.0], top_k=9).tolist() == softmax(np.array([1.0, 2.0])).tolist()


def test_top_p_keeps_the_fewest_tokens_that_reach_it(rng):
    for _ in range(50):
        x = rng.normal(0, 2, 12)
        full = softmax(x)
        order = np.argsort(-full)
        keep = 1 + int(np.searchsorted(np.cumsum(full[order]), 0.8))
        expected = np.zeros(12)
        expected[order[:keep]] = full[order[:keep]]
        np.testing.assert_allclose(from_logits(x, top_p=0.8), expected / expected.sum(), rtol=1e-12)


def test_top_p_applies_to_what_top_k_leaves():
    x = np.log([0.4, 0.3, 0.2, 0.1])
    assert np.flatnonzero(from_logits(x, top_k=2, top_p=0.5)).tolist() == [0]
    assert np.flatnonzero(from_logits(x, top_p=0.5)).tolist() == [0, 1]


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
def test_dtype_is_kept(dtype):
    p = from_logits(torch.zeros(3, 8, dtype=dtype), top_k=4, top_p=0.9)
    assert p.dtype == dtype
    assert p.shape == (3, 8)


def test_half_precision_is_rounded_only_at_the_end(rng):
    x = torch.tensor(rng.normal(0, 3, 1000)).to(torch.bfloat16)
    exact = torch.softmax(x.double() / 0.7, -1)
    assert torch.equal(from_logits(x, temperature=0.7), exact.to(torch.bfloat16))


def test_no_rows():
    assert from_logits(np.zeros((0, 5))).shape == (0, 5)
