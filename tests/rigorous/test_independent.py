"""Different drafters: every H for few tokens, proved bounds beyond."""

from __future__ import annotations

import numpy as np
import pytest

import mdsd_theory as mdsd
from mdsd_theory.rigorous import prove
from mdsd_theory.rigorous.weighted_mean import WeightedMeans
from mdsd_theory.rigorous.weights import weights


@pytest.mark.parametrize("n", [1, 2, 3])
def test_every_subset_of_few_tokens(n, rng):
    for _ in range(10):
        p, *q = rng.dirichlet(np.ones(5), size=n + 1)
        found = mdsd.certify(p, q, n=n, scheme="independent", rigorous=True)
        assert found.exact
        assert found.bounds[0] == mdsd.certify(p, q, n=n, scheme="independent").value
        assert found.route == "all_subsets"


def test_weighted_means_hold_the_optimum(rng):
    for n in (2, 3):
        for _ in range(15):
            p, *q = rng.dirichlet(np.ones(8), size=n + 1)
            exact = mdsd.certify(p, q, n=n, scheme="independent", rigorous=True).bounds[0]
            drafters = [weights(x, "q") for x in q]
            lower, upper, tokens = WeightedMeans(weights(p, "p"), drafters).run()
            assert lower <= exact <= upper
            inside = np.prod([x[tokens].sum() for x in q])
            assert p[tokens].sum() + 1 - inside == pytest.approx(float(upper), abs=1e-12)


def test_equal_drafters_draw_with_replacement(rng):
    p, q = rng.dirichlet(np.ones(50), size=2)
    found = mdsd.certify(p, [q, q, q], scheme="independent", rigorous=True)
    same = mdsd.certify(p, q, n=3, scheme="with_replacement", rigorous=True)
    assert found.route == "weighted_mean"
    assert found.lower <= same.upper
    assert same.lower <= found.upper
    assert found.width < 1e-30


def test_bounds_at_a_larger_vocabulary_agree_with_the_fast_ones(rng):
    p, *q = rng.dirichlet(np.ones(500), size=4)
    q = [(p + x) / 2 for x in q]
    q = [x / x.sum() for x in q]
    found = mdsd.certify(p, q, scheme="independent", rigorous=True)
    fast = mdsd.optimal_acceptance(p, q, scheme="independent")
    assert found.lower == pytest.approx(fast.lower, abs=1e-5)
    assert found.upper == pytest.approx(fast.upper, abs=1e-5)
    assert found.lower <= found.upper


def test_a_factor_beyond_the_floats():
    """120 drafters that hardly draw a token and 180 that draw little else: C passes 1e308."""
    p, few, most = np.zeros(20), np.zeros(20), np.zeros(20)
    p[1], few[:2], most[:2] = 1.0, [1e-7, 1 - 1e-7], [1 - 1e-7, 1e-7]
    found = mdsd.certify(p, [few] * 120 + [most] * 180, n=300, scheme="independent", rigorous=True)
    assert found.upper == 1
    assert found.width < 1e-50


def test_a_factor_that_is_too_small_is_caught(monkeypatch, rng):
    monkeypatch.setattr(prove, "LARGEST_VOCABULARY", 0)
    factor = WeightedMeans._factor
    monkeypatch.setattr(WeightedMeans, "_factor", lambda self, s: factor(self, s) * 9 / 10)
    p, common, *q = rng.dirichlet(np.ones(8), size=4)
    q = [(9 * common + x) / 10 for x in q]
    with pytest.raises(mdsd.CertificationError, match="a fault of the program"):
        mdsd.certify(p, q, n=2, scheme="independent", rigorous=True)
