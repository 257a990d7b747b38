"""The greedy verifier."""

import pytest

from mdsd_theory.optimal import optimal_acceptance
from mdsd_theory.verifiers import Greedy

from .enumerate_rules import floats, greedy, instances


def test_equals_the_enumeration():
    for p, q, n in instances("greedy"):
        exact = greedy(p, q, n)
        assert exact.law == p
        rate = Greedy().acceptance_rate(*floats(p, q), n)
        assert rate.value == pytest.approx(float(exact.value), abs=1e-12)
        assert rate.explicit == pytest.approx(float(exact.explicit), abs=1e-12)


def test_reaches_the_optimum():
    for p, q, n in instances("greedy", seeds=1):
        best = optimal_acceptance(*floats(p, q), n=n, scheme="greedy").value
        assert Greedy().acceptance_rate(*floats(p, q), n).value == pytest.approx(best, abs=1e-14)
