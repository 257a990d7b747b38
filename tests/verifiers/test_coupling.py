"""The coupling of the transport program as a verifier: any scheme whose sets can be listed."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import torch

from mdsd_theory import SCHEMES, VERIFIERS, InputError, Scheme, SizeError, certify, compare
from mdsd_theory.verifiers.optimal import Optimal
from mdsd_theory.verifiers.optimal.coupling_rule import OptimalCoupling
from mdsd_theory.verifiers.optimal.iid_rule import OptimalIID
from mdsd_theory.verifiers.optimal.orders_rule import OptimalOrders
from tests.verifiers.laws import assert_law, source

RULE = OptimalCoupling()
P = [0.45, 0.05, 0.2, 0.3]
JOINT = {(0, 1): 0.4, (1, 0): 0.1, (2, 2): 0.2, (3, 1): 0.3}


class Neighbours(Scheme):
    """A token and the next one."""

    name = "neighbours"
    summary = "a token of q and the one after it"

    def set_law(self, q, n):
        law = {}
        for i, x in enumerate(q):
            drafts = frozenset({i, (i + 1) % len(q)})
            law[drafts] = law.get(drafts, 0) + x
        return law

    def next_draft(self, q, n, drawn):
        if drawn:
            return {(drawn[0] + 1) % len(q): 1}
        return {i: x for i, x in enumerate(q) if x}


def fractions(vocabulary, rng):
    x = rng.integers(0, 7, size=vocabulary)
    x[rng.integers(vocabulary)] += 1
    return [Fraction(int(a), int(x.sum())) for a in x]


def random_joint(vocabulary, n, rng):
    tuples = {tuple(x) for x in rng.integers(vocabulary, size=(6, n)).tolist()}
    return dict(zip(sorted(tuples), fractions(len(tuples), rng), strict=True))


def exact_acceptance(rule, p, q, n, scheme):
    return sum(
        weight * sum(c for y, c in rule.conditional_law(p, q, x, scheme=scheme).items() if y in x)
        for x, weight in scheme.tuple_law(q, n).items()
    )


def check(p, q, n, scheme):
    assert RULE.output_law(p, q, n, scheme=scheme) == p
    value = certify(p, q, n=n, scheme=scheme).value
    assert exact_acceptance(RULE, p, q, n, scheme) == value


def test_joint_laws_are_lossless_and_optimal_in_fractions(rng):
    for _ in range(60):
        n = int(rng.integers(1, 4))
        p = fractions(int(rng.integers(2, 6)), rng)
        check(p, random_joint(len(p), n, rng), n, SCHEMES["joint"])


@pytest.mark.slow
def test_joint_laws_are_lossless_and_optimal_on_many_instances():
    rng = np.random.default_rng(1)
    for _ in range(400):
        n = int(rng.integers(1, 4))
        p = fractions(int(rng.integers(2, 7)), rng)
        check(p, random_joint(len(p), n, rng), n, SCHEMES["joint"])


@pytest.mark.parametrize("name", ["without_replacement", "independent"])
def test_schemes_with_few_sets_are_exact(name, rng):
    for _ in range(30):
        p, *drafters = (fractions(4, rng) for _ in range(4))
        q = drafters if name == "independent" else [Fraction(k, 10) for k in (1, 2, 3, 4)]
        check(p, q, 3, SCHEMES[name])
        assert VERIFIERS["optimal"].output_law(p, q, 3, scheme=name) == p


def test_a_scheme_of_your_own(rng):
    for _ in range(30):
        check(fractions(5, rng), fractions(5, rng), 2, Neighbours())
    result = compare(P, [0.25] * 4, n=2, scheme=Neighbours())
    assert result.rates["optimal"] == pytest.approx(result.optimal.value, abs=1e-12)


@pytest.mark.parametrize("library", ["numpy", "torch"])
def test_sampler_has_the_conditional_law_of_each_tuple(library):
    p = torch.tensor(P, dtype=torch.float64) if library == "torch" else P
    generator = source(library, 3)
    plan = RULE.plan(p, JOINT, 2)
    assert plan.acceptance == pytest.approx(
        float(certify(P, JOINT, n=2, scheme="joint").value), abs=1e-12
    )
    assert 0 <= plan.gap < 1e-12
    for drafts in JOINT:
        law = {i: c for i, c in RULE.conditional_law(P, JOINT, drafts).items() if c > 1e-9}
        token, index = plan.sample([list(drafts)] * 6000, generator)
        assert_law(token.tolist(), law, level=1e-6)
        assert ((index >= 0) == np.isin(token.tolist(), drafts)).all()


@pytest.mark.parametrize("rule", [RULE, OptimalOrders(), VERIFIERS["optimal"]])
def test_laws_keep_the_number_type_of_their_input(rule):
    half = [Fraction(1, 2), Fraction(1, 4), Fraction(1, 4)]
    for p in ([float(x) for x in half], half, [float(x) for x in half]):
        law = rule.conditional_law(p, p[::-1], (2, 1), scheme="without_replacement")
        assert {type(chance) for chance in law.values()} == {type(p[0])}


def test_which_rule_serves_what():
    rule = Optimal(tol=1e-2)
    for scheme, vocabulary, n, kind in (
        ("with_replacement", 5, 2, OptimalIID),
        ("without_replacement", 5, 2, OptimalCoupling),
        ("without_replacement", 100, 3, OptimalOrders),
        ("independent", 100, 3, OptimalOrders),
        ("joint", 100_000, 3, OptimalCoupling),
    ):
        assert type(rule.rule(SCHEMES[scheme], vocabulary, n)) is kind
    assert type(rule.rule(Neighbours(), 9, 2)) is OptimalCoupling
    assert rule.rule(SCHEMES["independent"], 100, 3).tol == 1e-2


def test_mistakes():
    with pytest.raises(InputError, match=r"never draws the drafts \[0, 3\]"):
        RULE.plan(P, JOINT, 2).sample([0, 3], np.random.default_rng(0))
    with pytest.raises(SizeError):
        RULE.acceptance_rate(
            np.full(400, 1 / 400), np.full(400, 1 / 400), 4, scheme="without_replacement"
        )
