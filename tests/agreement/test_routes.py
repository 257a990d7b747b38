"""LP = flow = rational = all subsets = prefix, on instances of six kinds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mdsd_theory import ROUTES, SCHEMES, certify, optimal_acceptance
from mdsd_theory.agreement import Instance, check_agreement, random_instances
from mdsd_theory.dual import sorted_prefix as sorted_prefix_module
from mdsd_theory.instances import KINDS, random_pair
from mdsd_theory.routes import Route


@pytest.mark.parametrize("seed", range(4))
def test_every_route_agrees_with_the_rational_certificate(seed):
    for instance in random_instances(60, seed):
        report = check_agreement(instance)
        assert report.violations == [], str(instance)
        for route, off in report.differences.items():
            # The conic solver behind cvxpy stops at a tolerance of its own; 6.6e-12 has been met.
            assert off < (1e-10 if route == "cvxpy" else 1e-12), route


@pytest.mark.slow
def test_every_route_agrees_on_a_thousand_instances():
    for instance in random_instances(1200, 99, largest_vocabulary=8):
        assert check_agreement(instance).violations == [], str(instance)


def test_instances_cover_every_kind_and_scheme():
    instances = list(random_instances(60, 0))
    assert {i.kind for i in instances} == set(KINDS)
    assert {i.scheme for i in instances} == set(SCHEMES)


@pytest.mark.parametrize("kind", KINDS)
def test_pairs_are_distributions_with_the_support_asked_for(kind, rng):
    for _ in range(200):
        vocabulary = int(rng.integers(2, 9))
        support = int(rng.integers(1, vocabulary + 1))
        p, q = random_pair(kind, vocabulary, support, rng)
        assert p.sum() == pytest.approx(1)
        assert q.sum() == pytest.approx(1)
        assert (q > 0).sum() >= support
        if kind == "disjoint" and support < vocabulary:
            assert not ((p > 0) & (q > 0)).any()


def test_a_wrong_route_is_caught(monkeypatch):
    """An exponent off by one is a disagreement, not a rounding."""
    honest = sorted_prefix_module.sorted_prefix

    def wrong(backend, p, q, n):
        return honest(backend, p, q, n + 1)

    route = ROUTES["sorted_prefix"]
    table = dict(ROUTES) | {"sorted_prefix": Route(**{**route.__dict__, "solve": wrong})}
    monkeypatch.setattr("mdsd_theory.routes.ROUTES", table)
    instance = Instance("flat", "with_replacement", 2, [0.5, 0.3, 0.2], [0.2, 0.3, 0.5])
    report = check_agreement(instance)
    assert any(v.startswith("sorted_prefix") for v in report.violations)


distribution = st.lists(st.integers(0, 9), min_size=2, max_size=6).filter(any)


@settings(max_examples=60, deadline=None)
@given(distribution, st.data(), st.sampled_from(["with_replacement", "without_replacement", "greedy"]))
def test_relabelling_tokens_changes_nothing(weights, data, scheme):
    v = len(weights)
    # Greedy drafts break ties by index, so that only different q can be relabelled.
    distinct = scheme == "greedy"
    draft = data.draw(st.lists(st.integers(1, 9), min_size=v, max_size=v, unique=distinct))
    order = data.draw(st.permutations(range(v)))
    p, q = np.array(weights) / sum(weights), np.array(draft) / sum(draft)
    n = data.draw(st.integers(1, min(3, v)))
    value = optimal_acceptance(p, q, n=n, scheme=scheme).value
    relabelled = optimal_acceptance(p[order], q[order], n=n, scheme=scheme).value
    assert value == pytest.approx(relabelled, abs=1e-13)


@settings(max_examples=60, deadline=None)
@given(distribution, st.data())
def test_orders_that_always_hold(weights, data):
    v = len(weights)
    draft = data.draw(st.lists(st.integers(1, 9), min_size=v, max_size=v))
    p, q = np.array(weights) / sum(weights), np.array(draft) / sum(draft)
    previous = 0.0
    for n in range(1, v + 1):
        with_ = optimal_acceptance(p, q, n=n, scheme="with_replacement").value
        without = optimal_acceptance(p, q, n=n, scheme="without_replacement").value
        assert with_ <= without + 1e-13
        assert previous <= without + 1e-13
        previous = without
    assert previous == pytest.approx(1.0)


@settings(max_examples=40, deadline=None)
@given(distribution, st.data())
def test_certificates_of_fractions_bracket_from_both_sides(weights, data):
    v = len(weights)
    draft = data.draw(st.lists(st.integers(1, 5), min_size=v, max_size=v))
    p = [f"{x}/{sum(weights)}" for x in weights]
    q = [f"{x}/{sum(draft)}" for x in draft]
    certificate = certify(p, q, n=min(2, v), scheme="without_replacement")
    certificate.verify()
    assert sum(certificate.coupling.values()) == certificate.value
