"""Schemes that rank tokens rank the caller's q: a division by its sum must not make ties."""

import numpy as np
import pytest

import mdsd_theory as mdsd

HIGH = np.nextafter(0.25, 0)
LOW = np.nextafter(HIGH, 0)
"""Two neighbours that are one float when divided by a sum just below one."""

P = np.array([0.1, 0.6, 0.1, 0.1, 0.1])
Q = np.array([LOW, HIGH, 0.1, 0.2, 0.2 - 5e-10])
CASES = [("greedy", 2), ("top_k", 1), ("spechub", 2)]


def test_the_division_would_make_a_tie():
    assert LOW < HIGH
    low, high = (Q / Q.sum())[:2]
    assert low == high


@pytest.mark.parametrize(("scheme", "n"), CASES)
def test_optimum_is_that_of_the_q_given(scheme, n):
    found = mdsd.optimal_acceptance(P, Q, n=n, scheme=scheme)
    proved = mdsd.certify(P, Q, n=n, scheme=scheme)
    assert found.lower <= proved.value <= found.upper
    rate = mdsd.acceptance_rate(P, Q, n=n, verifier="optimal", scheme=scheme)
    assert rate == pytest.approx(float(proved.value), abs=1e-12)


@pytest.mark.parametrize(("scheme", "n"), CASES)
def test_sampler_and_verifier_follow_the_same_ranks_and_emit_p(scheme, n):
    generator = np.random.default_rng(0)
    drafts = mdsd.SCHEMES[scheme].sample(Q, n, generator, size=40_000)
    assert np.all(np.any(drafts == 1, axis=-1))
    token, _ = mdsd.VERIFIERS["optimal"].plan(P, Q, n, scheme=scheme).sample(drafts, generator)
    assert np.bincount(token, minlength=5) / 40_000 == pytest.approx(P, abs=0.015)


def test_spechub_divides_what_it_does_not_rank():
    q = np.array([0.5, 0.3, 0.2 - 5e-10])
    law = mdsd.VERIFIERS["spechub"].output_law([0.2, 0.3, 0.5], q, 2, exact=False)
    assert law == pytest.approx([0.2, 0.3, 0.5], abs=1e-14)
