"""Routes that read the caller's memory: the same results and the same errors as after the checks."""

from __future__ import annotations

import math
import tracemalloc

import numpy as np
import pytest
import torch

import mdsd_theory as mdsd
from mdsd_theory import optimal
from mdsd_theory.dual import raw_rows
from mdsd_theory.dual.raw_rows import RawRows
from mdsd_theory.options import checked_pair, unchecked_pair

SCHEME = mdsd.SCHEMES["with_replacement"]
RAW = [
    route.name
    for route in mdsd.ROUTES.values()
    if route.raw and route.serves(SCHEME) and "cpu" in (route.devices or ("cpu",))
]
LAYOUTS = {
    "float64": lambda x: x,
    "float32": lambda x: x.astype(np.float32),
    "float16": lambda x: x.astype(np.float16),
    "big endian": lambda x: x.astype(">f8"),
    "big endian, single": lambda x: x.astype(">f4"),
    "Fortran": np.asfortranarray,
    "negative strides": lambda x: np.ascontiguousarray(x[..., ::-1])[..., ::-1],
    "every other token": lambda x: np.repeat(x, 2, axis=-1)[..., ::2],
    "rows apart": lambda x: np.concatenate([x, x], axis=-1)[..., : x.shape[-1]],
    "one row for all": lambda x: np.broadcast_to(x.reshape(-1, x.shape[-1])[0], x.shape),
    "unaligned": lambda x: np.frombuffer(b"." + x.tobytes(), np.uint8)[1:].view(x.dtype).reshape(x.shape),
    "lists": lambda x: x.tolist(),
    "tensor": torch.tensor,
    "tensor, single": lambda x: torch.tensor(x, dtype=torch.float32),
    "tensor, half": lambda x: torch.tensor(x, dtype=torch.float16),
    "tensor, bfloat16": lambda x: torch.tensor(x, dtype=torch.bfloat16),
    "tensor, transposed": lambda x: torch.tensor(x.T.copy()).permute(*range(x.ndim)[::-1]),
    "tensor, bfloat16 and transposed": lambda x: torch.tensor(x.T.copy(), dtype=torch.bfloat16).permute(
        *range(x.ndim)[::-1]
    ),
    "tensor with a gradient": lambda x: torch.tensor(x, requires_grad=True),
    "negated view": lambda x: torch.complex(torch.zeros(x.shape).double(), -torch.tensor(x)).conj().imag,
}


def draw(rng, *shape):
    return rng.dirichlet(np.full(shape[-1], 0.3), size=(2, *shape[:-1])).reshape(2, *shape)


def as_numpy(x):
    return x.detach().resolve_neg().double().numpy() if isinstance(x, torch.Tensor) else np.asarray(x)


def both_ways(p, q, route, n=3):
    """Return the result straight from memory and the one after the checks."""
    raw, _ = unchecked_pair(p, q, n, SCHEME)
    straight = optimal.attempt(raw, n, SCHEME, route)
    checked, _ = checked_pair(p, q, n, SCHEME)
    return straight, optimal.solve(checked, n, SCHEME, route)


def assert_same(straight, checked, n, vocabulary):
    # Both are within the stated error of the same α*; a batch is rounded to the caller's dtype once more.
    dtype = str(getattr(straight.value, "dtype", "float64")).removeprefix("torch.")
    rounding = 2 * mdsd.arrays.EPS[dtype] if dtype != "float64" else 0
    allowed = 2 * (n + 1) * (vocabulary / 32 + 32) * 2.0**-53 + rounding
    assert type(straight) is type(checked)
    assert type(straight.value) is type(checked.value)
    assert getattr(straight.value, "dtype", None) == getattr(checked.value, "dtype", None)
    assert type(straight.subset) is type(checked.subset)
    assert tuple(straight.subset.shape) == tuple(checked.subset.shape)
    if not straight.exact:
        # The buckets of rows that are divided first have other edges.
        lowest = np.maximum(as_numpy(straight.lower), as_numpy(checked.lower))
        assert (lowest <= np.minimum(as_numpy(straight.upper), as_numpy(checked.upper))).all()
        return
    for key in ("value", "lower", "upper"):
        off = np.abs(as_numpy(getattr(straight, key)) - as_numpy(getattr(checked, key)))
        assert (off <= allowed).all(), key
    assert (as_numpy(straight.subset) == as_numpy(checked.subset)).all()


@pytest.mark.parametrize("route", RAW)
@pytest.mark.parametrize("shape", [(7,), (700,), (5, 700), (2, 3, 90), (40, 1_200)])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_dtype_and_layout(layout, shape, route, rng):
    p, q = (LAYOUTS[layout](x) for x in draw(rng, *shape))
    before = [as_numpy(x).copy() for x in (p, q)]
    straight, checked = both_ways(p, q, route)
    assert straight is not None
    assert_same(straight, checked, 3, shape[-1])
    for x, old in zip((p, q), before, strict=True):
        assert (as_numpy(x) == old).all()


@pytest.mark.parametrize("route", RAW)
def test_dtypes_that_differ(route, rng):
    p, q = draw(rng, 4, 300)
    for pair in ((p.astype(np.float32), q), (p, q.astype(np.float16)), (p.tolist(), q)):
        assert_same(*both_ways(*pair, route), 3, 300)
    pair = torch.tensor(p).to(torch.bfloat16), torch.tensor(q)
    assert_same(*both_ways(*pair, route), 3, 300)


@pytest.mark.parametrize("route", RAW)
@pytest.mark.parametrize("n", [1, 3])
@pytest.mark.parametrize(
    ("dtype", "off"),
    [("float64", 0.9e-9), ("float32", 0.9e-5), ("float16", 1.5e-3), ("bfloat16", 1.2e-2)],
)
def test_sums_within_the_tolerance(dtype, off, n, route, rng):
    """The sums are divided, and the ratios of the bucket ends times the quotient of the totals."""
    vocabulary = 20_000
    p, q = rng.dirichlet(np.ones(vocabulary), size=2)
    for scales in ((1 + off, 1 - off), (1 - off, 1 + off)):
        pair = [
            torch.tensor(x * scale, dtype=getattr(torch, dtype))
            for x, scale in zip((p, q), scales, strict=True)
        ]
        assert_same(*both_ways(*pair, route, n), n, vocabulary)


@pytest.mark.parametrize("route", RAW)
def test_the_last_ratio_below_n_counts_whatever_the_sums_are(route):
    """H holds a token of ratio n once the rows are divided, of more before."""
    off, n = 0.9e-9, 2
    q = np.array([0.5, 0.5]) * (1 - off)
    p = np.array([0.0, 1.0]) * (1 + off)
    straight, checked = both_ways(p, q, route, n)
    assert straight.value == pytest.approx(checked.value, abs=1e-14)
    assert checked.value == pytest.approx(0.75, abs=1e-8)


BAD = {
    "nan": lambda x: x.__setitem__((1, 3), math.nan),
    "infinite": lambda x: x.__setitem__((1, 3), math.inf),
    "minus infinity": lambda x: x.__setitem__((2, 0), -math.inf),
    "negative": lambda x: x.__setitem__((0, 5), -1e-3),
    "barely negative": lambda x: x.__setitem__((0, 5), -1e-30),
    "too large a sum": lambda x: x.__setitem__((1, 3), x[1, 3] + 0.1),
    "too small a sum": lambda x: x.__imul__(0.9),
    "zeros": lambda x: x.__imul__(0.0),
    "a sum of five": lambda x: x.__setitem__((0, slice(0, 5)), 1.0),
    "huge": lambda x: x.__setitem__((2, 7), 1e30),
}


@pytest.mark.parametrize("name", ["p", "q"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("case", BAD)
def test_errors_are_those_of_the_checks(case, dtype, name, rng):
    pair = dict(zip("pq", draw(rng, 3, 40), strict=True))
    BAD[case](pair[name])
    pair = {key: x.astype(dtype) for key, x in pair.items()}
    messages = []
    for route in ("sorted_prefix", *RAW, "no such route"):
        with pytest.raises(mdsd.InputError) as error:
            mdsd.optimal_acceptance(**pair, scheme="with_replacement", route=route)
        messages.append(str(error.value))
    assert len(set(messages)) == 1
    assert messages[0].startswith(name)


def test_five_ones_do_not_wrap_around_to_one():
    """Sums in units of 2⁻⁶² are modulo four."""
    with pytest.raises(mdsd.InputError, match="sums to 5"):
        mdsd.optimal_acceptance(np.ones(5), np.ones(5), scheme="with_replacement", route="ratio_buckets")


def test_a_bad_route_comes_after_bad_input():
    with pytest.raises(mdsd.InputError, match="unknown route"):
        mdsd.optimal_acceptance([0.5, 0.5], [0.5, 0.5], scheme="with_replacement", route="nearest")
    with pytest.raises(mdsd.InputTypeError, match="route is 3"):
        mdsd.optimal_acceptance([0.5, 0.5], [0.5, 0.5], scheme="with_replacement", route=3)


@pytest.mark.parametrize("route", RAW)
def test_entries_that_count_as_zero(route):
    q = np.array([0.5, 0.5, 1e-300])
    p = np.array([0.5, 0.25, 0.25])
    raw, _ = unchecked_pair(p, q, 2, SCHEME)
    assert optimal.attempt(raw, 2, SCHEME, route) is None
    result = mdsd.optimal_acceptance(p, q, n=2, scheme="with_replacement", route=route)
    assert result.value == mdsd.optimal_acceptance(p, q, n=2, scheme="with_replacement").value
    q[2] = -0.0
    straight, checked = both_ways(p, q, route, 2)
    assert straight.value == checked.value == 0.75


def test_nothing_is_copied_where_rows_lie_together(rng):
    p = rng.random((6, 50))
    for x in (p, p.astype(np.float32), torch.tensor(p), torch.tensor(p, requires_grad=True)):
        block = RawRows(x).block(2, 5)
        memory = x.detach().numpy() if isinstance(x, torch.Tensor) else x
        assert np.shares_memory(block, memory)
        assert not block.flags.writeable
        assert (block == memory[2:5]).all()
    bits = torch.tensor(p).to(torch.bfloat16)
    array, halved = raw_rows.on_host(bits)
    assert halved
    assert array.__array_interface__["data"][0] == bits.data_ptr()


@pytest.mark.parametrize("layout", [name for name in LAYOUTS if name != "lists"])
def test_blocks_are_what_the_loops_are_compiled_for(layout, rng):
    x = LAYOUTS[layout](draw(rng, 3, 4, 50)[0])
    block = RawRows(x).block(3, 9)
    assert block.flags.c_contiguous
    assert block.flags.aligned
    assert not block.flags.writeable
    assert block.dtype in (np.dtype(np.float32), np.dtype(np.float64))
    assert block.dtype.isnative
    assert (block == as_numpy(x).reshape(-1, 50)[3:9]).all()


@pytest.mark.parametrize(
    "layout",
    [
        "float32",
        "float16",
        "Fortran",
        "rows apart",
        "tensor, half",
        "tensor, bfloat16",
        "negative strides",
    ],
)
def test_no_array_of_the_size_of_the_batch_but_the_subset(layout, rng):
    rows, vocabulary = 24, 30_000
    p, q = (LAYOUTS[layout](x) for x in draw(rng, rows, vocabulary))

    def call():
        mdsd.optimal_acceptance(p, q, scheme="with_replacement", route="ratio_buckets")

    call()
    tracemalloc.start()
    try:
        call()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    subset, copied_rows, keys = rows * vocabulary, 2 * 8 * vocabulary, 2 * vocabulary
    assert peak < subset + copied_rows + keys + 2**17
