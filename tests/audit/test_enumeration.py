"""Branches are listed with their exact chances, and laws are those of the reference."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mdsd_theory as mdsd
from mdsd_theory.auditing.enumeration import enumerate_law
from mdsd_theory.auditing.instance import Instance
from mdsd_theory.auditing.paths import MAX_PATHS, Path, PathSource, outcomes
from mdsd_theory.auditing.rational import rational
from mdsd_theory.auditing.rules import PerPath, rule_of
from mdsd_theory.auditing.sources import SampledSource
from tests.audit.correct import positive, rrs_paths, rrs_without_paths

F = Fraction


def law(call, points=False):
    """Return token → chance, and the tokens on branches of measure zero."""
    found, zero = {}, set()
    for outcome in outcomes(call):
        if outcome.point:
            zero.add(outcome.token)
        else:
            found[outcome.token] = found.get(outcome.token, 0) + outcome.weight
    return (found, zero) if points else found


def three_ways(source):
    u = source.random()
    return 0 if u < F(1, 4) else 1 if u <= F(1, 2) else 2


def test_comparisons_split_the_interval():
    assert law(three_ways) == {0: F(1, 4), 1: F(1, 4), 2: F(1, 2)}


FORMS = {
    "u < a": lambda u, a: u < a,
    "a > u": lambda u, a: a > u,
    "u <= a": lambda u, a: u <= a,
    "not u >= a": lambda u, a: not u >= a,
    "not u > a": lambda u, a: not u > a,
    "u * 2 < 2a": lambda u, a: u * 2 < 2 * a,
    "2 * u - 1 < 2a - 1": lambda u, a: 2 * u - 1 < 2 * a - 1,
    "1 - u > 1 - a": lambda u, a: 1 - u > 1 - a,
    "-u > -a": lambda u, a: -u > -a,
    "u / 4 < a / 4": lambda u, a: u / 4 < a / 4,
    "numpy": lambda u, a: np.float64(a) > u,
    "array of one": lambda u, a: u < np.array(a),
    "running sums": lambda u, a: np.searchsorted([a, 2.0], u, side="right") == 0,
    "array": lambda u, a: (np.array([-1.0, a]) > u).argmax() == 1,
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("a", [0.25, 0.5, 1.0, 2.0, -1.0, float("inf")])
def test_every_form_of_comparison(form, a):
    if a == float("inf") and ("-" in form or "2a" in form or "4" in form):
        pytest.skip("infinite sums")
    expected = F(min(max(a, 0), 1)) if a != float("inf") else F(1)
    assert law(lambda s: bool(FORMS[form](s.random(), a))).get(True, 0) == expected


@pytest.mark.parametrize(
    ("test", "zero"),
    [
        (lambda u: u < 0, set()),
        (lambda u: u <= 0, {True}),
        (lambda u: u == 0, {True}),
        (lambda u: not u > 0, {True}),
        (lambda u: u * 3 <= 0, {True}),
        (lambda u: 1 - u >= 1, {True}),
    ],
)
def test_a_uniform_of_zero_is_a_branch_of_measure_zero(test, zero):
    found, points = law(lambda s: bool(test(s.random())), points=True)
    assert found == {False: 1}
    assert points == zero


def test_two_numbers_are_not_zero_at_once():
    def both(source):
        return (source.random() <= 0) + 2 * (source.random() <= 0)

    assert law(both, points=True) == ({0: 1}, {1, 2})


def test_nan_compares_false():
    assert law(lambda s: bool(s.random() < float("nan")) + bool(s.random() > float("nan"))) == {0: 1}


@given(st.lists(st.fractions(0, 1, max_denominator=50), min_size=1, max_size=5))
@settings(max_examples=60, deadline=None)
def test_running_sums_are_inverted_exactly(cuts):
    cuts = sorted(cuts)

    def invert(source):
        u = source.random()
        return sum(not u < cut for cut in cuts)

    bounds = [0, *cuts, 1]
    expected = {k: b - a for k, (a, b) in enumerate(pairwise(bounds)) if b > a}
    assert law(invert) == expected


def test_choice_and_index():
    assert law(lambda s: s.index([1, 0, 3])) == {0: F(1, 4), 2: F(3, 4)}
    assert law(lambda s: s.choice(3, p=np.array([0.5, 0.25, 0.25]))) == {
        0: F(1, 2),
        1: F(1, 4),
        2: F(1, 4),
    }
    assert law(lambda s: s.choice([7, 9])) == {7: F(1, 2), 9: F(1, 2)}
    assert sum(law(lambda s: sum(u < 0.5 for u in s.random(3))).values()) == 1


MISUSE = {
    "float": (lambda u: float(u), "has no value"),
    "numpy function": (lambda u: np.log(u), "does not support ufuncs"),
    "another": (lambda u: u < u / 2, "compared with Uniform"),
    "infinite": (lambda u: u + float("inf"), "met inf"),
}


@pytest.mark.parametrize("case", MISUSE)
def test_what_cannot_be_listed_says_what_to_do(case):
    misuse, message = MISUSE[case]
    with pytest.raises((mdsd.InputTypeError, TypeError), match=message):
        list(outcomes(lambda source: misuse(source.random())))


SOURCES = {
    "random": lambda s: s.random() < 0.25,
    "uniform": lambda s: s.uniform(2, 4) < 2.5,
    "call": lambda s: s() < 0.25,
    "next": lambda s: next(iter(s)) < 0.25,
    "array": lambda s: (s.random(2) * np.array([4.0, 4.0]) < 1.0)[1],
    "shape": lambda s: (s.uniform(size=(1, 2)) < 0.25)[0, 1],
}


@pytest.mark.parametrize("way", SOURCES)
def test_ways_to_ask_for_a_number(way, rng):
    assert law(lambda s: bool(SOURCES[way](s))) == {True: F(1, 4), False: F(3, 4)}
    assert SOURCES[way](SampledSource(rng)) in (False, True)


def test_bad_weights():
    for weights in ([0, 0], [1, -1], [float("nan"), 1]):
        with pytest.raises(mdsd.InputError, match="weight"):
            PathSource(Path([])).index(weights)


def test_too_many_branches():
    with pytest.raises(mdsd.SizeError, match="over 100 branches"):
        list(outcomes(lambda source: sum(u < 0.5 for u in source.random(20)), limit=100))
    assert MAX_PATHS > 1000


RULES = [
    ("rrs", rrs_paths, "with_replacement"),
    ("rrs_without_replacement", rrs_without_paths, "without_replacement"),
]


@pytest.mark.parametrize(("name", "function", "scheme"), RULES)
def test_laws_given_the_drafts_are_the_reference_s(name, function, scheme, rng):
    chosen = mdsd.SCHEMES[scheme]
    p, q = rng.dirichlet(np.ones(4), size=2)
    instance = rational(Instance("flat", p, q, 2, chosen))
    found = enumerate_law(PerPath(function), instance, exact=True)
    target, draft = (list(x) for x in instance.arguments)
    assert found.law == target
    for drafts, weight in chosen.tuple_law(draft, 2).items():
        expected = mdsd.VERIFIERS[name].conditional_law(target, draft, drafts, scheme=scheme)
        got = {i: x / weight for i, x in enumerate(found.given[drafts]) if x}
        assert got == {i: x for i, x in expected.items() if x}


def duplicate_skipped(p, q, drafts, uniforms):
    if uniforms.random() * q[drafts[0]] < p[drafts[0]]:
        return drafts[0]
    p = positive(p - q)
    if drafts[1] != drafts[0]:
        if uniforms.random() * q[drafts[1]] < p[drafts[1]]:
            return drafts[1]
        p = positive(p - q)
    return uniforms.choice(p.size, p=p)


@pytest.mark.parametrize("exact", [False, True])
def test_an_enumerated_mutant(exact):
    report = mdsd.audit(duplicate_skipped, scheme="with_replacement", n=2, exact=exact)
    assert report.verdict == "not lossless"
    shown = report.counterexample
    assert shown.how == "enumerated"
    assert shown.samples is None
    gap = sum(abs(a - b) for a, b in zip(shown.emitted, shown.p, strict=True)) / 2
    assert shown.total_variation == pytest.approx(gap, abs=1e-12)
    assert shown.drafts[0] == shown.drafts[1]
    assert len(shown.p) <= 3
    assert "enumerated: total variation" in str(report)


def test_single_precision_is_excused_unless_exact():
    def single(p, q, drafts, uniforms):
        return rrs_paths(p.astype(np.float32), q.astype(np.float32), drafts, uniforms=uniforms)

    report = mdsd.audit(single, scheme="with_replacement", n=2)
    assert report.verdict == "lossless on all instances"
    assert mdsd.audit(single, scheme="with_replacement", n=2, exact=True).refuted


def test_an_enumerated_uniform_of_zero():
    def closed(p, q, drafts, generator=None, *, uniforms):
        assert generator is uniforms
        for x in drafts:
            if uniforms.random() * q[x] <= p[x]:
                return x
            p = positive(p - q)
        return uniforms.choice(p.size, p=p)

    report = mdsd.audit(closed, scheme="with_replacement", n=2)
    assert report.refuted
    assert report.counterexample.how == "uniform of 0"


def test_a_rule_with_too_many_branches_is_sampled(monkeypatch):
    monkeypatch.setattr("mdsd_theory.auditing.enumeration.MAX_PATHS", 40)

    def tosses(p, q, drafts, uniforms):
        coins = [uniforms.random() < 0.5 for _ in range(6 if p.size > 4 else 1)]
        return uniforms.choice(p.size, p=p) if any(coins) else uniforms.index(p)

    report = mdsd.audit(tosses, scheme="with_replacement", n=1, samples=3000)
    assert report.verdict == "no fault found"
    assert {tried.enumerated for tried in report.instances} == {True, False}


def test_an_enumeration_that_was_cut_short_claims_less():
    report = mdsd.audit(rrs_paths, scheme="with_replacement", n=3, budget=0.05)
    assert report.stopped == "budget"
    assert report.verdict == "no fault found"


def test_the_sampled_source_has_the_same_methods(rng):
    source = SampledSource(rng)
    assert 0 <= source.random() < 1
    assert source.random(3).shape == (3,)
    assert {source.index([0, 1, 1]) for _ in range(40)} == {1, 2}
    assert {int(source.choice([4, 5])) for _ in range(40)} == {4, 5}
    assert {m for m in dir(PathSource) if m[0] != "_"} == {m for m in dir(SampledSource) if m[0] != "_"}


def test_exact_needs_a_source():
    with pytest.raises(mdsd.InputError, match="exact=True needs a callable with a parameter 'uniforms'"):
        mdsd.audit("rrs", scheme="with_replacement", n=2, exact=True)
    assert rule_of(rrs_paths).per_path is not None
