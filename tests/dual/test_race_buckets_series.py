"""Light tokens through power sums: what is cut, and what cancels."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from mdsd_theory.dual.race_buckets_series import CUT, FEW, LIGHTEST, series
from mdsd_theory.dual.race_buckets_value_loop import heavy_arrivals


@pytest.mark.parametrize("n", [3, 5, 16])
@pytest.mark.parametrize("y", [LIGHTEST, LIGHTEST / 3, 1e-5])
def test_powers_of_odds(n, y):
    """Within ε·k·y of (e^y − 1)^k, from below."""
    terms = series(n).coefficients
    for k in range(1, n):
        found = (terms[k - 1] * (y / LIGHTEST) ** np.arange(1, terms.shape[1] + 1)).sum()
        exact = np.expm1(y) ** k
        assert -1e-15 * exact <= exact - found <= k * y * CUT + 1e-15 * exact


@pytest.mark.parametrize("n", [3, 8, 16])
def test_few_powers_do_for_the_lightest(n):
    parameters = series(n)
    y = parameters.lightest * LIGHTEST
    for k in range(1, n):
        found = (parameters.coefficients[k - 1, :FEW] * (y / LIGHTEST) ** np.arange(1, FEW + 1)).sum()
        assert abs(np.expm1(y) ** k - found) <= k * y * CUT + 1e-15 * np.expm1(y) ** k


def symmetric(odds, count, sign):
    """Elementary (1) or complete homogeneous (−1) polynomials e_0 … e_count, exactly."""
    found = [Fraction(1)] + [Fraction(0)] * count
    for o in odds:
        for m in range(count, 0, -1) if sign > 0 else range(1, count + 1):
            found[m] += o * found[m - 1]
    return found


@pytest.mark.parametrize("tokens", [1, 2, 5, 20, 150])
def test_amplification_holds_for_equal_and_random_odds(tokens, rng):
    largest = Fraction(np.expm1(LIGHTEST))
    for scale in (np.ones(tokens), rng.random(tokens)):
        odds = [largest * Fraction(float(x)) for x in scale]
        for n in (3, 8, 16):
            e, h = symmetric(odds, n - 1, 1), symmetric(odds, n - 1, -1)
            for top in range(1, n):
                above = sum(m * h[m] for m in range(top + 1))
                assert above <= series(n).amplification * sum(e[: top + 1])


def test_amplification_is_not_far_off():
    """Equal odds come close to it, so that it is no mere large number."""
    largest = Fraction(np.expm1(LIGHTEST))
    worst = 0.0
    for tokens in range(1, 400, 9):
        e, h = symmetric([largest] * tokens, 7, 1), symmetric([largest] * tokens, 7, -1)
        worst = max(worst, float(sum(m * h[m] for m in range(8)) / sum(e)))
    assert 0.9 * series(8).amplification <= worst


def test_heavy_arrivals_are_bernoulli_sums(rng):
    q, times = rng.random(5), np.array([0.1, 1.0, 7.0])
    found = heavy_arrivals(q, times, 4)
    for z in range(6):
        for j, t in enumerate(times):
            law = np.array([1.0])
            for x in q[:z]:
                law = np.convolve(law, [np.exp(-x * t), -np.expm1(-x * t)])
            expected = np.cumsum(np.pad(law, (0, 4)))[:4]
            np.testing.assert_allclose(found[z, :, j], expected, rtol=0, atol=1e-15)
