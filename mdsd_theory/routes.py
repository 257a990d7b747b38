"""The table of routes to α*: which scheme, exact or a bound, how large, where, at what cost.

A row drives the automatic choice, the documentation and the tests.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from mdsd_theory.cuda.solving import BOUNDS, BUCKETS, RACE, missing
from mdsd_theory.dual.closed_form import greedy, top_k
from mdsd_theory.dual.independent import (
    LARGEST_ENUMERATION,
    subset_enumeration,
    weighted_mean_bounds,
)
from mdsd_theory.dual.race_buckets import LARGEST_N, race_buckets
from mdsd_theory.dual.race_prefix import race_prefix
from mdsd_theory.dual.ratio_buckets import (
    ratio_bounds,
    ratio_buckets,
    raw_ratio_bounds,
    raw_ratio_buckets,
)
from mdsd_theory.dual.raw_race import raw_race_buckets
from mdsd_theory.dual.sorted_prefix import sorted_prefix
from mdsd_theory.errors import InputError, InputTypeError, RouteError, SizeError
from mdsd_theory.routing import Cost, Workload, withdraw, withdrawn
from mdsd_theory.schemes import SCHEMES
from mdsd_theory.schemes.base import Scheme

COMPILED = 4096
"""Tokens in all, V times rows, from which a route of compiled loops is worth loading.

Loading takes half a second once; on fewer tokens every route takes less than half a millisecond.
"""


@dataclass(frozen=True)
class Route:
    """One way to α*.

    Attributes
    ----------
    name : str
        Key in :data:`ROUTES`.
    layer : {"dual", "reference"}
        ``dual`` works on all rows of a batch at once; ``reference`` solves one row after the other
        over the enumerated sets of drafts, and checks both witnesses.
    schemes : tuple of str, or None
        Names of the schemes it serves; None for every scheme, your own objects included.
    exact : bool
        Whether the value is α* up to rounding, or only an enclosure.
    largest : int or None
        Largest V; None where memory, or the number of sets of drafts, is the only limit.
    cost : str
        Of one row, in V, n and m = number of sets of drafts.
    solve : callable, or None
        ``solve(backend, p, q, n) -> DualSolution`` of a dual route, from checked rows.
    raw : callable, or None
        ``raw(backend, p, q, n) -> DualSolution | None`` where it can also read p and q of shape
        (..., V) as they came, unchecked and in any floating dtype: None when a row has to be looked at
        by the checks, which divide it, or say what is wrong with it.
    logits : callable, or None
        ``logits(backend, p, q, n, temperature) -> DualSolution | None``: the same for logits.
    least : int
        Tokens in all, V times rows, from which the automatic choice considers it.
    devices, dtypes : tuple of str, or None
        Kinds of devices and the caller's dtypes that it takes; None for all.
    drafts : tuple of int, or None
        The fewest and the most n that it takes; None for all.
    prices : mapping of str to Cost
        The measured cost, by kind of device.
    missing : callable, or None
        ``missing() -> str | None``: what this installation or machine lacks for it.
    """

    name: str
    layer: str
    schemes: tuple[str, ...] | None
    exact: bool
    largest: int | None
    cost: str
    solve: Callable[..., Any] | None = None
    raw: Callable[..., Any] | None = None
    logits: Callable[..., Any] | None = None
    least: int = 0
    devices: tuple[str, ...] | None = None
    dtypes: tuple[str, ...] | None = None
    drafts: tuple[int, int] | None = None
    prices: Mapping[str, Cost] = field(default_factory=dict)
    missing: Callable[[], str | None] | None = None

    def serves(self, scheme: Scheme) -> bool:
        """Tell whether this route can solve the scheme at all."""
        if self.schemes is None:
            return True
        known = SCHEMES.get(scheme.name)
        return scheme.name in self.schemes and type(scheme) is type(known)

    def takes(self, work: Workload) -> bool:
        """Tell whether this route can solve an input of that size, at that place."""
        return (
            (self.largest is None or work.vocabulary <= self.largest)
            and (self.devices is None or work.device in self.devices)
            and (self.dtypes is None or work.dtype in self.dtypes)
            and (self.drafts is None or self.drafts[0] <= work.n <= self.drafts[1])
        )

    def microseconds(self, work: Workload) -> float | None:
        """Return the expected time; None where it was never measured."""
        price = self.prices.get(work.device)
        return None if price is None else price.microseconds(work)


SINGLE = ("float32", "float16", "bfloat16")
"""Dtypes whose rounding is no less than what the CUDA kernels leave open; float64 deserves more."""

_TABLE = (
    Route(
        "cuda_buckets",
        "dual",
        ("with_replacement",),
        True,
        None,
        "V: p and q read once, and a byte a token three times",
        *BUCKETS,
        devices=("cuda",),
        dtypes=SINGLE,
        prices={"cuda": Cost(call=784.0, row=1.06, token=0.0)},
        missing=missing,
    ),
    Route(
        "cuda_bounds",
        "dual",
        ("with_replacement",),
        False,
        None,
        "V: p and q read once",
        *BOUNDS,
        devices=("cuda",),
        prices={"cuda": Cost(call=648.0, row=0.772, token=0.0)},
        missing=missing,
    ),
    Route(
        "cuda_race",
        "dual",
        ("without_replacement",),
        True,
        None,
        "V: q read once, p and q mostly twice; 256 values of Q",
        *RACE,
        devices=("cuda",),
        dtypes=SINGLE,
        drafts=(1, LARGEST_N),
        prices={"cuda": Cost(call=1030.0, row=6.25, token=0.0, drafts=0.0051)},
        missing=missing,
    ),
    Route(
        "sorted_prefix",
        "dual",
        ("with_replacement",),
        True,
        None,
        "V log V",
        sorted_prefix,
        prices={
            "cpu": Cost(call=190.0, row=0.29, token=0.0, sorting=5.8),
            "cuda": Cost(call=1160.0, row=48.5, token=0.0619),
        },
    ),
    Route(
        "ratio_buckets",
        "dual",
        ("with_replacement",),
        True,
        None,
        "V: one pass, and a look at few tokens",
        ratio_buckets,
        raw_ratio_buckets,
        least=COMPILED,
        devices=("cpu",),
        prices={"cpu": Cost(call=114.0, row=1.1, token=4.8)},
    ),
    Route(
        "ratio_bounds",
        "dual",
        ("with_replacement",),
        False,
        None,
        "V: one pass",
        ratio_bounds,
        raw_ratio_bounds,
        least=COMPILED,
        devices=("cpu",),
        prices={"cpu": Cost(call=117.0, row=1.0, token=3.2)},
    ),
    Route(
        "race_prefix",
        "dual",
        ("without_replacement",),
        True,
        None,
        "V log V + 50 n² V",
        race_prefix,
        prices={
            "cpu": Cost(call=243.0, row=0.0, token=0.0, drafts=27.0),
            "cuda": Cost(call=0.0, row=2510.0, token=0.0, drafts=0.87),
        },
    ),
    Route(
        "race_buckets",
        "dual",
        ("without_replacement",),
        True,
        None,
        "V: three passes, and some values of Q at 50 n R operations, R ≈ 13",
        race_buckets,
        raw_race_buckets,
        least=COMPILED,
        devices=("cpu",),
        prices={"cpu": Cost(call=318.0, row=0.357, token=12.1, drafts=0.762)},
    ),
    Route("greedy_closed_form", "dual", ("greedy", "spechub"), True, None, "n V", greedy),
    Route("top_k_closed_form", "dual", ("top_k",), True, None, "n V", top_k),
    Route(
        "subset_enumeration",
        "dual",
        ("independent",),
        True,
        LARGEST_ENUMERATION,
        "n 2^V",
        subset_enumeration,
    ),
    Route(
        "weighted_mean_bounds",
        "dual",
        ("independent",),
        False,
        None,
        "24 V log V",
        weighted_mean_bounds,
    ),
    Route("highs", "reference", None, True, None, "a sparse LP with n m entries"),
    Route("cvxpy", "reference", None, True, None, "the same LP as printed, with cvxpy"),
    Route("max_flow", "reference", None, True, None, "a flow on n m + m + V edges, in floats"),
    Route("rational", "reference", None, True, None, "the same flow in exact fractions"),
    Route("all_subsets", "reference", None, True, 20, "m 2^V"),
)

ROUTES: MappingProxyType[str, Route] = MappingProxyType({route.name: route for route in _TABLE})
"""Every route to α* by name; ``route="auto"`` chooses by :func:`ranking`."""


def ranking(scheme: Scheme, work: Workload, *, anywhere: bool = False) -> list[Route]:
    """Return the routes that ``route="auto"`` would use, the first of them if nothing fails.

    Among exact routes of the dual layer the cheapest by measured cost comes first, then those without a
    measurement, then those not worth loading for so few tokens; where there is none of that kind, the
    table's first route for the scheme is used. Routes that have failed or lack something on this machine
    are left out, unless the question is what would happen ``anywhere``.

    Examples
    --------
    >>> from mdsd_theory import SCHEMES
    >>> for vocabulary in (50, 50_000):
    ...     ranked = ranking(SCHEMES["with_replacement"], Workload(vocabulary))
    ...     print([route.name for route in ranked])
    ['sorted_prefix', 'ratio_buckets']
    ['ratio_buckets', 'sorted_prefix']
    """
    able = [r for r in ROUTES.values() if r.serves(scheme) and r.takes(work)]
    peers = [r for r in able if r.layer == "dual" and r.exact]
    if not peers:
        return able[:1]
    tokens = work.vocabulary * work.rows

    def place(route: Route) -> tuple[bool, bool, float]:
        time = route.microseconds(work)
        return tokens < route.least, time is None, time or 0.0

    peers.sort(key=place)
    return [r for r in peers if anywhere or _usable(r)] or peers[-1:]


def _usable(route: Route) -> bool:
    if withdrawn(route.name):
        return False
    lacks = route.missing() if route.missing else None
    if lacks:
        withdraw(route.name, lacks)
    return not lacks


def choose_routes(route: Any, scheme: Scheme, work: Workload) -> list[Route]:
    """Return the route asked for, alone, or for ``"auto"`` the :func:`ranking`.

    Raises
    ------
    InputTypeError, InputError
        When ``route`` is no name in :data:`ROUTES`.
    RouteError, SizeError
        When that route does not serve the scheme, the vocabulary, the device or the dtype, or lacks
        something on this machine.
    """
    if not isinstance(route, str):
        raise InputTypeError(f"route is {route!r}; expected 'auto' or one of {', '.join(ROUTES)}")
    if route == "auto":
        return ranking(scheme, work)
    if route not in ROUTES:
        raise InputError(f"unknown route {route!r}; expected 'auto' or one of {', '.join(ROUTES)}")
    chosen = ROUTES[route]
    if not chosen.serves(scheme):
        able = ", ".join(r.name for r in ROUTES.values() if r.serves(scheme))
        raise RouteError(
            f"route {route!r} has no proof for scheme {scheme.name!r}; routes that serve it: {able}"
        )
    _check_place(chosen, work)
    return [chosen]


def _check_place(route: Route, work: Workload) -> None:
    """Raise where a route that was asked for cannot take the input."""
    if route.largest is not None and work.vocabulary > route.largest:
        raise SizeError(
            f"route {route.name!r} takes at most V = {route.largest}; got V = {work.vocabulary}: "
            "use 'auto'"
        )
    for limit, got in ((route.devices, work.device), (route.dtypes, work.dtype)):
        if limit is not None and got not in limit:
            raise RouteError(f"route {route.name!r} is for {', '.join(limit)}; got {got}: use 'auto'")
    if route.drafts is not None and not route.drafts[0] <= work.n <= route.drafts[1]:
        least, most = route.drafts
        raise RouteError(
            f"route {route.name!r} is for n = {least} to {most}; got n = {work.n}: use 'auto'"
        )
    lacks = route.missing() if route.missing else None
    if lacks:
        raise RouteError(f"route {route.name!r} cannot be used here: {lacks}; use 'auto'")
