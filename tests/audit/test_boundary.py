"""Forced uniform numbers: where they come, and whom they refute."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import mdsd_theory as mdsd
from mdsd_theory.auditing.boundary import BoundaryGenerator
from tests.audit.correct import rrs


@pytest.fixture
def generator():
    return BoundaryGenerator(3)


def test_the_request_asked_for_is_forced(generator):
    generator.arm(2, 0)
    numbers = [generator.random() for _ in range(5)]
    assert [x == 0 for x in numbers] == [False, False, True, False, False]
    assert all(type(x) is float for x in numbers)
    assert generator.forced


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_arrays_and_the_top(generator, dtype):
    generator.arm(0, 7, top=True)
    x = generator.random((2, 3), dtype=dtype)
    assert x.dtype == dtype
    assert x.ravel()[1] == np.nextafter(dtype(1), dtype(0))
    assert (x < 1).all()
    out = np.empty(3)
    generator.arm(0, 2)
    assert generator.random(out=out) is out
    assert out[2] == 0


def test_uniform_and_choice_are_forced_too(generator):
    generator.arm(0, 0)
    assert generator.uniform(2, 4) == 2
    generator.arm(0, 1)
    assert generator.uniform(np.zeros(2), [1, 5]).tolist()[1] == 0
    generator.arm(0, 0)
    assert generator.choice(3, p=[0, 0.5, 0.5]) == 1
    assert generator.forced


def test_it_is_a_generator_of_numpy(generator):
    assert isinstance(generator, np.random.Generator)
    x = generator.random(100_000)
    assert x.mean() == pytest.approx(0.5, abs=0.01)
    assert x.std() == pytest.approx(12**-0.5, abs=0.01)
    assert generator.integers(5) in range(5)


def at_left(p, q, drafts, generator):
    """Inversion with the wrong side: a uniform of 0 gives token 0, possible or not."""
    sums = np.cumsum(p)
    return min(int(np.searchsorted(sums / sums[-1], generator.random())), p.size - 1)


def test_inversion_with_the_wrong_side_is_refuted():
    report = mdsd.audit(at_left, scheme="with_replacement", n=2, samples=4_000, budget=4)
    assert report.refuted
    assert report.counterexample.how == "uniform of 0"
    assert report.counterexample.token == 0
    assert report.counterexample.p[0] == 0


def test_rounding_at_the_top_is_noted_and_not_refuted():
    def sums_end_early(p, q, drafts, generator):
        place = int(np.searchsorted(np.cumsum(p) * (1 - 1e-15), generator.random(), side="right"))
        return min(place, p.size - 1)

    report = mdsd.audit(sums_end_early, scheme="with_replacement", n=2, samples=4_000, budget=4)
    assert not report.refuted
    assert len(report.notes) == 1
    assert "the largest number below 1" in report.notes[0]


def test_a_rule_that_raises_at_zero_is_noted():
    def divides(p, q, drafts, generator):
        if generator.random() == 0:
            raise ZeroDivisionError("1 / u")
        return rrs(p, q, drafts, generator)

    report = mdsd.audit(divides, scheme="with_replacement", n=2, samples=4_000, budget=4)
    assert not report.refuted
    assert "a uniform of exactly 0 makes it raise ZeroDivisionError: 1 / u" in report.notes[0]
    assert "note: " in str(report)


DRAWS = {
    "gumbel": lambda p, g: np.argmax(np.log(p) - np.log(-np.log(g.random(p.size)))),
    "race": lambda p, g: np.argmin(-np.log(g.random(p.size)) / p),
}


@pytest.mark.parametrize("name", DRAWS)
def test_a_race_whose_only_token_draws_zero_is_noted(name):
    """−log 0 = ∞ ties with the tokens of probability zero: argmax then gives the first."""

    def rule(p, q, drafts, generator):
        with np.errstate(all="ignore"):
            return DRAWS[name](p, generator)

    sure = [0.0, 0.0, 1.0], [0.5, 0.25, 0.25]
    report = mdsd.audit(rule, scheme="with_replacement", n=1, samples=1_500, budget=3, instances=[sure])
    assert not report.refuted, str(report)
    assert report.notes == ("a uniform of exactly 0 makes it emit a token of probability zero",)


@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_every_place_of_an_array_is_forced(n):
    """The last of n + 1 numbers alone is inverted with the wrong side."""

    def at_last(p, q, drafts, generator):
        return at_left(p, q, drafts, Fixed(generator.random(n + 1)[-1]))

    report = mdsd.audit(at_last, scheme="with_replacement", n=n, samples=1_500, budget=3)
    assert report.refuted
    assert report.counterexample.how == "uniform of 0"


class Fixed:
    """A generator of one number."""

    def __init__(self, u):
        self.random = lambda: u


WAYS = {
    "rand": lambda d, source: torch.rand(len(d), generator=source),
    "uniform_": lambda d, source: torch.empty(len(d)).uniform_(generator=source),
    "rand_like": lambda d, source: torch.rand_like(torch.zeros(len(d))),
}


@pytest.mark.parametrize(
    "way", ["rand", *(pytest.param(x, marks=pytest.mark.slow) for x in ("rand_like", "uniform_"))]
)
def test_torch_is_forced_too(way):
    def closed(p, q, drafts, generator, strict=False):
        p, q = torch.from_numpy(p), torch.from_numpy(q)
        source = torch.Generator().manual_seed(int(generator.integers(2**62)))
        for x, u in zip(drafts.tolist(), WAYS[way](drafts, source), strict=True):
            if u * q[x] < p[x] or (u * q[x] == p[x] and not strict):
                return torch.tensor(x)
            left = (p - q).clamp(min=0)
            p = left / left.sum() if left.sum() > 0 else p
        return torch.multinomial(p, 1, generator=source)

    options = {"scheme": "with_replacement", "n": 2, "samples": 1_500, "budget": 3}
    report = mdsd.audit(closed, **options)
    assert report.counterexample.how == "uniform of 0"
    assert not mdsd.audit(lambda *a: closed(*a, strict=True), **options).refuted


def test_a_generator_can_be_spawned(generator):
    assert generator.spawn(1)[0].random() < 1


def test_limits_of_uniform_are_kept_under_torch(generator):
    with generator.reaching_torch():
        generator.arm(0, 1)
        assert torch.empty(2).uniform_(2, 3)[1] == 2
        generator.arm(0, 0, top=True)
        assert torch.rand((), dtype=torch.float64) == 1 - 2.0**-53
