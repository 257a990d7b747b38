"""The kernel of moments, run on the CPU, and the naive rate that is made of them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mdsd_theory import acceptance_rate
from mdsd_theory.cuda import solving
from mdsd_theory.cuda.power_sums import power_sums
from mdsd_theory.demo_data import load_demo_data


@pytest.mark.parametrize("degree", [1, 14, 31])
@pytest.mark.parametrize("vocabulary", [1, 40, 3000])
def test_sums_are_those_of_powers(host, vocabulary, degree, rng):
    marks, z = (torch.from_numpy(rng.uniform(size=(5, 2, vocabulary)))[:, 1] for _ in range(2))
    z[:, ::3] = 0
    plain, marked = power_sums(host, marks, z, degree)
    assert plain.shape == marked.shape == (degree + 1, 5)
    for d in range(degree + 1):
        np.testing.assert_allclose(plain[d], (z**d).sum(-1), rtol=1e-13)
        np.testing.assert_allclose(marked[d], (marks * z**d).sum(-1), rtol=1e-13)


@pytest.mark.parametrize("n", [3, 5])
def test_the_naive_rate_goes_through_it(host, n, monkeypatch):
    data = load_demo_data(1.0)
    laws = [torch.from_numpy(x[:3].astype(np.float64)) for x in (data.p, data.q)]
    p, q = (x / x.sum(-1, keepdim=True) for x in laws)
    options = {"n": n, "scheme": "without_replacement", "verifier": "naive"}
    theirs = acceptance_rate(p, q, **options)
    monkeypatch.setattr(solving, "serves", lambda backend: backend.library == "torch")
    monkeypatch.setattr(solving, "launcher_of", lambda tensor: host)
    host.launched.clear()
    mine = acceptance_rate(p, q, **options)
    assert set(host.launched) == {"power_sums"}
    np.testing.assert_allclose(mine, theirs, rtol=1e-13)
