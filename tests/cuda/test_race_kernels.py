"""The kernels of the dual without replacement, run on the CPU, against the sorting route."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

import mdsd_theory as mdsd
from mdsd_theory.cuda import race_buckets
from mdsd_theory.cuda.found import FoundRows
from mdsd_theory.cuda.inputs import Rows
from mdsd_theory.cuda.race_buckets import WIDTH, race_optimum
from mdsd_theory.cuda.race_work import Work
from mdsd_theory.demo_data import load_demo_data
from mdsd_theory.errors import SizeError
from mdsd_theory.instances import KINDS, random_pair

SETTLED = WIDTH + 2.0**-30
"""What an enclosure may be wide, once no bucket is open."""


def instances(vocabulary: int, support: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    rng = np.random.default_rng(seed)
    pairs = [random_pair(kind, vocabulary, support, rng) for kind in KINDS]
    p, q = (torch.tensor(np.stack(x)) for x in zip(*pairs, strict=True))
    return p, q


def normalised(x: torch.Tensor) -> torch.Tensor:
    x = x.double()
    return x / x.sum(-1, keepdim=True)


def exact(p: torch.Tensor, q: torch.Tensor, n: int) -> mdsd.Acceptance:
    return mdsd.optimal_acceptance(
        normalised(p), normalised(q), n=n, scheme="without_replacement", route="race_prefix"
    )


def avoids(q: np.ndarray, inside: np.ndarray, n: int) -> float:
    """Return 1 − Q(H) by the race integral on 4,000 nodes, heavy and light tokens alike."""
    log_time = np.linspace(-25, 5 - np.log(q[q > 0].min()), 4000)
    time = np.exp(log_time)
    arrived = np.zeros((n, time.size))
    arrived[0] = 1
    for rate in q[inside]:
        chance = -np.expm1(-rate * time)
        arrived[1:] += (arrived[:-1] - arrived[1:]) * chance
        arrived[0] *= 1 - chance
    b = q[~inside].sum()
    alive = b * time * np.exp(-b * time) * arrived.sum(axis=0)
    return float(alive.sum() * (log_time[1] - log_time[0]))


def assert_encloses(found: FoundRows, truth: mdsd.Acceptance, width: float = SETTLED) -> None:
    assert not found.bad.any()
    assert bool((found.lower - found.error <= truth.upper).all())
    assert bool((truth.lower <= found.value + found.error).all())
    assert float((found.value - found.lower).max()) <= width
    assert found.error + width <= 1e-6


@pytest.mark.parametrize(
    ("dtype", "vocabulary", "n"),
    [
        (torch.float32, 300, 2),
        (torch.float32, 300, 3),
        (torch.float32, 300, 8),
        (torch.float32, 4101, 3),
        (torch.float64, 20, 4),
        (torch.float64, 4100, 4),
    ],
    ids=str,
)
def test_instances_of_all_kinds(host, dtype, vocabulary, n):
    p, q = (x.to(dtype) for x in instances(vocabulary, n, vocabulary))
    found = race_optimum(host, Rows(p, q), n, 1e-4)
    assert_encloses(found, exact(p, q, n))
    p, q = normalised(p).numpy(), normalised(q).numpy()
    for row in (0, 2, 3):
        inside = found.subset()[row].numpy()
        if vocabulary == 300:
            value = p[row, inside].sum() + avoids(q[row], inside, n)
            assert abs(value - float(found.value[row])) <= found.error + 1e-9


def test_shipped_rows(host):
    data = load_demo_data(temperature=0.7)
    p, q = torch.tensor(data.p[13:16]).float(), torch.tensor(data.q[13:16]).float()
    assert_encloses(race_optimum(host, Rows(p, q), 3, 1e-4), exact(p, q, 3))


def crafted(vocabulary: int) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Rows at which sums, nodes or buckets could break down."""
    rng = np.random.default_rng(4)
    flat = np.full(vocabulary, 1.0)
    one = np.eye(vocabulary)
    halves = np.where(np.arange(vocabulary) < vocabulary // 2, 1.0, 0.0)
    spread = np.geomspace(1e-38, 1, vocabulary)
    geometric = 2.0 ** -np.arange(vocabulary)
    tokens = rng.dirichlet(flat)
    rows = {
        "equal": (spread, spread),
        "reversed": (spread, spread[::-1]),
        "flat": (flat, flat),
        "ties": (np.repeat([1.0, 2.0, 3.0, 4.0], vocabulary // 4), flat),
        "disjoint": (halves, 1 - halves),
        "one-hot target": (one[3], flat),
        "nearly equal": (flat * (1 + 1e-4 * np.sin(np.arange(vocabulary))), flat),
        "target without most tokens": (np.where(rng.random(vocabulary) < 0.95, 0, tokens), tokens),
        "geometric": (tokens, np.maximum(geometric, 1e-300)),
        "geometric both": (geometric[::-1] + 1e-30, np.maximum(geometric, 1e-30)),
    }
    for log_rest in (-3, -6, -9, -12):
        most = one[3] + 10.0**log_rest * tokens
        rows[f"rest 1e{log_rest}"] = (tokens[::-1], most)
        rows[f"rest 1e{log_rest} of both"] = (one[3] + 1e-2 * tokens[::-1], most)
        two = 0.6 * one[3] + 0.4 * one[5] + 10.0**log_rest * tokens
        rows[f"rest 1e{log_rest} of two"] = (flat, two)
    p, q = (np.stack(x) for x in zip(*rows.values(), strict=True))
    return p / p.sum(-1, keepdims=True), q / q.sum(-1, keepdims=True), list(rows)


@pytest.mark.parametrize(("dtype", "n"), [(torch.float32, 3), (torch.float64, 4)], ids=str)
def test_crafted_rows(host, dtype, n):
    p, q = (torch.tensor(x).to(dtype) for x in crafted(120)[:2])
    assert_encloses(race_optimum(host, Rows(p, q), n, 1e-4), exact(p, q, n))


def test_as_many_tokens_as_drafts(host):
    p, q = (x.float() for x in instances(4, 4, 3))
    found = race_optimum(host, Rows(p, q), 3, 1e-4)
    assert_encloses(found, exact(p, q, 3))
    three = q[:, :3] / q[:, :3].sum(-1, keepdim=True)
    target = torch.tensor([[0.5, 0.3, 0.2]]).repeat(6, 1)
    every = race_optimum(host, Rows(target, three.clamp(min=1e-3)), 3, 0.05)
    assert not every.bad.any()
    assert float((every.value - 1).abs().max()) <= every.error


def expected_sums(p, q, scale, edges, powers):
    """Return the sums of p, x, x², … over the cells between ranks, x only of light tokens."""
    rank = (p / q).view(np.int32)
    x = q.astype(np.float64) * scale
    x = np.where(x <= 1, x, 0)
    cell = np.searchsorted(edges, rank, side="right") - 1
    inside = (cell >= 0) & (cell < edges.size - 1)
    parts = [p.astype(np.float64), *(x**r for r in range(1, powers + 1))]
    return np.stack([np.bincount(cell[inside], part[inside], minlength=edges.size - 1) for part in parts])


def test_sums_of_each_bucket(host):
    """Of both passes: tiny tokens, whose x² matters little, and ranks at the edges too."""
    rng = np.random.default_rng(11)
    q = np.concatenate([rng.dirichlet(np.full(200, 0.5)), np.full(400, 2e-8), np.full(200, 1e-13)])
    p = q * np.exp(rng.normal(size=q.size))
    p, q = ((x / x.sum()).astype(np.float32) for x in (p, q))
    work = Work.of(host, Rows(torch.tensor(p[None]), torch.tensor(q[None])), 3)
    unit = np.array([2.0**-44, *[2.0**-50] * work.powers])[:, None]
    room = q.size * unit + 1e-20
    room[1:3] += np.array([[2.0**-18], [2.0**-36]]) * q.size * 2.0**-23
    work.measure_rest()
    work.sum_buckets()
    number, word = (work.record.view(x).numpy()[0] for x in (torch.float64, torch.int32))
    scale, top = number[2], int(word[20])
    edges = np.append(0, top - (np.arange(255, -1, -1) << 20))
    first = work.sums[0].numpy() * unit
    assert (abs(first - expected_sums(p, q, scale, edges, work.powers)) <= room).all()
    work.evaluate(1e-4, WIDTH, opening=True)
    assert word[16] < word[17]
    assert 0 < number[5] <= 1  # H = ∅, of value 1, lies outside the span
    assert not work.sums.any()
    work.refine()
    edges = work.edges[0].numpy()
    assert np.isin((p / q).view(np.int32), edges).any()
    second = work.sums[0].numpy() * unit
    assert (abs(second - expected_sums(p, q, scale, edges, work.powers)) <= room).all()
    work.evaluate(1e-4, WIDTH, opening=False)
    assert 0 < number[5] <= 1


@pytest.mark.parametrize("width", [1e-2, 1e-3, 1e-4])
def test_buckets_left_alone_still_bound(host, monkeypatch, width):
    """Whatever a bucket must promise to be opened, the lower bound holds."""
    monkeypatch.setattr(race_buckets, "WIDTH", width)
    rng = np.random.default_rng(12)
    q = rng.dirichlet(np.full(60, 0.3), size=24) + 1e-9
    p = q * np.exp(0.3 * rng.normal(size=q.shape))
    p, q = (torch.tensor(x / x.sum(-1, keepdims=True)).float() for x in (p, q))
    found, truth = race_optimum(host, Rows(p, q), 3, 1e-4), exact(p, q, 3)
    assert bool((found.lower - found.error <= truth.upper).all())
    assert float((found.value - found.lower).max()) <= width + 2.0**-30


def test_rows_the_kernels_cannot_serve(host):
    p, q = (x.float() for x in instances(300, 3, 1))
    q[1] = 0
    q[1, :2] = 0.5
    q[2] = 1e-17
    q[2, 7] = 1
    p[3, 200] = float("nan")
    q[4, 7] = -0.25
    p[5] *= 1.01
    found = race_optimum(host, Rows(p, q), 3, 1e-4)
    assert found.bad.tolist() == [0, 2, 2, 1, 1, 1]


@pytest.mark.parametrize("n", [1, 17])
def test_too_few_or_too_many_drafts(host, n):
    p, q = instances(20, 17, 0)
    with pytest.raises(SizeError, match="2 to 16"):
        race_optimum(host, Rows(p, q), n, 1e-4)


@pytest.mark.parametrize("multiprocessors", [3, 16])
def test_blocks_that_share_a_row_and_their_order_change_nothing(host, multiprocessors):
    p, q = (x.float()[:2] for x in instances(20_000, 3, 5))
    alone = race_optimum(replace(host, multiprocessors=1), Rows(p, q), 3, 1e-3)
    shared = replace(host, multiprocessors=multiprocessors, seed=multiprocessors)
    together = race_optimum(shared, Rows(p, q), 3, 1e-3)
    assert torch.equal(alone.value, together.value)
    assert torch.equal(alone.lower, together.lower)
    assert torch.equal(alone.subset(), together.subset())


def test_rows_apart_and_unaligned(host):
    p, q = (x.float() for x in instances(301, 3, 9))
    wide = torch.zeros(6, 400)
    wide[:, 3:304] = p
    found = race_optimum(host, Rows(wide[::2, 3:304], q[::2]), 3, 1e-3)
    expected = race_optimum(host, Rows(p[::2].contiguous(), q[::2].contiguous()), 3, 1e-3)
    assert torch.equal(found.value, expected.value)
    assert torch.equal(found.subset(), expected.subset())


def test_logits(host):
    p, q = instances(4_000, 3, 3)
    target, draft = (p.log() * 0.8 + 7.3).bfloat16(), (q.log() * 0.8 - 3.1).bfloat16()
    found = race_optimum(host, Rows.of_logits(target, draft, 0.8), 3, 1e-4)
    truth = exact(*(torch.softmax(x.double() / 0.8, -1) for x in (target, draft)), 3)
    assert bool((found.lower - found.error <= truth.upper).all())
    assert bool((truth.lower <= found.value + found.error).all())
    assert float((found.value - truth.value).abs().max()) < 1e-6
    assert not found.bad.any()
