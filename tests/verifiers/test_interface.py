"""What all verifiers share: registry, shapes, dtypes, batches, messages; and the front door."""

import warnings

import numpy as np
import pytest

from mdsd_theory.errors import InputError, InputTypeError, MonteCarloWarning, SupportError
from mdsd_theory.rates import acceptance_rate
from mdsd_theory.schemes import SCHEMES
from mdsd_theory.verifiers import VERIFIERS, Naive, RRSWithoutReplacement, resolve_verifier, verifiers_of

CASES = [
    (name, scheme)
    for name, verifier in VERIFIERS.items()
    for scheme in verifier.schemes
    or ("with_replacement", "without_replacement", "greedy", "top_k", "spechub")
]
each_case = pytest.mark.parametrize(("name", "scheme"), CASES)


def numbers(name, scheme):
    """The numbers of drafts to test: those of the rule and the scheme, else 1 to 3."""
    return VERIFIERS[name].drafts or SCHEMES[scheme].drafts or (1, 2, 3)


def test_registry():
    assert list(VERIFIERS) == [
        *("naive", "rrs", "rrs_without_replacement", "k_seq", "khisti", "greedy", "spechub", "optimal")
    ]
    for name, verifier in VERIFIERS.items():
        assert verifier.name == name
        assert verifier.summary
        assert "arXiv" in verifier.source
        assert verifier.default_scheme in SCHEMES
        assert verifier.serves(SCHEMES[verifier.default_scheme])
        assert resolve_verifier(name) is resolve_verifier(verifier) is verifier


def test_verifiers_of_each_scheme():
    found = {scheme: [v.name for v in verifiers_of(scheme)] for scheme in SCHEMES}
    assert found == {
        "with_replacement": ["naive", "rrs", "k_seq", "khisti", "optimal"],
        "without_replacement": ["naive", "rrs_without_replacement", "optimal"],
        "greedy": ["naive", "greedy", "optimal"],
        "top_k": ["naive", "optimal"],
        "spechub": ["naive", "spechub", "optimal"],
        "independent": ["naive", "optimal"],
        "joint": ["naive", "optimal"],
    }


def test_a_rule_for_two_drafts_is_left_out_at_three():
    scheme = SCHEMES["with_replacement"]
    assert VERIFIERS["khisti"] in verifiers_of("with_replacement", 2)
    assert VERIFIERS["khisti"] not in verifiers_of("with_replacement", 3)
    assert [VERIFIERS["khisti"].serves(scheme, n) for n in (None, 1, 2, 3)] == [True, False, True, False]
    assert all(VERIFIERS["rrs"].serves(scheme, n) for n in (None, 1, 2, 3))


@pytest.mark.parametrize(("name", "scheme", "n"), [(*case, n) for case in CASES for n in numbers(*case)])
def test_a_batch_equals_a_loop(name, scheme, n, batch):
    p, q = (x[:, :12] / x[:, :12].sum(-1, keepdims=True) for x in batch)
    rate = VERIFIERS[name].acceptance_rate(p.reshape(5, 1, 12), q.reshape(5, 1, 12), n, scheme=scheme)
    assert rate.value.shape == rate.explicit.shape == (5, 1)
    assert (rate.verifier, rate.scheme, rate.n) == (name, scheme, n)
    for row in range(5):
        alone = VERIFIERS[name].acceptance_rate(p[row], q[row], n, scheme=scheme)
        assert type(alone.value) is type(alone.explicit) is float
        assert rate.value[row, 0] == pytest.approx(alone.value, abs=1e-14)
        assert rate.explicit[row, 0] == pytest.approx(alone.explicit, abs=1e-14)


@pytest.fixture
def smooth(batch):
    """Return the batch without its peaked row, which half precision would flush to one token."""
    return tuple(x[[0, 1, 3, 4]] for x in batch)


@each_case
@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
def test_numpy_dtype_is_kept(name, scheme, dtype, smooth):
    p, q = (x.astype(dtype) for x in smooth)
    n = max(numbers(name, scheme))
    rate = VERIFIERS[name].acceptance_rate(p, q, n, scheme=scheme)
    wide = VERIFIERS[name].acceptance_rate(*smooth, n, scheme=scheme)
    assert rate.value.dtype == rate.explicit.dtype == dtype
    assert rate.value == pytest.approx(wide.value, abs=5e-3)


@each_case
@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "bfloat16"])
def test_torch_dtype_is_kept(name, scheme, dtype, smooth):
    torch = pytest.importorskip("torch")
    kind = getattr(torch, dtype)
    p, q = (torch.tensor(x).to(kind) for x in smooth)
    n = max(numbers(name, scheme))
    rate = VERIFIERS[name].acceptance_rate(p, q, n, scheme=scheme)
    assert rate.value.dtype == rate.explicit.dtype == kind
    assert rate.value.shape == (4,)
    wide = VERIFIERS[name].acceptance_rate(*smooth, n, scheme=scheme)
    close = {"float64": 1e-12, "float32": 1e-5, "float16": 5e-3, "bfloat16": 5e-2}[dtype]
    assert rate.value.tolist() == pytest.approx(wide.value.tolist(), abs=close)


@each_case
def test_an_empty_batch(name, scheme):
    n, none = max(numbers(name, scheme)), np.ones((0, 6))
    rate = VERIFIERS[name].acceptance_rate(none, none, n, scheme=scheme)
    assert rate.value.shape == rate.explicit.shape == (0,)


@each_case
def test_relabelling_the_tokens_changes_nothing(name, scheme, rng):
    p, q = rng.dirichlet([0.5] * 10, 2)
    order, n = rng.permutation(10), max(numbers(name, scheme))
    here = VERIFIERS[name].acceptance_rate(p, q, n, scheme=scheme).value
    there = VERIFIERS[name].acceptance_rate(p[order], q[order], n, scheme=scheme).value
    assert here == pytest.approx(there, abs=1e-14)


@pytest.mark.parametrize(("name", "scheme"), [case for case in CASES if 1 in numbers(*case)])
def test_one_token_is_always_accepted(name, scheme):
    assert VERIFIERS[name].acceptance_rate([1.0], [1.0], 1, scheme=scheme).value == 1


def test_front_door_returns_the_value_or_everything():
    p, q = [0.5, 0.3, 0.2], [0.2, 0.3, 0.5]
    rate = acceptance_rate(p, q, n=2, verifier="greedy", detail=True)
    assert float(rate) == acceptance_rate(p, q, n=2, verifier="greedy") == rate.value
    assert acceptance_rate(p, q) == acceptance_rate(p, q, n=3, verifier="rrs")
    by_name = acceptance_rate(p, q, n=2, verifier="naive", scheme="greedy")
    assert by_name == acceptance_rate(p, q, n=2, verifier=Naive(), scheme=SCHEMES["greedy"])


def test_an_estimate_warns_unless_its_error_is_asked_for(rng):
    p, q = rng.dirichlet([0.5] * 200, (2, 2))
    verifier = RRSWithoutReplacement(samples=64)
    with pytest.warns(MonteCarloWarning, match=r"standard error of at most .*; pass detail=True"):
        acceptance_rate(p, q, n=4, verifier=verifier)
    with pytest.warns(MonteCarloWarning, match=r"standard error of [\d.e-]+; pass detail=True"):
        acceptance_rate(p[0], q[0], n=4, verifier=verifier)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert acceptance_rate(p, q, n=4, verifier=verifier, detail=True).standard_error.shape == (2,)
        acceptance_rate(p, q, n=2, verifier=verifier)


P, Q = [0.5, 0.3, 0.2], [0.2, 0.3, 0.5]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: acceptance_rate(P, Q, verifier="typo"),
            InputError,
            "unknown verifier 'typo'; expected one of naive, rrs",
        ),
        (
            lambda: acceptance_rate(P, Q, verifier=Naive),
            InputTypeError,
            r"verifier is the class Naive; pass an object: Naive\(\)",
        ),
        (
            lambda: acceptance_rate(P, Q, verifier=3),
            InputTypeError,
            "verifier is 3 of type int; expected a name or a Verifier object",
        ),
        (
            lambda: acceptance_rate(P, Q, verifier="rrs", scheme="greedy"),
            InputError,
            "verifier 'rrs' is for with_replacement, not for greedy",
        ),
        (
            lambda: acceptance_rate(P, Q, verifier="khisti"),
            InputError,
            "verifier 'khisti' is for n = 2 drafts, not for n = 3: pass n=2, or choose another verifier",
        ),
        (
            lambda: VERIFIERS["khisti"].plan(P, Q, 3),
            InputError,
            "verifier 'khisti' is for n = 2 drafts",
        ),
        (
            lambda: VERIFIERS["khisti"].output_law(P, Q, 1),
            InputError,
            "verifier 'khisti' is for n = 2 drafts",
        ),
        (
            lambda: VERIFIERS["khisti"].conditional_law(P, Q, (0, 1, 2)),
            InputError,
            "verifier 'khisti' is for n = 2 drafts",
        ),
        (
            lambda: acceptance_rate(P, Q, verifier="spechub"),
            InputError,
            "scheme 'spechub' is defined for n = 2 only: pass n=2, or scheme='greedy'",
        ),
        (
            lambda: acceptance_rate(P, [1.0, 0.0, 0.0], n=2, verifier="spechub"),
            SupportError,
            "spechub with n = 2 needs at least 2",
        ),
        (
            lambda: acceptance_rate(P, [1.0, 0.0, 0.0], n=2, verifier="greedy"),
            SupportError,
            "q has 1 token of positive probability",
        ),
    ],
)
def test_what_is_wrong_is_named(call, error, message):
    with pytest.raises(error, match=message):
        call()
