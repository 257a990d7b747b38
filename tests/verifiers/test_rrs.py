"""RRS with replacement."""

import pytest

from mdsd_theory.optimal import optimal_acceptance
from mdsd_theory.verifiers import RRS

from .enumerate_rules import floats, instances, recursive_rejection


def test_equals_the_enumeration():
    for p, q, n in instances("with_replacement"):
        exact = recursive_rejection(p, q, n, "with_replacement")
        assert exact.law == p
        rate = RRS().acceptance_rate(*floats(p, q), n)
        assert rate.value == pytest.approx(float(exact.value), abs=1e-12)
        assert rate.explicit == pytest.approx(float(exact.explicit), abs=1e-12)


def test_equals_the_product_over_the_stages(rng):
    p, q = rng.dirichlet([0.3] * 60, 2)
    residual, missed = p, 1.0
    for n in range(1, 7):
        missed *= 1 - sum(map(min, residual, q))
        residual = (residual - q).clip(0) / (residual - q).clip(0).sum()
        assert RRS().acceptance_rate(p, q, n).value == pytest.approx(1 - missed, abs=1e-14)


def test_stays_below_the_optimum():
    for p, q, n in instances("with_replacement", seeds=1):
        best = optimal_acceptance(*floats(p, q), n=n, scheme="with_replacement").value
        assert RRS().acceptance_rate(*floats(p, q), n).value <= best + 1e-12
