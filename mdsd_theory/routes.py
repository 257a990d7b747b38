"""The table of routes to α*: which scheme, exact or a bound, how large, at what cost.

A row drives the automatic choice, the documentation and the tests.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from mdsd_theory.dual.closed_form import greedy, top_k
from mdsd_theory.dual.independent import (
    LARGEST_ENUMERATION,
    subset_enumeration,
    weighted_mean_bounds,
)
from mdsd_theory.dual.race_prefix import race_prefix
from mdsd_theory.dual.sorted_prefix import sorted_prefix
from mdsd_theory.errors import InputError, InputTypeError, RouteError, SizeError
from mdsd_theory.schemes import SCHEMES
from mdsd_theory.schemes.base import Scheme


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
        ``solve(backend, p, q, n) -> DualSolution`` of a dual route.
    """

    name: str
    layer: str
    schemes: tuple[str, ...] | None
    exact: bool
    largest: int | None
    cost: str
    solve: Callable[..., Any] | None = None

    def serves(self, scheme: Scheme) -> bool:
        """Tell whether this route can solve the scheme at all."""
        if self.schemes is None:
            return True
        known = SCHEMES.get(scheme.name)
        return scheme.name in self.schemes and type(scheme) is type(known)


_TABLE = (
    Route("sorted_prefix", "dual", ("with_replacement",), True, None, "V log V", sorted_prefix),
    Route(
        "race_prefix",
        "dual",
        ("without_replacement",),
        True,
        None,
        "V log V + 50 n² V",
        race_prefix,
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
"""Every route to α* by name, in the order in which ``route="auto"`` prefers them."""


def choose_route(route: Any, scheme: Scheme, vocabulary: int) -> Route:
    """Return the route asked for, or for ``"auto"`` the first one that serves the instance.

    Raises
    ------
    InputTypeError, InputError
        When ``route`` is no name in :data:`ROUTES`.
    RouteError, SizeError
        When that route does not serve the scheme or the vocabulary.
    """
    if not isinstance(route, str):
        raise InputTypeError(f"route is {route!r}; expected 'auto' or one of {', '.join(ROUTES)}")
    if route == "auto":
        return next(
            r
            for r in ROUTES.values()
            if r.serves(scheme) and (r.largest is None or vocabulary <= r.largest)
        )
    if route not in ROUTES:
        raise InputError(f"unknown route {route!r}; expected 'auto' or one of {', '.join(ROUTES)}")
    chosen = ROUTES[route]
    if not chosen.serves(scheme):
        able = ", ".join(r.name for r in ROUTES.values() if r.serves(scheme))
        raise RouteError(
            f"route {route!r} has no proof for scheme {scheme.name!r}; routes that serve it: {able}"
        )
    if chosen.largest is not None and vocabulary > chosen.largest:
        raise SizeError(
            f"route {route!r} takes at most V = {chosen.largest}; got V = {vocabulary}: use 'auto'"
        )
    return chosen
