"""Which instances a rule is audited on, in the numbers that it will see."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from mdsd_theory.arrays import host
from mdsd_theory.auditing.catalogue import catalogue
from mdsd_theory.auditing.instance import Instance
from mdsd_theory.auditing.options import Options
from mdsd_theory.auditing.rational import rational
from mdsd_theory.auditing.rules import Rule
from mdsd_theory.errors import InputError
from mdsd_theory.options import checked_pair
from mdsd_theory.schemes.base import Scheme


def select(
    rule: Rule,
    scheme: Scheme,
    n: int,
    options: Options,
    leaf: bool,
    own: Iterable[tuple[Any, Any]] | None,
) -> list[Instance]:
    """Return your own instances and the catalogue's, as the rule will see them."""
    largest = 2000 if rule.per_path is None else 8
    found = [_own(p, q, n, scheme, k) for k, (p, q) in enumerate(own or ())]
    found += catalogue(scheme, n, options.seed, largest)
    if leaf:
        found += [replace(instance, leaf=True) for instance in found[:: max(1, len(found) // 12)]]
    fitted = [fit(rule, instance, options.exact) for instance in found]
    usable = [instance for instance in fitted if instance is not None]
    if not usable:
        raise InputError(f"no instance is left for scheme {scheme.name!r} with n = {n}")
    return usable


def _own(p: Any, q: Any, n: int, scheme: Scheme, k: int) -> Instance:
    pair, implied = checked_pair(host(p), q, n, scheme)
    if implied != n:
        raise InputError(f"instances[{k}] holds {implied} drafts a position; the audit is for n = {n}")
    if pair.batch != ():
        raise InputError(f"instances[{k}] has p of shape {pair.batch} + (V,); expected one distribution")
    draft = pair.q if isinstance(pair.q, dict) else pair.q[:, 0] if pair.q.ndim == 3 else pair.q[0]
    drawn = list(draft) if scheme.draft == "sequence" else draft
    return Instance(f"instances[{k}]", pair.p[0], drawn, n, scheme)


def fit(rule: Rule, instance: Instance, exact: bool) -> Instance | None:
    """Return the instance in the rule's numbers, or None where the scheme cannot draft from these."""
    try:
        fitted = rational(instance) if exact else rule.fitted(instance)
        fitted.check()
    except InputError:
        return None
    return fitted
