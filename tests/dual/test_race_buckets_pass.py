"""The passes over a row against NumPy's sums, and the search against all prefixes."""

from __future__ import annotations

import numpy as np
import pytest

from mdsd_theory.dual.race_buckets_chain_loop import Span, token_chain
from mdsd_theory.dual.race_buckets_pass_loop import (
    CHUNK,
    largest,
    odds_buckets,
    power_buckets,
    sum_without,
    tokens_between,
)
from mdsd_theory.dual.race_buckets_rows import Row
from mdsd_theory.dual.race_buckets_search_loop import search
from mdsd_theory.dual.race_buckets_sums_loop import odds_below, sums_below
from mdsd_theory.dual.race_buckets_value_loop import avoids

LOW, SHIFT, BUCKETS = 1020 << 52, 50, 16
"""Four buckets an octave from 1/8 to 2."""


@pytest.fixture(params=[np.float64, np.float32])
def pair(request, rng):
    """Ratios from 0 to infinity, over more than one chunk."""
    p, q = rng.dirichlet(np.full(CHUNK + 700, 0.3), size=2)
    p[::7], q[::11] = 0, 0
    return p.astype(request.param), q.astype(request.param)


def bits_of(p, q):
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = p.astype(np.float64) / q.astype(np.float64)
    return np.where(q > 0, ratio, np.inf).view(np.int64)


def binned(key, x):
    return np.bincount(key, weights=x.astype(np.float64), minlength=BUCKETS + 1)


def test_power_sums_of_buckets(pair):
    p, q = pair
    key = np.clip((bits_of(p, q) - LOW) >> SHIFT, 0, BUCKETS)
    heavier, lightest, powers = float(np.sort(q)[-20]), 1 / 16, 12
    sums, weight, heavy = power_buckets(p, q, LOW, SHIFT, BUCKETS, heavier, lightest, powers)
    x = q.astype(np.float64) / heavier
    light = x <= 1
    np.testing.assert_allclose(sums[:, 0], binned(key, p), rtol=1e-12)
    np.testing.assert_allclose(weight, binned(key, np.where(light, 0, q)), rtol=1e-12)
    assert sorted(heavy) == np.flatnonzero(~light & (key < BUCKETS)).tolist()
    for r in range(1, powers + 1):
        counted = light if r <= 7 else light & (x > lightest)
        np.testing.assert_allclose(sums[:, r], binned(key, np.where(counted, x**r, 0)), rtol=1e-12)


def test_odds_of_buckets(pair):
    p, q = pair
    key = np.clip((bits_of(p, q) - LOW) >> SHIFT, 0, BUCKETS)
    top = float(q.max())
    sums = odds_buckets(p, q, LOW, SHIFT, BUCKETS, top, 0.25)
    odds = q / np.where(q == q.max(), 0.25, 1 - q.astype(np.float64))
    for column, x in enumerate((p, q, odds)):
        np.testing.assert_allclose(sums[:, column], binned(key, x), rtol=1e-12)


def test_sums_of_one_set(pair):
    p, q = pair
    limit, heavier, powers = 0.7, float(np.sort(q)[-20]), 12
    inside = bits_of(p, q).view(np.float64) < limit
    x = q.astype(np.float64) / heavier
    light = inside & (x <= 1)
    mask, target, outside, sums = sums_below(p, q, limit, heavier, 1e-3, powers)
    np.testing.assert_array_equal(mask, inside)
    assert target == pytest.approx(p[inside].astype(np.float64).sum(), rel=1e-14)
    assert outside == pytest.approx(q[~inside].astype(np.float64).sum(), rel=1e-14)
    np.testing.assert_allclose(sums, [(x[light] ** r).sum() for r in range(1, powers + 1)], rtol=1e-13)
    mask, target, outside, sums = odds_below(p, q, limit, 2.0, 1.0)
    np.testing.assert_array_equal(mask, inside)
    wide = q[inside].astype(np.float64)
    np.testing.assert_allclose(sums, [wide.sum(), (wide / (1 - wide)).sum()], rtol=1e-13)


def test_tokens_of_ranges(pair):
    p, q = pair
    bits = bits_of(p, q)
    low = np.array([0, LOW, LOW + (5 << SHIFT)])
    high = np.array([LOW - (9 << SHIFT), LOW + (1 << SHIFT), LOW + (9 << SHIFT)])
    tokens, owner = tokens_between(p, q, low, high)
    for k in range(3):
        expected = np.flatnonzero((bits >= low[k]) & (bits < high[k]))
        assert expected.size > 0
        np.testing.assert_array_equal(tokens[owner == k], expected)


@pytest.mark.parametrize("count", [1, 2, 7, 15])
def test_largest_tokens_and_the_rest(count, rng):
    for q in (rng.random(3000), rng.integers(1, 4, 40).astype(float), np.ones(20), np.arange(15.0)):
        top, place = largest(q, count)
        np.testing.assert_array_equal(top, np.sort(q)[::-1][:count])
        np.testing.assert_array_equal(q[place], top)
        assert np.unique(place).size == count
        without = np.delete(q, place).sum()
        assert sum_without(q, np.sort(place)) == pytest.approx(without, rel=1e-14)


def test_rest_keeps_its_digits_beside_a_dominant_token():
    q = np.concatenate([[1.0], np.full(5, 1e-200)])
    _, place = largest(q, 1)
    assert sum_without(q, place) == pytest.approx(5e-200, rel=1e-14)


@pytest.mark.parametrize("n", [2, 3, 6])
@pytest.mark.parametrize("alpha", [0.05, 0.5, 50.0])
def test_search_finds_the_lowest_prefix_of_a_chain(n, alpha, rng):
    """And evaluates few of them."""
    p, q = rng.dirichlet(np.full(3000, alpha), size=2) + 1e-9
    p, q = p / p.sum(), q / q.sum()
    row = Row(p, q, n)
    row.solve()
    order = np.argsort(p / q)
    span = Span(0, 1 << 62, 0.0, 0.0, np.zeros(row.powers))
    chain = token_chain(span, p[order], q[order], (p / q)[order], row.heavier, row.top, row.rest)
    every = [
        chain.target[k] + avoids(row.race, chain.threshold[k], chain.outside[k], chain.sums[k])
        for k in range(chain.width.size + 1)
    ]
    best, threshold, still_open, evaluations = search(row.race, chain, np.inf, 1e-15)
    assert best == pytest.approx(min(every), abs=2e-15)
    assert every[list(chain.threshold).index(threshold)] == best
    assert still_open.size == 0
    assert evaluations < 60
