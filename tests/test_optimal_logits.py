"""α* straight from logits, where no route reads them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import mdsd_theory as mdsd


@pytest.fixture
def logits():
    rng = np.random.default_rng(5)
    return rng.normal(size=(2, 2, 3, 60)) * 3


@pytest.mark.parametrize("scheme", ["with_replacement", "without_replacement", "greedy", "top_k"])
@pytest.mark.parametrize("temperature", [0, 0.6, 1.3])
def test_it_is_alpha_of_the_probabilities(logits, scheme, temperature):
    a, b = logits
    n = 1 if temperature == 0 else 3
    found = mdsd.optimal_acceptance_from_logits(a, b, temperature=temperature, n=n, scheme=scheme)
    p, q = (mdsd.from_logits(x, temperature=temperature) for x in (a, b))
    expected = mdsd.optimal_acceptance(p, q, n=n, scheme=scheme)
    assert found.value.shape == (2, 3)
    np.testing.assert_allclose(found.value, expected.value, rtol=0, atol=1e-14)
    assert np.array_equal(found.subset, expected.subset)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16], ids=str)
def test_half_precision_is_widened_before_the_exponential(logits, dtype):
    a, b = (torch.tensor(x).to(dtype) for x in logits)
    found = mdsd.optimal_acceptance_from_logits(a, b, scheme="with_replacement")
    p, q = (torch.softmax(x.double(), -1) for x in (a, b))
    exact = mdsd.optimal_acceptance(p, q, scheme="with_replacement").value
    assert found.value.dtype == dtype
    assert torch.equal(found.value, exact.to(dtype))
    assert (found.lower.double() <= exact).all()
    assert (exact <= found.upper.double()).all()


def test_bad_logits_are_named(logits):
    a, b = logits
    a[1, 2, 7] = np.nan
    with pytest.raises(mdsd.InputError, match=r"logits\[1, 2\] holds nan"):
        mdsd.optimal_acceptance_from_logits(a, b)
    with pytest.raises(mdsd.InputError, match="temperature is -1"):
        mdsd.optimal_acceptance_from_logits(b, b, temperature=-1)
    with pytest.raises(mdsd.InputError, match="vocabulary"):
        mdsd.optimal_acceptance_from_logits(b, b[..., 1:])


def test_a_mask_can_leave_too_few_tokens(logits):
    a, b = logits
    b[..., 2:] = -np.inf
    with pytest.raises(mdsd.SupportError, match="n = 3"):
        mdsd.optimal_acceptance_from_logits(a, b)
