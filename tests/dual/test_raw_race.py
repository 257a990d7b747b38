"""Without replacement straight from the caller's memory."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
import torch

import mdsd_theory as mdsd
from mdsd_theory import optimal
from mdsd_theory.arrays import host
from mdsd_theory.options import checked_pair, unchecked_pair

SCHEME = mdsd.SCHEMES["without_replacement"]
LAYOUTS = {
    "float64": lambda x: x,
    "float32": lambda x: x.astype(np.float32),
    "float16": lambda x: x.astype(np.float16),
    "rows apart": lambda x: np.concatenate([x, x], axis=-1)[..., : x.shape[-1]],
    "negative strides": lambda x: np.ascontiguousarray(x[..., ::-1])[..., ::-1],
    "tensor, single": lambda x: torch.tensor(x, dtype=torch.float32),
    "tensor, bfloat16": lambda x: torch.tensor(x, dtype=torch.bfloat16),
}


def draw(rng, *shape):
    return rng.dirichlet(np.full(shape[-1], 0.3), size=(2, *shape[:-1])).reshape(2, *shape)


def straight(p, q, n):
    raw, _ = unchecked_pair(p, q, n, SCHEME)
    return optimal.attempt(raw, n, SCHEME, "race_buckets")


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("n", [2, 3, 8])
def test_the_same_as_after_the_checks(layout, n, rng):
    p, q = (LAYOUTS[layout](x) for x in draw(rng, 2, 3, 1_500))
    found = straight(p, q, n)
    checked, _ = checked_pair(p, q, n, SCHEME)
    expected = optimal.solve(checked, n, SCHEME, "race_buckets")
    assert found.route == expected.route == "race_buckets"
    assert found.value.dtype == p.dtype
    np.testing.assert_allclose(host(found.value), host(expected.value), rtol=0, atol=1e-14)
    assert (host(found.subset) == host(expected.subset)).all()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda p, q: p.__setitem__(3, np.nan),
        lambda p, q: q.__setitem__(3, -1e-3),
        lambda p, q: p.__imul__(1.01),
        lambda p, q: q.__setitem__(slice(3, None), 1e-300),
    ],
)
def test_what_is_for_the_checks(spoil, rng):
    p, q = draw(rng, 2_000)
    spoil(p, q)
    if abs(q.sum() - 1) > 0.1:
        q[0] += 1 - q.sum()
    assert straight(p, q, 3) is None


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("n", [2, 3, 8])
def test_minus_zero_is_zero(n, dtype, rng):
    p, q = draw(rng, 2_000)
    p[:700], q[500:900] = 0, 0
    p, q = ((x / x.sum()).astype(dtype) for x in (p, q))
    expected = straight(p, q, n)
    found = straight(*(np.where(x == 0, dtype(-0.0), x) for x in (p, q)), n)
    assert (found.value, found.lower, found.upper) == (expected.value, expected.lower, expected.upper)
    assert (found.subset == expected.subset).all()


def test_too_few_tokens_are_an_error(rng):
    p, q = draw(rng, 2_000)
    q = np.where(np.arange(2_000) < 2, 0.5, 0.0)
    assert straight(p, q, 3) is None
    with pytest.raises(mdsd.SupportError, match="n = 3"):
        mdsd.optimal_acceptance(p, q, n=3)


def test_two_rows_of_memory_beside_the_subset(rng):
    rows, vocabulary = 24, 30_000
    p, q = (x.astype(np.float32) for x in draw(rng, rows, vocabulary))
    mdsd.optimal_acceptance(p, q, n=3)
    tracemalloc.start()
    try:
        assert mdsd.optimal_acceptance(p, q, n=3).route == "race_buckets"
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < rows * vocabulary + 5 * 8 * vocabulary + 2**19
