"""Without replacement by buckets: against the sorted race, the reference layer and ball arithmetic."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

import mdsd_theory as mdsd
from mdsd_theory.arrays import Backend
from mdsd_theory.demo_data import load_demo_data
from mdsd_theory.dual import race_buckets_rows
from mdsd_theory.dual.race_buckets import race_buckets
from mdsd_theory.dual.race_buckets_rows import Row, lowest_cuts
from mdsd_theory.dual.race_inclusion import weighted_inclusion
from mdsd_theory.dual.race_prefix import race_prefix
from mdsd_theory.instances import KINDS, random_pair
from mdsd_theory.reference.high_precision import prefix_values
from mdsd_theory.schemes import SCHEMES

NUMPY = Backend("numpy", np.float64, "cpu")


@pytest.fixture(params=[6, 0])
def deep(request, monkeypatch):
    """Few buckets, over 64 octaves or one, and no sorting of more than two tokens: many rounds."""
    monkeypatch.setattr(race_buckets_rows, "LOG_OCTAVES", request.param)
    monkeypatch.setattr(race_buckets_rows, "LOG_BUCKETS", 6)
    monkeypatch.setattr(race_buckets_rows, "FEW_TOKENS", 2)


def normalised(p, q):
    return p / p.sum(), q / q.sum()


def agree(p, q, n):
    """The value, within the enclosure and 1e-12 of the sorted route's."""
    (value,), (error,), (subset,) = lowest_cuts(p[None], q[None], n)
    plain = race_prefix(NUMPY, p[None], q[None], n)
    assert abs(value - plain.value[0]) <= 1e-12
    assert value - error <= plain.upper[0]
    assert plain.lower[0] <= value + error
    return value, subset, plain.subset[0]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n", [2, 3, 4, 5, 8, 16])
def test_as_the_sorted_route_on_random_rows(kind, n, rng):
    for vocabulary in (n, n + 1, 20, 50, 128, 300, 1000, 3000):
        agree(*random_pair(kind, vocabulary, n, rng), n)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n", [2, 3, 8])
def test_as_the_sorted_route_through_many_rounds(kind, n, rng, deep):
    for vocabulary in (n, 20, 128, 1000):
        agree(*random_pair(kind, vocabulary, n, rng), n)


@pytest.mark.parametrize("kind", KINDS)
def test_value_is_the_minimum_over_all_subsets(kind, rng):
    """Against exact fractions, and the subset attains it."""
    scheme = SCHEMES["without_replacement"]
    for n in (2, 3, 4, 5):
        for vocabulary in (n, 6, 9):
            p, q = random_pair(kind, max(vocabulary, n), n, rng)
            (value,), _, (subset,) = lowest_cuts(p[None], q[None], n)
            exact = mdsd.optimal_acceptance(p, q, n=n, scheme="without_replacement", route="rational")
            assert value == pytest.approx(exact.value, abs=2e-15)
            inside = np.flatnonzero(subset).tolist()
            attained = p[inside].sum() + 1 - scheme.inside(q.tolist(), n, inside)
            assert value == pytest.approx(attained, abs=2e-15)


@pytest.mark.parametrize("top", [0.5, 1 - 1e-3, 1 - 1e-6, 1 - 1e-12])
@pytest.mark.parametrize("n", [2, 3, 8])
def test_accurate_for_peaked_drafts(top, n, rng):
    """Against 160-bit balls, tails over thirty decades."""
    tail = 10.0 ** rng.uniform(-31, 0, 95)
    q = rng.permutation(np.concatenate([[top], tail * (1 - top) / tail.sum()]))
    p, q = normalised(rng.dirichlet(np.full(96, 0.3)), q)
    (value,), (error,), _ = lowest_cuts(p[None], q[None], n)
    _, exact = prefix_values(p.tolist(), q.tolist(), n)
    assert abs(value - min(exact)) <= min(error, 3e-15)


@pytest.mark.parametrize("n", [3, 4, 8, 16])
@pytest.mark.parametrize("vocabulary", [100, 600, 730, 1300])
def test_accurate_where_every_token_is_as_heavy_as_a_light_one_may_be(n, vocabulary, rng):
    """Equal q: Q(H) is a ratio of binomials. q·t is 1/8 at the last node for some of these V."""
    p = rng.dirichlet(np.ones(vocabulary))
    q = np.full(vocabulary, 1 / vocabulary)
    (value,), (error,), (subset,) = lowest_cuts(p[None], q[None], n)
    every = math.comb(vocabulary, n)
    sums = np.concatenate([[0.0], np.cumsum(np.sort(p))])
    best = min(sums[k] + 1 - math.comb(k, n) / every for k in range(vocabulary + 1))
    assert abs(value - best) <= min(error, 3e-14)
    assert p[subset].sum() + 1 - math.comb(int(subset.sum()), n) / every == pytest.approx(best, abs=3e-14)


@pytest.mark.parametrize("temperature", [0.3, 0.7, 1.0])
def test_as_the_sorted_route_on_real_rows(temperature):
    data = load_demo_data(temperature=temperature)
    for i, n in ((0, 2), (3, 3), (7, 3), (11, 4), (15, 5), (19, 8), (23, 16)):
        value, subset, plain = agree(data.p[i], data.q[i], n)
        if value < 1 - 1e-9:  # at 1 the empty set and the whole vocabulary are as good
            assert data.p[i][subset != plain].sum() <= 1e-12


def test_value_is_enclosed_by_the_rigorous_route(rng):
    for n, kind in ((2, "flat"), (3, "peaked"), (3, "zeros"), (4, "flat")):
        p, q = random_pair(kind, 150, n, rng)
        (value,), (error,), _ = lowest_cuts(p[None], q[None], n)
        proved = mdsd.certify(p, q, n=n, scheme="without_replacement", rigorous=True)
        assert value - error <= proved.lower
        assert proved.upper <= value + error


def flat_objective(vocabulary, rng):
    """p such that P + 1 − Q is 1 for every prefix: two drafts, p the growth of Q."""
    q = rng.dirichlet(np.ones(vocabulary))
    outside = np.append(np.cumsum(q[::-1])[::-1], 0.0)
    avoid = outside * np.append(1.0, 1 + np.cumsum(q / (1 - q)))
    return normalised(-np.diff(avoid), q)


def test_nothing_to_choose_between_thousands_of_prefixes(rng):
    p, q = flat_objective(3000, rng)
    value, _, _ = agree(p, q, 2)
    assert value == pytest.approx(1.0, abs=1e-13)


@pytest.mark.parametrize("n", [2, 3, 5, 16])
@pytest.mark.parametrize("rest", [1e-3, 1e-12, 1e-40, 1e-200, 1e-280])
def test_dominant_tokens(n, rest, rng):
    """n − 1 tokens hold all but a tiny mass: the last draft comes from the others in proportion."""
    others = rng.dirichlet(np.ones(200))
    q = np.concatenate([np.full(n - 1, 1 / (n - 1)), rest * others])
    p, q = normalised(rng.dirichlet(np.ones(q.size)), q)
    value, _, _ = agree(p, q, n)
    if rest <= 1e-12:
        expected = p[: n - 1].sum() + np.minimum(p[n - 1 :], others).sum()
        assert value == pytest.approx(expected, abs=1e-11)


@pytest.mark.parametrize("n", [2, 3, 8])
def test_awkward_rows(n, rng):
    vocabulary = 400
    flat, one_hot = np.full(vocabulary, 1 / vocabulary), np.zeros(vocabulary)
    one_hot[17] = 1.0
    few = np.zeros(vocabulary)
    few[rng.permutation(vocabulary)[:n]] = rng.dirichlet(np.ones(n))
    steep = 10.0 ** -np.linspace(0, 280, vocabulary)
    wide = rng.permutation(steep) / steep.sum()
    steep = steep / steep.sum()
    pairs = [(flat, flat), (one_hot, flat), (flat, few), (few, few), (one_hot, few), (steep, flat)]
    pairs += [(flat, steep), (steep, steep), (steep, wide), (wide, steep), (one_hot, wide)]
    for p, q in pairs:
        agree(p, q, n)


@pytest.mark.parametrize("n", [2, 3])
def test_nearly_equal_ratios_are_told_apart(n, rng):
    """All ratios within one bucket of the first pass, and of the second."""
    q = rng.dirichlet(np.ones(5000))
    for noise in (1e-3, 1e-6, 1e-9, 1e-15):
        p, _ = normalised(q * (1 + noise * rng.normal(size=q.size)), q)
        agree(p, q, n)


@pytest.mark.parametrize("n", [2, 3, 8])
def test_large_vocabulary(n, rng):
    p, q = rng.dirichlet(np.full(151_936, 0.1), size=2) + 1e-12
    agree(*normalised(p, q), n)


@pytest.mark.parametrize("n", [2, 3, 5])
def test_tokens_beyond_the_last_bucket_are_in_no_best_set(n, rng):
    """P(i ∈ S) ≤ q_i Σ_{k<n} 1 / (mass outside the k largest), and it is nearly reached."""
    nearest = 0.0
    for alpha in (0.1, 1.0, 100.0):
        q = rng.dirichlet(np.full(60, alpha)) + 1e-9
        q = np.sort(q / q.sum())[::-1]
        limit = (1 / (1 - np.append(0.0, np.cumsum(q[: n - 1])))).sum()
        drafted = np.array([weighted_inclusion(NUMPY, u[None], q[None], n)[0] for u in np.eye(60)])
        assert (drafted <= q * limit * (1 + 1e-12)).all()
        nearest = max(nearest, (drafted / q).max() / limit)
    assert nearest > 0.9


def test_heavy_tokens_are_few(rng):
    """Each holds more than (Y / t_last) ≥ r·Y/c of mass r, the n − 1 largest apart."""
    for n in (3, 8):
        for alpha in (0.01, 0.1, 1.0):
            q = rng.dirichlet(np.full(20_000, alpha))
            row = Row(rng.dirichlet(np.ones(q.size)), q, n)
            row.solve()
            assert row.race.heavy.size <= row.rest / row.heavier + n
            assert row.evaluations < 60


def test_float32_rows_need_no_widened_copy(rng):
    p, q = rng.dirichlet(np.ones(3000), size=(2, 4)).astype(np.float32)
    for n in (2, 3):
        narrow = lowest_cuts(p, q, n)
        wide = lowest_cuts(p.astype(np.float64), q.astype(np.float64), n)
        for a, b in zip(narrow, wide, strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("vocabulary", [20, 2000])
@pytest.mark.parametrize("n", [1, 2, 3, 17])
def test_route_takes_batches_of_either_library(n, vocabulary, rng):
    p, q = rng.dirichlet(np.ones(vocabulary), size=(2, 3))
    plain = race_prefix(NUMPY, p, q, n)
    found = race_buckets(NUMPY, p, q, n)
    backend = Backend("torch", torch.float64, torch.device("cpu"))
    tensors = race_buckets(backend, torch.tensor(p), torch.tensor(q), n)
    np.testing.assert_allclose(found.value, plain.value, rtol=0, atol=1e-12)
    np.testing.assert_allclose(tensors.value.numpy(), found.value, rtol=0, atol=1e-14)
    np.testing.assert_array_equal(tensors.subset.numpy(), found.subset)
    assert isinstance(tensors.subset, torch.Tensor)
    assert (found.lower <= plain.upper).all()
    assert (plain.lower <= found.upper).all()


def test_rows_may_be_strided_and_read_only(rng):
    p, q = rng.dirichlet(np.ones(2000), size=(2, 3))
    plain = race_buckets(NUMPY, p, q, 3)
    columns = race_buckets(NUMPY, np.asfortranarray(p), np.broadcast_to(q[0], p.shape), 3)
    assert columns.value[0] == plain.value[0]
    first = torch.tensor(p, requires_grad=True)
    backend = Backend("torch", torch.float64, torch.device("cpu"))
    assert float(race_buckets(backend, first, torch.tensor(q), 3).value[1]) == plain.value[1]


def test_no_rows():
    empty = np.zeros((0, 2000))
    found = race_buckets(NUMPY, empty, empty, 3)
    assert found.value.shape == (0,)
    assert found.subset.shape == (0, 2000)
