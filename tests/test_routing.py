"""The choice of a route: by measured cost, by what a route takes, and after a failure."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import mdsd_theory as mdsd
from mdsd_theory import routes, routing
from mdsd_theory.routes import COMPILED, choose_routes, ranking
from mdsd_theory.routing import Cost, RouteWarning, Workload
from mdsd_theory.schemes import SCHEMES

WITH = SCHEMES["with_replacement"]
LARGE = {"vocabulary": 151_936}


def names(ranked):
    return [route.name for route in ranked]


@pytest.fixture
def pair(rng):
    return rng.dirichlet(np.full(5_000, 0.3), size=2)


@pytest.fixture
def table(monkeypatch):
    """Replace routes of the table; failures of other tests are forgotten."""
    monkeypatch.setattr(routing, "_failed", {})

    def change(name, **fields):
        changed = dict(routes.ROUTES) | {name: routes.Route(**(routes.ROUTES[name].__dict__ | fields))}
        monkeypatch.setattr(routes, "ROUTES", changed)

    return change


def test_every_route_of_a_scheme_with_a_choice_on_the_cpu_has_a_price():
    work = Workload(1_000)
    for scheme in SCHEMES.values():
        peers = [r for r in routes.ROUTES.values() if r.layer == "dual" and r.exact and r.serves(scheme)]
        able = [r for r in peers if r.takes(work)]
        if len(able) > 1:
            for route in able:
                assert route.prices["cpu"].microseconds(work) > 0, route.name


@pytest.mark.parametrize("vocabulary", [1, 100, 4_095, 4_096, 50_000, 1_000_000])
@pytest.mark.parametrize("rows", [1, 16, 4_096])
def test_the_cheapest_exact_route_comes_first(vocabulary, rows):
    work = Workload(vocabulary, rows)
    for scheme in SCHEMES.values():
        ranked = ranking(scheme, work)
        times = [r.microseconds(work) for r in ranked if vocabulary * rows >= r.least]
        known = [t for t in times if t is not None]
        assert known == sorted(known)
        assert ranked[0].exact or scheme.name == "independent"
        for route in ranked:
            assert route.serves(scheme)
            assert route.takes(work)


def test_the_cost_is_what_it_says():
    cost = Cost(call=10, row=2, token=3, sorting=5, drafts=7)
    work = Workload(vocabulary=1_024, rows=4, n=2)
    assert cost.microseconds(work) == pytest.approx(10 + 4 * (2 + 1.024 * (3 + 5 * 10 + 7 * 4)))


def test_small_input_does_not_load_compiled_code():
    assert names(ranking(WITH, Workload(COMPILED - 1)))[0] == "sorted_prefix"
    assert names(ranking(WITH, Workload(COMPILED)))[0] == "ratio_buckets"
    assert names(ranking(WITH, Workload(COMPILED // 16, rows=16)))[0] == "ratio_buckets"


def test_a_result_names_the_route_that_was_chosen(pair):
    assert mdsd.optimal_acceptance(*pair, scheme="with_replacement").route == "ratio_buckets"
    small = mdsd.optimal_acceptance([0.5, 0.5], [0.25, 0.75], scheme="with_replacement")
    assert small.route == "sorted_prefix"
    compared = mdsd.compare(*pair, scheme="with_replacement", verifiers=[])
    assert compared.optimal.route == "ratio_buckets"
    for route in ("ratio_buckets", "ratio_bounds", "sorted_prefix"):
        assert mdsd.optimal_acceptance(*pair, scheme="with_replacement", route=route).route == route


def test_routes_of_one_device_stay_there():
    on_gpu = Workload(**LARGE, device="cuda")
    assert "ratio_buckets" not in names(ranking(WITH, on_gpu))
    with pytest.raises(mdsd.RouteError, match="'ratio_buckets' is for cpu; got cuda"):
        choose_routes("ratio_buckets", WITH, on_gpu)


def test_routes_of_some_dtypes(table):
    table("ratio_buckets", dtypes=("float32", "float64"))
    assert names(ranking(WITH, Workload(**LARGE, dtype="bfloat16"))) == ["sorted_prefix"]
    with pytest.raises(mdsd.RouteError, match="is for float32, float64; got bfloat16"):
        choose_routes("ratio_buckets", WITH, Workload(**LARGE, dtype="bfloat16"))


def test_what_is_missing_is_said_once(table, pair):
    table("ratio_buckets", missing=lambda: "no such library")
    with pytest.warns(RouteWarning, match=r"'ratio_buckets' is left out .*: no such library") as said:
        first = mdsd.optimal_acceptance(*pair, scheme="with_replacement")
    assert len(said) == 1
    assert first.route == "sorted_prefix"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert mdsd.optimal_acceptance(*pair, scheme="with_replacement").route == "sorted_prefix"
    with pytest.raises(mdsd.RouteError, match="cannot be used here: no such library"):
        mdsd.optimal_acceptance(*pair, scheme="with_replacement", route="ratio_buckets")


@pytest.mark.parametrize("entry", ["raw", "solve"])
def test_a_route_that_breaks_is_replaced_once_and_said(entry, table, pair):
    def broken(backend, p, q, n):
        raise RuntimeError("no kernel")

    table("ratio_buckets", **({"raw": None} | {entry: broken}))
    with pytest.raises(RuntimeError, match="no kernel"):
        mdsd.optimal_acceptance(*pair, scheme="with_replacement", route="ratio_buckets")
    with pytest.warns(RouteWarning, match="it failed with RuntimeError: no kernel") as said:
        result = mdsd.optimal_acceptance(*pair, scheme="with_replacement")
    assert len(said) == 1
    assert result.route == "sorted_prefix"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert mdsd.optimal_acceptance(*pair, scheme="with_replacement").value == result.value


def test_an_interruption_is_no_failure_of_the_route(table, pair):
    def interrupted(backend, p, q, n):
        raise TimeoutError("a signal handler's")

    table("ratio_buckets", raw=interrupted)
    with pytest.raises(TimeoutError, match="handler"):
        mdsd.optimal_acceptance(*pair, scheme="with_replacement")
    assert not routing.withdrawn("ratio_buckets")


def test_an_error_of_the_last_route_is_raised(table):
    def broken(backend, p, q, n):
        raise ArithmeticError("no closed form")

    table("top_k_closed_form", solve=broken)
    with pytest.raises(ArithmeticError, match="no closed form"):
        mdsd.optimal_acceptance([0.5, 0.5], [0.25, 0.75], n=1, scheme="top_k")


@pytest.mark.parametrize("error", [mdsd.CertificationError("refused"), MemoryError()])
def test_refusals_and_lack_of_memory_are_not_failures(error, table, pair):
    def refuses(backend, p, q, n):
        raise error

    table("ratio_buckets", raw=refuses)
    with pytest.raises(type(error)):
        mdsd.optimal_acceptance(*pair, scheme="with_replacement")
    assert not routing.withdrawn("ratio_buckets")
