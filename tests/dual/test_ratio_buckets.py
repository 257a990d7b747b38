"""Buckets of the ratio: within the stated error of sums in extended precision, on awkward rows."""

from __future__ import annotations

import numpy as np
import pytest
from ratio_cases import NAMES, awkward_pair, oracle, value_at

from mdsd_theory import AcceptanceBounds, optimal_acceptance
from mdsd_theory.arrays import UNIT, Backend
from mdsd_theory.dual import ratio_buckets as front
from mdsd_theory.dual import threads

NUMPY = Backend("numpy", np.dtype(np.float64), "cpu")


def allowed(n, vocabulary):
    return (n + 1) * (vocabulary / 32 + 32) * UNIT


def check_row(p, q, n):
    """Check value, enclosure and subset of one row against the oracle."""
    exact, off = oracle(p, q, n)
    off += allowed(n, p.size)
    result = optimal_acceptance(p, q, n=n, scheme="with_replacement", route="ratio_buckets")
    assert abs(result.value - exact) <= off
    assert result.lower - off <= exact <= result.upper + off
    assert result.upper - result.lower <= 2 * off
    assert abs(value_at(result.subset, p, q, n) - result.value) <= off
    check_prefix(result.subset, p, q)
    bounds = optimal_acceptance(p, q, n=n, scheme="with_replacement", route="ratio_bounds")
    assert isinstance(bounds, AcceptanceBounds)
    assert bounds.lower - off <= exact <= bounds.upper + off
    assert bounds.value >= result.value
    assert abs(value_at(bounds.subset, p, q, n) - bounds.value) <= off
    return bounds


def check_prefix(subset, p, q):
    """H holds every token of a smaller ratio than one it holds, and none that is never drafted."""
    drawn = q > 0
    assert not (subset & ~drawn & (p > 0)).any()
    with np.errstate(all="ignore"):
        ratio = p / q
    if subset.any():
        assert subset[drawn & (ratio < ratio[subset].max())].all()


@pytest.mark.parametrize("vocabulary", [1, 2, 3, 50, 3_000, 20_000])
@pytest.mark.parametrize("name", NAMES)
def test_awkward_rows(name, vocabulary, rng):
    for n in (1, 2, 3, 7, 40):
        p, q = awkward_pair(name, vocabulary, n, rng)
        check_row(p, q, n)


@pytest.mark.parametrize("name", ["flat", "wide", "nearly equal", "clustered", "every prefix ties"])
def test_a_full_vocabulary(name, rng):
    check_row(*awkward_pair(name, 151_936, 3, rng), 3)


def test_a_million_tokens_in_float32(rng):
    p, q = (x.astype(np.float32) for x in rng.dirichlet(np.full(1_000_000, 0.1), size=2))
    exact, off = oracle(p.astype(float), q.astype(float), 3)
    result = optimal_acceptance(p, q, scheme="with_replacement", route="ratio_buckets")
    assert abs(result.value - exact) <= off + allowed(3, p.size) < 2e-11


def test_bounds_of_a_flat_row_are_narrow(rng):
    """The lines inside a bucket fall as the square of its width, here 2⁻⁷ of the ratio."""
    bounds = check_row(*awkward_pair("flat", 151_936, 3, rng), 3)
    assert allowed(3, 151_936) < bounds.gap < 1e-4


def test_few_tokens_are_looked_at_closely(rng):
    from mdsd_theory.dual import ratio_search_loop as loop

    p, q = awkward_pair("flat", 151_936, 3, rng)
    base, shift, buckets = front.bucket_grid(3, p.size, (1e-9, 1e-9))
    keys, sums = np.empty(p.size, np.uint16), np.empty((buckets, 2), np.int64)
    loop.fill_buckets(p, q, base, shift, 0.0, keys, sums)
    assert abs(int(sums[:, 0].sum()) - 2**62) <= p.size + 2**13
    total = float(sums[:, 0].sum()), float(sums[:, 1].sum())
    best, _ = loop.best_edge(sums, buckets - 1, (0, 0), total, 3, 0.0)
    whole = 0, base << shift, shift
    first, last, _ = loop.open_buckets(sums, buckets - 1, whole, (0, 0), total, 3, best)
    assert 0 <= last - first <= 2
    assert loop.tokens_between(p, q, keys, first, last)[0].size < 2_000


def test_ratios_above_n_are_in_the_last_bucket():
    q = np.full(4, 0.25)
    for n in (1, 2, 3, 10):
        p = q * np.array([n * (1 - 1e-9), n, n * (1 + 1e-8), n * 1e6])
        base, shift, buckets = front.bucket_grid(n, 4, (1e-9, 1e-9))
        keys, sums = np.empty(4, np.uint16), np.empty((buckets, 2), np.int64)
        from mdsd_theory.dual.ratio_buckets_loop import fill_buckets

        fill_buckets(p, q, base, shift, 0.0, keys, sums)
        assert (keys[:2] < buckets - 1).all()
        assert keys[3] == buckets - 1


def test_ties_with_the_empty_set_are_the_empty_set():
    p = np.array([0.5, 0.25, 0.25])
    for route in ("ratio_buckets", "ratio_bounds", "sorted_prefix"):
        result = optimal_acceptance(p, p, n=2, scheme="with_replacement", route=route)
        assert result.value == 1.0
        assert not result.subset.any()


@pytest.mark.parametrize("shape", [(4, 700), (2, 3, 700), (1, 1, 700), (0, 700), (2, 0, 700)])
def test_a_batch_is_its_rows(shape, rng):
    p, q = rng.dirichlet(np.full(shape[-1], 0.2), size=(2, *shape[:-1]))
    for route in ("ratio_buckets", "ratio_bounds"):
        batch = optimal_acceptance(p, q, scheme="with_replacement", route=route)
        assert batch.value.shape == shape[:-1]
        assert batch.subset.shape == shape
        for index in np.ndindex(*shape[:-1]):
            alone = optimal_acceptance(p[index], q[index], scheme="with_replacement", route=route)
            assert alone.value == batch.value[index]
            assert alone.lower == batch.lower[index]
            assert (alone.subset == batch.subset[index]).all()


def test_threads_change_nothing(rng, monkeypatch):
    p, q = rng.dirichlet(np.full(5_000, 0.2), size=(2, 11))
    alone = front.ratio_buckets(NUMPY, p, q, 3)
    monkeypatch.setattr(threads, "WORTH", 1)
    monkeypatch.setenv("NUMBA_NUM_THREADS", "3")
    started = []
    work = threads.ThreadPoolExecutor.submit

    def submit(pool, call, *parts):
        started.append(parts)
        return work(pool, call, *parts)

    monkeypatch.setattr(threads.ThreadPoolExecutor, "submit", submit)
    together = front.ratio_buckets(NUMPY, p, q, 3)
    assert started == [(3, 7), (7, 11)]
    assert (alone.value == together.value).all()
    assert (alone.subset == together.subset).all()


def test_one_thread_unless_asked(monkeypatch):
    monkeypatch.delenv("NUMBA_NUM_THREADS", raising=False)
    assert threads.thread_limit() == 1
    for text, number in (("4", 4), ("0", 1), ("many", 1)):
        monkeypatch.setenv("NUMBA_NUM_THREADS", text)
        assert threads.thread_limit() == number
    monkeypatch.setenv("NUMBA_NUM_THREADS", "8")
    assert threads.over_rows(lambda a, b: (a, b), 3, threads.WORTH) == [(0, 1), (1, 2), (2, 3)]
    assert threads.over_rows(lambda a, b: (a, b), 3, 10) == [(0, 3)]


@pytest.mark.parametrize("vocabulary", [1, 63, 64, 65, 130, 1_000])
def test_every_token_of_the_open_buckets_is_found(vocabulary, rng):
    from mdsd_theory.dual.ratio_search_loop import tokens_between

    keys = rng.integers(0, 9, vocabulary).astype(np.uint16)
    p, q = rng.random((2, vocabulary))
    for first, last in ((0, 8), (3, 5), (4, 4), (9, 9)):
        where, ratios, units = tokens_between(p, q, keys, first, last)
        expected = np.flatnonzero((keys >= first) & (keys <= last))
        assert where.tolist() == expected.tolist()
        assert (ratios.view(np.float64) == (p / q)[expected]).all()
        assert (np.abs(units - 2.0**62 * np.stack([p, q], axis=1)[expected]) <= 1).all()


@pytest.mark.parametrize("name", ["flat", "ties", "nearly equal", "clustered", "every prefix ties"])
@pytest.mark.parametrize("vocabulary", [1, 255, 257, 2_000])
def test_the_search_inside_a_span_finds_its_best_level_set(name, vocabulary, rng):
    from mdsd_theory.dual.ratio_search_loop import search_inside

    for n in (1, 2, 5):
        p, q = awkward_pair(name, vocabulary, n, rng)
        ratios = (p / q).view(np.int64)
        units = (np.stack([p, q], axis=1) * 2.0**62).astype(np.int64)
        total = float(units[:, 0].sum()), float(units[:, 1].sum())
        span = int(ratios.min()), int(ratios.max()) + 1
        best, cut = search_inside(ratios.copy(), units.copy(), span, (0, 0), total, n, 2.0)
        inside = [ratios <= c for c in np.unique(ratios)]
        values = [value_at(subset, p, q, n) - 1 for subset in inside]
        assert abs(best - min(values)) <= allowed(n, vocabulary)
        assert abs(value_at(ratios <= cut, p, q, n) - 1 - best) <= allowed(n, vocabulary)


@pytest.mark.parametrize("n", [2**62, 2**63, 10**400])
def test_more_drafts_than_an_integer_of_64_bits_holds(n, rng):
    p, q = rng.dirichlet(np.ones(50), size=2)
    for route in ("ratio_buckets", "ratio_bounds"):
        result = optimal_acceptance(p, q, n=n, scheme="with_replacement", route=route)
        assert result.value == 1
        assert (result.lower, result.upper) == (0, 1)
