"""The transport problem: what is built, and what is refused."""

from fractions import Fraction

import numpy as np
import pytest

from mdsd_theory.errors import InputError, InputTypeError
from mdsd_theory.reference import transport_problem

from .conftest import CASES, dirichlet

HALF = Fraction(1, 2)
A, B, AB = frozenset({0}), frozenset({1}), frozenset({0, 1})


def test_fractions_and_ints_stay_exact():
    problem = transport_problem([1, 0], {AB: HALF, B: HALF})
    assert problem.exact
    assert all(isinstance(x, Fraction) for x in (*problem.p, *problem.w))


@pytest.mark.parametrize(
    ("p", "law"),
    [
        ([0.5, 0.5], {AB: Fraction(1)}),
        ([HALF, HALF], {AB: 1.0}),
        (np.array([0.5, 0.5], dtype=np.float32), {AB: np.float32(1)}),
        (np.array([1, 0]), {AB: np.int64(1)}),
    ],
)
def test_everything_else_becomes_python_floats(p, law):
    problem = transport_problem(p, law)
    assert not problem.exact
    assert all(type(x) is float for x in (*problem.p, *problem.w))


def test_sets_are_sorted_and_edges_are_their_members():
    problem = transport_problem([0.2, 0.3, 0.5], {frozenset({2, 0}): 0.5, B: 0.25, AB: 0.25})
    assert problem.sets == (B, AB, frozenset({0, 2}))
    assert problem.w == (0.25, 0.25, 0.5)
    assert problem.edge_set.tolist() == [0, 1, 1, 2, 2]
    assert problem.edge_token.tolist() == [1, 0, 1, 0, 2]
    assert repr(problem) == "TransportProblem(V = 3, 3 sets, 5 edges, floats)"


def test_sets_of_weight_zero_are_dropped():
    problem = transport_problem([1, 0], {A: 1, B: 0})
    assert problem.sets == (A,)
    assert problem.law == {A: 1}


def test_incidence_matrices_have_one_entry_an_edge():
    problem = transport_problem(*dirichlet(6, 3, seed=0))
    for matrix, index in (
        (problem.set_incidence(), problem.edge_set),
        (problem.token_incidence(), problem.edge_token),
    ):
        dense = matrix.toarray()
        assert (dense.sum(axis=0) == 1).all()
        assert (dense.argmax(axis=0) == index).all()


@pytest.mark.parametrize("case", CASES)
def test_integer_masses_are_the_masses_times_the_denominator(case):
    problem = transport_problem(*CASES[case])
    p, w, scale = problem.integer_masses()
    assert [Fraction(x, scale) for x in p] == list(problem.p)
    assert [Fraction(x, scale) for x in w] == list(problem.w)
    assert sum(p) == sum(w) == scale


@pytest.mark.parametrize(
    ("p", "law", "message"),
    [
        ([0.5, 0.5], {frozenset({2}): 1.0}, "token 2; expected 0 … 1"),
        ([0.5, 0.5], {frozenset({-1}): 1.0}, "token -1"),
        ([0.5, 0.5], {A: 1.5, B: -0.5}, "set law .* negative"),
        ([1.5, -0.5], {A: 1.0}, "p .* negative"),
        ([0.5, float("nan")], {A: 1.0}, "undefined"),
        ([0.5, 0.5], {A: 0.5, B: 0.5 + 1e-8}, "set law sums to"),
        ([0.5, 0.4], {A: 1.0}, "p sums to 0.9"),
        ([HALF, HALF], {A: HALF, B: HALF + Fraction(1, 10**12)}, "set law sums to"),
        ([HALF, HALF + Fraction(1, 10**12)], {A: 1}, "p sums to"),
        ([0.5, 0.5], {A: 0.5, frozenset(): 0.5}, "empty set"),
        ([], {A: 1.0}, "p is empty"),
        ([0.5, 0.5], {}, "set law is empty"),
    ],
)
def test_bad_values_are_refused(p, law, message):
    with pytest.raises(InputError, match=message):
        transport_problem(p, law)


@pytest.mark.parametrize(
    ("p", "law"),
    [
        ([0.5, 0.5], {(0, 1): 1.0}),
        ([0.5, 0.5], {frozenset({"a"}): 1.0}),
        ([0.5, 0.5j], {A: 1.0}),
        ([0.5, None], {A: 1.0}),
        (["a", "b"], {A: 1.0}),
    ],
)
def test_bad_types_are_refused(p, law):
    with pytest.raises(InputTypeError):
        transport_problem(p, law)


def test_a_law_within_the_float_tolerance_is_accepted():
    assert transport_problem([0.5, 0.5], {A: 0.5, B: 0.5 + 1e-10}).V == 2
