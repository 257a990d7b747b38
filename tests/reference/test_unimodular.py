"""Total unimodularity: true of the transport program, false of an odd cycle."""

from itertools import combinations

import numpy as np
import pytest

from mdsd_theory.errors import InputError, SizeError
from mdsd_theory.reference import incidence_matrix, is_totally_unimodular, transport_problem

from .conftest import LAWS, normalised


@pytest.mark.parametrize("scheme", LAWS)
@pytest.mark.parametrize(("V", "n"), [(1, 1), (2, 1), (2, 2), (3, 1), (3, 2), (3, 3), (4, 1)])
def test_the_transport_program_is_totally_unimodular(scheme, V, n):
    uniform = normalised([1] * V)
    problem = transport_problem(uniform, LAWS[scheme](uniform, n))
    assert is_totally_unimodular(incidence_matrix(problem))


def test_four_tokens_without_replacement():
    uniform = normalised([1] * 4)
    law = LAWS["without_replacement"](uniform, 2)
    assert is_totally_unimodular(incidence_matrix(transport_problem(uniform, law)))


@pytest.mark.parametrize("length", [3, 4, 5, 6, 7])
def test_a_cycle_is_totally_unimodular_when_its_length_is_even(length):
    edges = np.eye(length, dtype=int) + np.roll(np.eye(length, dtype=int), 1, axis=1)
    assert is_totally_unimodular(edges) == (length % 2 == 0)


@pytest.mark.parametrize("seed", range(30))
def test_against_determinants_of_all_square_submatrices(seed):
    matrix = np.random.default_rng(seed).integers(-1, 2, size=(3, 4))
    minors = [
        round(np.linalg.det(matrix[np.ix_(rows, columns)]))
        for k in (1, 2, 3)
        for rows in combinations(range(3), k)
        for columns in combinations(range(4), k)
    ]
    assert is_totally_unimodular(matrix) == (max(map(abs, minors)) <= 1)


def test_an_entry_of_two_is_enough_to_fail():
    assert not is_totally_unimodular([[2]])
    assert is_totally_unimodular([[0, 0], [0, 0]])


def test_incidence_matrix_has_two_ones_a_column():
    law = LAWS["with_replacement"](normalised([1, 2, 3]), 2)
    matrix = incidence_matrix(transport_problem(normalised([1, 1, 1]), law))
    assert matrix.shape == (6 + 3, 9)
    assert (matrix.sum(axis=0) == 2).all()


def test_large_matrices_are_refused():
    with pytest.raises(SizeError, match="square submatrices"):
        is_totally_unimodular(np.ones((20, 20), dtype=int))


@pytest.mark.parametrize("matrix", [[1, 2, 3], [[0.5]], [[float("nan")]]])
def test_what_is_no_integer_matrix_is_refused(matrix):
    with pytest.raises(InputError, match="table of integers"):
        is_totally_unimodular(matrix)
