"""The audit of draft samplers: the package's own and torch's pass, wrong ones do not."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

import mdsd_theory as mdsd
from mdsd_theory.auditing.draft_test import DraftTest

SMALL = [0.5, 0.3, 0.2]
LAWS = {
    "small": np.array(SMALL),
    "peaked": np.array([1 - 3e-10, 1e-10, 1e-10, 1e-10, 0.0]),
    "zipf": 1 / np.arange(1, 301) / (1 / np.arange(1, 301)).sum(),
}
SINGLE = [scheme for scheme in mdsd.SCHEMES if mdsd.SCHEMES[scheme].draft == "single"]


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("scheme", SINGLE)
def test_the_package_s_own_samplers(scheme, law):
    n = 2 if scheme == "spechub" else 3
    report = mdsd.audit_drafts(scheme, LAWS[law], scheme, n, samples=60_000)
    assert not report.refuted, str(report)
    assert report.verdict == "no fault found"
    assert report.total_variation < 0.02
    assert report.samples == 60_000


def test_several_drafters_and_joint_laws():
    law = {(0, 1): 0.3, (1, 1): 0.5, (2, 0): 0.2}
    for scheme, q in (("independent", [SMALL, [0.1, 0.1, 0.8]]), ("joint", law)):
        right = mdsd.audit_drafts(scheme, q, scheme, samples=30_000)
        assert not right.refuted
        assert right.n == 2
    swapped = mdsd.audit_drafts(
        lambda q, n, g, size: mdsd.SCHEMES["independent"].sample(q[::-1], n, g, size=size),
        [SMALL, [0.1, 0.1, 0.8]],
        "independent",
    )
    assert swapped.refuted
    other = {(0, 1): 0.5, (1, 1): 0.3, (2, 0): 0.2}
    wrong = mdsd.audit_drafts(
        lambda q, n, g, size: mdsd.SCHEMES["joint"].sample(other, n, g, size=size), law, "joint"
    )
    assert wrong.fault == "the frequencies of the tuples of drafts are not those of the scheme"
    assert 0.1 < wrong.total_variation < 0.2


@pytest.mark.parametrize("replacement", [True, False])
@pytest.mark.parametrize("law", LAWS)
def test_torch_multinomial(law, replacement):
    def sampler(q, n, generator, size):
        source = torch.Generator().manual_seed(int(generator.integers(2**60)))
        rows = torch.tensor(q).expand(size, -1)
        return torch.multinomial(rows, n, replacement=replacement, generator=source)

    scheme = "with_replacement" if replacement else "without_replacement"
    report = mdsd.audit_drafts(sampler, LAWS[law], scheme, 2, samples=40_000)
    assert not report.refuted, str(report)


def one_by_one(q, n, generator):
    return generator.choice(q.size, n, replace=False, p=q)


def test_a_sampler_that_draws_one_tuple():
    assert not mdsd.audit_drafts(one_by_one, SMALL, "without_replacement", 2, samples=10_000).refuted


def with_size(function):
    return lambda q, n, generator, size: np.array([function(q, n, generator) for _ in range(size)])


WRONG = {
    "twice": (lambda q, n, g: g.choice(3, n, p=q), "without_replacement", "was drafted twice"),
    "all alike": (lambda q, n, g: np.repeat(g.choice(3, p=q), n), "with_replacement", "draft 2 of 2"),
    "all different": (one_by_one, "with_replacement", "draft 2 of 2"),
    "other q": (lambda q, n, g: g.choice(3, n, p=[0.55, 0.25, 0.2]), "with_replacement", "of 2"),
    "not renormalised": (
        lambda q, n, g: _second_flat(q, g),
        "without_replacement",
        "draft 2 of 2",
    ),
    "not the top": (lambda q, n, g: np.array([1, 0]), "greedy", "the first 1 drafts are [1]"),
    "greedy last": (lambda q, n, g: np.array([0, 1 + (g.random() < 0.5)]), "greedy", "draft 2 of 2"),
    "top again": (lambda q, n, g: np.array([0, 0]), "greedy", "token 0 was drafted, where q = 0"),
    "top_k": (lambda q, n, g: np.array([0, 2]), "top_k", "expected the likeliest, [0, 1]"),
    "hub order": (lambda q, n, g: np.array([0, 1 + (g.random() < 0.4)]), "spechub", "tuples"),
}


def _second_flat(q, generator):
    first = generator.choice(3, p=q)
    rest = [i for i in range(3) if i != first]
    return np.array([first, generator.choice(rest)])


@pytest.mark.parametrize("case", WRONG)
def test_wrong_samplers(case):
    function, scheme, fault = WRONG[case]
    if scheme not in mdsd.SCHEMES:
        pytest.skip(f"no scheme {scheme}")
    report = mdsd.audit_drafts(with_size(function), SMALL, scheme, 2, samples=40_000)
    assert report.refuted
    assert report.verdict == "drafts are not as told"
    assert fault in report.fault
    assert report.fault in str(report)
    json.dumps(report.to_dict(), allow_nan=False)


def test_dependence_on_the_draft_before_is_seen():
    """Each draft alone has law q; the second follows the first around a circle more often than not."""
    q = np.full(6, 1 / 6)

    def follows(q, n, generator, size):
        first = generator.integers(6, size=size)
        step = np.where(generator.random(size) < 0.3, 1, generator.integers(6, size=size))
        return np.stack([first, (first + step) % 6], axis=-1)

    report = mdsd.audit_drafts(follows, q, "with_replacement", 2)
    assert report.refuted
    assert report.log_e > report.samples * 0.01


def test_a_large_vocabulary_is_counted_in_cells():
    q = 1 / np.arange(1, 5001)
    test = DraftTest(mdsd.SCHEMES["with_replacement"], q / q.sum(), 2, 1e-6)
    test.add(mdsd.SCHEMES["with_replacement"].sample(q / q.sum(), 2, np.random.default_rng(0), size=4000))
    names = [name for name, _, _ in test.table()]
    assert names[:2] == ["token 0", "token 1"]
    assert "ranks 33 to 64" in names
    assert len(names) < 30
    assert sum(expected for _, expected, _ in test.table()) == pytest.approx(1)


MISTAKES = {
    "floats": (
        lambda q, n, g: q[:2],
        mdsd.InputTypeError,
        "dtype float64; expected token indices of shape",
    ),
    "shape": (lambda q, n, g: np.array([0, 1, 2]), mdsd.InputTypeError, r"shape \(3,\)"),
    "range": (lambda q, n, g: np.array([0, 7]), mdsd.InputError, "returned the token 7; expected 0 to 2"),
    "no callable": (3, mdsd.InputTypeError, "sampler is of type int"),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_mistakes(case):
    sampler, error, message = MISTAKES[case]
    with pytest.raises(error, match=message):
        mdsd.audit_drafts(sampler, SMALL, "with_replacement", 2)


def test_bad_arguments():
    with pytest.raises(mdsd.SupportError):
        mdsd.audit_drafts("without_replacement", SMALL, "without_replacement", 4)
    with pytest.raises(mdsd.InputError, match="expected one distribution"):
        mdsd.audit_drafts("without_replacement", [SMALL, SMALL], "without_replacement", 2)
    with pytest.raises(mdsd.InputError, match=r"false_alarm is 1.5; expected a number > 0 and < 1"):
        mdsd.audit_drafts("without_replacement", SMALL, "without_replacement", 2, false_alarm=1.5)
    with pytest.raises(mdsd.InputTypeError, match="samples is 'x'"):
        mdsd.audit_drafts("without_replacement", SMALL, samples="x")
