"""Draft schemes: how the n drafts at one position are drawn, one file a scheme."""

from __future__ import annotations

from collections.abc import Iterable
from types import MappingProxyType
from typing import Any

from mdsd_theory.errors import InputError, InputTypeError
from mdsd_theory.schemes.base import Scheme, SetLaw
from mdsd_theory.schemes.greedy import Greedy
from mdsd_theory.schemes.independent import Independent
from mdsd_theory.schemes.joint import Joint
from mdsd_theory.schemes.spechub import SpecHub
from mdsd_theory.schemes.top_k import TopK
from mdsd_theory.schemes.with_replacement import WithReplacement
from mdsd_theory.schemes.without_replacement import WithoutReplacement

SCHEMES: MappingProxyType[str, Scheme] = MappingProxyType(
    {
        scheme.name: scheme
        for scheme in (
            WithReplacement(),
            WithoutReplacement(),
            Greedy(),
            TopK(),
            SpecHub(),
            Independent(),
            Joint(),
        )
    }
)
"""Every draft scheme by name.

===================  ======================  ==================================================
name                 q                       drafts
===================  ======================  ==================================================
with_replacement     (..., V)                n independent draws from q
without_replacement  (..., V)                n successive draws, each without the earlier ones
greedy               (..., V)                the n − 1 likeliest tokens and one draw from the rest
top_k                (..., V)                the n likeliest tokens
spechub              (..., V)                the likeliest token and one draw from the rest, n = 2
independent          n arrays (..., V)       one draw from each of n drafters
joint                {(x_1, …, x_n): mass}   a tuple from an explicit law
===================  ======================  ==================================================
"""


def resolve_scheme(scheme: Any) -> Scheme:
    """Return the scheme object of a name, or the object itself."""
    if isinstance(scheme, Scheme):
        return scheme
    if isinstance(scheme, type) and issubclass(scheme, Scheme):
        raise InputTypeError(
            f"scheme is the class {scheme.__name__}; pass an object: {scheme.__name__}()"
        )
    if not isinstance(scheme, str):
        raise InputTypeError(
            f"scheme is {scheme!r} of type {type(scheme).__name__}; expected a name, a Scheme object "
            "or a list of these"
        )
    if scheme not in SCHEMES:
        raise InputError(
            f"unknown scheme {scheme!r}; expected one of {', '.join(SCHEMES)}, or 'all' where "
            "several are allowed"
        )
    return SCHEMES[scheme]


def resolve_schemes(scheme: Any) -> list[Scheme]:
    """Return the schemes of a name, an object, a list of these, or ``"all"``.

    ``"all"`` stands for the four schemes that draw from one q and have an optimum of their own.
    SpecHub's sets of drafts, and so its optimum, are those of greedy at n = 2: it is left out of "all".
    """
    if isinstance(scheme, str) and scheme == "all":
        return [s for s in SCHEMES.values() if s.draft == "single" and s.same_sets_as is None]
    if isinstance(scheme, Iterable) and not isinstance(scheme, str):
        found = [resolve_scheme(s) for s in scheme]
        if not found:
            raise InputError("scheme is an empty list; expected at least one scheme")
        names = [s.name for s in found]
        if len(set(names)) < len(names):
            raise InputError(f"scheme lists a name twice: {', '.join(names)}")
        return found
    return [resolve_scheme(scheme)]


__all__ = [
    "SCHEMES",
    "Greedy",
    "Independent",
    "Joint",
    "Scheme",
    "SetLaw",
    "SpecHub",
    "TopK",
    "WithReplacement",
    "WithoutReplacement",
    "resolve_scheme",
    "resolve_schemes",
]
