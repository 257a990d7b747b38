"""Positions with any law of the set of drafts."""

import pickle
from fractions import Fraction

import numpy as np
import pytest

from mdsd_theory.proving import (
    Drafters,
    Kind,
    Pair,
    Position,
    Verdict,
    at_schemes,
    grid,
    holds,
    positions,
    random_drafters,
)
from mdsd_theory.proving.instances import vector
from mdsd_theory.proving.shrink import smallest


def law(**masses):
    """``law(s02="1/3")`` is w({0, 2}) = 1/3."""
    return {frozenset(map(int, name[1:])): Fraction(mass) for name, mass in masses.items()}


def test_text_is_in_fractions_and_sets_in_order():
    x = Position(vector("1/2 0 1/2"), law(s02="1/3", s1="2/3"))
    assert str(x) == "p = (1/2, 0, 1/2), w(0, 2) = 1/3, w(1) = 2/3"


def test_a_position_can_be_hashed_and_travels_between_processes():
    x = Position.of(Pair.of("1/2 1/2", "1/3 2/3", 2), "greedy")
    assert len({x, Position(x.p, dict(x.law))}) == 1
    assert pickle.loads(pickle.dumps(x)) == x


def test_drafters_too_have_positions():
    x = Position.of(Drafters.of("1/2 1/2", "1 0", "0 1"), "independent")
    assert dict(x.law) == law(s01="1")


def test_two_tokens_made_one():
    x = Position(vector("1/6 2/6 3/6"), law(s0="1/4", s1="1/4", s02="1/4", s12="1/4"))
    first = next(x.smaller())
    assert first == Position(vector("1/2 1/2"), law(s0="1/2", s01="1/2"))


@pytest.mark.parametrize("seed", range(20))
def test_smaller_positions_are_positions(seed):
    (x,) = positions(np.random.default_rng(seed), 1, [4]).items
    for y in x.smaller():
        assert sum(y.p) == sum(y.law.values()) == 1
        assert min(y.p) >= 0
        assert min(y.law.values()) > 0
        assert all(s and s <= set(range(y.V)) for s in y.law)


def test_a_counterexample_is_shrunk():
    x = Position(vector("3/7 2/7 1/7 1/7"), law(s0123="5/11", s13="4/11", s2="2/11"))
    found = smallest(x, lambda y: len(y.law) > 1 and y.p[0] > 0)
    assert found.V == 2
    assert found.size < x.size


@pytest.mark.parametrize(("sizes", "expected"), [(None, {1, 2, 3}), ((1, 3), {1, 3}), ((2,), {2})])
def test_random_positions_draft_sets_of_the_sizes_asked_for(sizes, expected):
    sample = positions(np.random.default_rng(0), 60, [3], sizes)
    assert (sample.kind, sample.total) == (Kind.RANDOM, 60)
    assert {len(s) for x in sample.items for s in x.law} == expected
    finding = holds("laws", sample, lambda x: sum(x.p) == sum(x.law.values()) == 1)
    assert finding.verdict is Verdict.HOLDS


def test_every_scheme_at_every_instance():
    drafters = random_drafters(np.random.default_rng(0), 5)
    assert at_schemes(drafters, ["independent"]).scope == f"independent, {drafters.scope}"
    found = at_schemes(grid(2, 2, n=[2], distinct=True), ["without_replacement", "top_k"])
    assert found.kind is Kind.GRID
    assert all(dict(x.law) == law(s01="1") for x in found.items)
