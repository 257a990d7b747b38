"""The kernels behind the front doors, with a launcher that runs them on the CPU."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pytest
import torch

import mdsd_theory as mdsd
from mdsd_theory import routes, routing
from mdsd_theory.cuda import solving
from mdsd_theory.instances import random_pair
from mdsd_theory.routing import Cost


@pytest.fixture
def on_cpu(host, monkeypatch):
    """Let the routes of CUDA take tensors of the CPU."""
    monkeypatch.setattr(solving, "launcher_of", lambda tensor: host)
    monkeypatch.setattr(routing, "_failed", {})
    changed = {
        name: replace(route, devices=("cpu",), missing=None, prices={"cpu": Cost(0, 0, 0)})
        if name.startswith("cuda")
        else route
        for name, route in routes.ROUTES.items()
    }
    monkeypatch.setattr(routes, "ROUTES", changed)


@pytest.fixture
def pair():
    rng = np.random.default_rng(0)
    pairs = [random_pair(kind, 500, 3, rng) for kind in ("flat", "peaked", "zeros", "equal")]
    return tuple(torch.tensor(np.stack(x)).reshape(2, 2, 500) for x in zip(*pairs, strict=True))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("route", ["cuda_buckets", "cuda_bounds", "cuda_race"])
def test_front_door(on_cpu, pair, route, dtype):
    p, q = (x.to(dtype) for x in pair)
    scheme = routes.ROUTES[route].schemes[0]
    exact = {"with_replacement": "sorted_prefix", "without_replacement": "race_prefix"}[scheme]
    found = mdsd.optimal_acceptance(p, q, scheme=scheme, route=route)
    truth = mdsd.optimal_acceptance(p, q, scheme=scheme, route=exact)
    assert found.route == route
    assert found.exact == (route != "cuda_bounds")
    assert found.value.dtype == dtype
    assert found.value.shape == (2, 2)
    assert (found.lower <= truth.upper).all()
    assert (truth.lower <= found.upper).all()
    assert found.subset.shape == p.shape
    assert found.subset.dtype == torch.bool


@pytest.mark.parametrize("temperature", [0.7, 1.0])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_logits(on_cpu, pair, temperature, dtype):
    p, q = (x.log().to(dtype) for x in pair)
    found = mdsd.optimal_acceptance_from_logits(
        p, q, temperature=temperature, scheme="with_replacement", route="cuda_buckets"
    )
    truth = mdsd.optimal_acceptance_from_logits(
        p, q, temperature=temperature, scheme="with_replacement", route="sorted_prefix"
    )
    assert found.route == "cuda_buckets"
    assert found.value.dtype == dtype
    assert (found.value - truth.value).abs().max() < 1e-6 if dtype == torch.float32 else True
    assert (found.lower <= truth.upper).all()
    assert (truth.lower <= found.upper).all()


def test_a_row_that_the_race_does_not_serve_takes_the_next_route(on_cpu):
    q = torch.full((1, 8_192), 1e-20)
    q[0, :2] = torch.tensor([0.5, 0.5])
    p = torch.full((1, 8_192), 1 / 8_192)
    assert mdsd.optimal_acceptance(p, q, n=3).route == "race_buckets"
    with pytest.raises(mdsd.RouteError, match="does not serve one of the rows"):
        mdsd.optimal_acceptance(p, q, n=3, route="cuda_race")
    with pytest.raises(mdsd.RouteError, match=r"cuda_race.* is for n = 1 to 16; got n = 17"):
        mdsd.optimal_acceptance(p, p, n=17, route="cuda_race")


def test_double_precision_keeps_its_own_routes(on_cpu, pair):
    assert mdsd.optimal_acceptance(*pair, scheme="with_replacement").route == "sorted_prefix"
    with pytest.raises(mdsd.RouteError, match=r"cuda_buckets.* is for float32"):
        mdsd.optimal_acceptance(*pair, scheme="with_replacement", route="cuda_buckets")


def test_errors_are_those_of_the_checks(on_cpu, pair):
    p, q = (x.float() for x in pair)
    p[1, 0, 3] = float("nan")
    with pytest.raises(mdsd.InputError, match=r"p\[1, 0, 3\] is nan, which is not finite"):
        mdsd.optimal_acceptance(p, q, scheme="with_replacement", route="cuda_buckets")
    p[1, 0, 3] = float("inf")
    with pytest.raises(mdsd.InputError, match=r"logits\[1, 0\] holds inf"):
        mdsd.optimal_acceptance_from_logits(p, q, scheme="with_replacement", route="cuda_buckets")


def test_rows_of_two_dtypes_are_checked_first(on_cpu, pair):
    p, q = pair
    p, q = p.float(), q.bfloat16()
    found = mdsd.optimal_acceptance(p, q, scheme="with_replacement", route="cuda_buckets")
    truth = mdsd.optimal_acceptance(p, q, scheme="with_replacement", route="sorted_prefix")
    assert torch.allclose(found.value, truth.value, rtol=0, atol=1e-6)


def test_a_kernel_that_fails_gives_way_with_one_warning(on_cpu, pair, monkeypatch):
    class Broken:
        multiprocessors = 4

        def launch(self, *arguments):
            raise RuntimeError("nvrtc: error: invalid value for --gpu-architecture")

    monkeypatch.setattr(solving, "launcher_of", lambda tensor: Broken())
    wide = [x.float().repeat(1, 1, 20) / 20 for x in pair]
    with pytest.warns(routing.RouteWarning, match="cuda_buckets.*nvrtc: error: invalid") as caught:
        first = mdsd.optimal_acceptance(*wide, scheme="with_replacement")
    assert len(caught) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        second = mdsd.optimal_acceptance(*wide, scheme="with_replacement")
    assert first.route == second.route != "cuda_buckets"
    with pytest.raises(RuntimeError, match="nvrtc"):
        mdsd.optimal_acceptance(*wide, scheme="with_replacement", route="cuda_buckets")


def test_without_a_device_the_route_says_what_it_lacks(pair):
    p, q = (x.float() for x in pair)
    with pytest.raises(mdsd.RouteError, match=r"cuda_buckets.*cuda"):
        mdsd.optimal_acceptance(p, q, scheme="with_replacement", route="cuda_buckets")


@pytest.fixture
def plans_on_cpu(host, monkeypatch):
    monkeypatch.setattr(solving, "launcher_of", lambda tensor: host)
    monkeypatch.setattr(solving, "serves", lambda backend: backend.library == "torch")
    monkeypatch.setattr(routing, "_failed", {})


@pytest.mark.parametrize("n", [1, 3])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16], ids=str)
def test_the_optimal_verifier_plans_and_draws_by_kernels(plans_on_cpu, pair, dtype, n):
    p, q = (x.to(dtype) for x in pair)
    generator = torch.Generator().manual_seed(1)
    rule = mdsd.VERIFIERS["optimal"]
    plan = rule.plan(p, q, n, scheme="with_replacement")
    assert type(plan).__name__ == "DevicePlan"
    best = mdsd.optimal_acceptance(p, q, n=n, scheme="with_replacement", route="sorted_prefix")
    assert (plan.acceptance <= best.upper).all()
    rounding = max(1e-6, torch.finfo(dtype).eps)
    assert (best.value.double() - plan.acceptance.double() <= plan.loss.double() + rounding).all()
    drafts = mdsd.SCHEMES["with_replacement"].sample(q, n, generator, size=4_000)
    token, index = plan.sample(drafts, generator)
    assert token.shape == index.shape == (2, 2, 4_000)
    accepted = (index >= 0).double().mean(-1)
    assert ((accepted - best.value.double()).abs() < 5 * (0.25 / 4_000) ** 0.5).all()
    one = rule.sample(p[0, 0], q[0, 0], drafts[0, 0, 0], generator, scheme="with_replacement")
    assert isinstance(one.token, int)


def test_the_plan_refuses_what_the_host_refuses(plans_on_cpu, pair):
    p, q = pair
    generator, rule = torch.Generator().manual_seed(1), mdsd.VERIFIERS["optimal"]
    plan = rule.plan(p[0, 0], q[0, 0], 2, scheme="with_replacement")
    with pytest.raises(mdsd.InputError, match="outside 0 … 499"):
        plan.sample([3, 500], generator)
    q = q.clone()
    q[0, 0, 7] = 0.0
    q = q / q.sum(-1, keepdim=True)
    with pytest.raises(mdsd.InputError, match="draft probability zero"):
        rule.plan(p[0, 0], q[0, 0], 2, scheme="with_replacement").sample([7, 3], generator)
    with pytest.raises(mdsd.InputError, match=r"p sums to 2"):
        rule.plan(2 * p[0, 0], q[0, 0], 2, scheme="with_replacement")
