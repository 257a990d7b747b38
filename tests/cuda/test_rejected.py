"""Recursive rejection's kernels, run on the CPU, against the loop and the array operations."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mdsd_theory import acceptance_rate
from mdsd_theory.cuda import rejected, solving
from mdsd_theory.demo_data import load_demo_data
from mdsd_theory.distributions import pair
from mdsd_theory.routing import RouteWarning, _failed
from mdsd_theory.verifiers import cpu, rejected_device
from mdsd_theory.verifiers.enclosed_paths import enclose_three
from mdsd_theory.verifiers.rejected_cells import Cells, cells_of_arrays
from mdsd_theory.verifiers.rejected_cells_loop import cells_of_rows
from mdsd_theory.verifiers.rejected_groups import Groups
from mdsd_theory.verifiers.rejected_slack import Slack
from tests.verifiers.test_rejected_cells import adversarial


def tensors(*arrays):
    return [torch.from_numpy(np.ascontiguousarray(x)) for x in arrays]


def on_torch(vocabulary, rng):
    _, p, q = adversarial(vocabulary, rng)
    checked = pair(*tensors(p, q))
    return checked.backend, checked.p, checked.q


@pytest.fixture
def device(host, monkeypatch):
    """Pretend that the CPU is a device whose kernels the emulator runs."""
    monkeypatch.setattr(solving, "serves", lambda backend: backend.library == "torch")
    monkeypatch.setattr(solving, "launcher_of", lambda tensor: host)
    monkeypatch.setattr(cpu, "on_cpu", lambda backend: False)
    yield host
    _failed.clear()


@pytest.mark.parametrize("multiprocessors", [1, 40])
@pytest.mark.parametrize("vocabulary", [7, 40, 4100])
def test_cells_are_those_of_the_loop(host, multiprocessors, vocabulary, rng, monkeypatch):
    monkeypatch.setattr(host, "multiprocessors", multiprocessors)
    backend, p, q = on_torch(vocabulary, rng)
    p, q = p[::3], q[::3]
    excess = (p - q).clip(min=0).sum(-1, keepdim=True)
    groups = Groups.of(backend, p, q, excess, 16)
    points = np.sort(rng.exponential(size=(len(p), 20)), axis=-1)
    points[:, 0] = 0
    for edges in (groups.smallest.flip(-1), 0 * excess):
        known = [p, q, groups.top, edges, *tensors(points)]
        found = rejected.cells_of(host, *known)
        for mine, theirs in zip(found, cells_of_rows(*(x.numpy() for x in known)), strict=True):
            np.testing.assert_allclose(mine, theirs, rtol=1e-12)


def test_rows_apart_and_points_that_tokens_meet(host, rng):
    whole = rng.dirichlet(np.ones(50), size=(2, 3, 2))
    p, q = tensors(whole[0])[0][:, 1], tensors(whole[1])[0][:, 1]
    assert p.stride(0) == 100
    ratio = ((p - q) / q).clip(min=0).sort(-1).values
    points = torch.cat([torch.zeros(3, 1), ratio[:, 40:]], -1).double()
    top = q.topk(2, -1).indices
    edges = torch.zeros(3, 1, dtype=torch.float64)
    known = [p, q, top, edges, points]
    expected = cells_of_rows(*(x.contiguous().numpy() for x in known))
    for mine, theirs in zip(rejected.cells_of(host, *known), expected, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-12)


@pytest.mark.parametrize("size", [1, 37, 5000])
def test_bounds_are_those_of_chords_and_tangents(host, size, rng):
    backend, p, q = on_torch(40, rng)
    points = np.sort(rng.exponential(size=(len(p), 33)), axis=-1)
    points[:, 0], points[:, 7] = 0, points[:, 6]
    slack = Slack.of(backend, p, q, *tensors(points))
    least, most = (1.2 * rng.exponential(size=(len(p), size)) for _ in range(2))
    least[:, : min(size, 33)] = points[:, : min(size, 33)]
    most[:, -1], least[:, -1] = 0, 1e9
    least, most = tensors(least, most)
    above, below = rejected.slack_bounds(host, slack.points, slack.value, slack.slope, least, most)
    np.testing.assert_allclose(above, slack.above(least), rtol=1e-14, atol=1e-300)
    np.testing.assert_allclose(below, slack.below(most), rtol=1e-14, atol=1e-300)


@pytest.mark.parametrize("vocabulary", [40, 1500])
def test_enclosures_are_those_without_kernels(device, vocabulary, rng, monkeypatch):
    backend, p, q = on_torch(vocabulary, rng)
    p, q = p[::2], q[::2]
    mine = enclose_three(backend, p, q, 16)
    assert {"rejected_cells", "slack_bounds"} <= set(device.launched)
    monkeypatch.setattr(solving, "serves", lambda backend: False)
    for x, y in zip(mine, enclose_three(backend, p, q, 16), strict=True):
        np.testing.assert_allclose(x, y, rtol=0, atol=1e-12)


def test_shipped_rows(device, monkeypatch):
    data = load_demo_data(0.7)
    laws = [x[3:5].astype(np.float64) for x in (data.p, data.q)]
    p, q = tensors(*(x / x.sum(-1, keepdims=True) for x in laws))
    device.launched.clear()
    options = {"n": 3, "scheme": "without_replacement", "verifier": "rrs_without_replacement"}
    mine = acceptance_rate(p, q, **options, detail=True)
    # Rows go by chunks: cells of all groups and of F alone, then bounds, for each.
    once = ["rejected_cells", "rejected_cells", "slack_bounds"]
    assert device.launched == once * (len(device.launched) // 3)
    monkeypatch.setattr(solving, "serves", lambda backend: False)
    theirs = acceptance_rate(p, q, **options, detail=True)
    np.testing.assert_allclose(mine.value, theirs.value, rtol=0, atol=1e-11)
    np.testing.assert_allclose(mine.error_bound, theirs.error_bound, rtol=0, atol=1e-11)


def test_tables_that_do_not_fit_are_left_to_arrays(device, rng):
    backend, p, q = on_torch(40, rng)
    points = np.sort(rng.exponential(size=(len(p), 13_000)), axis=-1)
    assert not rejected.fits(points.shape[1])
    device.launched.clear()
    Slack.of(backend, p, q, *tensors(points))
    assert not device.launched


def test_a_kernel_that_fails_is_left_out_with_one_warning(device, rng, monkeypatch):
    backend, p, q = on_torch(40, rng)
    monkeypatch.setattr(device, "launch", lambda *_: 1 / 0)
    points = tensors(np.sort(rng.exponential(size=(len(p), 9)), axis=-1))[0]
    nobody, one = torch.zeros(len(p), 2, dtype=torch.int64), torch.zeros(len(p), 1, dtype=torch.float64)
    with pytest.warns(RouteWarning, match="route 'cuda_rejected' is left out.*ZeroDivisionError"):
        assert rejected_device.cells(backend, p, q, nobody, one, points) is None
    mine = Cells.of(backend, p, q, points, nobody, one)
    for x, y in zip(
        (mine.mass, mine.gap), cells_of_arrays(backend, p, q, nobody, one, points), strict=True
    ):
        np.testing.assert_array_equal(x, y)


def test_no_kernel_whose_rounding_varies_where_torch_is_to_be_deterministic(device, rng):
    backend, p, q = on_torch(40, rng)
    points = tensors(np.sort(rng.exponential(size=(len(p), 9)), axis=-1))[0]
    device.launched.clear()
    torch.use_deterministic_algorithms(True)
    try:
        Slack.of(backend, p, q, points)
        assert not device.launched
    finally:
        torch.use_deterministic_algorithms(False)
    Slack.of(backend, p, q, points)
    assert device.launched == ["rejected_cells"]
