"""Every rule is lossless: exactly, by enumeration in fractions, and by its sampler, statistically."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import torch
from scipy.stats import chisquare

from mdsd_theory import SCHEMES, VERIFIERS, InputError, InputTypeError, compare
from mdsd_theory.demo_data import load_demo_data
from mdsd_theory.verifiers import verifiers_of
from tests.verifiers.enumerate_rules import KINDS, random_instance
from tests.verifiers.laws import assert_law, source

PAIRS = [
    (verifier.name, scheme)
    for scheme in ("with_replacement", "without_replacement", "greedy", "top_k", "spechub")
    for verifier in verifiers_of(scheme)
]


def numbers(name, scheme):
    """The numbers of drafts to test: those of the rule and the scheme, else 1 to 3."""
    return VERIFIERS[name].drafts or SCHEMES[scheme].drafts or (1, 2, 3)


P, Q = [0.45, 0.05, 0.2, 0.0, 0.3], [0.1, 0.4, 0.2, 0.1, 0.2]
DRAWS = 20_000


def instances(count, seed, allowed=(1, 2, 3)):
    rng = np.random.default_rng(seed)
    for i in range(count):
        vocabulary = int(rng.integers(min(allowed) + 1, 5))
        n = int(rng.choice([k for k in allowed if k < vocabulary]))
        p, q = random_instance(KINDS[i % len(KINDS)], vocabulary, n, rng)
        if sum(x > 0 for x in q) >= n:
            yield p, q, n


def check_exactly_lossless(name, scheme, count, seed):
    tried = 0
    for p, q, n in instances(count, seed, numbers(name, scheme)):
        law = VERIFIERS[name].output_law(p, q, n, scheme=scheme)
        assert law == p, (name, scheme, n, p, q)
        assert all(isinstance(x, Fraction) for x in law)
        tried += 1
    return tried


@pytest.mark.parametrize(("name", "scheme"), PAIRS)
def test_output_law_is_the_target(name, scheme):
    assert check_exactly_lossless(name, scheme, 60, 0) > 30


@pytest.mark.parametrize(("name", "scheme"), PAIRS)
def test_output_law_in_floats_is_the_target_to_rounding(name, scheme):
    law = VERIFIERS[name].output_law(P, Q, 2, scheme=scheme, exact=False)
    assert law == pytest.approx(P, abs=1e-14)
    assert {type(x) for x in law} == {float}
    with pytest.raises(InputError, match=r"p has shape \(1, 5\); expected one distribution"):
        VERIFIERS[name].output_law([P], [Q], 2, scheme=scheme, exact=False)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "scheme"), PAIRS)
def test_output_law_is_the_target_on_many_instances(name, scheme):
    assert check_exactly_lossless(name, scheme, 700, 1) >= 300


@pytest.mark.parametrize("scheme", ["independent", "joint"])
def test_naive_is_lossless_for_every_scheme(scheme):
    q = [[Fraction(1, 3), Fraction(2, 3)]] * 2 if scheme == "independent" else {(0, 1): 1}
    assert VERIFIERS["naive"].output_law(["1/4", "3/4"], q, scheme=scheme) == [
        Fraction(1, 4),
        Fraction(3, 4),
    ]


def exact_acceptance(name, scheme, p, q, n):
    """P(Y ∈ S) from the conditional laws."""
    return sum(
        weight
        * sum(c for y, c in VERIFIERS[name].conditional_law(p, q, x, scheme=scheme).items() if y in x)
        for x, weight in SCHEMES[scheme].tuple_law(q, n).items()
    )


@pytest.mark.parametrize(("name", "scheme"), PAIRS)
def test_conditional_laws_give_the_acceptance_rate(name, scheme):
    for p, q, n in instances(24, 5, numbers(name, scheme)):
        rate = VERIFIERS[name].acceptance_rate(
            [float(x) for x in p], [float(x) for x in q], n, scheme=scheme
        )
        assert rate.value == pytest.approx(float(exact_acceptance(name, scheme, p, q, n)), abs=1e-8)


@pytest.mark.parametrize("library", ["numpy", "torch"])
@pytest.mark.parametrize(("name", "scheme", "n"), [(*pair, n) for pair in PAIRS for n in numbers(*pair)])
def test_sampler_emits_the_target_and_accepts_at_the_rate(name, scheme, n, library):
    p, q, generator = P, Q, source(library, 11)
    if library == "torch":
        p, q = (torch.tensor(x, dtype=torch.float64) for x in (P, Q))
    drafts = SCHEMES[scheme].sample(q, n, generator, size=DRAWS)
    token, index = VERIFIERS[name].sample(p, q, drafts, generator, scheme=scheme)
    assert_law(token.tolist(), {i: x for i, x in enumerate(P) if x})
    hit = (drafts == token[:, None]).any(-1)
    assert ((index >= 0) == hit).all()
    rows = np.arange(DRAWS) if library == "numpy" else torch.arange(DRAWS)
    assert (drafts[rows, index][index >= 0] == token[index >= 0]).all()
    rate = VERIFIERS[name].acceptance_rate(P, Q, n, scheme=scheme).value
    error = max((rate * (1 - rate) / DRAWS) ** 0.5, 1e-12)
    assert abs(float(hit.sum()) / DRAWS - rate) < 5 * error


@pytest.mark.parametrize(("name", "scheme"), PAIRS)
def test_sampler_has_the_conditional_law_of_each_tuple(name, scheme):
    """Sharper than the law of Y: which token follows which drafts."""
    plan = VERIFIERS[name].plan(P, Q, 2, scheme=scheme)
    for drafts in SCHEMES[scheme].tuple_law(Q, 2):
        law = VERIFIERS[name].conditional_law(P, Q, drafts, scheme=scheme)
        law = {token: chance for token, chance in law.items() if chance > 1e-9}
        token, _ = plan.sample(np.tile(drafts, (4000, 1)), np.random.default_rng(3))
        assert_law(token.tolist(), law, level=1e-6)


@pytest.mark.parametrize(("name", "scheme"), PAIRS)
def test_equal_and_disjoint_distributions(name, scheme, rng):
    generator, n = np.random.default_rng(0), max(numbers(name, scheme))
    for p, q in ((Q, Q), ([0.5, 0.5, 0, 0, 0, 0], [0, 0, 0.4, 0.3, 0.2, 0.1])):
        drafts = SCHEMES[scheme].sample(q, n, generator, size=20_000)
        token, index = VERIFIERS[name].sample(p, q, drafts, generator, scheme=scheme)
        assert_law(token.tolist(), {i: x for i, x in enumerate(p) if x})
        if p is not q:
            assert (index == -1).all()


@pytest.mark.parametrize(("name", "scheme"), PAIRS)
def test_real_distributions_at_full_vocabulary(name, scheme):
    """Chi-square at V = 49,152 on a shipped position: the likeliest tokens, and the rest in one bin."""
    data, generator = load_demo_data(1.0), np.random.default_rng(17)
    p, q = data.p[4], data.q[4]
    drafts = SCHEMES[scheme].sample(q, max(numbers(name, scheme)), generator, size=DRAWS)
    token, _ = VERIFIERS[name].sample(p, q, drafts, generator, scheme=scheme)
    bins = np.argsort(-p)[:60]
    observed = np.append((token[:, None] == bins).sum(0), 0)
    observed[-1] = DRAWS - observed.sum()
    expected = np.append(p[bins], 1 - p[bins].sum()) * DRAWS
    assert chisquare(observed, expected).pvalue > 1e-4


def test_batches_and_seeds(rng):
    p, q = rng.dirichlet(np.ones(20), size=(2, 2, 3))
    drafts = SCHEMES["without_replacement"].sample(q, 3, rng, size=7)
    rule = VERIFIERS["rrs_without_replacement"]
    one, two = (rule.sample(p, q, drafts, np.random.default_rng(5)) for _ in range(2))
    assert one.token.shape == one.index.shape == (2, 3, 7)
    assert (one.token == two.token).all()
    single = rule.sample(p, q, drafts[..., 0, :], rng)
    assert single.token.shape == (2, 3)
    token, index = rule.sample(p[0, 0], q[0, 0], drafts[0, 0, 0], rng)
    assert isinstance(token, int)
    assert isinstance(index, int)
    assert rule.sample(p[:0], q[:0], drafts[:0], rng).token.shape == (0, 3, 7)


def test_measured_acceptance_orders_the_rules(rng):
    data = load_demo_data()
    result = compare(data.p[15], data.q[15], n=3, scheme="with_replacement")
    drafts = SCHEMES["with_replacement"].sample(data.q[15], 3, rng, size=40_000)
    for name, rate in result.rates.items():
        _, index = VERIFIERS[name].sample(data.p[15], data.q[15], drafts, rng, scheme="with_replacement")
        assert (index >= 0).mean() == pytest.approx(
            rate, abs=5 * (rate * (1 - rate) / 40_000) ** 0.5 + 1e-9
        )


MISTAKES = {
    "floats": ([0.0, 1.0], InputTypeError, "drafts has dtype float64"),
    "range": ([0, 9], InputError, "drafts hold a token outside 0 … 4"),
    "negative": ([0, -1], InputError, "drafts hold a token outside 0 … 4"),
    "shape": ([[[0, 1]]], InputError, r"drafts have shape \(1, 1, 2\); expected \(2\) or \(size, 2\)"),
    "number": (3, InputError, "drafts is a single number"),
    "tensor": (torch.tensor([0, 1]), InputTypeError, "drafts is a torch tensor and p a NumPy array"),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_mistakes(case, rng):
    drafts, error, message = MISTAKES[case]
    with pytest.raises(error, match=message):
        VERIFIERS["rrs"].sample(P, Q, drafts, rng)


def test_a_draft_of_probability_zero_is_refused(rng):
    with pytest.raises(InputError, match="draft probability zero"):
        VERIFIERS["rrs"].sample([0.5, 0.5], [1.0, 0.0], [0, 1], rng)
