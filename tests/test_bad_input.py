"""Bad input: every kind gets a clear error that says what was got and what to do."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
import torch

import mdsd_theory as mdsd
from mdsd_theory.errors import InputError, InputTypeError, RouteError, SizeError, SupportError

P = [0.5, 0.3, 0.2]
Q = [0.2, 0.3, 0.5]
NAN, INF = math.nan, math.inf
LAW = {(0, 1): 0.5, (1, 2): 0.5}


def optimum(p=P, q=Q, **options):
    return lambda: mdsd.optimal_acceptance(p, q, **options)


def logits(x, **options):
    return lambda: mdsd.from_logits(x, **options)


def exact(p=P, q=Q, **options):
    return lambda: mdsd.certify(p, q, **options)


CASES = {
    # values
    "nan": (optimum([NAN, 0.5, 0.5]), InputError, r"p\[0\] is nan, which is not finite"),
    "nan in q": (optimum(q=[0.5, NAN, 0.5]), InputError, r"q\[1\] is nan"),
    "infinity": (optimum([INF, 0.5, 0.5]), InputError, r"p\[0\] is inf, which is not finite"),
    "minus infinity": (optimum([0.5, 0.5, -INF]), InputError, r"p\[2\] is -inf"),
    "negative": (optimum([-0.1, 0.6, 0.5]), InputError, r"p\[0\] is -0\.1, which is negative"),
    "barely negative": (optimum([-1e-18, 0.5, 0.5]), InputError, "which is negative"),
    "logits": (optimum([1.5, -2.0, 0.3]), InputError, "call mdsd.from_logits first"),
    "sum above": (optimum([0.5, 0.5, 0.5]), InputError, r"p sums to 1\.5; expected 1 within 1e-09"),
    "sum below": (optimum(q=[0.1, 0.1, 0.1]), InputError, r"q sums to 0\.3; expected 1"),
    "sum off by 1e-6": (optimum([0.5, 0.3, 0.200001]), InputError, "divide by the sum"),
    "all zero": (optimum([0.0, 0.0, 0.0]), InputError, "p sums to 0; expected 1"),
    "integers, no distribution": (optimum([1, 2, 3]), InputError, "p sums to 6; expected 1"),
    "row in a batch": (
        optimum([P, [0.5, 0.5, 0.5]], [Q, Q]),
        InputError,
        r"p\[1\] sums to 1\.5",
    ),
    "entry in a deep batch": (
        optimum(np.array([[P, P], [P, [0.5, -0.5, 1.0]]]), np.array([[Q, Q], [Q, Q]])),
        InputError,
        r"p\[1, 1, 1\] is -0\.5",
    ),
    "float32 sum": (
        optimum(np.float32([0.5, 0.3, 0.2001]), np.float32(Q)),
        InputError,
        r"float32, V = 3",
    ),
    "float16 sum": (
        optimum(np.float16([0.5, 0.3, 0.25]), np.float16(Q)),
        InputError,
        "float16, V = 3",
    ),
    "bfloat16 sum": (
        optimum(torch.tensor([0.5, 0.3, 0.3], dtype=torch.bfloat16), torch.tensor(Q)),
        InputError,
        "bfloat16, V = 3",
    ),
    # shapes
    "scalar": (optimum(1.0, 1.0), InputError, "p is a single number"),
    "empty": (optimum([], []), InputError, r"p has shape \(0,\): the vocabulary is empty"),
    "empty rows": (optimum(np.ones((4, 0)), np.ones((4, 0))), InputError, "vocabulary is empty"),
    "other vocabulary": (
        optimum([0.5, 0.5], Q),
        InputError,
        "p has a vocabulary of 2 tokens and q of 3",
    ),
    "other batch": (optimum([P, P], [Q]), InputError, r"p has shape \(2, 3\) and q \(1, 3\)"),
    "batch against single": (optimum([P, P], Q), InputError, "broadcast one of them first"),
    "ragged": (optimum([[0.5, 0.5], [1.0]], [Q, Q]), InputTypeError, "p is ragged"),
    # types
    "none": (optimum(None), InputTypeError, "p is of type NoneType; expected numbers"),
    "string": (optimum("abc"), InputTypeError, "p is of type str"),
    "list of strings": (optimum(["a", "b", "c"]), InputTypeError, "p has dtype <U1"),
    "dictionary": (optimum({0: 1.0}), InputTypeError, "p is of type dict"),
    "set": (optimum({0.5, 0.25}), InputTypeError, "p is of type set"),
    "bytes": (optimum(b"abc"), InputTypeError, "p is of type bytes"),
    "booleans": (optimum([True, False, False]), InputTypeError, "p has dtype bool.*a mask is no"),
    "complex": (optimum([0.5j, 0.5, 0.5]), InputTypeError, "dtype complex128.*take the real part"),
    "objects": (optimum([object(), 0.5, 0.5]), InputTypeError, "p holds .* of type object"),
    "none inside": (optimum([0.5, None, 0.5]), InputTypeError, "p holds None of type NoneType"),
    "dates": (
        optimum(np.array(["2025-01-01"] * 3, dtype="datetime64[D]")),
        InputTypeError,
        "p has dtype datetime64",
    ),
    "masked": (
        optimum(np.ma.masked_array(P, mask=[1, 0, 0])),
        InputTypeError,
        "p is a masked array; fill it first",
    ),
    "sparse tensor": (
        optimum(torch.tensor(P).to_sparse(), torch.tensor(Q)),
        InputTypeError,
        r"p is a sparse tensor; pass p\.to_dense\(\)",
    ),
    "boolean tensor": (
        optimum(torch.tensor([True, False, False]), torch.tensor(Q)),
        InputTypeError,
        "p has dtype bool",
    ),
    "complex tensor": (
        optimum(torch.tensor(P, dtype=torch.complex64), torch.tensor(Q)),
        InputTypeError,
        "p has dtype complex64",
    ),
    "list of tensors": (
        optimum([torch.tensor(P)], torch.tensor([Q])),
        InputTypeError,
        r"torch\.stack\(p\)",
    ),
    "torch and numpy": (
        optimum(torch.tensor(P), np.array(Q)),
        InputTypeError,
        r"p is a torch tensor and q a NumPy array.*torch\.as_tensor\(q\)",
    ),
    "mixed devices": (
        optimum(torch.tensor(P), torch.tensor(Q, device="meta")),
        InputTypeError,
        "tensors on different devices: p on cpu, q on meta",
    ),
    # n
    "n zero": (optimum(n=0), InputError, "n is 0; expected the number of drafts, at least 1"),
    "n negative": (optimum(n=-2), InputError, "n is -2"),
    "n float": (optimum(n=2.0), InputTypeError, r"n is 2\.0 of type float"),
    "n boolean": (optimum(n=True), InputTypeError, "n is True of type bool"),
    "n none": (optimum(n=None), InputTypeError, "n is None"),
    "n string": (optimum(n="3"), InputTypeError, "n is '3' of type str"),
    "n above the vocabulary": (
        optimum(n=4),
        SupportError,
        "q has 3 tokens of positive probability.*needs at least 4: lower n",
    ),
    "n above the support": (
        optimum(q=[0.5, 0.5, 0.0]),
        SupportError,
        "q has 2 tokens of positive probability.*without_replacement with n = 3",
    ),
    "n above the support of a row": (
        optimum([P, P], [Q, [1.0, 0.0, 0.0]], n=2),
        SupportError,
        r"q\[1\] has 1 token of positive probability",
    ),
    "one-hot draft, greedy": (
        optimum(q=[1.0, 0.0, 0.0], n=2, scheme="greedy"),
        SupportError,
        "greedy with n = 2 needs at least 2",
    ),
    "one-hot draft, spechub": (
        optimum(q=[1.0, 0.0, 0.0], n=2, scheme="spechub"),
        SupportError,
        "spechub with n = 2 needs at least 2",
    ),
    "n of another scheme": (
        optimum(scheme="spechub"),
        InputError,
        "n is 3; scheme 'spechub' is defined for n = 2 only: pass n=2, or scheme='greedy'",
    ),
    "n of another verifier": (
        lambda: mdsd.acceptance_rate(P, Q, verifier="khisti"),
        InputError,
        "verifier 'khisti' is for n = 2 drafts, not for n = 3: pass n=2",
    ),
    "certificate, n of another scheme": (
        exact(n=1, scheme="spechub"),
        InputError,
        "n is 1; scheme 'spechub' is defined for n = 2 only",
    ),
    "top_k above the support": (
        optimum(q=[0.5, 0.5, 0.0], scheme="top_k"),
        SupportError,
        "top_k with n = 3",
    ),
    # names
    "unknown scheme": (
        optimum(scheme="nucleus"),
        InputError,
        "unknown scheme 'nucleus'; expected one of with_replacement",
    ),
    "scheme of a wrong type": (optimum(scheme=7), InputTypeError, "scheme is 7 of type int"),
    "scheme class": (
        optimum(scheme=type(mdsd.SCHEMES["greedy"])),
        InputTypeError,
        r"pass an object: Greedy\(\)",
    ),
    "scheme none": (optimum(scheme=None), InputTypeError, "scheme is None"),
    "all where one is meant": (optimum(scheme="all"), InputError, "unknown scheme 'all'"),
    "no schemes": (
        lambda: mdsd.compare(P, Q, scheme=[]),
        InputError,
        "scheme is an empty list",
    ),
    "scheme twice": (
        lambda: mdsd.compare(P, Q, scheme=["greedy", "greedy"]),
        InputError,
        "scheme lists a name twice",
    ),
    "unknown route": (optimum(route="magic"), InputError, "unknown route 'magic'; expected 'auto'"),
    "route of a wrong type": (optimum(route=3), InputTypeError, "route is 3"),
    "route of another scheme": (
        optimum(scheme="greedy", route="sorted_prefix"),
        RouteError,
        "'sorted_prefix' has no proof for scheme 'greedy'; routes that serve it: greedy_closed_form",
    ),
    "route too small": (
        optimum([1 / 24] * 24, [1 / 24] * 24, route="all_subsets"),
        SizeError,
        "takes at most V = 20; got V = 24",
    ),
    "too many sets": (
        optimum(np.full(3000, 1 / 3000), np.full(3000, 1 / 3000), route="highs"),
        SizeError,
        "sets of drafts; the limit for enumeration",
    ),
    "unknown verifier": (
        lambda: mdsd.acceptance_rate(P, Q, verifier="typo"),
        InputError,
        "unknown verifier 'typo'",
    ),
    "verifier of another scheme": (
        lambda: mdsd.compare(P, Q, scheme="greedy", verifiers=["rrs"]),
        InputError,
        "verifier 'rrs' is for with_replacement, not for greedy",
    ),
    "verifier twice": (
        lambda: mdsd.compare(P, Q, verifiers=["naive", "naive"]),
        InputError,
        "verifiers lists a name twice: naive, naive",
    ),
    "schemes that need different q": (
        lambda: mdsd.compare(P, [Q, Q], scheme=["independent", "greedy"]),
        InputError,
        "schemes independent, greedy need different q",
    ),
    "n above the quadrature": (
        optimum([1 / 99] * 99, [1 / 99] * 99, n=41),
        SizeError,
        "n = 41 drafts without replacement; the race quadrature takes n <= 40",
    ),
    "denormal tail": (
        optimum(P, [1.0, 1e-310, 1e-310], n=2),
        SupportError,
        "q has 1 token of positive probability .* less than 1e-290 as zero",
    ),
    "joint, weight boolean": (
        optimum(q={(0, 1): True}, scheme="joint"),
        InputTypeError,
        "the weight True; expected a number",
    ),
    "joint certificate, weight no number": (
        exact(q={(0, 1): "half", (1, 2): "1/2"}, scheme="joint"),
        InputError,
        r"the joint law\[0\] is 'half'",
    ),
    "verifiers of a wrong type": (
        lambda: mdsd.compare(P, Q, verifiers=3),
        InputTypeError,
        "verifiers is 3; expected names or objects",
    ),
    # independent
    "independent, one distribution": (
        optimum(scheme="independent"),
        InputError,
        "got one distribution: write",
    ),
    "independent, an array of one": (
        optimum(np.array(P), np.array(Q), scheme="independent"),
        InputTypeError,
        "needs q as a sequence of n drafters",
    ),
    "independent, none": (optimum(q=[], scheme="independent"), InputError, "empty sequence of drafters"),
    "independent, other n": (
        optimum(q=[Q, Q], n=4, scheme="independent"),
        InputError,
        "n is 4 but q holds 2 drafts",
    ),
    "independent, other vocabulary": (
        optimum(q=[Q, [0.5, 0.5]], scheme="independent"),
        InputError,
        r"p has a vocabulary of 3 tokens and q\[1\] of 2",
    ),
    "independent, bad drafter": (
        optimum(q=[Q, [0.5, 0.5, 0.5]], scheme="independent"),
        InputError,
        r"q\[1\] sums to 1\.5",
    ),
    # joint
    "joint, not a mapping": (optimum(scheme="joint"), InputTypeError, "needs q as a mapping"),
    "joint, empty": (optimum(q={}, scheme="joint"), InputError, "empty law"),
    "joint, batch": (optimum([P, P], LAW, scheme="joint"), InputError, "goes with one target"),
    "joint, token out of range": (
        optimum(q={(0, 3): 1.0}, scheme="joint"),
        InputError,
        "drafts token 3; expected an index from 0 to 2",
    ),
    "joint, key no tuple": (optimum(q={0: 1.0}, scheme="joint"), InputTypeError, "non-empty tuple"),
    "joint, token no index": (
        optimum(q={(0.5, 1): 1.0}, scheme="joint"),
        InputTypeError,
        r"has the draft 0\.5; expected a token index",
    ),
    "joint, two lengths": (
        optimum(q={(0,): 0.5, (0, 1): 0.5}, scheme="joint"),
        InputError,
        r"lengths \[1, 2\]; expected one n",
    ),
    "joint, sum": (optimum(q={(0, 1): 0.5}, scheme="joint"), InputError, r"joint law sums to 0\.5"),
    "joint, negative": (
        optimum(q={(0, 1): 1.5, (1, 2): -0.5}, scheme="joint"),
        InputError,
        r"the weight -0\.5; expected it >= 0",
    ),
    "joint, weight no number": (
        optimum(q={(0, 1): "1"}, scheme="joint"),
        InputTypeError,
        "the weight '1'; expected a number",
    ),
    "joint, other n": (optimum(q=LAW, n=5, scheme="joint"), InputError, "n is 5 but q holds 2 drafts"),
    # logits
    "temperature negative": (logits(P, temperature=-1.0), InputError, "temperature is -1.0"),
    "temperature nan": (logits(P, temperature=NAN), InputError, "temperature is nan"),
    "temperature string": (logits(P, temperature="hot"), InputTypeError, "temperature is 'hot'"),
    "top_k zero": (logits(P, top_k=0), InputError, "top_k is 0; expected an integer >= 1"),
    "top_k float": (logits(P, top_k=2.0), InputError, "top_k is 2.0"),
    "top_p zero": (logits(P, top_p=0.0), InputError, r"top_p is 0\.0; expected a number in \(0, 1\]"),
    "top_p above one": (logits(P, top_p=1.5), InputError, "top_p is 1.5"),
    "logits nan": (logits([NAN, 1.0]), InputError, "logits holds nan"),
    "logits infinity": (logits([[0.0, 1.0], [INF, 1.0]]), InputError, r"logits\[1\] holds inf"),
    "logits all masked": (logits([-INF, -INF]), InputError, "has no finite entry"),
    "logits empty": (logits([]), InputError, "the vocabulary is empty"),
    "logits none": (logits(None), InputTypeError, "logits is of type NoneType"),
    # certificates
    "certificate, batch": (exact([P, P], [Q, Q]), InputError, "p is nested; exact certificates"),
    "certificate, array batch": (exact(np.array([P])), InputError, r"p has shape \(1, 3\)"),
    "certificate, fractions that do not sum": (
        exact([Fraction(1, 3), Fraction(1, 3), Fraction(1, 4)]),
        InputError,
        r"p sums to 11/12 .* expected exactly 1",
    ),
    "certificate, floats that do not sum": (
        exact([0.5, 0.3, 0.3]),
        InputError,
        "expected 1 within 1e-09",
    ),
    "certificate, negative": (exact(["1/2", "-1/2", "1"]), InputError, r"p\[1\] is -1/2, which is neg"),
    "certificate, no number": (exact(["1/2", "half", "0"]), InputError, r"p\[1\] is 'half'"),
    "certificate, nan": (exact([NAN, 0.5, 0.5]), InputError, r"p\[0\] is nan"),
    "certificate, boolean": (exact([True, False, False]), InputTypeError, r"p\[0\] is True"),
    "certificate, empty": (exact([]), InputError, "p is empty"),
    "certificate, other vocabulary": (exact(q=[0.5, 0.5], n=2), InputError, "p has 3 tokens and q has 2"),
    "certificate, support": (exact(q=[1, 0, 0], n=2), SupportError, "q has 1 token of positive"),
    "certificate, too large": (
        exact(np.full(3000, 1 / 3000), np.full(3000, 1 / 3000)),
        SizeError,
        "sets of drafts",
    ),
}


def test_there_are_at_least_sixty_kinds():
    assert len(CASES) >= 60


@pytest.mark.parametrize("kind", CASES)
def test_message(kind):
    call, error, message = CASES[kind]
    with pytest.raises(error, match=message) as caught:
        call()
    assert isinstance(caught.value, mdsd.MdsdError)
    assert len(str(caught.value).splitlines()) == 1
