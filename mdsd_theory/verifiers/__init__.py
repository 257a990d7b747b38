"""Verifiers: how one token is emitted from the drafts, one file a rule."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

from mdsd_theory.errors import InputError, InputTypeError
from mdsd_theory.schemes import resolve_scheme
from mdsd_theory.schemes.base import Scheme
from mdsd_theory.verifiers.base import RowRate, Verifier
from mdsd_theory.verifiers.greedy import Greedy
from mdsd_theory.verifiers.k_seq import KSeq
from mdsd_theory.verifiers.khisti import Khisti
from mdsd_theory.verifiers.naive import Naive
from mdsd_theory.verifiers.optimal import Optimal
from mdsd_theory.verifiers.plan import Emission, Plan
from mdsd_theory.verifiers.rrs import RRS
from mdsd_theory.verifiers.rrs_without_replacement import RRSWithoutReplacement
from mdsd_theory.verifiers.spechub import SpecHub

VERIFIERS: MappingProxyType[str, Verifier] = MappingProxyType(
    {
        verifier.name: verifier
        for verifier in (
            Naive(),
            RRS(),
            RRSWithoutReplacement(),
            KSeq(),
            Khisti(),
            Greedy(),
            SpecHub(),
            Optimal(),
        )
    }
)
"""Every verifier by name.

=======================  ===================  ====================================================
name                     draft scheme         rule
=======================  ===================  ====================================================
naive                    any                  draw from the target; accepted if it was drafted
rrs                      with_replacement     recursive rejection sampling (SpecInfer)
rrs_without_replacement  without_replacement  the same, without the rejected tokens (Sequoia, RSD)
k_seq                    with_replacement     sequential selection with one discount (SpecTr)
khisti                   with_replacement     pick by a truncated linear programme, verify one (n = 2)
greedy                   greedy               the optimal rule for greedy drafts
spechub                  spechub              the other token first, then the hub (n = 2): optimal
optimal                  any                  the rule of each scheme that reaches the optimum
=======================  ===================  ====================================================
"""


def resolve_verifier(verifier: Any) -> Verifier:
    """Return the verifier object of a name, or the object itself.

    Raises
    ------
    InputError, InputTypeError
        For an unknown name, or what is neither a name nor a Verifier object.

    Examples
    --------
    >>> resolve_verifier("rrs")
    RRS()
    """
    if isinstance(verifier, Verifier):
        return verifier
    if isinstance(verifier, type) and issubclass(verifier, Verifier):
        raise InputTypeError(
            f"verifier is the class {verifier.__name__}; pass an object: {verifier.__name__}()"
        )
    if not isinstance(verifier, str):
        raise InputTypeError(
            f"verifier is {verifier!r} of type {type(verifier).__name__}; expected a name or a "
            "Verifier object"
        )
    if verifier not in VERIFIERS:
        raise InputError(f"unknown verifier {verifier!r}; expected one of {', '.join(VERIFIERS)}")
    return VERIFIERS[verifier]


def verifiers_of(scheme: str | Scheme, n: int | None = None) -> list[Verifier]:
    """Return the verifiers that are defined for a draft scheme, and for n drafts if n is given.

    Examples
    --------
    >>> [verifier.name for verifier in verifiers_of("with_replacement")]
    ['naive', 'rrs', 'k_seq', 'khisti', 'optimal']
    >>> [verifier.name for verifier in verifiers_of("with_replacement", 3)]
    ['naive', 'rrs', 'k_seq', 'optimal']
    """
    chosen = resolve_scheme(scheme)
    return [verifier for verifier in VERIFIERS.values() if verifier.serves(chosen, n)]


__all__ = [
    "RRS",
    "VERIFIERS",
    "Emission",
    "Greedy",
    "KSeq",
    "Khisti",
    "Naive",
    "Optimal",
    "Plan",
    "RRSWithoutReplacement",
    "RowRate",
    "SpecHub",
    "Verifier",
    "resolve_verifier",
    "verifiers_of",
]
