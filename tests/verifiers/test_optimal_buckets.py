"""Buckets: exactly lossless, and a loss that is known."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import torch
from scipy.stats import chisquare

from mdsd_theory import SCHEMES, InputError, InputTypeError, certify, optimal_acceptance
from mdsd_theory.demo_data import load_demo_data
from mdsd_theory.instances import KINDS, random_pair
from mdsd_theory.verifiers.optimal import OptimalIID
from mdsd_theory.verifiers.optimal.buckets import bucketed, near_log
from mdsd_theory.verifiers.optimal.iid import priorities
from mdsd_theory.verifiers.optimal.iid_row import iid_row
from tests.verifiers.test_optimal import fractions


@pytest.fixture(scope="module")
def data():
    return load_demo_data()


@pytest.mark.parametrize("buckets", [1, 2, 3, 64])
@pytest.mark.parametrize("n", [1, 2, 3])
def test_exactly_lossless_in_fractions(n, buckets):
    rng = np.random.default_rng([n, buckets])
    for i in range(12):
        p, q = fractions(KINDS[i % 6], int(rng.integers(2, 6)), rng)
        rule = OptimalIID(buckets=buckets)
        assert rule.output_law(p, q, n) == p
        exact = priorities(p, q, n, buckets)
        assert len(exact.levels) <= buckets
        assert sum(exact.y) == 1


@pytest.mark.parametrize("buckets", [1, 3, 16])
def test_rate_plan_and_exact_law_agree(buckets):
    rng = np.random.default_rng(buckets)
    for i in range(60):
        p, q = fractions(KINDS[i % 6], int(rng.integers(2, 12)), rng)
        n = int(rng.integers(1, 4))
        y = priorities(p, q, n, buckets).y
        value = float(sum(min(a, b) for a, b in zip(p, y, strict=True)))
        rate = OptimalIID(buckets).acceptance_rate([float(x) for x in p], [float(x) for x in q], n)
        assert rate.value == pytest.approx(value, abs=1e-14)
        assert (rate.route, rate.verifier) == ("bucketed", "optimal")
        best = float(certify(p, q, n=n, scheme="with_replacement").value)
        assert rate.value <= best + 1e-15 <= rate.value + rate.error_bound + 2e-15
        row = iid_row(*(np.array(x, dtype=float) for x in (p, q)), n, buckets)
        assert row.y == pytest.approx(np.array(y, dtype=float), abs=1e-14)


def test_loss_is_what_is_lost_and_within_its_bound():
    """At most half of Σ |y − y_bucketed|, and at most Σ (p_i − q_i p(B)/q(B))_+."""
    rng = np.random.default_rng(0)
    for i in range(600):
        p, q = random_pair(KINDS[i % 6], int(rng.integers(2, 31)), 1, rng)
        n, buckets = int(rng.choice([2, 3, 4, 8])), int(rng.choice([1, 2, 5, 20]))
        row, best = iid_row(p, q, n, buckets), iid_row(p, q, n)
        assert row.loss == pytest.approx(best.acceptance - row.acceptance, abs=1e-13)
        assert row.loss <= 0.5 * np.abs(row.y - best.y).sum() + 1e-14
        label, inside = bucketed(p, q, n, buckets).label, q > 0
        mass_p, mass_q = (np.bincount(label[inside], x[inside], buckets) for x in (p, q))
        level = mass_p[label[inside]] / mass_q[label[inside]]
        assert row.loss <= np.maximum(p[inside] - q[inside] * level, 0).sum() + 1e-14
        assert row.acceptance == pytest.approx(np.minimum(p, row.y).sum(), abs=1e-14)


@pytest.mark.parametrize(("buckets", "most"), [(64, 2e-3), (256, 3.2e-4), (1024, 1e-6), (4096, 1e-8)])
@pytest.mark.parametrize("n", [2, 3, 8])
def test_loss_on_real_distributions(n, buckets, most, data):
    plan = OptimalIID(buckets).plan(data.p, data.q, n)
    best = optimal_acceptance(data.p, data.q, n=n, scheme="with_replacement").value
    assert np.abs(best - plan.acceptance - plan.loss).max() < 1e-12
    assert 0 <= plan.loss.max() < most
    assert all(abs(row.y.sum() - 1) < 1e-14 for row in plan.rows)


def test_sampler_emits_the_target():
    data, rng = load_demo_data(1.0), np.random.default_rng(3)
    p, q = data.p[4], data.q[4]
    plan = OptimalIID(buckets=16).plan(p, q, 3)
    drafts = SCHEMES["with_replacement"].sample(q, 3, rng, size=40_000)
    token, index = plan.sample(drafts, rng)
    bins = np.argsort(-p)[:60]
    seen = np.append((token[:, None] == bins).sum(0), 0)
    seen[-1] = token.size - seen.sum()
    assert chisquare(seen, np.append(p[bins], 1 - p[bins].sum()) * token.size).pvalue > 1e-4
    error = 5 * (plan.acceptance * (1 - plan.acceptance) / token.size) ** 0.5
    seen = (index >= 0).mean()
    assert plan.acceptance - error < seen < plan.acceptance + plan.loss + error


@pytest.mark.parametrize("buckets", [1, 2, 4])
def test_drafts_come_out_at_a_rate_within_the_bound(buckets):
    """P(Y ∈ S), residual draws that are drafts among them, by enumeration."""
    rng, rule = np.random.default_rng(buckets), OptimalIID(buckets)
    for i in range(24):
        p, q = fractions(KINDS[i % 6], int(rng.integers(2, 5)), rng)
        rate = rule.acceptance_rate([float(x) for x in p], [float(x) for x in q], 2)
        seen = sum(
            weight * sum(c for y, c in rule.conditional_law(p, q, x).items() if y in x)
            for x, weight in SCHEMES["with_replacement"].tuple_law(q, 2).items()
        )
        assert rate.value - 1e-15 <= float(seen) <= rate.value + rate.error_bound


def test_tensors_keep_their_dtype():
    p, q = torch.rand(2, 4, 50, generator=torch.Generator().manual_seed(0))
    p, q = p / p.sum(-1, keepdim=True), q / q.sum(-1, keepdim=True)
    rate = OptimalIID(buckets=8).acceptance_rate(p, q, 3)
    assert rate.value.dtype == torch.float32
    assert rate.value.shape == (4,)


def test_sums_and_order_of_buckets():
    rng = np.random.default_rng(1)
    p, q = rng.dirichlet(np.full(500, 0.3), size=2)
    q[:50] = 0.0
    q /= q.sum()
    label, rank, _, _, sums_p, sums_q, _ = bucketed(p, q, 3, 40)
    assert rank.size == 41
    inside = q > 0
    order = np.unique(label[inside])
    assert rank[order].tolist() == list(range(order.size))
    assert sums_p == pytest.approx(np.bincount(label[inside], p[inside], 40)[order], abs=1e-15)
    assert sums_q == pytest.approx(np.bincount(label[inside], q[inside], 40)[order], abs=1e-15)
    assert (np.diff(sums_p / sums_q) > 0).all()
    ranked = np.argsort(p[inside] / q[inside])
    assert (np.diff(label[inside][ranked]) >= 0).all()


def test_near_log_ascends_and_is_near():
    x = np.geomspace(1e-300, 1e300, 10_001)
    assert (np.diff(near_log(x)) > 0).all()
    assert np.abs(near_log(x) - np.log2(x)).max() < 0.09


@pytest.mark.parametrize(
    ("buckets", "error", "message"),
    [
        (0, InputError, "buckets is 0; expected the number of buckets of p/q, at least 1"),
        (2.0, InputTypeError, "buckets is 2.0 of type float"),
        (True, InputTypeError, "buckets is True of type bool"),
        ("many", InputTypeError, "buckets is 'many' of type str"),
    ],
)
def test_mistakes(buckets, error, message):
    with pytest.raises(error, match=message):
        OptimalIID(buckets=buckets)


def test_repr():
    assert repr(OptimalIID()) == "OptimalIID()"
    assert repr(OptimalIID(buckets=Fraction(8).numerator)) == "OptimalIID(buckets=8)"


def test_bounds_hold_for_rows_that_do_not_lie_together_in_memory():
    """NumPy sums such rows naively; the rows were normalised wrongly by 4e-13."""
    q = np.full(40_000, 1 / 40_000)
    p = q * np.where(np.arange(40_000) < 20_000, 0.5, 1.5)
    target, draft = (np.asfortranarray(np.stack([x] * 3)) for x in (p, q))
    rate = OptimalIID(buckets=64).acceptance_rate(target, draft, 2)
    proved = certify(p, q, n=2, scheme="with_replacement", rigorous=True)
    assert np.all(rate.value + rate.error_bound >= proved.lower)
    assert np.all(rate.value == OptimalIID(buckets=64).acceptance_rate(p, q, 2).value)
