"""The audit clears every correct rule: the package's own and textbook code."""

from __future__ import annotations

import numpy as np
import pytest

import mdsd_theory as mdsd
from mdsd_theory.verifiers import verifiers_of
from tests.audit.correct import CORRECT, draw, rrs_paths, rrs_without_paths

BUILT_IN = [
    pytest.param(verifier.name, scheme, n, id=f"{verifier.name}-{scheme}-{n}")
    for scheme in mdsd.SCHEMES
    for n in (2, 3)
    for verifier in verifiers_of(scheme)
]
"""Every verifier of the package under every scheme it serves."""


def cleared(verifier, scheme, n, **options):
    """Audit; skip where the rule or the scheme is not defined for this number of drafts."""
    try:
        report = mdsd.audit(verifier, scheme=scheme, n=n, **options)
    except mdsd.InputError as error:
        if "n = 2" in str(error):
            pytest.skip(str(error))
        raise
    assert not report.refuted, str(report)
    assert report.verdict == "no fault found"
    assert report.counterexample is None
    assert report.notes == ()
    return report


@pytest.mark.parametrize(("name", "scheme", "n"), [x for x in BUILT_IN if x.values[2] == 2])
def test_verifiers_of_the_package(name, scheme, n):
    cleared(name, scheme, n, samples=2_000, budget=1.5)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "scheme", "n"), BUILT_IN)
def test_verifiers_of_the_package_at_full_effort(name, scheme, n):
    cleared(name, scheme, n, seed=5)


@pytest.mark.parametrize("name", CORRECT)
def test_textbook_code(name):
    function, scheme = CORRECT[name]
    report = cleared(function, scheme, 3, samples=3_000, budget=3)
    assert len(report.instances) > 15
    assert report.total_variation < 0.02


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("name", CORRECT)
def test_textbook_code_at_full_effort(name, seed):
    function, scheme = CORRECT[name]
    cleared(function, scheme, 3, seed=seed)


@pytest.mark.parametrize(
    ("function", "scheme", "exact"),
    [
        (rrs_paths, "with_replacement", False),
        (rrs_paths, "with_replacement", True),
        (rrs_without_paths, "without_replacement", False),
        pytest.param(rrs_without_paths, "without_replacement", True, marks=pytest.mark.slow),
    ],
)
def test_enumerated_rules_are_lossless_on_all_instances(function, scheme, exact):
    report = mdsd.audit(function, scheme=scheme, n=3, exact=exact, budget=60)
    assert report.verdict == "lossless on all instances"
    assert report.stopped == "enumerated"
    assert report.total_variation == 0
    assert report.samples == 0
    assert all(tried.enumerated for tried in report.instances)
    assert len(report.instances) > 25


NATURAL = {
    "choice": lambda p, q, d, g: g.choice(p.size, p=p),
    "normalised sums": lambda p, q, d, g: draw(p, g),
    "multinomial": lambda p, q, d, g: g.multinomial(1, p).argmax(),
    "exponential race": lambda p, q, d, g: np.argmin(g.exponential(size=p.size) / np.maximum(p, 1e-300)),
    "gumbel": lambda p, q, d, g: np.argmax(np.log(np.maximum(p, 1e-300)) + g.gumbel(size=p.size)),
    "loop": lambda p, q, d, g: loop(p, g.random()),
    "uniforms at once": lambda p, q, d, g: np.searchsorted(
        p.cumsum() / p.cumsum()[-1], g.random(4)[2], "right"
    ),
    "weights to a power": lambda p, q, d, g: np.argmax(
        np.where(p > 0, g.random(p.size) ** (1 / np.maximum(p, 1e-300)), -1)
    ),
}


def loop(p, u):
    for token in np.flatnonzero(p):
        u -= p[token]
        if u < 0:
            break
    return token


@pytest.mark.parametrize("name", NATURAL)
def test_natural_ways_to_draw_pass_the_forced_uniforms(name):
    report = mdsd.audit(NATURAL[name], scheme="with_replacement", n=2, samples=2_000, budget=1.5)
    assert not report.refuted, str(report)


def test_a_few_drafts_and_many():
    for n in (1, 8):
        cleared(CORRECT["rrs_without"][0], "without_replacement", n, samples=3_000, budget=3)


def test_own_instances_come_first_and_own_schemes_are_served():
    class Twice(mdsd.Scheme):
        """One draw from q, drafted n times."""

        name = "twice"
        summary = "one draw, n times"

        def set_law(self, q, n):
            return {frozenset({i}): x for i, x in enumerate(q) if x}

        def next_draft(self, q, n, drawn):
            return {drawn[0]: 1} if drawn else {i: x for i, x in enumerate(q) if x}

    def once(p, q, drafts, generator):
        assert len(set(drafts.tolist())) == 1
        return CORRECT["rrs"][0](p, q, drafts[:1], generator)

    pair = [0.5, 0.25, 0.25], [0.25, 0.25, 0.5]
    report = mdsd.audit(once, scheme=Twice(), n=2, samples=3_000, instances=[pair], budget=3)
    assert not report.refuted
    assert report.instances[0].name == "instances[0], V = 3"
    wrong = mdsd.audit(CORRECT["rrs"][0], scheme=Twice(), n=2, samples=50_000, instances=[pair], budget=4)
    assert wrong.refuted
