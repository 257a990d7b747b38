"""Enclosures hold the exact optimum of small instances, and are as narrow as promised."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import torch

import mdsd_theory as mdsd
from mdsd_theory.rigorous.enclosure import PROVED_BY, Enclosure

from .oracle import awkward_pair, exact_value

SCHEMES = ("with_replacement", "without_replacement", "greedy", "top_k")


def check(p, q, n, scheme):
    exact = mdsd.certify(p, q, n=n, scheme=scheme)
    found = mdsd.certify(p, q, n=n, scheme=scheme, rigorous=True)
    assert exact.value in found
    assert found.lower <= found.bounds[0] <= found.bounds[1] <= found.upper
    assert exact_value(p, q, n, scheme, found.subset) <= found.bounds[1]
    assert found.width <= 2e-17
    assert found.upper - found.lower <= 2.0**-52
    return found


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("n", [1, 2, 3, 5])
def test_holds_the_exact_optimum(scheme, n, rng):
    for trial in range(18 if n < 5 else 6):
        check(*awkward_pair(trial, n, rng, largest=8 if n < 5 else 7), n, scheme)


@pytest.mark.slow
@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 6])
def test_holds_the_exact_optimum_of_many(scheme, n, rng):
    for trial in range(150 if n < 5 else 30):
        check(*awkward_pair(trial, n, rng, largest=9 if n < 5 else 8), n, scheme)


def test_spechub_is_greedy_at_two(rng):
    for trial in range(12):
        p, q = awkward_pair(trial, 2, rng)
        found = check(p, q, 2, "spechub")
        assert found.bounds == mdsd.certify(p, q, n=2, scheme="greedy", rigorous=True).bounds


@pytest.mark.parametrize("scheme", ["greedy", "top_k", "spechub"])
def test_closed_forms_are_exact_fractions(scheme, rng):
    p, q = awkward_pair(0, 2, rng)
    found = mdsd.certify(p, q, n=2, scheme=scheme, rigorous=True)
    assert found.exact
    assert found.width == 0
    assert found.bounds[0] == mdsd.certify(p, q, n=2, scheme=scheme).value


@pytest.mark.parametrize("scheme", ["greedy", "spechub"])
def test_the_set_of_a_closed_form_holds_what_is_always_drafted(scheme):
    """p of token 0 is above its q, renormalised: it is in H because every set of drafts has it."""
    found = check(["4/5", "1/10", "1/20", "1/20"], ["3/10", "3/10", "1/5", "1/5"], 2, scheme)
    assert found.subset.tolist() == [True, True, True, True]


@pytest.mark.parametrize("n", [1, 2, 3, 7])
@pytest.mark.parametrize("scheme", ["with_replacement", "without_replacement"])
def test_equal_distributions_are_always_accepted(scheme, n):
    q = np.arange(1.0, 10.0) / 45
    found = mdsd.certify(q, q, n=n, scheme=scheme, rigorous=True)
    assert 1 in found
    assert found.lower >= 1 - 1e-15


@pytest.mark.parametrize("scheme", ["with_replacement", "without_replacement"])
def test_disjoint_supports_are_never_accepted(scheme):
    found = mdsd.certify([1.0, 0, 0, 0], [0, 0.5, 0.25, 0.25], n=3, scheme=scheme, rigorous=True)
    assert found.bounds == (0, 0)
    assert found.lower == found.upper == 0
    assert found.subset.tolist() == [False, True, True, True]


def test_n_equal_to_the_support_reaches_every_drafted_token():
    found = mdsd.certify([0.5, 0.25, 0.25, 0.0], [0.1, 0.2, 0.0, 0.7], n=3, rigorous=True)
    assert Fraction(3, 4) in found


def test_more_drafts_than_tokens_with_replacement():
    p, q = ["1/2", "1/2"], ["1/3", "2/3"]
    found = mdsd.certify(p, q, n=9, scheme="with_replacement", rigorous=True)
    assert mdsd.certify(p, q, n=9, scheme="with_replacement").value in found


def test_one_hot_draft():
    found = mdsd.certify([0.25, 0.75], [1.0, 0.0], n=4, scheme="with_replacement", rigorous=True)
    assert found.bounds[0] <= Fraction(1, 4) <= found.bounds[1]
    assert found.width < 1e-70


def test_tiny_tokens_count():
    """1e-300 in q is a token: two drafts without replacement reach it."""
    p, q = [0.5, 0.5], [1.0, 5e-324]
    assert 1 in mdsd.certify(p, q, n=2, rigorous=True)
    with pytest.raises(mdsd.SupportError, match="q has 1 token of positive probability"):
        mdsd.certify(p, [1.0, 0.0], n=2, rigorous=True)


def test_tiny_tokens_at_three_drafts_agree_with_fractions():
    p, q = [0.2, 0.3, 0.4, 0.1], [1.0, 1e-300, 3e-310, 5e-324]
    found = mdsd.certify(p, q, n=3, rigorous=True)
    assert mdsd.certify(p, q, n=3).value in found
    assert found.width < 2e-17


def test_many_drafts(rng):
    p, q = rng.dirichlet(np.ones(40), size=2)
    widths = [mdsd.certify(p, q, n=n, rigorous=True).width for n in (8, 16, 32)]
    assert max(widths) < 1e-12


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
def test_every_float_type_is_taken_at_its_exact_value(dtype, rng):
    p, q = (torch.tensor(x, dtype=dtype) for x in rng.dirichlet(np.ones(5), size=2))
    assert mdsd.certify(p, q, n=3).value in mdsd.certify(p, q, n=3, rigorous=True)


def test_lists_arrays_tensors_and_fractions_agree(rng):
    p, q = rng.dirichlet(np.ones(6), size=2)
    total = [sum(map(Fraction, x)) for x in (p.tolist(), q.tolist())]
    exact = [[Fraction(y) / t for y in x.tolist()] for x, t in zip((p, q), total, strict=True)]
    forms = [(p, q), (p.tolist(), q.tolist()), tuple(map(torch.tensor, (p, q))), exact]
    found = [mdsd.certify(*form, n=2, rigorous=True).bounds for form in forms]
    assert max(x[1] for x in found) - min(x[0] for x in found) < 1e-50


def test_fractions_without_a_binary_value():
    p, q = ["1/3", "1/7", "11/21"], ["1/9", "5/9", "1/3"]
    for n in (1, 2, 3):
        assert mdsd.certify(p, q, n=n).value in mdsd.certify(p, q, n=n, rigorous=True)


def test_holds_the_fast_value(rng):
    for n in (2, 3, 4):
        p, q = rng.dirichlet(np.full(2000, 0.3), size=2)
        for scheme in SCHEMES:
            fast = mdsd.optimal_acceptance(p, q, n=n, scheme=scheme)
            found = mdsd.certify(p, q, n=n, scheme=scheme, rigorous=True)
            assert fast.lower <= found.upper
            assert found.lower <= fast.upper
            assert abs(fast.value - found.lower) < 1e-12


def test_it_says_what_is_proved():
    found = mdsd.certify([0.4, 0.3, 0.2, 0.1], [0.1, 0.1, 0.2, 0.6], n=3, rigorous=True)
    assert str(found).startswith("α* is in [")
    assert "proved for without_replacement with V = 4 and n = 3" in str(found)
    assert PROVED_BY[found.route] in str(found)
    exact = mdsd.certify([0.5, 0.5], [0.25, 0.75], n=1, scheme="top_k", rigorous=True)
    assert str(exact).startswith("α* is 0.5 exactly, proved for top_k")


def test_an_exact_third_is_not_called_a_float():
    third = mdsd.certify(["1/3", "2/3"], ["1", "0"], n=1, scheme="top_k", rigorous=True)
    assert third.exact
    assert third.lower < Fraction(1, 3) < third.upper
    assert str(third).startswith("α* is a fraction between 0.333333333333333")


def test_bounds_are_cut_to_probabilities():
    found = Enclosure.of(Fraction(-1), Fraction(2), np.array([True]), "top_k", 1, "closed_form")
    assert (found.lower, found.upper) == (0, 1)


def test_the_callers_precision_is_kept():
    import flint

    before = flint.ctx.prec
    mdsd.certify([0.5, 0.3, 0.2], [0.2, 0.3, 0.5], n=3, rigorous=True)
    assert flint.ctx.prec == before
