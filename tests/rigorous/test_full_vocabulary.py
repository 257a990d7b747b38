"""Full vocabularies: the shipped rows, 151,936 tokens, and drafts spread over the range of floats."""

from __future__ import annotations

import numpy as np
import pytest

import mdsd_theory as mdsd
from mdsd_theory.demo_data import load_demo_data

LARGE = 151_936


def check(p, q, n, scheme, width=2e-17):
    found = mdsd.certify(p, q, n=n, scheme=scheme, rigorous=True)
    fast = mdsd.optimal_acceptance(p, q, n=n, scheme=scheme)
    assert fast.lower <= found.upper
    assert found.lower <= fast.upper
    assert found.width <= width
    return found


@pytest.mark.parametrize(
    ("scheme", "n"),
    [("with_replacement", 3), ("without_replacement", 2), ("without_replacement", 3), ("greedy", 3)],
)
def test_a_shipped_row(scheme, n):
    data = load_demo_data(temperature=0.7)
    check(data.p[15], data.q[15], n, scheme)


@pytest.mark.slow
@pytest.mark.parametrize("n", [2, 3, 4])
@pytest.mark.parametrize("scheme", ["with_replacement", "without_replacement", "greedy", "top_k"])
def test_every_shipped_row(scheme, n):
    data = load_demo_data(temperature=0.7)
    for p, q in zip(data.p, data.q, strict=True):
        check(p, q, n, scheme)


def zipf(rng):
    base = np.arange(1, LARGE + 1) ** -1.1
    p, q = base * np.exp(rng.normal(size=(2, LARGE)) / 2)
    return p / p.sum(), q / q.sum()


@pytest.mark.slow
@pytest.mark.parametrize("n", [2, 3, 4, 8])
def test_151936_tokens(n, rng):
    check(*zipf(rng), n, "without_replacement")
    check(*zipf(rng), n, "with_replacement")


@pytest.mark.slow
@pytest.mark.parametrize("top", [1 - 1e-6, 1 - 1e-12])
def test_peaked_drafts(top, rng):
    p, q = zipf(rng)
    q = q * (1 - top)
    q[7] += 1 - q.sum()
    check(p, q, 3, "without_replacement")


@pytest.mark.slow
def test_dust_is_neither_dropped_nor_feared(rng):
    p, q = zipf(rng)
    q[rng.random(LARGE) < 0.3] *= 1e-300
    found = mdsd.certify(p, q / q.sum(), n=3, rigorous=True)
    assert found.width <= 2e-17
