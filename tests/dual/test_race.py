"""The parts of the race route: nodes and their error bound, products, the search."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import mdsd_theory as mdsd
from mdsd_theory.arrays import Backend
from mdsd_theory.dual import race_search
from mdsd_theory.dual.heavy_tokens import LARGEST_EXPONENT, split_heavy
from mdsd_theory.dual.race_nodes import (
    QUADRATURE_ERROR,
    first_time,
    largest_step,
    last_scaled_time,
    left_end,
    race_nodes,
)
from mdsd_theory.dual.race_prefix import race_prefix
from mdsd_theory.dual.ratio_order import ratio_order, suffix_sums
from mdsd_theory.dual.truncated import block_products, multiply, running_products
from mdsd_theory.reference.high_precision import prefix_values
from mdsd_theory.schemes import SCHEMES

NUMPY = Backend("numpy", np.float64, "cpu")


def test_nodes_grow_slowly_with_n():
    for n in (3, 8):
        nodes = race_nodes(NUMPY, np.array([0.5]), n)
        assert nodes.times.shape[1] < 70
        assert nodes.step[0] <= largest_step(n)
        assert nodes.times[0, 0] == pytest.approx(first_time(n))
        assert nodes.times[0, -1] == pytest.approx(2 * last_scaled_time(n))


def test_left_end_sums_the_nodes_below_the_first():
    nodes = race_nodes(NUMPY, np.array([0.5]), 8)
    b = np.array([[1.0, 0.3, 1e-9, 0.0]])
    t = nodes.times[0, 0] * np.exp(-nodes.step[0] * np.arange(1, 400))
    direct = nodes.step[0] * (b[0, :, None] * t * np.exp(-b[0, :, None] * t)).sum(-1)
    np.testing.assert_allclose(left_end(NUMPY, nodes, b)[0], direct, rtol=1e-13)


def test_rule_is_as_accurate_as_claimed_on_an_integral_in_closed_form():
    """Equal tokens: all sets of drafts are equally likely, and Q(H) is a ratio of binomials."""
    vocabulary, n = 6, 3
    q = np.full((1, vocabulary), 1 / vocabulary)
    for k in range(vocabulary):
        inside = math.comb(k, n) / math.comb(vocabulary, n)
        p = np.where(np.arange(vocabulary) < k, 0.0, 1.0)[None, :]
        result = race_prefix(NUMPY, p / p.sum(), q, n)
        assert abs(result.value[0] - (1 - inside)) <= QUADRATURE_ERROR + 1e-15


def test_multiply_truncates():
    a, b = [np.array(2.0)], [np.array(3.0)]
    assert [float(c) for c in multiply(a, b, 2)] == [5.0]
    assert [float(c) for c in multiply(a, b, 3)] == [5.0, 6.0]
    long = multiply(multiply(a, b, 4), multiply(a, b, 4), 4)
    # (1 + 2x)²(1 + 3x)² = 1 + 10x + 37x² + 60x³ + …
    assert [float(c) for c in long] == [10.0, 37.0, 60.0]


@pytest.mark.parametrize("n", [2, 3, 6])
def test_products_agree_with_polynomial_multiplication(n, rng):
    odds = rng.exponential(size=(1, 8, 3, 2))
    blocks = block_products(odds, n)
    running = running_products(NUMPY, blocks, [np.zeros((1, 1, 2))] * (n - 1), n)
    for node in range(2):
        polynomial = np.array([1.0])
        for block in range(3):
            for token in range(8):
                polynomial = np.convolve(polynomial, [1.0, odds[0, token, block, node]])[:n]
            expected = np.pad(polynomial, (0, n - polynomial.size))[1:]
            got = [c[0, block + 1, node] for c in running]
            np.testing.assert_allclose(got, expected[: len(got)], rtol=1e-13)


def test_suffix_sums_keep_small_tails(rng):
    q = np.array([[1 - 1e-20, 1e-20, 1e-30]])
    np.testing.assert_allclose(suffix_sums(NUMPY, q)[0], [1.0, 1e-20, 1e-30, 0.0], rtol=1e-9)


def test_heavy_tokens_are_set_apart_only_when_odds_would_overflow():
    """As few of the largest as brings (mass of the rest) × t down to the limit."""
    q, top = np.array([[0.2, 0.3, 0.5]]), np.array([[2, 1]])
    for last_time, apart in ((0.9, []), (1.9, [0.5]), (4.9, [0.3, 0.5])):
        heavy = split_heavy(NUMPY, q, top, last_time * LARGEST_EXPONENT)
        assert heavy.q[0].tolist() == apart
        assert heavy.light[0].tolist() == [0.0 if x in apart else x for x in q[0]]
        assert heavy.rest[0] == pytest.approx(1 - sum(apart))
    assert heavy.passed.tolist() == [[0, 0, 1, 2]]


def every_prefix(p, q, n):
    """P + 1 − Q at every prefix, without the search: one token a block."""
    values = []
    order = ratio_order(NUMPY, p[None], q[None]).order[0]
    exact = SCHEMES["without_replacement"]
    for k in range(p.size + 1):
        inside = order[:k].tolist()
        values.append(p[inside].sum() + 1 - exact.inside(q.tolist(), n, inside))
    return min(values)


@pytest.mark.parametrize("group", [1, 2, 4, 8])
def test_search_finds_the_minimum_whatever_the_block(group, rng, monkeypatch):
    monkeypatch.setattr(race_search, "GROUP", group)
    for alpha in (0.05, 0.3, 1.0, 10.0):
        p, q = rng.dirichlet(np.full(11, alpha), size=2) + 1e-9
        p, q = p / p.sum(), q / q.sum()
        assert race_prefix(NUMPY, p[None], q[None], 3).value[0] == pytest.approx(
            every_prefix(p, q, 3), abs=1e-13
        )


def test_search_over_many_blocks_matches_blocks_of_one(rng, monkeypatch):
    pairs = [rng.dirichlet(np.full(700, a), size=2) for a in (0.05, 0.3, 1.0, 50.0)]
    found = [race_prefix(NUMPY, p[None], q[None], 4) for p, q in pairs]
    monkeypatch.setattr(race_search, "GROUP", 1)
    for (p, q), result in zip(pairs, found, strict=True):
        plain = race_prefix(NUMPY, p[None], q[None], 4)
        assert result.value[0] == pytest.approx(plain.value[0], abs=1e-14)
        assert (result.subset == plain.subset).all()


@pytest.mark.parametrize("top", [0.5, 1 - 1e-3, 1 - 1e-6, 1 - 1e-12])
@pytest.mark.parametrize("n", [3, 8])
def test_every_block_end_is_accurate_for_peaked_drafts(top, n, rng, monkeypatch):
    """Not the minimum alone: P + 1 − Q at 25 prefixes, with and without heavy tokens in them."""
    monkeypatch.setattr(race_search, "GROUP", 4)
    tail = 10.0 ** rng.uniform(-31, 0, 95)
    q = rng.permutation(np.concatenate([[top], tail * (1 - top) / tail.sum()]))
    p, q = rng.dirichlet(np.full(96, 0.3)), q / q.sum()
    ranked = ratio_order(NUMPY, p[None], q[None])
    race = race_search._Race.prepare(NUMPY, ranked, suffix_sums(NUMPY, ranked.q)[:, 1:], n)
    ends = np.arange(25)[None] * 4
    values = race.values(race_search._products_at_ends(race), ends)[0]
    order, exact = prefix_values(p.tolist(), q.tolist(), n)
    assert order == ranked.order[0].tolist()
    np.testing.assert_allclose(values, np.array(exact)[ends[0]], rtol=0, atol=2e-15)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.integers(0, 6), min_size=3, max_size=9),
    st.lists(st.integers(1, 6), min_size=9, max_size=9),
    st.integers(2, 3),
)
def test_value_is_attained_by_the_subset(p, q, n):
    p = np.array(p, dtype=float) + (sum(p) == 0)
    q = np.array(q[: p.size], dtype=float)
    p, q = p / p.sum(), q / q.sum()
    result = race_prefix(NUMPY, p[None], q[None], n)
    inside = np.flatnonzero(result.subset[0]).tolist()
    attained = p[inside].sum() + 1 - SCHEMES["without_replacement"].inside(q.tolist(), n, inside)
    assert result.value[0] == pytest.approx(attained, abs=1e-13)


def blocks_that_end_in_tiny_tokens(seed, vocabulary=320):
    """A pair whose every 32nd token of the ratio order has p and q near 1e-16."""
    rng = np.random.default_rng(seed)
    p, q = rng.dirichlet(np.ones(vocabulary), size=2)
    order = np.argsort(p / q)
    p, q = p[order], q[order]
    last = np.arange(31, vocabulary, 32)
    between = np.sqrt(p[last - 1] / q[last - 1] * p[last] / q[last])
    q[last] = 10 ** rng.uniform(-16.3, -15, last.size)
    p[last] = between * q[last]
    return p / p.sum(), q / q.sum()


@pytest.mark.parametrize(("seed", "n"), [(158, 3), (190, 3), (236, 4)])
def test_tiny_tokens_at_the_ends_of_blocks_do_not_hide_the_minimum(seed, n):
    """Slopes of P must be p/q: differences of its running sums are noise here (was off by 1e-3)."""
    p, q = blocks_that_end_in_tiny_tokens(seed)
    found = mdsd.optimal_acceptance(p, q, n=n)
    _, values = prefix_values(p, q, n)
    assert found.lower <= min(values) <= found.upper


def test_torch_takes_as_many_drafts_as_numpy():
    """Factorials beyond 64-bit integers must not reach torch as such."""
    q = np.full(64, 1 / 64)
    for n in (17, 40):
        found = mdsd.optimal_acceptance(torch.tensor(q), torch.tensor(q), n=n)
        assert found.value == pytest.approx(mdsd.optimal_acceptance(q, q, n=n).value, abs=1e-12)


def test_tokens_that_nobody_draws_are_sorted_by_no_sign_bit():
    """CUDA's radix sort puts a NaN with the sign bit first; x86 divides 0 by 0 to such a one, too."""
    p, q = np.array([[0.0, 0.5, 0.0, 0.5]]), np.array([[0.0, 0.0, 0.0, 1.0]])
    ranked = ratio_order(NUMPY, p, q)
    assert np.isnan(ranked.ratio[0]).tolist() == [False, False, True, True]
    assert not np.signbit(ranked.ratio).any()
    tensors = ratio_order(
        Backend("torch", torch.float64, torch.device("cpu")), *map(torch.tensor, (p, q))
    )
    assert not torch.signbit(tensors.ratio).any()
