"""The naive verifier on every scheme."""

import pytest

from mdsd_theory.distributions import pair_with_drafters
from mdsd_theory.optimal import optimal_acceptance
from mdsd_theory.schemes import SCHEMES as REGISTRY
from mdsd_theory.schemes.base import Scheme
from mdsd_theory.verifiers import Naive

from .enumerate_rules import floats, instances, naive

SCHEMES = ("with_replacement", "without_replacement", "greedy", "top_k")


@pytest.mark.parametrize("scheme", SCHEMES)
def test_equals_the_enumeration(scheme):
    for p, q, n in instances(scheme):
        exact = naive(p, q, n, scheme)
        assert exact.law == p
        rate = Naive().acceptance_rate(*floats(p, q), n, scheme=scheme)
        assert rate.value == pytest.approx(float(exact.value), abs=1e-12)
        assert rate.explicit == pytest.approx(float(exact.explicit), abs=1e-12)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_stays_below_the_optimum(scheme):
    for p, q, n in instances(scheme, seeds=1):
        best = optimal_acceptance(*floats(p, q), n=n, scheme=scheme).value
        assert Naive().acceptance_rate(*floats(p, q), n, scheme=scheme).value <= best + 1e-12


def test_different_drafters(rng):
    p, *drafters = rng.dirichlet([1] * 4, 3).tolist()
    expected = sum(p[i] * (1 - (1 - drafters[0][i]) * (1 - drafters[1][i])) for i in range(4))
    rate = Naive().acceptance_rate(p, drafters, 2, scheme="independent")
    assert rate.value == pytest.approx(expected, abs=1e-14)
    assert pair_with_drafters(p, drafters).q.shape == (2, 1, 4)


def test_joint_law():
    rate = Naive().acceptance_rate(
        [0.5, 0.3, 0.2], {(0, 1): 0.5, (2, 2): 0.25, (0, 0): 0.25}, 2, scheme="joint"
    )
    assert rate.value == pytest.approx(0.5 * 0.8 + 0.25 * 0.2 + 0.25 * 0.5, abs=1e-15)


class Pairs(Scheme):
    """Drafts one of the neighbouring pairs, each as likely."""

    name = "top_k"
    summary = "neighbours; its name collides with a scheme that has a formula"

    def set_law(self, q, n):
        return {frozenset({i, i + 1}): 1 / (len(q) - 1) for i in range(len(q) - 1)}


class Hubs(type(REGISTRY["spechub"])):
    """Inherits SpecHub's name, and drafts two tokens that need not be the hub."""

    def set_law(self, q, n):
        return {frozenset({0, 1}): 1.0}


def test_spechub_is_greedy_at_two_drafts_unless_it_is_your_own():
    p, q = [0.5, 0.3, 0.2], [0.2, 0.3, 0.5]
    assert Naive().acceptance_rate(p, q, 2, scheme="spechub").value == pytest.approx(
        Naive().acceptance_rate(p, q, 2, scheme="greedy").value, abs=1e-15
    )
    assert Naive().acceptance_rate(p, q, 2, scheme=Hubs()).value == pytest.approx(0.8)


def test_a_scheme_of_your_own_is_summed_over_its_set_law():
    rate = Naive().acceptance_rate([0.5, 0.3, 0.2], [0.2, 0.3, 0.5], 2, scheme=Pairs())
    assert rate.value == pytest.approx((0.8 + 0.5) / 2, abs=1e-15)
    assert rate.route == "set_law"
