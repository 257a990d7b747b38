"""The shipped distributions: what the manifest says is what the file holds."""

from __future__ import annotations

import hashlib
from importlib.resources import files

import numpy as np
import pytest
from safetensors.numpy import load

import mdsd_theory as mdsd
from mdsd_theory.demo_data import NAME, load_demo_data


@pytest.fixture(scope="module")
def data():
    return load_demo_data()


def test_file_matches_its_manifest(data):
    content = files("mdsd_theory.data").joinpath(f"{NAME}.safetensors").read_bytes()
    assert len(content) <= 6_000_000
    assert hashlib.sha256(content).hexdigest() == data.manifest["file"]["sha256"]
    tensors = load(content)
    for key in ("target_logits", "draft_logits"):
        assert tensors[key].shape == (24, 49_152)
        assert tensors[key].dtype == np.float16
        assert (tensors[key].max(-1) == 0).all()


def test_distributions(data):
    assert data.temperature == 0.7
    for x in (data.p, data.q):
        assert x.shape == (24, 49_152)
        np.testing.assert_allclose(x.sum(-1), 1, atol=1e-12)


def test_summary_of_the_manifest_can_be_measured_again(data):
    assert np.minimum(data.p, data.q).sum(-1).mean() == pytest.approx(
        data.manifest["summary"]["0.7"]["mean_overlap"], abs=2e-3
    )


def test_every_position_is_described(data):
    records = data.manifest["positions"]
    assert len(records) == 24
    assert {record["task"] for record in records} == {"instruction", "translation", "summary"}
    for p, q, record in zip(data.p, data.q, records, strict=True):
        for x in (p, q):
            assert all(str(token) in record["top_tokens"] for token in np.argsort(-x)[:5])


@pytest.mark.parametrize("n", [2, 3, 4])
def test_bounds_hold_on_real_distributions(data, n):
    result = mdsd.compare(data.p, data.q, n=n, scheme="all")
    for key, gap in result.gaps.items():
        rate = result.details[key]
        slack = 0.0 if rate.error_bound is None else rate.error_bound
        slack = slack if rate.standard_error is None else slack + 6 * rate.standard_error
        assert (gap >= -1e-12 - slack).all(), key
    for scheme in ("with_replacement", "greedy", "top_k"):
        np.testing.assert_allclose(result.gaps[f"optimal:{scheme}"], 0, atol=1e-12)
    assert (result.gaps["optimal:without_replacement"] <= 1e-3).all()
    np.testing.assert_allclose(result.gaps["greedy"], 0, atol=1e-12)
    with_, without = (result.optimal[f"{word}_replacement"].value for word in ("with", "without"))
    assert (without >= with_ - 1e-12).all()


def test_full_vocabulary_agrees_with_the_lp_on_the_likeliest_tokens(data):
    """Restricted to 30 tokens and renormalised, the fast layer meets the transport program."""
    for p, q in zip(data.p[::6], data.q[::6], strict=True):
        keep = np.argsort(-np.maximum(p, q))[:30]
        p, q = p[keep] / p[keep].sum(), q[keep] / q[keep].sum()
        for scheme in ("with_replacement", "without_replacement", "greedy"):
            fast = mdsd.optimal_acceptance(p, q, scheme=scheme)
            slow = mdsd.optimal_acceptance(p, q, scheme=scheme, route="highs")
            assert fast.value == pytest.approx(slow.value, abs=1e-9)
