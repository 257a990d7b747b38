"""The kernels of the dual with replacement, run on the CPU, against the route that sorts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

import mdsd_theory as mdsd
from mdsd_theory.cuda.found import FoundRows
from mdsd_theory.cuda.inputs import Rows
from mdsd_theory.cuda.ratio_buckets import _fraction, _rounding, bucket_bounds, bucket_optimum
from mdsd_theory.demo_data import load_demo_data
from mdsd_theory.distributions import sum_tolerance
from mdsd_theory.instances import KINDS, random_pair

DTYPES = (torch.float64, torch.float32, torch.float16, torch.bfloat16)
LEVELS = 1e-12 + 2.0**-17
"""A second bucket is 2⁻¹⁷ wide in log₂ p/q: H is optimal but for tokens whose ratios are as near."""


def instances(vocabulary: int, rows: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    rng = np.random.default_rng(seed)
    pairs = [random_pair(KINDS[k % len(KINDS)], vocabulary, 1, rng) for k in range(rows)]
    p, q = (np.stack(x) for x in zip(*pairs, strict=True))
    return torch.tensor(p), torch.tensor(q)


def normalised(x: torch.Tensor) -> torch.Tensor:
    x = x.double()
    return x / x.sum(-1, keepdim=True)


def exact(p: torch.Tensor, q: torch.Tensor, n: int) -> mdsd.Acceptance:
    return mdsd.optimal_acceptance(
        normalised(p), normalised(q), n=n, scheme="with_replacement", route="sorted_prefix"
    )


def encloses(found: FoundRows, truth: mdsd.Acceptance) -> bool:
    below = found.lower - found.error <= truth.upper
    above = truth.lower <= found.value + found.error
    return bool((below & above).all())


@pytest.mark.parametrize("vocabulary", [1, 2, 3, 17, 300, 4101])
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_optimum_and_enclosure(host, vocabulary, dtype):
    p, q = (x.to(dtype) for x in instances(vocabulary, 6, vocabulary))
    tolerance = sum_tolerance(str(dtype).removeprefix("torch."), vocabulary)
    for n in (1, 2, 3, 8):
        truth = exact(p, q, n)
        for find in (bucket_bounds, bucket_optimum):
            found = find(host, Rows(p, q), n, tolerance)
            assert not found.bad.any()
            assert encloses(found, truth)
            inside = found.subset().double()
            value = (normalised(p) * inside).sum(-1) + 1 - (normalised(q) * inside).sum(-1) ** n
            assert float((value - found.value).abs().max()) <= found.error + 1e-12
        assert float((found.value - truth.value).abs().max()) <= found.error + LEVELS * n


@pytest.mark.parametrize("multiprocessors", [1, 3, 16])
def test_blocks_that_share_a_row_change_nothing(host, multiprocessors):
    p, q = (x.float() for x in instances(40_000, 2, 5))
    alone = bucket_optimum(replace(host, multiprocessors=1), Rows(p, q), 3, 1e-3)
    shared = replace(host, multiprocessors=multiprocessors, seed=multiprocessors)
    together = bucket_optimum(shared, Rows(p, q), 3, 1e-3)
    assert torch.equal(alone.value, together.value)
    assert torch.equal(alone.lower, together.lower)
    assert torch.equal(alone.subset(), together.subset())


def test_shipped_rows_are_enclosed_within_a_millionth_by_one_pass(host):
    data = load_demo_data(temperature=0.7)
    p, q = torch.tensor(data.p[13:16]).float(), torch.tensor(data.q[13:16]).float()
    bounds, truth = bucket_bounds(host, Rows(p, q), 3, 1e-4), exact(p, q, 3)
    assert encloses(bounds, truth)
    assert float((bounds.value - bounds.lower).max()) < 1e-6
    best = bucket_optimum(host, Rows(p, q), 3, 1e-4)
    assert float((best.value - truth.value).abs().max()) < 1e-8


@pytest.mark.parametrize("dtype", DTYPES[1:], ids=str)
@pytest.mark.parametrize("temperature", [0.7, 1.0])
@pytest.mark.parametrize("multiprocessors", [1, 8])
def test_logits(host, dtype, temperature, multiprocessors):
    p, q = instances(9_000, 6, 3)
    target, draft = (p.log() * temperature + 7.3).to(dtype), (q.log() * temperature - 3.1).to(dtype)
    p, q = (torch.softmax(x.double() / temperature, -1) for x in (target, draft))
    launcher = replace(host, multiprocessors=multiprocessors)
    for n in (2, 3):
        found = bucket_optimum(launcher, Rows.of_logits(target, draft, temperature), n, 1e-4)
        truth = exact(p, q, n)
        assert not found.bad.any()
        assert encloses(found, truth)
        assert float((found.value - truth.value).abs().max()) < 1e-6


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_negative_zeros_are_zeros(host, dtype):
    p, q = (x.to(dtype) for x in instances(300, 3, 6))
    p[:, ::3], q[:, 1::5] = 0.0, 0.0
    p, q = (normalised(x).to(dtype) for x in (p, q))
    expected = bucket_optimum(host, Rows(p, q), 3, 0.1)
    found = bucket_optimum(host, Rows(torch.where(p == 0, -0.0, p), torch.where(q == 0, -0.0, q)), 3, 0.1)
    assert torch.equal(found.value, expected.value)
    assert torch.equal(found.subset(), expected.subset())


@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), -0.25, 3.0], ids=["nan", "inf", "negative", "large"]
)
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_rows_that_are_no_distributions_are_told(host, value, dtype):
    p, q = (x.to(dtype) for x in instances(300, 4, 1))
    p[1, 200], q[2, 7] = value, value
    tolerance = sum_tolerance(str(dtype).removeprefix("torch."), 300)
    assert (bucket_bounds(host, Rows(p, q), 3, tolerance).bad != 0).tolist() == [False, True, True, False]


def test_sums_beyond_the_tolerance_are_told(host):
    p, q = (x.float() for x in instances(300, 3, 1))
    p[1] *= 1.01
    assert (bucket_bounds(host, Rows(p, q), 3, 1e-4).bad != 0).tolist() == [False, True, False]
    assert not bucket_bounds(host, Rows(p, q), 3, 0.02).bad.any()


@pytest.mark.parametrize("dtype", DTYPES[:2], ids=str)
@pytest.mark.parametrize("multiprocessors", [1, 8])
def test_sums_that_wrap_around_are_told(host, dtype, multiprocessors):
    p = torch.zeros(2, 40_000, dtype=dtype)
    p[:, :40_000:8_000] = 1.0  # five of them: one, modulo four
    p[1, 8_000:] = 0.0
    launcher = replace(host, multiprocessors=multiprocessors)
    assert (bucket_bounds(launcher, Rows(p, p), 2, 1e-3).bad != 0).tolist() == [True, False]


def test_logits_that_are_none_are_told(host):
    target = torch.zeros(4, 50)
    target[1, 3], target[2, 3], target[3] = float("nan"), float("inf"), float("-inf")
    found = bucket_bounds(host, Rows.of_logits(target, torch.zeros(4, 50), 1.0), 2, 1e-4)
    assert (found.bad != 0).tolist() == [False, True, True, True]


def test_masked_logits(host):
    rng = np.random.default_rng(0)
    target, draft = (torch.tensor(rng.normal(size=(5, 400)) * 4).float() for _ in range(2))
    target[:, ::3], draft[:, ::5] = float("-inf"), float("-inf")
    found = bucket_optimum(host, Rows.of_logits(target, draft, 0.8), 3, 1e-4)
    p, q = (torch.softmax(x.double() / 0.8, -1) for x in (target, draft))
    truth = exact(p, q, 3)
    assert float((found.value - truth.value).abs().max()) < 1e-6
    assert not found.subset()[:, ::5].any()


def crafted() -> dict[str, tuple[list[float], list[float]]]:
    spread = np.geomspace(1e-38, 1, 700)
    spread /= spread.sum()
    flat = np.full(700, 1 / 700)
    tied = np.repeat([1.0, 2.0, 3.0, 4.0], 175) / 1750
    one = np.eye(700)
    near = flat * (1 + 1e-4 * np.sin(np.arange(700)))
    return {
        "equal": (spread, spread),
        "reversed": (spread, spread[::-1]),
        "flat": (flat, flat),
        "ties": (tied, flat),
        "disjoint": (
            np.where(np.arange(700) < 350, 1 / 350, 0),
            np.where(np.arange(700) < 350, 0, 1 / 350),
        ),
        "same token": (one[3], one[3]),
        "other token": (one[3], one[4]),
        "one-hot target": (one[3], flat),
        "one-hot draft": (flat, one[3]),
        "nearly equal": (near / near.sum(), flat),
    }


@pytest.mark.parametrize("name", crafted())
@pytest.mark.parametrize("n", [1, 2, 5, 16])
def test_crafted_rows(host, name, n):
    p, q = (torch.tensor(x[None]).float() for x in map(np.array, crafted()[name]))
    found = bucket_optimum(host, Rows(p, q), n, 1e-4)
    truth = exact(p, q, n)
    assert encloses(found, truth)
    assert float((found.value - truth.value).abs().max()) <= found.error + LEVELS * n
    assert encloses(bucket_bounds(host, Rows(p, q), n, 1e-4), truth)


def test_rows_apart_and_unaligned(host):
    p, q = (x.float() for x in instances(301, 8, 9))
    wide = torch.zeros(8, 400)
    wide[:, 3:304] = p
    found = bucket_optimum(host, Rows(wide[::2, 3:304], q[::2]), 3, 1e-3)
    expected = bucket_optimum(host, Rows(p[::2].contiguous(), q[::2].contiguous()), 3, 1e-3)
    assert torch.equal(found.value, expected.value)
    assert torch.equal(found.subset(), expected.subset())


def test_the_order_of_threads_changes_nothing(host):
    p, q = (x.float() for x in instances(5_000, 3, 2))
    found = [bucket_optimum(replace(host, seed=seed), Rows(p, q), 3, 1e-3) for seed in range(3)]
    for other in found[1:]:
        assert torch.equal(found[0].value, other.value)
        assert torch.equal(found[0].subset(), other.subset())


@pytest.mark.parametrize("multiprocessors", [1, 8])
def test_more_tied_tokens_at_the_cut_than_there_is_room_for(host, multiprocessors):
    p = torch.tensor(np.repeat([1.0, 2.0, 3.0, 4.0], 10_000) / 100_000)[None].float()
    q = torch.full_like(p, 1 / 40_000)
    launcher = replace(host, multiprocessors=multiprocessors)
    for n in (1, 2, 3):
        found, truth = bucket_optimum(launcher, Rows(p, q), n, 1e-3), exact(p, q, n)
        assert encloses(found, truth)
        inside = found.subset().double()
        value = (normalised(p) * inside).sum(-1) + 1 - (normalised(q) * inside).sum(-1) ** n
        assert float((value - truth.value).abs().max()) <= found.error + LEVELS * n


def test_the_error_of_rounding_stays_below_half_a_millionth(host):
    for tokens in (100, 70_000, 300_000, 1_000_000):
        rows = Rows(*(torch.empty(1, tokens) for _ in range(2)))
        for n in (1, 3):
            assert _rounding(rows, n, _fraction(rows, n)) < 5e-7
