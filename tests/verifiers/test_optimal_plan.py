"""The compiled plan of the optimal rule: equal to the exact one, lossless to the last bit it has."""

from __future__ import annotations

import subprocess
import sys
from fractions import Fraction

import matplotlib as mpl
import numpy as np
import pytest
import torch

from mdsd_theory import SCHEMES, InputError, optimal_acceptance
from mdsd_theory.demo_data import load_demo_data
from mdsd_theory.instances import KINDS, random_pair
from mdsd_theory.verifiers.optimal import IIDPlan, OptimalIID, curtain
from mdsd_theory.verifiers.optimal.curtain_levels import level_after, levels_of, running_sums
from mdsd_theory.verifiers.optimal.curtain_loop import left_curtain
from mdsd_theory.verifiers.optimal.iid_row import iid_row
from mdsd_theory.verifiers.optimal.winning_law import winning_law
from tests.verifiers.laws_of_rows import drawn_law, precise_optimum

mpl.use("Agg")


@pytest.fixture(scope="module")
def data():
    return load_demo_data()


def whole_pair(kind, rng, most=11):
    """A pair of one of the six kinds as fractions with denominators of about a thousand."""
    p, q = random_pair(kind, int(rng.integers(2, most)), 1, rng)
    p, q = (np.ceil(x * 1000).astype(int) for x in (p, q))
    return [[Fraction(int(a), int(x.sum())) for a in x] for x in (p, q)]


def atoms_of(p, q, n):
    law = winning_law(p, q, n)
    density = dict(zip(law.tokens, law.density, strict=True))
    return [sum(q[i] for i in atom) for atom in law.atoms], [density[atom[0]] for atom in law.atoms]


def matrix(size, entries):
    found = np.zeros((size, size))
    for atom, level, mass in entries:
        found[atom, level] += float(mass)
    return found


def compiled(masses, density, n):
    """What each atom takes of each level, by the compiled loop."""
    q, f = (np.array(x, dtype=float) for x in (masses, density))
    cuts, heights = levels_of(q, n)
    first, level, width, _ = left_curtain(q, f, cuts, heights, n)
    atom = np.repeat(np.arange(q.size), np.diff(first))
    return q, f, heights, first, matrix(q.size, zip(atom, level, width, strict=True))


@pytest.mark.parametrize("n", [2, 3, 4, 8])
@pytest.mark.parametrize("kind", KINDS)
def test_compiled_curtain_is_the_exact_one(kind, n):
    rng = np.random.default_rng([KINDS.index(kind), n])
    for _ in range(25):
        masses, density = atoms_of(*whole_pair(kind, rng), n)
        rows = curtain.left_curtain(masses, density, n).kernel()
        exact = matrix(len(masses), ((i, k, w) for i, row in enumerate(rows) for k, w in row))
        assert np.abs(compiled(masses, density, n)[-1] - exact).max() < 1e-14


def test_mixtures_are_uniform_and_means_are_met():
    """Marginals of 2,000 random left curtains, relative to each level and to each atom."""
    rng = np.random.default_rng(8)
    for i in range(2000):
        n = int(rng.choice([1, 2, 3, 4, 8]))
        p, q = random_pair(KINDS[i % 6], int(rng.integers(2, 31)), 1, rng)
        q, f, heights, _, taken = compiled(*atoms_of(p.tolist(), q.tolist(), n), n)
        assert np.abs(taken.sum(1) / q - 1).max() < 1e-13
        assert np.abs(taken.sum(0) - q).sum() < 1e-14
        assert np.abs(taken @ heights - q * f).sum() < 1e-13


def test_acceptance_is_the_optimum_on_many_instances():
    rng = np.random.default_rng(1)
    for i in range(1800):
        p, q = random_pair(KINDS[i % 6], int(rng.integers(2, 31)), 1, rng)
        n = int(rng.choice([2, 3, 4, 8]))
        row = iid_row(p, q, n)
        best = optimal_acceptance(p, q, n=n, scheme="with_replacement")
        assert row.acceptance == pytest.approx(best.value, abs=1e-13)
        assert row.optimum == pytest.approx(best.value, abs=1e-13)
        assert row.acceptance <= best.upper


@pytest.mark.parametrize("buckets", [None, 1, 4])
def test_tables_emit_the_target_exactly_up_to_rounding(buckets):
    rng = np.random.default_rng(2)
    for i in range(120):
        p, q = random_pair(KINDS[i % 6], int(rng.integers(2, 13)), 1, rng)
        row = iid_row(p, q, int(rng.choice([1, 2, 3, 8])), buckets)
        assert np.abs(drawn_law(row)).sum() < 2e-15


def test_a_wrong_kernel_costs_acceptance_and_no_bias(monkeypatch):
    """Kernels for twice the mass on the first atom: still the target, though not the optimum."""
    from mdsd_theory.verifiers.optimal import curtain_loop

    def spoilt(q, density, cuts, heights, n):
        return curtain_loop_original(q, np.sort(density[::-1] * 0 + 1.0), cuts, heights, n)

    rng = np.random.default_rng(4)
    p, q = rng.dirichlet(np.ones(9), size=2)
    best = iid_row(p, q, 3)
    curtain_loop_original = curtain_loop.left_curtain
    monkeypatch.setattr(curtain_loop, "left_curtain", spoilt)
    row = iid_row(p, q, 3)
    assert row.acceptance < best.acceptance - 1e-3
    assert np.abs(drawn_law(row)).sum() < 2e-15


TINY = 1e-30
EXTREMES = {
    "tiny q": ([0.5, 0.5, 0.0], [1 - 2 * TINY, TINY, TINY]),
    "peak": ([1e-12, 1 - 1e-12], [1 - 1e-12, 1e-12]),
    "one-hot p": ([0.0, 1.0, 0.0], [0.2, 0.3, 0.5]),
    "one-hot q": ([0.2, 0.3, 0.5], [0.0, 1.0, 0.0]),
    "both one-hot": ([1.0, 0.0], [0.0, 1.0]),
    "same one-hot": ([1.0, 0.0], [1.0, 0.0]),
    "one token": ([1.0], [1.0]),
    "many tiny": ([0.9, *[0.1 / 300] * 300], [1.0, *[1e-20] * 300]),
    "tiny steps": ([0.5, *np.geomspace(1e-280, 0.1, 40)], [0.3, *np.geomspace(0.1, 1e-280, 40)]),
}


@pytest.mark.parametrize("buckets", [None, 3, 1024])
@pytest.mark.parametrize("n", [1, 2, 3, 4, 8])
@pytest.mark.parametrize("case", EXTREMES)
def test_extremes(case, n, buckets):
    p, q = (np.array(x) / np.sum(x) for x in EXTREMES[case])
    row = iid_row(p, q, n, buckets)
    best = optimal_acceptance(p, q, n=n, scheme="with_replacement").value
    assert abs(row.y.sum() - 1) < 1e-15
    assert np.isfinite(row.density).all()
    assert row.acceptance <= best + 1e-15
    assert row.loss == pytest.approx(best - row.acceptance, abs=1e-14)
    if buckets is None:
        assert row.acceptance == pytest.approx(best, abs=1e-14)
    if p.size < 60:
        assert np.abs(drawn_law(row)).sum() < 2e-15
    drafts = SCHEMES["with_replacement"].sample(q, n, np.random.default_rng(0), size=50)
    token, _ = OptimalIID(buckets).plan(p, q, n).sample(drafts, np.random.default_rng(1))
    assert (p[token] > 0).all()


@pytest.mark.parametrize("n", [2, 3, 4, 8])
def test_real_distributions_at_full_vocabulary(n, data):
    plan = OptimalIID().plan(data.p, data.q, n)
    best = optimal_acceptance(data.p, data.q, n=n, scheme="with_replacement").value
    assert np.abs(plan.acceptance - best).max() < 1e-12
    for row in plan.rows:
        best = precise_optimum(row.p, row.q, n)
        assert row.acceptance == pytest.approx(best, abs=3e-14)
        assert row.optimum == pytest.approx(best, abs=3e-15)
        planned = row.q * np.clip(row.p / row.q, row.floor, row.ceiling)
        assert np.abs(row.y - planned).sum() < 1e-13
        assert abs(row.y.sum() - 1) < 1e-14
        assert row.keys.size < 4 * row.mass.size


def test_largest_vocabulary():
    rng = np.random.default_rng(6)
    p, q = rng.dirichlet(np.full(151_936, 0.5), size=2)
    for n in (2, 3, 8):
        (row,) = OptimalIID().plan(p, q, n).rows
        planned = row.q * np.clip(row.p / row.q, row.floor, row.ceiling)
        assert np.abs(row.y - planned).sum() < 1e-13
        assert row.acceptance == pytest.approx(precise_optimum(row.p, row.q, n), abs=1e-13)


def test_what_a_row_shows():
    """The README's pair: two plateaus of one token, and one token between."""
    plan = OptimalIID().plan([0.5, 0.3, 0.2], [0.2, 0.3, 0.5], 2)
    (row,) = plan.rows
    assert row.tokens.tolist() == [2, 1, 0]
    assert (row.floor, row.ceiling) == pytest.approx((0.68, 1.8))
    assert row.density == pytest.approx([0.68, 1.0, 1.8])
    assert row.cuts == pytest.approx([0.0, 0.5, 0.8, 1.0])
    assert row.y == pytest.approx([0.36, 0.3, 0.34])
    pieces = np.concatenate([row.intervals(k) for k in range(3)])
    pieces = pieces[np.argsort(pieces[:, 0])]
    assert pieces[:, 0] == pytest.approx([0.0, *pieces[:-1, 1]])
    assert pieces[-1, 1] == pytest.approx(1.0)
    assert [row.members(k).tolist() for k in range(3)] == [[2], [1], [0]]
    assert plan.acceptance == pytest.approx(0.86)
    assert type(plan.acceptance) is type(plan.optimum) is type(plan.loss) is float
    assert "3 atoms, c′ = 0.68, c = 1.8, acceptance = 0.860000" in repr(plan)
    batch = OptimalIID().plan([[0.5, 0.5]] * 2, [[0.2, 0.8]] * 2, 2)
    assert repr(batch) == "IIDPlan(batch of shape (2,), V = 2, n = 2)"
    assert batch.loss.shape == (2,)


def test_intervals_tile_the_unit_interval_with_the_means_asked_for():
    rng = np.random.default_rng(9)
    for i in range(60):
        p, q = random_pair(KINDS[i % 6], 12, 1, rng)
        row = iid_row(p, q, 3)
        pieces = np.concatenate([row.intervals(k) for k in range(row.mass.size)])
        assert (pieces[:, 1] - pieces[:, 0]).sum() == pytest.approx(1, abs=1e-12)
        order = np.argsort(pieces[:, 0])
        assert np.abs(pieces[order][1:, 0] - pieces[order][:-1, 1]).max(initial=0) < 1e-12


@pytest.mark.parametrize("library", ["numpy", "torch"])
def test_batch_equals_rows_and_seeds_decide(library):
    rng = np.random.default_rng(5)
    p, q = rng.dirichlet(np.ones(20), size=(2, 3))
    drafts = SCHEMES["with_replacement"].sample(q, 3, rng, size=50)

    def seeded():
        return np.random.default_rng(7) if library == "numpy" else torch.Generator().manual_seed(7)

    if library == "torch":
        p, q = (torch.tensor(x, dtype=torch.float32) for x in (p, q))
        p, q, drafts = p / p.sum(-1, keepdim=True), q / q.sum(-1, keepdim=True), torch.tensor(drafts)
    plan = OptimalIID().plan(p, q, 3)
    assert isinstance(plan, IIDPlan)
    one, two = plan.sample(drafts, seeded()), plan.sample(drafts, seeded())
    assert (one.token == two.token).all()
    assert str(one.token.dtype).endswith("int64")
    assert str(plan.acceptance.dtype) == str(p.dtype)
    assert tuple(one.token.shape) == (3, 50)
    rate = OptimalIID().acceptance_rate(p, q, 3).value
    assert np.asarray(plan.acceptance) == pytest.approx(np.asarray(rate), rel=1e-6)


def test_import_leaves_numba_alone():
    code = "import sys, mdsd_theory; sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_search_in_levels_agrees_with_numpy():
    rng = np.random.default_rng(3)
    for _ in range(300):
        cuts = running_sums(rng.dirichlet(np.full(int(rng.integers(1, 40)), 0.1)))
        first, hint = (int(rng.integers(0, cuts.size)) for _ in range(2))
        length = float(rng.random() * 1.2 * (1 - cuts[first]))
        ends = int(np.searchsorted(cuts - cuts[first], length, side="right")) - 1
        assert level_after(cuts, first, hint, length) == max(ends, first)


@pytest.mark.parametrize("size", [1, 3, 8, 300])
@pytest.mark.parametrize("n", [1, 3])
def test_plot(size, n):
    p, q = np.random.default_rng(size).dirichlet(np.ones(size), size=2)
    plan = OptimalIID().plan(p, q, n)
    ax = plan.plot()
    ax.figure.canvas.draw()
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert labels[0] == {1: "1", 3: "3t²"}[n]
    assert len(labels) == 1 + min(plan.rows[0].mass.size, 11)
    assert plan.plot(ax) is ax


def test_plot_of_a_row_that_is_not_there():
    plan = OptimalIID().plan([[0.5, 0.5]], [[0.2, 0.8]], 2)
    plan.plot(row=0)
    with pytest.raises(InputError, match="row is 1; the plan has 1 of them"):
        plan.plot(row=1)
