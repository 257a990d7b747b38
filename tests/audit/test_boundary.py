"""Forced uniform numbers: where they come, and whom they refute."""

from __future__ import annotations

import numpy as np
import pytest

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
    report = mdsd.audit(at_left, scheme="with_replacement", n=2, samples=12_000)
    assert report.refuted
    assert report.counterexample.how == "uniform of 0"
    assert report.counterexample.token == 0
    assert report.counterexample.p[0] == 0


def test_rounding_at_the_top_is_noted_and_not_refuted():
    def sums_end_early(p, q, drafts, generator):
        place = int(np.searchsorted(np.cumsum(p) * (1 - 1e-15), generator.random(), side="right"))
        return min(place, p.size - 1)

    report = mdsd.audit(sums_end_early, scheme="with_replacement", n=2, samples=12_000)
    assert not report.refuted
    assert len(report.notes) == 1
    assert "the largest number below 1" in report.notes[0]


def test_a_rule_that_raises_at_zero_is_noted():
    def divides(p, q, drafts, generator):
        if generator.random() == 0:
            raise ZeroDivisionError("1 / u")
        return rrs(p, q, drafts, generator)

    report = mdsd.audit(divides, scheme="with_replacement", n=2, samples=12_000)
    assert not report.refuted
    assert "a uniform of exactly 0 makes it raise ZeroDivisionError: 1 / u" in report.notes[0]
    assert "note: " in str(report)
