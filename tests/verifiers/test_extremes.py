"""Extremes: peaked drafts, ties, uniform numbers at the ends of [0, 1), drafts that no scheme draws."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
import torch

from mdsd_theory import SCHEMES, VERIFIERS, InputError, optimal_acceptance
from mdsd_theory.demo_data import load_demo_data
from mdsd_theory.verifiers.khisti import Khisti
from mdsd_theory.verifiers.optimal import Optimal, OptimalCoupling, OptimalIID, OptimalOrders


class Constant(np.random.Generator):
    """A generator of one and the same uniform number."""

    def __init__(self, value):
        super().__init__(np.random.PCG64(0))
        self.value = value

    def random(self, size=None, dtype=np.float64, out=None):
        return np.full(size, self.value)


@pytest.mark.parametrize("tail", [1e-14, 1e-17, 1e-22, 1e-280])
@pytest.mark.parametrize("n", [1, 2, 4])
def test_rate_where_q_rounds_to_one(tail, n):
    p, q = [0.486, 0.514], [tail, 1 - tail]
    best = optimal_acceptance(p, q, n=n, scheme="with_replacement").value
    assert OptimalIID().acceptance_rate(p, q, n).value == pytest.approx(best, abs=1e-14)


def test_orders_of_a_cold_shipped_position():
    data = load_demo_data(0.05)
    assert OptimalOrders().plan(data.p[15], data.q[15], 4).gap <= 1e-3


def test_orders_of_logits_far_apart(rng):
    for _ in range(30):
        z = 60 * rng.normal(size=34)
        p, q = (np.exp(x - x.max()) for x in (z + 3 * rng.normal(size=34), z))
        p, q = p / p.sum(), q / q.sum()
        if (q > 1e-290).sum() >= 6:
            assert OptimalOrders().plan(p, q, 6).gap <= 1e-3


Q = [0.0, 0.7000000000000001, 0.29999999999999993, 0.0]
COLD = [0.9999899856232229, 2.426442096242117e-13, 1.0014376534396535e-05]

ENDS = [
    (VERIFIERS["spechub"], "spechub", [0, 1 / 3, 2 / 3], [0.4, 0.2, 0.4], [0, 2]),
    (VERIFIERS["spechub"], "spechub", [1, 0], [0.013060035327110487, 0.9869399646728896], [1, 0]),
    (OptimalIID(), "with_replacement", [1, 0], [1 - 6e-13, 6e-13], [1, 1]),
    (OptimalIID(2), "with_replacement", [1, 0], [1 - 6e-13, 6e-13], [1, 1]),
    (OptimalOrders(1e-6), "without_replacement", [1, 0, 0], COLD, [1, 2]),
    (Khisti(), "with_replacement", [0, 1, 0, 0], [2e-45, 1, 5e-25, 2e-18], [0, 0]),
    (VERIFIERS["greedy"], "greedy", [0, 0.06, 0.63, 0.12, 0.19], [0.4, 0.1, 0.1, 0.2, 0.2], [0, 3]),
    (VERIFIERS["rrs_without_replacement"], "without_replacement", [0, 0.7, 0.3, 0], Q, [1, 2]),
    (VERIFIERS["rrs"], "with_replacement", [0, 0.7, 0.3, 0], Q, [2, 2]),
]


@pytest.mark.parametrize(("rule", "scheme", "p", "q", "drafts"), ENDS)
@pytest.mark.parametrize("u", [0.0, 0.5, 1 - 2.0**-53])
def test_never_emits_a_token_of_probability_zero(rule, scheme, p, q, drafts, u):
    token, _ = rule.sample(p, q, drafts, Constant(u), scheme=scheme)
    assert p[token] > 0


@pytest.mark.parametrize("rule", [OptimalIID(), OptimalOrders(), OptimalCoupling(), Khisti()])
def test_refuses_drafts_of_probability_zero(rule, rng):
    with pytest.raises(InputError, match="probability zero"):
        rule.plan([0.2, 0.2, 0.6], [0.5, 0.5, 0.0], 2, scheme=_scheme(rule)).sample([2, 0], rng)


def test_orders_refuse_one_token_twice(rng):
    with pytest.raises(InputError, match="twice"):
        OptimalOrders().plan([0.2, 0.2, 0.6], [0.5, 0.3, 0.2], 2).sample([1, 1], rng)


def test_khisti_takes_a_batch_without_rows(rng):
    none = np.zeros((0, 3))
    token, index = Khisti().plan(none, none, 2).sample(np.zeros((0, 2), int), rng)
    assert token.shape == index.shape == (0,)


@pytest.mark.parametrize("n", [2, 3, 4])
@pytest.mark.parametrize("kind", ["equal", "integers"])
def test_orders_where_many_ratios_are_tied(kind, n, rng):
    p, q = (rng.integers(1, 4, size=20_000).astype(float) for _ in range(2))
    q = p if kind == "equal" else q
    plan = OptimalOrders().plan(p / p.sum(), q / q.sum(), n)
    assert plan.gap <= 1e-3
    best = optimal_acceptance(p / p.sum(), q / q.sum(), n=n).value
    assert plan.acceptance <= best <= plan.acceptance + plan.gap


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("rule", [OptimalOrders(1e-6), OptimalIID(), OptimalIID(3), OptimalCoupling()])
def test_what_is_certified_holds_in_every_dtype(rule, dtype, rng):
    scheme = "without_replacement" if isinstance(rule, OptimalOrders) else "with_replacement"
    p, q = (torch.as_tensor(x, dtype=dtype) for x in rng.dirichlet(np.ones(8), size=(2, 20)))
    plan = rule.plan(p, q, 2, scheme=scheme)
    wide = (x.double() / x.double().sum(-1, keepdim=True) for x in (p, q))
    best = optimal_acceptance(*wide, n=2, scheme=scheme)
    short = plan.loss if isinstance(rule, OptimalIID) else plan.gap
    assert plan.acceptance.dtype == short.dtype == dtype
    assert (plan.acceptance.double() <= best.upper).all()
    assert (plan.acceptance.double() + short.double() >= best.lower).all()


@pytest.mark.parametrize(
    ("scheme", "q", "drafts"),
    [
        ("with_replacement", [0.5, 0.5, 0.0], (0, 2)),
        ("without_replacement", [0.5, 0.25, 0.25], (1, 1)),
        ("without_replacement", [0.5, 0.25, 0.25], (1, 3)),
        ("independent", [[0.5, 0.5, 0.0]] * 2, (0, 1, 1)),
        ("independent", [[0.5, 0.5, 0.0]] * 2, (0, 2)),
        ("joint", {(0, 1): 1.0}, (1, 0)),
        ("greedy", [0.5, 0.25, 0.25], (1, 0)),
        ("spechub", [0.5, 0.25, 0.25], (1, 2)),
    ],
)
def test_no_law_for_drafts_that_are_never_drawn(scheme, q, drafts):
    with pytest.raises(InputError, match="never draws the drafts"):
        VERIFIERS["optimal"].conditional_law([0.25, 0.25, 0.5], q, drafts, scheme=scheme)


def test_rules_can_be_copied():
    rule = Optimal(buckets=8, tol=1e-2)
    for other in (copy.deepcopy(rule), pickle.loads(pickle.dumps(rule))):
        assert repr(other) == repr(rule) == "Optimal(buckets=8, tol=0.01)"


def test_more_buckets_than_tokens_of_any_vocabulary():
    with pytest.raises(InputError, match="expected at most 16,777,216"):
        OptimalIID(buckets=10**9)


@pytest.mark.parametrize("drafts", [(0, 0), (0, 1), (1, 0), (1, 1), (1, 2), (2, 2)])
@pytest.mark.parametrize("rule", [OptimalCoupling(), OptimalIID(), Khisti()])
def test_sampler_follows_the_conditional_law_of_one_tuple(rule, drafts, rng):
    p, q, draws = [0.1, 0.6, 0.3], [0.4, 0.35, 0.25], 40_000
    with_replacement = SCHEMES["with_replacement"]
    law = rule.conditional_law(p, q, drafts, scheme=with_replacement)
    token, _ = rule.sample(p, q, np.tile(drafts, (draws, 1)), rng, scheme=with_replacement)
    expected = [law.get(i, 0.0) for i in range(3)]
    assert np.bincount(token, minlength=3) / draws == pytest.approx(expected, abs=0.012)


def _scheme(rule):
    return "without_replacement" if isinstance(rule, OptimalOrders) else "with_replacement"
