"""Options that every front door checks the same way."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from mdsd_theory.distributions import (
    Pair,
    RawPair,
    Rows,
    drafter_list,
    pair,
    pair_with_drafters,
    raw_pair,
    target_alone,
)
from mdsd_theory.errors import InputError
from mdsd_theory.rationals import exact_distribution, exact_law
from mdsd_theory.schemes.base import Scheme, support
from mdsd_theory.schemes.checks import (
    check_drafts,
    check_n,
    check_support,
    check_support_size,
    implied_n,
)
from mdsd_theory.schemes.joint import check_law, check_tuples


def checked_pair(p: Any, q: Any, n: Any, scheme: Scheme) -> tuple[Pair, int]:
    """Check p, q and n for a scheme.

    For ``independent`` and ``joint`` q tells n; the argument must agree unless it is the default.

    Raises
    ------
    InputError, InputTypeError, SupportError
        See :mod:`mdsd_theory.distributions`; InputError when the scheme is not defined for n drafts,
        SupportError when q has too few positive entries.
    """
    n = check_n(n)
    check_drafts(n, scheme)
    if scheme.draft == "law":
        target = target_alone(p)
        slots = check_law(q, target.vocabulary)
        total = sum(q.values())
        law = {drafts: weight / total for drafts, weight in q.items()}
        return replace(target, q=law), implied_n(n, slots)
    if scheme.draft == "sequence":
        checked = pair_with_drafters(p, q)
        drafters = int(checked.q.shape[0])
        return checked, implied_n(n, drafters)
    checked = pair(p, q, divide_draft=not scheme.by_rank)
    check_support(Rows(checked.q, checked.batch, checked.backend), scheme, n)
    return checked, n


def unchecked_pair(p: Any, q: Any, n: Any, scheme: Scheme) -> tuple[RawPair | None, int]:
    """Check what :func:`checked_pair` does but for the values, which a route may read as they are.

    None where the scheme has another kind of draft than one distribution, or draws by rank: the entries
    of q are compared then, and only the checks know which of them count as zero.
    """
    n = check_n(n)
    check_drafts(n, scheme)
    if scheme.draft != "single" or scheme.by_rank:
        return None, n
    return raw_pair(p, q), n


def exact_draft(q: Any, n: int, scheme: Scheme, vocabulary: int) -> tuple[Any, int]:
    """Return the draft of one position in exact fractions, and the number of drafts."""
    check_drafts(n, scheme)
    if scheme.draft == "law":
        slots = check_tuples(q, vocabulary)
        return exact_law(q), implied_n(n, slots)
    if scheme.draft == "sequence":
        drafters = [exact_distribution(x, f"q[{k}]") for k, x in enumerate(drafter_list(q))]
        for k, x in enumerate(drafters):
            _same_vocabulary(x, f"q[{k}]", vocabulary)
        return drafters, implied_n(n, len(drafters))
    draft = exact_distribution(q, "q")
    _same_vocabulary(draft, "q", vocabulary)
    check_support_size(len(support(draft)), "q", vocabulary, scheme, n)
    return draft, n


def _same_vocabulary(x: list[Any], name: str, vocabulary: int) -> None:
    if len(x) != vocabulary:
        raise InputError(f"p has {vocabulary} tokens and {name} has {len(x)}; expected the same tokens")
