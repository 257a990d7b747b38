"""The device's plan of the optimal rule for i.i.d. drafts, run on the CPU."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import mdsd_theory as mdsd
from mdsd_theory.cuda.iid_plan import BUCKETS, COARSE, ROW, RUNGS, edges, iid_plan
from mdsd_theory.cuda.inputs import Rows
from mdsd_theory.demo_data import load_demo_data
from mdsd_theory.instances import KINDS, random_pair
from tests.cuda.iid_laws import Record

SIZE = 12
CASES = (
    *("random", "flat", "ties", "zeros", "same", "one_hot_p"),
    *("one_hot_q", "disjoint", "tiny", "steep", "edges"),
)


def case(name: str, size: int, seed: int = 0) -> tuple[Any, Any]:
    """Return a target and a draft in float64, each of sum one."""
    rng = np.random.default_rng(seed)
    p, q = rng.dirichlet(np.full(size, 0.5), 2)
    half, hot = np.arange(size) < (size + 1) // 2, np.eye(size)[size // 2]
    if name == "flat":
        p, q = np.full(size, 1 / size), rng.dirichlet(np.full(size, 1e4))
    elif name == "ties":
        p, q = (rng.integers(1, 3, size).astype(float) for _ in range(2))
    elif name == "zeros":
        p, q = p * (rng.random(size) < 0.6), q * (np.arange(size) % 3 > 0)
        p[0], q[-1] = 0.1, 0.1
    elif name == "same":
        p = q
    elif name == "one_hot_p":
        p = hot
    elif name == "one_hot_q":
        q = hot
    elif name == "disjoint" and size > 1:
        p, q = p * half, q * ~half
    elif name == "tiny":
        p[: size // 3], q[size // 4 : size // 2] = 1e-300, 1e-300
    elif name == "steep":
        p, q = np.exp(-np.linspace(0, 60, size)), np.exp(-np.linspace(0, 90, size)[::-1])
    elif name == "edges":  # ratios are edges, or as little below one as a float32 can be
        q = rng.integers(1, 2**14, size) * 2.0 ** -(18 + size.bit_length())
        p = q * edges(3)[rng.integers(COARSE // 128, BUCKETS // 128, size) * 128]  # likely rungs
        p[: size // 2] = np.nextafter(p[: size // 2].astype(np.float32), np.float32(0))
        p[-1], q[-1] = 1 - p[:-1].sum(), 1 - q[:-1].sum()
    return p / p.sum(), q / q.sum()


def batch(size: int = SIZE, seed: int = 0) -> tuple[Any, Any]:
    pairs = [case(name, size, seed) for name in CASES]
    return tuple(torch.tensor(np.stack(x)) for x in zip(*pairs, strict=True))  # type: ignore[return-value]


def unequal(size: int, n: int, dtype: torch.dtype) -> tuple[Any, Any]:
    """Return a pair of each kind, two of each way in which the sums of p and q miss one."""
    rng = np.random.default_rng(size)
    pairs = [random_pair(kind, size, min(n, size), rng) for kind in KINDS for _ in range(4)]
    p, q = (torch.tensor(np.stack(x)) for x in zip(*pairs, strict=True))
    off = torch.tensor([1.0, 1.006, 0.995, 1.003], dtype=torch.float64).repeat(len(KINDS))[:, None]
    return (p * off).to(dtype), (q * off.roll(1, 0)).to(dtype)


def optima(p: Any, q: Any, n: int) -> Any:
    """Return α* of each row, from the reference layer's sort in float64."""
    p, q = (x.double() / x.double().sum(-1, keepdim=True) for x in (p, q))
    return mdsd.optimal_acceptance(p, q, n=n, scheme="with_replacement", route="sorted_prefix").value


@pytest.mark.parametrize("n", [1, 2, 3, 7])
def test_the_pick_has_the_law_that_the_tables_say(host, n):
    for seed, dtype in ((0, torch.float64), (1, torch.float32)):
        p, q = (x.to(dtype) for x in batch(seed=seed))
        plan = iid_plan(host, Rows(p, q), n, 1e-5)
        assert not plan.bad.any()
        for row, (name, record) in enumerate(zip(CASES, plan.host, strict=True)):
            known = Record(record, p[row], q[row], n)
            y = known.y / known.p.sum()
            exact = [float(x) for x in known.pick_law()]
            assert np.abs(y - exact).max() < 8 * n * 2.0**-53, name
            assert abs(y.sum() - 1) < 16 * n * 2.0**-53, name


@pytest.mark.parametrize("n", [2, 3])
@pytest.mark.parametrize("size", [1, 2, 3])
def test_what_is_emitted_has_the_law_p(host, n, size):
    p, q = batch(size)
    plan = iid_plan(host, Rows(p, q), n, 1e-9)
    for row, (name, record) in enumerate(zip(CASES, plan.host, strict=True)):
        known = Record(record, p[row], q[row], n)
        assert np.abs(known.emitted_law() - known.p).max() < 1e-14, name


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32], ids=str)
@pytest.mark.parametrize(("size", "n"), [(2, 1), (3, 2), (3, 3)])
def test_what_is_emitted_has_the_law_p_where_sums_are_unequal(host, size, n, dtype):
    p, q = unequal(size, n, dtype)
    for row, record in enumerate(iid_plan(host, Rows(p, q), n, 0.03).host):
        known = Record(record, p[row].double(), q[row].double(), n)
        assert np.abs(known.emitted_law() - known.p / known.p.sum()).max() < 1e-14


@pytest.mark.parametrize("n", [1, 2, 3, 7])
def test_acceptance_is_within_the_rows_own_bound_of_the_optimum(host, n):
    for size in (1, 2, 301):
        p, q = batch(size, seed=2)
        plan, optimum = iid_plan(host, Rows(p, q), n, 1e-9), optima(p, q, n)
        accepted = torch.tensor(
            [
                np.minimum(known.p, known.y).sum()
                for known in (Record(r, *x, n) for r, *x in zip(plan.host, p, q, strict=True))
            ]
        )
        error = plan.error + 1e-14
        assert (plan.acceptance <= accepted + error).all()
        assert (accepted <= optimum + error).all()
        assert (optimum <= plan.optimum + error).all()
        assert (plan.loss <= 2e-5).all()


@pytest.mark.parametrize("n", [2, 5])
def test_rungs_have_the_clipped_densities(host, n):
    p, q = batch(301, seed=11)
    seen = set()
    for row, record in enumerate(iid_plan(host, Rows(p, q), n, 1e-9).host):
        known, rungs = Record(record, p[row], q[row], n), int(record["rungs"])
        upper = known.q * known.chance
        mass = np.bincount(known.interval, known.q - upper, rungs + 1)
        mass += np.bincount(known.interval + 1, upper, rungs + 1)
        ratio = np.append(record["foot"][: rungs - 2], [edges(n)[-1], np.inf])
        wanted = np.clip(ratio, record["floor"], record["ceiling"])
        weighty = np.nonzero(mass[:rungs] > 1e-6)[0]
        assert np.abs(record["base"][weighty] - wanted[weighty]).max() < 1e-9
        for bound in ("floor", "ceiling"):
            seen |= {bound} if (wanted[weighty] == record[bound]).any() else set()
    assert seen == {"floor", "ceiling"}


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32], ids=str)
@pytest.mark.parametrize("n", [1, 2, 3, 8])
def test_rows_may_have_unequal_sums(host, n, dtype):
    for size in (2, 3, 17, 300):
        p, q = unequal(size, n, dtype)
        plan, optimum = iid_plan(host, Rows(p, q), n, 0.03), optima(p, q, n)
        assert not plan.bad.any()
        error = plan.error + 1e-14
        assert (plan.acceptance >= optimum - plan.loss - error).all()
        # Of one draft y = q: what is lost is known to a quarter of an interval.
        assert (plan.loss <= (1.1e-3 if n == 1 else 2e-5)).all()
        for row, record in enumerate(plan.host):
            known = Record(record, p[row].double(), q[row].double(), n)
            y, law = known.y / known.p.sum(), known.p / known.p.sum()
            assert abs(y.sum() - 1) < 24 * n * 2.0**-53
            if size < 300:
                assert np.abs(y - [float(x) for x in known.pick_law()]).max() < 8 * n * 2.0**-53
            accepted = np.minimum(law, y).sum()
            assert plan.acceptance[row] - error <= accepted <= optimum[row] + error
            assert n > 1 or abs(accepted - optimum[row]) < error


@pytest.mark.parametrize(("temperature", "n"), [(0.7, 2), (1.0, 3), (1.0, 8)])
def test_shipped_distributions_lose_next_to_nothing(host, temperature, n):
    data = load_demo_data(temperature=temperature)
    p, q = (torch.tensor(x[::8]).float() for x in (data.p, data.q))
    plan, optimum = iid_plan(host, Rows(p, q), n, 1e-4), optima(p, q, n)
    error = plan.error + 1e-11  # of the sums that `optima` rests on
    assert (plan.acceptance <= optimum + error).all()
    assert (optimum <= plan.optimum + error).all()
    assert (plan.loss < 1e-6).all()
    assert (plan.host["rungs"] < RUNGS).all()
    assert np.abs(Record(plan.host[0], p[0], q[0], n).y.sum() / float(p[0].double().sum()) - 1) < 1e-13


def test_intervals_fit_where_the_minimum_is_nowhere_sharp(host):
    n, size = 2, 4000
    cuts = np.linspace(0, 1, size + 1)
    q = torch.tensor(np.diff(cuts))[None]
    p = torch.tensor(np.diff(cuts**n))[None]  # P(H) = q(H)^n for every prefix
    plan = iid_plan(host, Rows(p, q), n, 1e-9)
    (record,) = plan.host
    known = Record(record, p[0], q[0], n)
    assert 60 < record["rungs"] <= RUNGS
    assert np.minimum(known.p, known.y).sum() >= 1 - plan.loss.item() - plan.error
    assert plan.loss.item() < 1e-4
    assert np.abs(known.y.sum() - 1) < 1e-13


def meaning(record: Any) -> bytes:
    """Return what was written of a record."""
    rungs, atoms = record["rungs"], record["atoms"]
    lengths = dict.fromkeys(("foot", "step", "base", "slope", "atom"), rungs)
    pieces = record["first"][atoms]
    lengths |= {"first": atoms + 1, "keys": pieces, "level": pieces, "label": BUCKETS + 2}
    return b"".join(
        record[name][: lengths[name]].tobytes() if name in lengths else record[name].tobytes()
        for name in ROW.names
    )


def test_a_batch_is_its_rows_and_splits_change_nothing(host, monkeypatch):
    for size in (SIZE, 8193):
        p, q = batch(size, seed=3)
        records = iid_plan(host, Rows(p, q), 3, 1e-9).host
        alone = [iid_plan(host, Rows(p[r : r + 1], q[r : r + 1]), 3, 1e-9).host[0] for r in (0, 4, 7)]
        wide = torch.cat([p, q], dim=1)  # rows apart, and not where four can be loaded at once
        apart = iid_plan(host, Rows(wide[:, :size], wide[:, size:]), 3, 1e-9).host
        for k, r in enumerate((0, 4, 7)):
            assert meaning(records[r]) == meaning(alone[k])
        assert [*map(meaning, records)] == [*map(meaning, apart)]
        with monkeypatch.context() as patch:  # more blocks to a row, threads in another order
            patch.setattr(host, "multiprocessors", 40)
            patch.setattr(host, "seed", 9)
            split = iid_plan(host, Rows(p, q), 3, 1e-9).host
        assert [*map(meaning, records)] == [*map(meaning, split)]
    assert iid_plan(host, Rows(p[:0], q[:0]), 3, 1e-9).acceptance.shape == (0,)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_other_dtypes_and_logits(host, dtype):
    generator = torch.Generator().manual_seed(0)
    a, b = (torch.randn(2, 96, generator=generator) * 2 for _ in range(2))
    p, q = a.softmax(-1).to(dtype), b.softmax(-1).to(dtype)
    plan = iid_plan(host, Rows(p, q), 3, 0.05)
    known = Record(plan.host[1], p[1].double(), q[1].double(), 3)
    exact = [float(x) for x in known.pick_law()]
    assert np.abs(known.y / known.p.sum() - exact).max() < 24 * 2.0**-53
    assert (optima(p, q, 3) - plan.acceptance).abs().max() < 1e-5
    a, b = a.to(dtype), b.to(dtype)
    plan = iid_plan(host, Rows.of_logits(a, b, 0.7), 3, 1e-5)
    p, q = ((x.double() / 0.7).softmax(-1) for x in (a, b))
    assert not plan.bad.any()
    assert (optima(p, q, 3) - plan.acceptance).abs().max() < 1e-5


def test_rows_that_are_no_distributions_are_marked(host):
    p, q = batch(5)
    p, q = p[:6].clone(), q[:6].clone()
    p[1, 2] = torch.nan
    q[2, 0] = -q[2, 0]
    p[3] *= 1.01
    q[4] = 1.0  # sums in fixed point wrap
    assert iid_plan(host, Rows(p, q), 2, 1e-9).bad.tolist() == [0, 1, 1, 1, 1, 0]


def test_almost_nothing_is_drafted_outside_the_best_set(host):
    """p(outside) less its deficit came out as zero, and the ceiling with it: 0.086 were lost."""
    pairs = []
    for drafted in (0.0, 1e-30, 1e-21, 2e-19, 1e-18, 1e-17, 1e-16, 1e-12, 1e-6):
        for share, kept in ((0.924, 1.0), (0.867, 1.0), (0.5, 1.0), (0.924, 0.5), (0.867, 0.5)):
            for tokens in (1, 8):
                p, q = np.zeros((2, SIZE))
                p[0], q[0] = share * kept, kept - drafted
                p[1 : 1 + tokens], q[1 : 1 + tokens] = (1 - p[0]) / tokens, drafted / tokens
                q[-1] += max(1 - q.sum(), 0.0)
                pairs.append((p, q))
    p, q = (torch.tensor(np.stack(x)) for x in zip(*pairs, strict=True))
    for n in (1, 2, 3, 8):
        plan = iid_plan(host, Rows(p, q), n, 1e-9)
        assert not plan.bad.any()
        np.testing.assert_allclose(plan.acceptance, optima(p, q, n), atol=1e-7)
