"""Batched torch functions and functions of logits."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import mdsd_theory as mdsd
from mdsd_theory.auditing import batched_torch, takes_logits
from mdsd_theory.auditing.instance import Instance
from tests.audit.correct import draw, positive

SCHEME = "with_replacement"


def torch_rrs(p, q, drafts, generator, *, update=True):
    """Recursive rejection sampling of whole batches, in float64 inside."""
    p, q = (x.double() / x.double().sum(-1, keepdim=True) for x in (p, q))
    token, residual = torch.full((len(p),), -1), p
    for x in drafts.unbind(-1):
        u = torch.rand(len(p), 1, generator=generator, dtype=torch.float64)
        accepted = (u * q.gather(1, x[:, None]) < residual.gather(1, x[:, None]))[:, 0] & (token < 0)
        token = torch.where(accepted, x, token)
        left = (residual - q).clamp(min=0)
        mass = left.sum(-1, keepdim=True)
        if update or x is drafts.unbind(-1)[-1]:
            residual = torch.where(mass > 0, left / mass, residual)
    drawn = torch.multinomial(residual, 1, generator=generator)[:, 0]
    return torch.where(token < 0, drawn, token)


SLOW = [pytest.param(dtype, marks=pytest.mark.slow) for dtype in ("float64", "float32", "float16")]


@pytest.mark.parametrize("dtype", ["bfloat16", *SLOW])
def test_a_batched_rule_in_every_precision(dtype):
    seen = set()

    def rule(p, q, drafts, generator):
        seen.add((p.dtype, q.dtype, drafts.dtype, p.ndim, drafts.shape[1]))
        return torch_rrs(p, q, drafts, generator)

    report = mdsd.audit(batched_torch(rule, dtype=dtype), scheme=SCHEME, n=2, samples=2_000, budget=2)
    assert not report.refuted, str(report)
    kind = getattr(torch, dtype)
    assert seen == {(kind, kind, torch.int64, 2, 2)}


def test_a_batched_mutant_is_refuted():
    rule = batched_torch(lambda *a: torch_rrs(*a, update=False))
    assert mdsd.audit(rule, scheme=SCHEME, n=3, budget=4).refuted


def test_several_drafters_and_joint_laws_reach_torch():
    def naive(p, q, drafts, generator):
        assert isinstance(q, list | dict)
        return torch.multinomial(p, 1, generator=generator)[:, 0]

    for scheme in ("independent", "joint"):
        assert not mdsd.audit(batched_torch(naive), scheme=scheme, n=2, samples=1_500, budget=2).refuted


def warp(logits, temperature, top_k=None, top_p=None):
    """Softmax, and the package's truncation where there is one."""
    if top_k or top_p:
        return mdsd.from_logits(logits, temperature=temperature, top_k=top_k, top_p=top_p)
    p = np.exp((logits - logits.max()) / temperature)
    return p / p.sum()


def logits_rule(temperature, **options):
    def rule(target, draft, drafts, generator):
        p, q = (warp(x, temperature, **options) for x in (target, draft))
        for x in drafts:
            if generator.random() * q[x] < p[x]:
                return x
            p = positive(p - q)
        return draw(p, generator)

    return rule


@pytest.mark.parametrize(
    "options",
    [
        {},
        pytest.param({"top_k": 3}, marks=pytest.mark.slow),
        pytest.param({"top_p": 0.8}, marks=pytest.mark.slow),
    ],
)
def test_functions_of_logits(options):
    rule = takes_logits(logits_rule(0.7, **options), temperature=0.7, **options)
    report = mdsd.audit(rule, scheme=SCHEME, n=2, samples=3_000, leaf=True, budget=4)
    assert not report.refuted, str(report)
    assert any("no drafts" in tried.name for tried in report.instances)


WARPED_WRONGLY = {
    "temperature": (logits_rule(1.0), {"temperature": 0.7}),
    "top_k": (logits_rule(0.7), {"temperature": 0.7, "top_k": 2}),
    "top_p": (logits_rule(0.7), {"temperature": 0.7, "top_p": 0.8}),
}


@pytest.mark.parametrize("case", WARPED_WRONGLY)
def test_a_warping_that_is_left_out_is_refuted(case):
    rule, options = WARPED_WRONGLY[case]
    assert mdsd.audit(takes_logits(rule, **options), scheme=SCHEME, n=2, samples=30_000, budget=4).refuted


@pytest.mark.slow
def test_batched_logits():
    def rule(target, draft, drafts, generator):
        p, q = ((x.double() / 0.7).softmax(-1) for x in (target, draft))
        return torch_rrs(p, q, drafts, generator)

    options = {"dtype": "float16", "logits": True}
    right, wrong = (batched_torch(rule, temperature=t, **options) for t in (0.7, 1.0))
    assert not mdsd.audit(right, scheme=SCHEME, n=2, samples=2_000, budget=3).refuted
    assert mdsd.audit(wrong, scheme=SCHEME, n=2, samples=40_000, budget=4).refuted


def test_expected_laws_are_those_of_the_rounded_numbers():
    p, q = np.array([0.7, 0.2, 0.1, 0.0]), np.array([0.25, 0.25, 0.25, 0.25])
    instance = Instance("own", p, q, 2, mdsd.SCHEMES[SCHEME])
    fitted = batched_torch(torch_rrs, dtype="bfloat16").fitted(instance)
    rounded = torch.tensor(p).bfloat16().double().numpy()
    assert fitted.p == pytest.approx(rounded / rounded.sum(), abs=1e-15)
    assert (fitted.p != p).any()
    logits, _ = takes_logits(torch_rrs, temperature=0.5).fitted(instance).arguments
    assert logits[3] == -np.inf
    assert np.exp(logits / 0.5) == pytest.approx(p)


MISTAKES = {
    "shape": (lambda p, q, d, g: d, mdsd.InputTypeError, r"expected \d+ token indices, shape \(\d+,\)"),
    "floats": (lambda p, q, d, g: p[:, 0], mdsd.InputTypeError, "dtype float"),
    "range": (lambda p, q, d, g: d[:, 0] * 0 + 9, mdsd.InputError, "returned the token 9; expected 0 to"),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_mistakes(case):
    function, error, message = MISTAKES[case]
    with pytest.raises(error, match=message):
        mdsd.audit(batched_torch(function), scheme=SCHEME, n=2)


def test_bad_options():
    with pytest.raises(mdsd.InputError, match="dtype is 'int8'"):
        batched_torch(torch_rrs, dtype="int8")
    with pytest.raises(mdsd.InputError, match="temperature is 0"):
        takes_logits(torch_rrs, temperature=0)
    with pytest.raises(mdsd.InputTypeError, match="verifier is 3"):
        takes_logits(3)
