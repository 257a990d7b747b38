"""Library, dtype, device and batch shape: what goes in comes out."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import mdsd_theory as mdsd
from mdsd_theory.arrays import Backend, mask_of_indices, top_indices
from mdsd_theory.distributions import sum_tolerance

SCHEMES = ["with_replacement", "without_replacement", "greedy", "top_k"]
FIELDS = ("value", "lower", "upper")


def solve(p, q, scheme, n=3):
    return mdsd.optimal_acceptance(p, q, n=n, scheme=scheme)


@pytest.mark.parametrize("scheme", SCHEMES)
class TestEveryScheme:
    def test_batch_equals_loop(self, scheme, batch):
        p, q = batch
        together = solve(p, q, scheme)
        for i in range(len(p)):
            alone = solve(p[i], q[i], scheme)
            assert isinstance(alone.value, float)
            assert together.value[i] == pytest.approx(alone.value, abs=1e-14)
            assert (together.subset[i] == alone.subset).all()

    def test_leading_shape(self, scheme, batch):
        p, q = (np.stack([x, x[::-1]]) for x in batch)
        result = solve(p, q, scheme)
        assert result.value.shape == (2, 5)
        assert result.subset.shape == (2, 5, 40)
        np.testing.assert_allclose(result.value[1], solve(*batch, scheme).value[::-1], atol=1e-15)

    def test_no_rows(self, scheme, batch):
        p, q = (x[:0] for x in batch)
        result = solve(p, q, scheme)
        assert result.value.shape == (0,)
        assert result.subset.shape == (0, 40)

    def test_torch_equals_numpy(self, scheme, batch):
        p, q = batch
        expected, got = solve(p, q, scheme), solve(torch.tensor(p), torch.tensor(q), scheme)
        assert got.value.dtype == torch.float64
        assert got.subset.dtype == torch.bool
        np.testing.assert_allclose(got.value.numpy(), expected.value, atol=1e-14)
        assert (got.subset.numpy() == expected.subset).all()

    @pytest.mark.parametrize("dtype", [np.float32, np.float16])
    def test_numpy_dtype_is_kept(self, scheme, dtype, batch):
        p, q = (x[3:].astype(dtype) for x in batch)
        result = solve(p, q, scheme)
        assert all(getattr(result, field).dtype == dtype for field in FIELDS)

    @pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
    def test_torch_dtype_and_device_are_kept(self, scheme, dtype, batch):
        p, q = (torch.tensor(x[3:]).to(dtype) for x in batch)
        result = solve(p, q, scheme)
        for field in FIELDS:
            assert getattr(result, field).dtype == dtype
            assert getattr(result, field).device == p.device

    def test_narrow_dtypes_round_the_enclosure_outwards(self, scheme, batch):
        for dtype in (torch.float32, torch.float16, torch.bfloat16):
            p, q = (torch.tensor(x[3:]).to(dtype) for x in batch)
            result = solve(p, q, scheme)
            for i in range(len(p)):
                alone = solve(p[i], q[i], scheme)
                assert float(result.lower[i]) <= alone.lower
                assert alone.upper <= float(result.upper[i])

    @pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
    def test_narrow_enclosures_stay_probabilities_one_spacing_wide(self, scheme, dtype, rng):
        kind = getattr(torch, dtype)
        p, q = (torch.tensor(rng.dirichlet(np.full(5, 0.1), size=300)).to(kind) for _ in range(2))
        keep = (q > 0).all(-1)
        result = solve(p[keep], q[keep], scheme)
        lower, value, upper = (getattr(result, field).double() for field in FIELDS)
        assert (lower >= 0).all()
        assert (upper <= 1).all()
        spacing = torch.finfo(kind).eps * torch.maximum(value, torch.tensor(1e-5))
        subnormal = 2.0**-24 if dtype == "float16" else 0.0
        assert (upper - lower <= 2 * (spacing + subnormal) + 1e-11).all()

    def test_float32_is_within_1e_5_of_float64(self, scheme, rng):
        p, q = rng.dirichlet(np.full(5000, 0.2), size=(2, 4))
        wide = solve(p, q, scheme).value
        narrow = solve(p.astype(np.float32), q.astype(np.float32), scheme).value
        assert np.abs(narrow - wide).max() < 1e-5

    def test_lists_and_integers_count_as_float64(self, scheme):
        result = solve([[0, 1, 0]], [[0.25, 0.5, 0.25]], scheme, n=1)
        assert result.value.dtype == np.float64
        assert result.value[0] == pytest.approx(1.0 if scheme == "top_k" else 0.5)

    def test_one_token(self, scheme):
        assert solve([1.0], [1.0], scheme, n=1).value == 1.0


def test_lists_join_a_tensor():
    result = mdsd.optimal_acceptance(torch.tensor([[0.5, 0.5]]), [[0.25, 0.75]], n=1)
    assert isinstance(result.value, torch.Tensor)


def test_wider_dtype_wins():
    p, q = np.float32([[0.5, 0.5]]), np.float64([[0.25, 0.75]])
    assert mdsd.optimal_acceptance(p, q, n=1).value.dtype == np.float64


def test_gradients_are_not_followed():
    p = torch.tensor([0.5, 0.5], requires_grad=True)
    assert mdsd.optimal_acceptance(p, torch.tensor([0.25, 0.75]), n=1).value == pytest.approx(0.75)


def test_a_draft_that_float16_flushes_to_one_hot_is_refused(batch):
    p, q = (x.astype(np.float16) for x in batch)
    with pytest.raises(mdsd.SupportError, match=r"q\[2\] has 1 token"):
        mdsd.optimal_acceptance(p, q, n=2)


def test_input_is_not_changed(batch):
    p, q = (x.copy() for x in batch)
    mdsd.compare(p, q, scheme="all", verifiers=["naive"])
    assert (p == batch[0]).all()
    assert (q == batch[1]).all()


def test_noncontiguous_input(batch):
    p, q = (np.asfortranarray(x)[::2] for x in batch)
    np.testing.assert_allclose(
        mdsd.optimal_acceptance(p, q).value, mdsd.optimal_acceptance(*batch).value[::2], atol=1e-15
    )


def test_half_precision_rows_are_renormalised_within_the_tolerance(rng):
    p = rng.dirichlet(np.full(2000, 0.5))
    q = rng.dirichlet(np.full(2000, 0.5))
    for dtype in (torch.float16, torch.bfloat16):
        narrow = [torch.tensor(x).to(dtype) for x in (p, q)]
        off = max(abs(float(x.double().sum()) - 1) for x in narrow)
        assert 1e-9 < off < sum_tolerance(str(dtype).removeprefix("torch."), 2000)
        exact = [x.double() / x.double().sum() for x in narrow]
        assert mdsd.optimal_acceptance(*narrow).value == pytest.approx(
            mdsd.optimal_acceptance(*exact).value, abs=1e-14
        )


@pytest.mark.parametrize("n", [2, 3, 5])
def test_tails_of_1e_280_are_kept_and_of_1e_300_dropped(n):
    p = [1 / 6] * 6
    for tail, exact in ((1e-280, 1.0), (1e-300, None)):
        q = [1 - 5 * tail] + [tail] * 5
        if exact is None:
            with pytest.raises(mdsd.SupportError, match="less than 1e-290 as zero"):
                mdsd.optimal_acceptance(p, q, n=n)
            continue
        assert mdsd.optimal_acceptance(p, q, n=n).value == pytest.approx(exact, abs=1e-14)
        naive = mdsd.acceptance_rate(p, q, n=n, verifier="naive")
        assert naive == pytest.approx(n / 6, abs=1e-13)


def test_a_route_that_fails_numerically_is_refused(monkeypatch):
    from mdsd_theory import routes

    def broken(backend, p, q, n):
        honest = mdsd.ROUTES["sorted_prefix"].solve(backend, p, q, n)
        return type(honest)(honest.value * np.nan, honest.lower, honest.upper, honest.subset)

    route = routes.Route("sorted_prefix", "dual", ("with_replacement",), True, None, "", broken)
    monkeypatch.setattr(routes, "ROUTES", {"sorted_prefix": route})
    with pytest.raises(mdsd.CertificationError, match="outside its own enclosure"):
        mdsd.optimal_acceptance([0.5, 0.5], [0.5, 0.5], n=1, scheme="with_replacement")


def test_one_hot_target_and_draft():
    p, q = [0.0, 1.0, 0.0], [0.0, 1.0, 0.0]
    assert mdsd.optimal_acceptance(p, q, scheme="with_replacement").value == 1.0
    other = mdsd.optimal_acceptance([1.0, 0.0, 0.0], q, scheme="with_replacement")
    assert other.value == 0.0


def test_top_indices_break_ties_towards_the_lowest_index():
    backend = Backend("numpy", np.float64, "cpu")
    x = np.array([[0.2, 0.3, 0.2, 0.3]])
    for k in range(5):
        assert top_indices(backend, x, k).tolist() == [[1, 3, 0, 2][:k]]
    tensor = Backend("torch", torch.float64, torch.device("cpu"))
    assert top_indices(tensor, torch.tensor(x), 3).tolist() == [[1, 3, 0]]
    assert mask_of_indices(backend, np.array([[1, 3]]), 4).tolist() == [[False, True, False, True]]
