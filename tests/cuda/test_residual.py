"""Kernels of recursive rejection and of K-SEQ, run on the CPU, against the compiled loops."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mdsd_theory import acceptance_rate
from mdsd_theory.cuda import residual, solving
from mdsd_theory.demo_data import load_demo_data
from mdsd_theory.verifiers import cpu
from mdsd_theory.verifiers import residual_loop as loop
from tests.verifiers.test_rejected_cells import adversarial


def awkward(vocabulary, rng):
    """Rows with every other one apart in memory, and as NumPy has them."""
    _, p, q = adversarial(vocabulary, rng)
    wide = torch.full((2, 2 * len(p), vocabulary), torch.nan, dtype=torch.float64)
    wide[0, ::2], wide[1, ::2] = torch.from_numpy(p), torch.from_numpy(q)
    return wide[0, ::2], wide[1, ::2], p, q


@pytest.mark.parametrize("n", [1, 2, 3, 8])
@pytest.mark.parametrize("vocabulary", [7, 40, 1500])
def test_recursive_rejection(host, vocabulary, n, rng):
    p, q, target, draft = awkward(vocabulary, rng)
    found = residual.recursive_rates(host, p, q, n)
    np.testing.assert_allclose(found, loop.recursive_rates(target, draft, n), rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("n", [1, 2, 3, 8, 40])
@pytest.mark.parametrize("vocabulary", [7, 40, 1500])
def test_discounts(host, vocabulary, n, rng):
    p, q, target, draft = awkward(vocabulary, rng)
    gamma, value = residual.discounts(host, p, q, n)
    expected_gamma, expected = loop.discounts(target, draft, n)
    np.testing.assert_allclose(value, expected, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(gamma, expected_gamma, rtol=1e-12)


def test_rates_go_through_the_kernels(host, monkeypatch):
    data = load_demo_data(0.7)
    laws = [x[:3].astype(np.float64) for x in (data.p, data.q)]
    p, q = (x / x.sum(-1, keepdims=True) for x in laws)
    options = {"n": 3, "scheme": "with_replacement"}
    theirs = [acceptance_rate(p, q, verifier=x, **options) for x in ("rrs", "k_seq")]
    monkeypatch.setattr(solving, "serves", lambda backend: backend.library == "torch")
    monkeypatch.setattr(solving, "launcher_of", lambda tensor: host)
    monkeypatch.setattr(cpu, "on_cpu", lambda backend: False)
    host.launched.clear()
    p, q = torch.from_numpy(p), torch.from_numpy(q)
    mine = [acceptance_rate(p, q, verifier=x, **options) for x in ("rrs", "k_seq")]
    assert host.launched == ["recursive_rates", "discounts"]
    np.testing.assert_allclose(np.stack(mine), np.stack(theirs), rtol=1e-13)
