"""Sampling from the tables of many rows at once: each draw is the one that its row's kernels give."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.stats import chisquare

from mdsd_theory import SCHEMES, InputError
from mdsd_theory.arrays import Backend
from mdsd_theory.verifiers.optimal import IIDPlan, OptimalIID, iid_tables, ladder
from mdsd_theory.verifiers.optimal.iid_loop import pick_and_residual
from mdsd_theory.verifiers.optimal.iid_row import iid_row, iid_rows
from mdsd_theory.verifiers.optimal.iid_tables import IIDTables, first_above, together

NUMPY = Backend("numpy", np.dtype(float), "cpu")
TORCH = Backend("torch", torch.float64, torch.device("cpu"))


@pytest.fixture
def coarse(monkeypatch):
    """Short rows on ladders of eight rungs to an octave: tokens share them."""
    monkeypatch.setattr(ladder, "FEW", 0)
    monkeypatch.setattr(ladder, "LOG_STEPS", 3)


def batch(size, rows=4, seed=0):
    rng = np.random.default_rng(seed)
    p, q = rng.dirichlet(np.full(size, 0.8), size=(2, rows))
    q[0, :2] = 0.0
    p[1] = np.where(np.arange(size) < size // 2, p[1], 0.0)
    p[2] = q[2]
    return (x / x.sum(-1, keepdims=True) for x in (p, q))


def drawn_one_by_one(row, drafts, u):
    """The token for n drafts and 3n + 2 uniform numbers, step by step as the paper's prose has it."""
    n, priority = row.n, []
    for k, token in enumerate(drafts):
        group = row.label[token]
        up = u[2 * n + k] < (row.p[token] / row.q[token] - row.foot[group]) * row.step[group]
        atom = row.atom[group + int(up)]
        aim = int(atom) * 2**row.bits + int(u[k] * 2**row.bits)
        piece = np.searchsorted(row.keys, aim, side="right")
        assert row.first[atom] <= piece < row.first[atom + 1]
        priority.append(row.level[piece] + u[n + k])
    pick = drafts[int(np.argmax(priority))]
    if u[3 * n] * row.y[pick] < row.p[pick]:
        return pick
    excess = np.maximum(row.p - row.kept * row.y, 0.0)
    return int(np.searchsorted(np.cumsum(excess), u[3 * n + 1] * excess.sum(), side="right"))


@pytest.mark.parametrize("buckets", [None, 3])
@pytest.mark.parametrize("size", [3, 40, 700])
@pytest.mark.parametrize("n", [1, 3])
def test_draws_are_those_of_the_rows_kernels(size, n, buckets, coarse):
    p, q = batch(size)
    rows, rng = iid_rows(p, q, n, buckets), np.random.default_rng(1)
    drafts = SCHEMES["with_replacement"].sample(q, n, rng, size=200)
    u = rng.random((4, 3 * n + 2, 200))
    shared = [int((row.step[row.label[x]] > 0).sum()) for row, x in zip(rows, drafts, strict=True)]
    assert buckets or size < 700 or min(shared[0], shared[3]) > 100
    found = IIDTables.of(NUMPY, p, q, rows).emit(drafts, u)
    for r, row in enumerate(rows):
        by_hand = [drawn_one_by_one(row, drafts[r, c], u[r, :, c]) for c in range(200)]
        assert found[r].tolist() == by_hand
    tensors = [torch.tensor(x) for x in (p, q, drafts, u)]
    again = IIDTables.of(TORCH, *tensors[:2], rows).emit(*tensors[2:])
    assert again.dtype == torch.int64
    assert again.tolist() == found.tolist()


def test_tokens_drawn_from_the_residual_in_chunks(monkeypatch):
    p, q = batch(1000)
    row = iid_rows(p, q, 2)
    table = IIDTables.of(NUMPY, p, q, row)
    u = np.linspace(0, 1 - 2.0**-53, 5000)
    which = np.resize([0, 1, 3], u.size)
    whole = table.spares(which, u)
    for r in (0, 1, 3):
        sums = np.cumsum(np.maximum(p[r] - row[r].y, 0))
        by_hand = np.searchsorted(sums, u[which == r] * sums[-1], side="right")
        assert whole[which == r].tolist() == np.minimum(by_hand, 999).tolist()
    assert (p[which, whole] > 0).all()
    monkeypatch.setattr(iid_tables, "CHUNK", 7)
    assert table.spares(which, u).tolist() == whole.tolist()


def test_blocks_and_tokens_without_a_share_are_never_drawn():
    """Zero goes to the first token that has one, the largest uniform number to the last."""
    p, q = np.zeros((1, 900)), np.full((1, 900), 1 / 900)
    p[0, [259, 300, 520]] = 0.2, 0.3, 0.5
    table = IIDTables.of(NUMPY, p, q, [iid_row(p[0], q[0], 2)])
    u = np.array([0.0, 0.19, 0.21, 0.49, 0.51, 1 - 2.0**-53])
    assert table.spares(np.zeros(6, int), u).tolist() == [259, 259, 300, 300, 520, 520]


def test_a_pick_rejected_by_rounding_is_drawn_anew():
    p, nothing = np.array([[0.25, 0.25, 0.5]]), np.zeros(1)
    residual, kept, value = pick_and_residual(
        p[0], p[0], np.zeros(3, np.int32), nothing, np.ones(2), nothing, 256
    )
    assert (residual.tolist(), kept, value) == ([1.0], 0.0, 1.0)
    row = replace(iid_row(p[0], p[0], 2), residual=residual, kept=kept)
    table = IIDTables.of(NUMPY, p, p, [row])
    assert table.spares(np.zeros(4, int), np.array([0.0, 0.3, 0.6, 0.9])).tolist() == [0, 1, 2, 2]


def test_search_between_two_places_agrees_with_numpy():
    rng = np.random.default_rng(3)
    for _ in range(200):
        ascending = np.sort(rng.integers(0, 9, size=30)).astype(float)
        low = int(rng.integers(0, 30))
        high = int(rng.integers(low + 1, 31))
        aim = ascending[high - 1] - rng.choice([rng.random(), 1.0, 2.0])
        found = first_above(np, ascending, np.array(low), np.array(high), aim, (high - low).bit_length())
        assert found == low + np.searchsorted(ascending[low:high], aim, side="right")


def test_labels_made_together_are_not_copied():
    p, q = batch(50)
    rows = iid_rows(p, q, 2)
    labels = together([row.label for row in rows])
    assert all(np.shares_memory(labels, row.label) for row in rows)
    shuffled = together([rows[k].label for k in (1, 0, 3, 2)])
    assert not np.shares_memory(shuffled, labels)
    assert (shuffled == labels[[1, 0, 3, 2]]).all()
    alone = together([iid_row(p[0], q[0], 2).label, iid_row(p[1], q[1], 2).label])
    assert (alone == labels[:2]).all()


@pytest.mark.parametrize("buckets", [None, 64])
def test_large_rows_emit_the_target(buckets):
    rng = np.random.default_rng(4)
    p, q = rng.dirichlet(np.full(6000, 0.05), size=(2, 2)) + 1e-9
    p, q = p / p.sum(-1, keepdims=True), q / q.sum(-1, keepdims=True)
    plan = OptimalIID(buckets).plan(p, q, 3)
    assert isinstance(plan, IIDPlan)
    drafts = SCHEMES["with_replacement"].sample(q, 3, rng, size=60_000)
    token, index = plan.sample(drafts, rng)
    for r in range(2):
        bins = np.argsort(-p[r])[:80]
        seen = np.append((token[r, :, None] == bins).sum(0), 0)
        seen[-1] = token.shape[1] - seen.sum()
        law = np.append(p[r, bins], 1 - p[r, bins].sum())
        assert chisquare(seen, law * token.shape[1]).pvalue > 1e-4
        rate = plan.acceptance[r]
        assert abs((index[r] >= 0).mean() - rate) < 5 * (rate * (1 - rate) / 60_000) ** 0.5 + 1e-3


def test_picks_of_a_ladder_have_the_law_y(coarse):
    """Picks alone, without acceptance: an error there would be hidden by the residual's share."""
    rng = np.random.default_rng(5)
    p, q = rng.dirichlet(np.full(400, 2.0), size=2)
    row = iid_row(p, q, 3)
    assert (row.step[row.label] > 0).sum() > 100
    table = IIDTables.of(NUMPY, p[None], q[None], [row])
    drafts = SCHEMES["with_replacement"].sample(q, 3, rng, size=400_000)[None]
    u = rng.random((1, 11, drafts.shape[1]))
    u[:, 9] = -1.0  # every pick is accepted
    seen = np.bincount(table.emit(drafts, u)[0], minlength=400)
    assert chisquare(seen, row.y * drafts.shape[1]).pvalue > 1e-4


def test_drafts_that_cannot_be_drawn_are_refused():
    plan = OptimalIID().plan([0.5, 0.5, 0.0], [0.0, 0.4, 0.6], 2)
    with pytest.raises(InputError, match="probability zero"):
        plan.sample([1, 0], np.random.default_rng(0))


def test_empty_batches():
    empty = np.zeros((0, 4))
    plan = OptimalIID().plan(empty, empty, 2)
    token, index = plan.sample(np.zeros((0, 5, 2), int), np.random.default_rng(0))
    assert token.shape == index.shape == (0, 5)
