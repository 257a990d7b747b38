"""The compiled argsort: NumPy's stable one, index for index."""

from __future__ import annotations

import numpy as np
import pytest

from mdsd_theory import ratio_sort_loop
from mdsd_theory.demo_data import load_demo_data
from mdsd_theory.ratio_sort_loop import argsort_positive


def agrees(x):
    return argsort_positive(x).tolist() == np.argsort(x, kind="stable").tolist()


def cases():
    rng = np.random.default_rng(0)
    yield "none", np.zeros(0)
    yield "one", np.ones(1)
    yield "zeros", np.zeros(50)
    yield "all NaN", np.full(9, np.nan)
    yield "infinite", np.full(9, np.inf)
    yield "kinds", rng.choice([0.0, -0.0, 1.0, 2.0, np.inf, np.nan, -np.nan, 5e-324, 1e308], 3000)
    yield "ties", rng.choice([0.25, 1.0, 3.0], 5000)
    yield "uniform", rng.random(20_000)
    yield "lognormal", rng.lognormal(size=151_936)
    yield "all magnitudes", np.exp(rng.uniform(-740, 700, 30_000))
    yield "neighbours", 1.0 + rng.integers(0, 5000, 20_000) * 2.0**-52
    yield "neighbours and outliers", np.append(1 + rng.integers(0, 9, 9000) * 2.0**-52, [5e-324, 1e308])
    yield "short runs", np.append(1 + rng.random(9000), [5e-324, 1e308, 0.0, np.inf, np.nan])
    yield "descending", np.arange(40_000.0, 0, -1)
    yield "subnormal", rng.integers(0, 4000, 3000) * 5e-324


@pytest.mark.parametrize("name", [case[0] for case in cases()])
def test_agrees_with_numpy(name):
    assert agrees(next(x for case, x in cases() if case == name))


def test_agrees_on_arrays_of_all_small_sizes():
    rng = np.random.default_rng(1)
    values = np.array([0.0, 1.0, 1 + 2.0**-52, 7.0, np.inf, np.nan])
    assert all(agrees(rng.choice(values, size)) for size in range(1, 60) for _ in range(5))


def test_ratios_of_real_distributions():
    data = load_demo_data()
    with np.errstate(all="ignore"):
        assert all(agrees(p / q) for p, q in zip(data.p, data.q, strict=True))


def test_more_numbers_than_an_index_has_bits_for():
    x = np.random.default_rng(2).random(ratio_sort_loop.MOST + 5)
    order = argsort_positive(x)
    assert (np.diff(x[order]) >= 0).all()
    assert (np.sort(order) == np.arange(x.size)).all()
