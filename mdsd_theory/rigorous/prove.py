"""From the caller's numbers to an enclosure: one small proof for each scheme."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

from mdsd_theory.distributions import drafter_list
from mdsd_theory.errors import InputError, RouteError
from mdsd_theory.rigorous.all_subsets import LARGEST_VOCABULARY, all_subsets
from mdsd_theory.rigorous.balls import load_flint, precision
from mdsd_theory.rigorous.chord_search import ChordSearch
from mdsd_theory.rigorous.closed_form import greedy, top_k
from mdsd_theory.rigorous.enclosure import Enclosure
from mdsd_theory.rigorous.power_prefix import power_prefix
from mdsd_theory.rigorous.prefixes import members, prefixes
from mdsd_theory.rigorous.race import Race
from mdsd_theory.rigorous.second_draft import second_draft
from mdsd_theory.rigorous.weighted_mean import WeightedMeans
from mdsd_theory.rigorous.weights import Weights, weights
from mdsd_theory.schemes import SCHEMES
from mdsd_theory.schemes.base import Scheme
from mdsd_theory.schemes.checks import check_drafts, check_support_size, implied_n

RACE_BITS = 128
"""Precision of the balls of the race."""

Proof = tuple[Fraction, Fraction, list[int], str]
"""Lower and upper bound, the tokens of H, the route."""


def enclose(p: Any, q: Any, n: int, scheme: Scheme) -> Enclosure:
    """Return a rigorous enclosure of α*.

    Parameters
    ----------
    p : array-like, shape (V,)
    q : array-like, shape (V,), or a sequence of n of them for ``independent``
    n : int
        Number of drafts; checked by the caller.
    scheme : Scheme

    Raises
    ------
    RouteError
        For a scheme without a proof at full vocabulary.
    SizeError
        For too many drafts without replacement.
    MissingDependencyError
        Without python-flint.
    InputError, InputTypeError, SupportError
        For input that is no pair of distributions, or a support smaller than n.

    Notes
    -----
    Cost O(V log V), and some thousand ball operations for each prefix that the race evaluates.
    """
    if type(scheme) is not type(SCHEMES.get(scheme.name)) or scheme.name not in PROVED_SCHEMES:
        raise RouteError(
            f"scheme {scheme.name!r} ({type(scheme).__name__}) has no rigorous enclosure; expected "
            f"{', '.join(PROVED_SCHEMES)}: leave rigorous out, and a small vocabulary is certified in "
            "exact fractions"
        )
    load_flint()
    check_drafts(n, scheme)
    target = weights(p, "p")
    vocabulary = len(target.values)
    if scheme.name == "independent":
        drafters = [_draft(x, f"q[{k}]", vocabulary) for k, x in enumerate(drafter_list(q))]
        n = implied_n(n, len(drafters))
        proof = _independent(target, drafters)
    else:
        draft = _draft(q, "q", vocabulary)
        check_support_size(len(draft.support), "q", vocabulary, scheme, n)
        proof = PROOFS[scheme.name](target, draft, n)
    lower, upper, tokens, route = proof
    return Enclosure.of(lower, upper, members(tokens, vocabulary), scheme.name, n, route)


def _draft(q: Any, name: str, vocabulary: int) -> Weights:
    draft = weights(q, name)
    if len(draft.values) != vocabulary:
        raise InputError(
            f"p has {vocabulary} tokens and {name} has {len(draft.values)}; expected the same tokens"
        )
    return draft


def _with_replacement(p: Weights, q: Weights, n: int) -> Proof:
    order = prefixes(p, q)
    lower, upper, k = power_prefix(order, n)
    return lower, upper, order.tokens[:k], "power_prefix"


def _without_replacement(p: Weights, q: Weights, n: int) -> Proof:
    if n == 1:
        return _with_replacement(p, q, n)
    order = prefixes(p, q)
    if n == 2:
        lower, upper, k = second_draft(order)
        return lower, upper, order.tokens[:k], "second_draft"
    with precision(RACE_BITS):
        lower, upper, k = ChordSearch(order, Race.of(order, n).avoided).run()
    return lower, upper, order.tokens[:k], "race_chords"


def _greedy(p: Weights, q: Weights, n: int) -> Proof:
    value, tokens = greedy(p, q, n)
    return value, value, tokens, "closed_form"


def _top_k(p: Weights, q: Weights, n: int) -> Proof:
    value, tokens = top_k(p, q, n)
    return value, value, tokens, "closed_form"


def _independent(p: Weights, drafters: list[Weights]) -> Proof:
    if len(p.values) <= LARGEST_VOCABULARY:
        value, tokens = all_subsets(p, drafters)
        return value, value, tokens, "all_subsets"
    lower, upper, tokens = WeightedMeans(p, drafters).run()
    return lower, upper, tokens, "weighted_mean"


PROOFS: dict[str, Callable[[Weights, Weights, int], Proof]] = {
    "with_replacement": _with_replacement,
    "without_replacement": _without_replacement,
    "greedy": _greedy,
    "top_k": _top_k,
    "spechub": _greedy,
}
"""The proof for each scheme that draws from one q."""

PROVED_SCHEMES = (*PROOFS, "independent")
"""The schemes that :func:`enclose` takes."""
