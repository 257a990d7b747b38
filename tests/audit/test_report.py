"""Reports, bounds, shrinking, and what happens to callables that misbehave."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from rich.console import Console

import mdsd_theory as mdsd
from mdsd_theory.auditing.catalogue import catalogue
from mdsd_theory.auditing.enumeration import enumerate_law
from mdsd_theory.auditing.instance import Instance
from mdsd_theory.auditing.rules import PerPath, rule_of
from mdsd_theory.auditing.shrink import DENOMINATORS, denominator, rounded
from mdsd_theory.auditing.total_variation import Fresh, bound_of, lower_bound, over_emitted
from mdsd_theory.auditing.trial import Trial
from tests.audit.correct import rrs, rrs_paths
from tests.audit.mutants import siblings_not_updated, skips_duplicates

SCHEME = "with_replacement"


@pytest.fixture(scope="module")
def refuted():
    return mdsd.audit(siblings_not_updated, scheme=SCHEME, n=2)


@pytest.fixture(scope="module")
def cleared():
    return mdsd.audit(rrs, scheme=SCHEME, n=2, samples=12_000, budget=20)


def test_the_counterexample_is_small_and_holds_up(refuted):
    shown = refuted.counterexample
    assert len(shown.p) <= 3
    assert denominator(np.array(shown.p)) <= 20
    instance = Instance("own", np.array(shown.p), np.array(shown.q), 2, mdsd.SCHEMES[SCHEME])
    again = Trial(rule_of(siblings_not_updated), instance, refuted.instances[0].level, 9)
    again.sample(60_000, np.inf)
    assert again.refuted
    assert len(shown.emitted) == len(shown.given_drafts) == len(shown.p)
    assert shown.expected == shown.p
    assert shown.samples == 20_000


def test_the_bound_is_below_the_exact_total_variation():
    """The same fault, sampled and enumerated on the same instance."""

    def enumerable(p, q, drafts, uniforms):
        seen = set()
        for x in drafts:
            if x in seen:
                continue
            if uniforms.random() * q[x] < p[x]:
                return x
            seen.add(x)
            p = np.maximum(p - q, 0)
            p = p / p.sum()
        return uniforms.choice(p.size, p=p)

    shown = mdsd.audit(skips_duplicates, scheme=SCHEME, n=2, budget=6).counterexample
    instance = Instance("own", np.array(shown.p), np.array(shown.q), 2, mdsd.SCHEMES[SCHEME])
    exact = enumerate_law(PerPath(enumerable), instance).total_variation
    assert 0 < shown.total_variation < exact


def test_lower_bounds_cover(rng):
    """At confidence 0.9 the bound exceeds the truth in at most a tenth of 500 repetitions."""
    p, truth = np.array([0.5, 0.3, 0.2]), np.array([0.6, 0.25, 0.15])
    missed = 0
    for _ in range(500):
        mask = over_emitted(np.bincount(rng.choice(3, 200, p=truth), minlength=3), p)
        hits = int(mask[rng.choice(3, 500, p=truth)].sum())
        missed += lower_bound(hits, 500, p[mask].sum(), 0.9) > 0.1
    assert missed <= 0.1 * 500 + 3 * (0.09 * 500) ** 0.5
    assert lower_bound(0, 10, 0.0, 0.99) == 0


def test_the_bound_rests_on_fresh_tokens_alone():
    """The tokens that chose A say nothing about its chance."""
    instance = Instance("own", np.array([0.5, 0.5]), np.array([0.5, 0.5]), 1, mdsd.SCHEMES[SCHEME])
    trial = Trial(rule_of("naive"), instance, 10.0, 0)
    trial.evidence.add(np.zeros(1000, dtype=np.int64))
    drafts = np.zeros((1000, 1), dtype=np.int64)
    assert bound_of(trial, Fresh(drafts, np.ones(1000, dtype=np.int64)), 0.9) == 0
    assert bound_of(trial, Fresh(drafts, np.zeros(1000, dtype=np.int64)), 0.9) > 0.49


def test_the_levels_share_the_false_alarms(refuted, cleared):
    for report in (refuted, cleared):
        assert sum(np.exp(-tried.level) for tried in report.instances) <= report.false_alarm / 2 * (
            1 + 1e-9
        )
    assert all(tried.log_e < tried.level for tried in cleared.instances)
    assert refuted.counterexample.log_e >= -np.log(refuted.false_alarm / 2)


def test_rounding_keeps_zeros_and_sums(rng):
    for _ in range(50):
        x = rng.dirichlet(np.full(6, 0.4))
        x[rng.integers(6)] = 0
        x /= x.sum()
        for d in DENOMINATORS[:8]:
            y = rounded(x, d)
            assert y.sum() == pytest.approx(1)
            assert denominator(y) <= d
            assert (y[x == 0] == 0).all()


def test_the_report_is_plain_data(refuted, cleared):
    for report in (refuted, cleared):
        content = json.loads(report.to_json(allow_nan=False))
        assert content["verdict"] == report.verdict
        assert content["instances"][0].keys() == {"name", "samples", "log_e", "level", "enumerated"}
        assert content["acceptance"][0]["rates"].keys() >= {"naive", "rrs"}
    assert content["counterexample"] is None
    assert repr(cleared).startswith("AuditReport(verdict='no fault found', total_variation=0")


@pytest.mark.parametrize("width", [110, 80])
def test_the_report_prints(width, refuted, cleared):
    for report in (refuted, cleared):
        console = Console(width=width, record=True, file=None, quiet=False, force_terminal=False)
        with console.capture() as capture:
            console.print(report)
        assert report.verdict in capture.get()
        assert max(map(len, capture.get().splitlines())) <= width
    text = str(refuted)
    assert "acceptance" in text
    assert "α*" in text
    assert "fresh tokens: total variation ≥" in text


def test_acceptance_stands_beside_the_optimum_and_the_known_rules(cleared):
    for row in cleared.acceptance:
        assert abs(row.measured - row.rates["rrs"]) < 5 * row.standard_error
        assert max(row.rates.values()) <= row.optimal + 1e-9


@pytest.mark.parametrize("function", [rrs, rrs_paths])
def test_the_same_seed_gives_the_same_report(function):
    def plain(seed):
        content = mdsd.audit(function, scheme=SCHEME, n=2, samples=3_000, seed=seed).to_dict()
        return content | {"seconds": None}

    assert plain(4) == plain(4)
    assert plain(4)["instances"] != plain(5)["instances"] or function is rrs_paths


def test_samples_and_budget_are_kept(cleared):
    assert cleared.samples == 12_000
    assert cleared.stopped == "samples"
    short = mdsd.audit(rrs, scheme=SCHEME, n=2, budget=0.3)
    assert short.stopped == "budget"
    assert short.seconds < 5
    assert short.verdict == "no fault found"


RETURNS = {
    "float": (lambda *a: 1.0, mdsd.InputTypeError, "returned 1.0 of type float; expected a token index"),
    "none": (lambda *a: None, mdsd.InputTypeError, "returned None of type NoneType"),
    "bool": (lambda *a: True, mdsd.InputTypeError, "returned True of type bool"),
    "array": (lambda *a: np.array([0, 1]), mdsd.InputTypeError, "of type ndarray"),
    "too large": (lambda *a: 99_999, mdsd.InputError, "returned the token 99999; expected 0 to 2"),
    "negative": (lambda *a: -1, mdsd.InputError, "returned the token -1"),
}


@pytest.mark.parametrize("case", RETURNS)
def test_returning_something_else_than_a_token(case):
    function, error, message = RETURNS[case]
    with pytest.raises(error, match=message) as caught:
        mdsd.audit(function, scheme=SCHEME, n=2)
    assert "audit instance 'flat, V = 3', drafts" in str(caught.value)


KINDS_OF_TOKEN = {
    "array": np.array,
    "torch": torch.tensor,
    "uint": np.uint16,
    "one": lambda x: np.array([x]),
}


@pytest.mark.parametrize("kind", KINDS_OF_TOKEN)
def test_arrays_of_one_token_are_tokens(kind):
    def naive(p, q, drafts, generator):
        return KINDS_OF_TOKEN[kind](int(generator.choice(p.size, p=p)))

    assert not mdsd.audit(naive, scheme=SCHEME, n=2, samples=1_500, budget=3).refuted


def test_what_the_verifier_raises_passes_through_with_a_note():
    def broken(p, q, drafts, generator):
        raise KeyError("boom")

    with pytest.raises(KeyError, match="boom") as caught:
        mdsd.audit(broken, scheme=SCHEME, n=2)
    assert "audit instance 'flat, V = 3', drafts" in caught.value.__notes__[0]


BAD = {
    "verifier": ({"verifier": 3}, mdsd.InputTypeError, "expected a callable"),
    "class": ({"verifier": mdsd.Verifier}, mdsd.InputTypeError, "expected a callable"),
    "name": ({"verifier": "nobody"}, mdsd.InputError, "unknown verifier 'nobody'"),
    "scheme": ({"scheme": "nothing"}, mdsd.InputError, "unknown scheme"),
    "other scheme": ({"scheme": "greedy"}, mdsd.InputError, "verifier 'rrs' is for with_replacement"),
    "n": ({"n": 0}, mdsd.InputError, "n is 0"),
    "samples": ({"samples": 0}, mdsd.InputError, "samples is 0"),
    "budget": ({"budget": float("inf")}, mdsd.InputError, "budget is inf"),
    "seed": ({"seed": -1}, mdsd.InputError, "seed is -1"),
    "false_alarm": ({"false_alarm": 0.0}, mdsd.InputError, "false_alarm is 0.0; expected a number > 0"),
    "confidence": ({"confidence": "high"}, mdsd.InputTypeError, "confidence is 'high'"),
    "leaf": ({"leaf": True}, mdsd.InputError, "leave leaf=True out"),
    "batch": (
        {"instances": [([[1.0, 0.0]], [[0.5, 0.5]])]},
        mdsd.InputError,
        "expected one distribution",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_options(case):
    changes, error, message = BAD[case]
    options = {"verifier": "rrs", "scheme": SCHEME, "n": 2, "samples": 4000} | changes
    with pytest.raises(error, match=message):
        mdsd.audit(options.pop("verifier"), **options)


@pytest.mark.parametrize("scheme", mdsd.SCHEMES)
def test_the_catalogue_fits_the_scheme(scheme):
    n = 2
    found = catalogue(mdsd.SCHEMES[scheme], n, 0)
    assert len(found) > 20
    for instance in found:
        assert isinstance(instance, Instance)
        assert instance.p.sum() == pytest.approx(1, abs=1e-12)
        assert instance.drafted(3, np.random.default_rng(0)).shape == (3, n)
    kinds = {instance.kind for instance in found}
    assert {"ties", "zeros", "disjoint", "one-hot", "half precision", "mostly zero"} <= kinds
    assert {instance.vocabulary for instance in found} >= {3, 8, 200, 2000}


def test_many_drafts_need_large_vocabularies():
    found = catalogue(mdsd.SCHEMES["without_replacement"], 10, 0)
    assert min(instance.vocabulary for instance in found) == 10
