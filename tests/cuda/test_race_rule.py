"""The constants of the race on the device: each bound against what it bounds."""

from __future__ import annotations

import re

import numpy as np
import pytest
from scipy.special import expm1, gammaincc

from mdsd_theory.cuda.launching import KERNELS
from mdsd_theory.cuda.race_rule import LARGEST_N, LIGHTEST, TOLERANCE, rule
from mdsd_theory.cuda.race_work import CELLS

DRAFTS = range(2, LARGEST_N + 1)


@pytest.mark.parametrize("n", DRAFTS)
def test_powers_of_odds_are_cut_where_they_may(n):
    y = np.linspace(0, LIGHTEST, 26)
    powers = rule(n).powers
    orders = np.arange(1, powers.shape[1] + 1)
    sums = powers @ (y / LIGHTEST) ** orders[:, None]
    k = np.arange(1, n)[:, None]
    cut = expm1(y) ** k - sums
    roundoff = (n + orders.size) * 2.0**-52 * expm1(y) ** k
    assert (cut >= -roundoff).all()
    assert ((cut - roundoff) / k).sum(axis=0).max() <= TOLERANCE / rule(n).amplification * LIGHTEST


@pytest.mark.parametrize("n", DRAFTS)
def test_the_error_of_the_rule(n):
    """Empty H and all-light H: closed forms of 1 − Q, with nodes shifted by any part of a step."""
    chosen = rule(n)
    for shift in np.linspace(0, 1, 7):
        first = chosen.earliest * np.exp(-shift * chosen.step)
        times = first * np.exp(chosen.step * np.arange(400))
        times = times[times <= chosen.last * np.exp(chosen.step)]
        left = sum(c * (-1) ** r * first ** (r + 1) for r, c in enumerate(chosen.left))
        assert abs(chosen.step * (times * np.exp(-times)).sum() + left - 1) <= 3 * TOLERANCE
        b = 0.3  # H: infinitely many tokens of mass 0.7 in all, so that N_H is Poisson
        alive = b * times * np.exp(-b * times) * gammaincc(n, 0.7 * times)
        left = sum(c * (-1) ** r * (b * first) ** (r + 1) for r, c in enumerate(chosen.left))
        assert abs(chosen.step * alive.sum() + left - (1 - 0.7**n)) <= 3 * TOLERANCE


@pytest.mark.parametrize("n", DRAFTS)
def test_errors_of_sums_are_amplified_as_told(n):
    """Change each sum of powers of the odds, by a sign of its own, and see how far the e_m move."""
    rng = np.random.default_rng(n)
    chosen = rule(n)
    for size in (1, n, 40, 400):
        odds = expm1(LIGHTEST * rng.random(size))
        k = np.arange(1, n)
        sums = (odds[:, None] ** k).sum(axis=0)
        delta = 1e-6 * sums
        before, after = elementary(sums), elementary(sums + delta * rng.choice([-1, 1], n - 1))
        for fewer in range(1, n + 1):  # weights of e_m are mixtures of such cuts
            moved = abs((after - before)[:fewer].sum()) / before[:fewer].sum()
            assert moved <= 1.01e-6 * chosen.amplification


def elementary(sums: np.ndarray) -> np.ndarray:
    e = [1.0]
    for m in range(1, sums.size + 1):
        e.append(sum((-1) ** (k - 1) * e[m - k] * sums[k - 1] for k in range(1, m + 1)) / m)
    return np.array(e)


def test_the_kernels_have_room():
    text = (KERNELS / "race_rows.cuh").read_text()
    numbers = dict(re.findall(r"constexpr int (\w+) = (\d+);", text))
    assert int(numbers["CELLS"]) == CELLS
    for n in DRAFTS:
        assert rule(n).heavy <= int(numbers["MOST_HEAVY"])
        assert 8 * CELLS * (rule(n).powers.shape[1] + 1) + 2048 <= 48 * 1024
