"""Bad input: the errors of certify, and those that only rigorous=True can raise."""

from __future__ import annotations

import math
import sys

import numpy as np
import pytest

import mdsd_theory as mdsd
from mdsd_theory.schemes import WithReplacement

P, Q = [0.5, 0.3, 0.2], [0.2, 0.3, 0.5]

CASES = {
    "nan": ([math.nan, 0.5, 0.5], Q, {}, mdsd.InputError, r"p\[0\] is nan"),
    "infinity": ([math.inf, 0.5, 0.5], Q, {}, mdsd.InputError, r"p\[0\] is inf"),
    "negative": (P, [-0.1, 0.6, 0.5], {}, mdsd.InputError, r"q\[0\] is .*, which is negative"),
    "sum": ([0.5, 0.5, 0.5], Q, {}, mdsd.InputError, "p sums to 3/2"),
    "float32 sum": (np.float32([0.5, 0.5001]), Q, {}, mdsd.InputError, "p sums to"),
    "zero": ([0.0, 0.0, 0.0], Q, {}, mdsd.InputError, "p sums to 0"),
    "empty": ([], [], {}, mdsd.InputError, "p is empty"),
    "two rows": (np.array([P, P]), np.array([Q, Q]), {}, mdsd.InputError, "take one distribution"),
    "none": (None, Q, {}, mdsd.InputTypeError, "p is of type NoneType"),
    "complex": (np.array(P) + 0j, Q, {}, mdsd.InputTypeError, "complex"),
    "lengths": (P, [0.5, 0.5], {}, mdsd.InputError, "p has 3 tokens and q has 2"),
    "n": (P, Q, {"n": 0}, mdsd.InputError, "n is 0"),
    "n of another type": (P, Q, {"n": 2.0}, mdsd.InputTypeError, "n is 2.0"),
    "support": (P, Q, {"n": 4}, mdsd.SupportError, "needs at least 4"),
    "spechub at three": (P, Q, {"scheme": "spechub"}, mdsd.InputError, "n = 2 only"),
    "unknown scheme": (P, Q, {"scheme": "best"}, mdsd.InputError, "unknown scheme"),
    "joint": (P, {(0, 1): 1.0}, {"scheme": "joint"}, mdsd.RouteError, "leave rigorous out"),
    "one drafter": (P, Q, {"scheme": "independent"}, mdsd.InputError, "sequence of n drafters"),
    "drafters": (P, [Q, [0.5, 0.5]], {"scheme": "independent", "n": 2}, mdsd.InputError, r"q\[1\] has 2"),
    "n and drafters": (P, [Q, Q], {"scheme": "independent", "n": 5}, mdsd.InputError, "q holds 2 drafts"),
}


@pytest.mark.parametrize("case", CASES)
def test_errors_say_what_is_wrong(case):
    p, q, options, error, message = CASES[case]
    with pytest.raises(error, match=message):
        mdsd.certify(p, q, **options, rigorous=True)


def test_a_scheme_of_ones_own_is_enumerated_only():
    class Own(WithReplacement):
        pass

    with pytest.raises(mdsd.RouteError, match=r"\(Own\) has no rigorous enclosure"):
        mdsd.certify(P, Q, n=2, scheme=Own(), rigorous=True)


def test_too_many_drafts():
    q = np.full(50, 0.02)
    with pytest.raises(mdsd.SizeError, match=r"n = 40 drafts .* n <= 32"):
        mdsd.certify(q, q, n=40, rigorous=True)


def test_without_python_flint(monkeypatch):
    monkeypatch.setitem(sys.modules, "flint", None)
    with pytest.raises(mdsd.MissingDependencyError, match=r"mdsd-theory\[proofs\]"):
        mdsd.certify(P, Q, rigorous=True)


def test_exact_certificates_are_as_before():
    assert mdsd.certify(P, Q, n=2).verify()
