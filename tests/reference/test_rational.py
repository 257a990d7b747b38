"""The optimum as a Fraction."""

from fractions import Fraction

import pytest

from mdsd_theory.errors import InputTypeError
from mdsd_theory.reference import (
    check_coupling,
    solve_rational,
    subset_value,
    transport_problem,
)

from .conftest import normalised, with_replacement, without_replacement


def test_both_witnesses_have_exactly_the_value():
    p, q = normalised([1, 8, 1, 4]), normalised([5, 1, 3, 2])
    law = without_replacement(q, 3)
    solution = solve_rational(transport_problem(p, law))
    assert check_coupling(p, law, solution.coupling) == solution.value
    assert subset_value(p, law, solution.subset) == solution.value
    assert solution.route == "rational"


def test_one_draft_is_one_minus_total_variation():
    p, q = normalised([1, 8, 1, 4]), normalised([5, 1, 3, 2])
    solution = solve_rational(transport_problem(p, with_replacement(q, 1)))
    assert solution.value == sum(map(min, p, q))


def test_more_drafts_never_accept_less_and_without_beats_with():
    p, q = normalised([1, 8, 1, 4]), normalised([5, 1, 3, 2])
    values = {
        law: [solve_rational(transport_problem(p, law(q, n))).value for n in (1, 2, 3, 4)]
        for law in (with_replacement, without_replacement)
    }
    for found in values.values():
        assert found == sorted(found)
    assert all(a <= b for a, b in zip(*values.values(), strict=True))


def test_a_known_value():
    p, q = normalised([1, 8, 1]), normalised([2, 1, 1])
    assert solve_rational(transport_problem(p, without_replacement(q, 2))).value == Fraction(47, 60)


def test_floats_are_refused():
    with pytest.raises(InputTypeError, match="Fraction"):
        solve_rational(transport_problem([0.5, 0.5], {frozenset({0, 1}): 1}))
