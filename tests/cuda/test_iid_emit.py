"""Drawing from the device's plan of the optimal rule for i.i.d. drafts, run on the CPU."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import chisquare

from mdsd_theory.cuda.iid_emit import iid_emit
from mdsd_theory.cuda.iid_plan import iid_plan
from mdsd_theory.cuda.inputs import Rows
from mdsd_theory.demo_data import load_demo_data
from tests.cuda.iid_laws import Record
from tests.cuda.test_iid_plan import batch, unequal

TOLERANCE = {torch.float64: 1e-9, torch.float32: 0.01, torch.float16: 0.02, torch.bfloat16: 0.02}


def drawn(q: Any, count: int, n: int, seed: int) -> tuple[Any, Any]:
    """Return drafts of each row of q and uniform numbers."""
    generator = torch.Generator().manual_seed(seed)
    drafts = torch.multinomial(q.double(), count * n, replacement=True, generator=generator)
    u = torch.rand(q.shape[0], 3 * n + 2, count, dtype=torch.float64, generator=generator)
    return drafts.reshape(-1, count, n), u


def agrees(host: Any, rows: Rows, p: Any, q: Any, n: int, count: int, seed: int = 0) -> int:
    """Compare every tuple with the tables read by hand; return how many picks were rejected."""
    plan = iid_plan(host, rows, n, TOLERANCE[rows.p.dtype])
    drafts, u = drawn(q, count, n, seed)
    emission = iid_emit(host, plan, drafts, u)
    assert not emission.refused.any()
    rejected = 0
    for row, record in enumerate(plan.host):
        known = Record(record, p[row].double(), q[row].double(), n)
        for c in range(count):
            token, index = known.emit(drafts[row, c].numpy(), u[row, :, c].numpy())
            assert (emission.token[row, c], emission.index[row, c]) == (token, index), (row, c)
            rejected += index < 0
    return rejected


@pytest.mark.parametrize(("size", "n"), [(1, 2), (2, 2), (12, 3), (301, 5)])
def test_tokens_are_those_of_the_tables_on_awkward_rows(host, size, n):
    p, q = batch(size, seed=4)
    assert agrees(host, Rows(p, q), p, q, n, 40) > 0 or size == 1


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_tokens_are_those_of_the_tables_on_shipped_rows(host, dtype):
    data = load_demo_data(temperature=1.0)
    p, q = (torch.tensor(x[::9, :-3].copy()) for x in (data.p, data.q))
    p, q = ((x / x.sum(-1, keepdim=True)).to(dtype) for x in (p, q))
    assert agrees(host, Rows(p, q), p, q, 2, 60) > 5


@pytest.mark.parametrize("n", [1, 2])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32], ids=str)
def test_tokens_are_those_of_the_tables_where_sums_are_unequal(host, n, dtype):
    p, q = unequal(17, n, dtype)
    assert agrees(host, Rows(p, q), p, q, n, 30) > 5


def test_tokens_have_the_law_p(host):
    p, q = (x[[0, 1, 3]].float() for x in batch(12, seed=5))
    n, count = 2, 6000
    plan = iid_plan(host, Rows(p, q), n, 1e-5)
    drafts, u = drawn(q, count, n, 6)
    emission = iid_emit(host, plan, drafts, u)
    for row in range(3):
        law = p[row].double() / p[row].double().sum()
        seen, expected = np.bincount(emission.token[row], minlength=12), (law * count).numpy()
        assert (seen[expected == 0] == 0).all()
        often = expected > 5
        groups = [np.append(x[often], x[~often].sum()) for x in (seen, expected)]
        kept = groups[1] > 0
        assert chisquare(groups[0][kept], groups[1][kept]).pvalue > 1e-4
        accepted = (emission.index[row] >= 0).double().mean()
        assert abs(accepted - plan.acceptance[row]) < 4.5 * (0.25 / count) ** 0.5


def test_many_tuples_of_one_row_are_each_as_if_alone(host):
    p, q = (x[:1] for x in batch(3000, seed=7))
    plan = iid_plan(host, Rows(p, q), 3, 1e-9)
    drafts, u = drawn(q, 700, 3, 8)
    many = iid_emit(host, plan, drafts, u)
    for c in (0, 511, 699):
        one = iid_emit(host, plan, drafts[:, c : c + 1], u[:, :, c : c + 1])
        assert (one.token[0, 0], one.index[0, 0]) == (many.token[0, c], many.index[0, c])
    assert (many.index < 0).any()
    first = (drafts == many.token[..., None]).double()
    expected = torch.where(first.any(-1), first.argmax(-1), -1)
    assert torch.equal(many.index, expected)


def test_logits_are_drawn_from_as_probabilities_are(host):
    generator = torch.Generator().manual_seed(9)
    a, b = (torch.randn(2, 2100, generator=generator) * 2 for _ in range(2))
    rows = Rows.of_logits(a, b, 0.8)
    plan = iid_plan(host, rows, 2, 1e-4)
    p, q = ((x.double() / 0.8).softmax(-1) for x in (a, b))
    drafts, u = drawn(q, 200, 2, 10)
    emission = iid_emit(host, plan, drafts, u)
    like = iid_emit(host, iid_plan(host, Rows(p, q), 2, 1e-9), drafts, u)
    assert (emission.token == like.token).double().mean() > 0.99  # chances are 1e-6 or so apart


def test_drafts_that_cannot_be_are_refused(host):
    p, q = (x[[0, 3]].clone() for x in batch(12, seed=1))
    assert q[1, 0] == 0
    p[0, 0] = torch.nan
    plan = iid_plan(host, Rows(p, q), 2, 1e-9)
    drafts = torch.tensor([[[1, 2]] * 3, [[1, 2], [0, 1], [1, 2]]])
    u = torch.full((2, 8, 3), 0.25, dtype=torch.float64)
    emission = iid_emit(host, plan, drafts, u)
    assert emission.refused.tolist() == [0, 1]
    assert (emission.token >= 0).tolist() == [[False] * 3, [True, False, True]]
    for token in (-1, 12, 2**40):
        drafts[1, 2, 1] = token
        assert iid_emit(host, plan, drafts, u).refused.tolist() == [1, 1]
    with pytest.raises(ValueError, match="shapes"):
        iid_emit(host, plan, drafts[..., :1], u)


def test_a_pick_rejected_by_rounding_is_drawn_anew_from_p(host):
    p = torch.tensor([[0.5, 0.25, 0.125, 0.125]], dtype=torch.float64)
    plan = iid_plan(host, Rows(p, p), 1, 1e-9)
    u = torch.full((1, 5, 4), 1.0 + 1e-12, dtype=torch.float64)  # no pick is accepted
    u[:, :3], u[0, 4] = 0.5, torch.tensor([0.1, 0.6, 0.8, 0.9])
    emission = iid_emit(host, plan, torch.zeros(1, 4, 1, dtype=torch.int64), u)
    assert emission.token.tolist() == [[0, 1, 2, 3]]
    assert emission.index.tolist() == [[0, -1, -1, -1]]


def test_no_tuples(host):
    p, q = batch(3)
    plan = iid_plan(host, Rows(p, q), 2, 1e-9)
    rows = p.shape[0]
    emission = iid_emit(host, plan, torch.zeros(rows, 0, 2, dtype=torch.int64), torch.zeros(rows, 8, 0))
    assert emission.token.shape == (rows, 0)
