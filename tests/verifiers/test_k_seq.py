"""K-SEQ, at its smallest lossless discount."""

from fractions import Fraction

import numpy as np
import pytest

from mdsd_theory.distributions import pair
from mdsd_theory.optimal import optimal_acceptance
from mdsd_theory.verifiers import KSeq
from mdsd_theory.verifiers.k_seq import k_seq_gamma

from .enumerate_rules import floats, instances, k_seq, k_seq_feasible


def gamma_of(p, q, n):
    checked = pair(p, q)
    return float(k_seq_gamma(checked.backend, checked.p, checked.q, n)[0])


def just_feasible(p, q, n):
    """Return a rational γ within 1e-13 of the float γ* at which the rule is exactly lossless."""
    found = gamma_of(*floats(p, q), n)
    gamma = Fraction(found) if found == 1 else Fraction(found) * (1 + Fraction(1, 10**13))
    assert k_seq_feasible(p, q, n, gamma)
    return gamma


def test_equals_the_enumeration():
    for p, q, n in instances("with_replacement"):
        exact = k_seq(p, q, n, just_feasible(p, q, n))
        assert exact.law == p
        rate = KSeq().acceptance_rate(*floats(p, q), n)
        assert rate.value == pytest.approx(float(exact.value), abs=1e-12)
        assert rate.explicit == pytest.approx(float(exact.explicit), abs=1e-12)


def test_a_smaller_gamma_is_not_lossless():
    above_one = 0
    for p, q, n in instances("with_replacement"):
        gamma = gamma_of(*floats(p, q), n)
        if gamma > 1:
            above_one += 1
            assert not k_seq_feasible(p, q, n, Fraction(gamma) * (1 - Fraction(1, 10**6)))
    assert above_one > 40


def test_a_larger_gamma_accepts_less_explicitly():
    for p, q, n in instances("with_replacement", seeds=1):
        best, more = (k_seq(p, q, n, g * just_feasible(p, q, n)) for g in (1, 1 + Fraction(1, 4)))
        assert more.law == p
        assert more.explicit <= best.explicit + Fraction(1, 10**12)


def test_a_larger_gamma_can_gain_by_coincidence():
    p, q = [Fraction(1, 4), Fraction(3, 4)], [Fraction(3, 4), Fraction(1, 4)]
    best, more = (k_seq(p, q, 2, g * just_feasible(p, q, 2)) for g in (1, 1 + Fraction(1, 4)))
    assert float(best.explicit) == pytest.approx(float(best.value), abs=1e-12)
    assert more.explicit < best.value < more.value
    assert k_seq(p, q, 2, Fraction(2)).value == Fraction(21, 32)


def test_gamma_is_one_at_the_ends(rng):
    # Of 200 rows some sum to 1 − 2⁻⁵³, where γβ falls short of 1 − (1 − β)³ by rounding alone.
    equal = pair(*[rng.dirichlet(np.ones(100), 200)] * 2)
    assert (k_seq_gamma(equal.backend, equal.p, equal.q, 3) == 1).all()
    p = [0.5, 0.25, 0.25, 0.0]
    assert gamma_of(p, p, 3) == 1
    assert gamma_of(p, [0.0, 0.0, 0.0, 1.0], 3) == 1
    assert gamma_of(p, [0.1, 0.2, 0.3, 0.4], 1) == 1


def test_gamma_of_nearly_equal_and_nearly_disjoint_laws():
    near = np.array([0.5 + 1e-9, 0.5 - 1e-9])
    assert gamma_of(near, np.array([0.5, 0.5]), 3) == pytest.approx(1 + 2e-9, abs=1e-11)
    apart = np.array([1 - 1e-13, 1e-13])
    assert gamma_of(apart, np.array([1e-13, 1 - 1e-13]), 4) == pytest.approx(4, abs=1e-9)


def test_stays_below_the_optimum():
    for p, q, n in instances("with_replacement", seeds=1):
        best = optimal_acceptance(*floats(p, q), n=n, scheme="with_replacement").value
        assert KSeq().acceptance_rate(*floats(p, q), n).value <= best + 1e-12
