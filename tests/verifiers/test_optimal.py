"""The optimal verifier of i.i.d. drafts: exact in fractions, and α* at full vocabulary in floats."""

from __future__ import annotations

import itertools
from fractions import Fraction

import numpy as np
import pytest

from mdsd_theory import SCHEMES, VERIFIERS, certify, optimal_acceptance
from mdsd_theory.arrays import Backend
from mdsd_theory.demo_data import load_demo_data
from mdsd_theory.instances import KINDS, random_pair
from mdsd_theory.verifiers.optimal.curtain import left_curtain
from mdsd_theory.verifiers.optimal.iid import priorities, winning_chances
from mdsd_theory.verifiers.optimal.water_filling import water_filling
from mdsd_theory.verifiers.optimal.winning_law import winning_law

NUMPY = Backend("numpy", np.dtype(np.float64), "cpu")
OPTIMAL = VERIFIERS["optimal"]


def fractions(kind, vocabulary, rng):
    """Small fractions of one of the six kinds; q may have zeros, n need not fit its support."""
    p, q = random_pair(kind, vocabulary, 1, rng)
    p, q = (np.ceil(x * 40).astype(int) for x in (p, q))
    return [[Fraction(int(a), int(x.sum())) for a in x] for x in (p, q)]


def law_of_the_pick(rule, q):
    """y from the kernels: q times the mean height of a token's levels."""
    return [
        q[i] * sum(w * rule.curtain.heights[k] for k, w in rule.levels[rule.atom[i]])
        if i in rule.atom
        else 0
        for i in range(len(q))
    ]


@pytest.mark.parametrize("n", [1, 2, 3, 5])
@pytest.mark.parametrize("kind", KINDS)
def test_kernels_are_exact_in_fractions(kind, n, rng):
    for _ in range(12):
        p, q = fractions(kind, int(rng.integers(2, 9)), rng)
        rule = priorities(p, q, n)
        assert sum(rule.y) == 1
        assert law_of_the_pick(rule, q) == rule.y
        value = sum(min(a, b) for a, b in zip(p, rule.y, strict=True))
        assert value == certify(p, q, n=n, scheme="with_replacement").value
        columns = [Fraction(0)] * len(rule.curtain.heights)
        masses = {}
        for token, atom in rule.atom.items():
            masses[atom] = masses.get(atom, 0) + q[token]
        for atom, row in enumerate(rule.levels):
            for level, chance in row:
                columns[level] += chance * masses[atom]
        cuts = rule.curtain.cuts
        assert columns == [b - a for a, b in itertools.pairwise(cuts)]


@pytest.mark.parametrize("n", [1, 2, 3])
def test_acceptance_is_the_optimum_exactly(n, rng):
    for i in range(18):
        p, q = fractions(KINDS[i % 6], int(rng.integers(2, 5)), rng)
        reached = sum(
            weight * sum(c for y, c in OPTIMAL.conditional_law(p, q, x).items() if y in x)
            for x, weight in SCHEMES["with_replacement"].tuple_law(q, n).items()
        )
        assert reached == certify(p, q, n=n, scheme="with_replacement").value
        assert OPTIMAL.output_law(p, q, n) == p


def test_floats_tile_the_interval_and_reach_the_optimum():
    """600 instances of six kinds, V up to 30, n up to 8."""
    rng = np.random.default_rng(0)
    worst = np.zeros(4)
    for i in range(600):
        vocabulary, n = int(rng.integers(2, 31)), int(rng.choice([1, 2, 3, 4, 8]))
        p, q = random_pair(KINDS[i % 6], vocabulary, 1, rng)
        best = optimal_acceptance(p, q, n=n, scheme="with_replacement").value
        rule = priorities(p.tolist(), q.tolist(), n)
        batch = water_filling(NUMPY, p[None], q[None], n)[0]
        pieces = sorted(piece for row in rule.curtain.pieces for piece in row)
        holes = max((abs(b - c) for (_, b), (c, _) in itertools.pairwise(pieces)), default=0)
        worst = np.maximum(
            worst,
            [
                abs(np.minimum(p, rule.y).sum() - best),
                abs(np.minimum(p, batch).sum() - best),
                np.abs(np.array(law_of_the_pick(rule, q.tolist())) - rule.y).sum(),
                holes,
            ],
        )
    assert (worst < 1e-12).all(), worst


@pytest.mark.parametrize("n", [2, 3, 4, 8])
def test_rate_is_the_optimum_on_real_distributions(n):
    data = load_demo_data()
    rate = OPTIMAL.acceptance_rate(data.p, data.q, n)
    best = optimal_acceptance(data.p, data.q, n=n, scheme="with_replacement")
    assert np.abs(rate.value - best.value).max() < 1e-12
    assert (rate.value <= best.upper).all()


@pytest.mark.slow
@pytest.mark.parametrize("row", [4, 15])
def test_plan_at_full_vocabulary(row):
    """The kernels of a real position give the pick its law, to 1e-11 in total over 49,152 tokens."""
    data = load_demo_data()
    p, q = data.p[row].tolist(), data.q[row].tolist()
    rule = priorities(p, q, 3)
    assert np.abs(np.array(law_of_the_pick(rule, q)) - rule.y).sum() < 1e-11
    assert sum(map(len, rule.levels)) < 4 * len(rule.levels)


def test_sampled_acceptance_reaches_the_optimum_where_other_rules_do_not(rng):
    data = load_demo_data()
    p, q = data.p[0], data.q[0]
    best = optimal_acceptance(p, q, n=3, scheme="with_replacement").value
    drafts = SCHEMES["with_replacement"].sample(q, 3, rng, size=200_000)
    _, index = OPTIMAL.sample(p, q, drafts, rng)
    error = (best * (1 - best) / 200_000) ** 0.5
    assert (index >= 0).mean() == pytest.approx(best, abs=5 * error)
    for name in ("rrs", "k_seq"):
        assert VERIFIERS[name].acceptance_rate(p, q, 3).value < best - 5 * error


def test_winning_chances_sum_to_one_and_follow_y(rng):
    p, q = fractions("flat", 4, rng)
    rule = priorities(p, q, 3)
    law = SCHEMES["with_replacement"].tuple_law(q, 3)
    picked = [Fraction(0)] * 4
    for drafts, weight in law.items():
        chances = winning_chances(rule, drafts)
        assert sum(chances) == 1
        for x, chance in zip(drafts, chances, strict=True):
            picked[x] += weight * chance
    assert picked == rule.y


def test_curtain_refuses_nothing_but_gives_flat_laws_their_own_level():
    """When f is n t^{n−1} averaged over q itself, every atom takes its own stretch."""
    q = [Fraction(1, 2), Fraction(1, 3), Fraction(1, 6)]
    heights = left_curtain(q, [Fraction(0)] * 3, 2).heights
    pieces = left_curtain(q, heights, 2).pieces
    assert pieces == [[(0, Fraction(1, 2))], [(Fraction(1, 2), Fraction(5, 6))], [(Fraction(5, 6), 1)]]


def test_winning_law_clips_the_ratio():
    p, q = (
        [Fraction(1, 2), Fraction(3, 10), Fraction(1, 5)],
        [Fraction(1, 5), Fraction(3, 10), Fraction(1, 2)],
    )
    law = winning_law(p, q, 2)
    assert law.density == [Fraction(17, 25), 1, Fraction(9, 5)]
    assert law.atoms == [[2], [1], [0]]
    tenth = Fraction(1, 10)
    flat = winning_law([tenth, 2 * tenth, 7 * tenth], [4 * tenth, 4 * tenth, 2 * tenth], 2)
    assert flat.atoms == [[0, 1], [2]]
    assert flat.density == [Fraction(4, 5), Fraction(4, 5), Fraction(9, 5)]
