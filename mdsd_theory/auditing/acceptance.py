"""The audited rule's acceptance beside the optimum and the known rules."""

from __future__ import annotations

import math
import time
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from mdsd_theory.auditing.instance import Instance, normalised
from mdsd_theory.auditing.rules import Rule
from mdsd_theory.auditing.total_variation import emit_fresh
from mdsd_theory.errors import MdsdError
from mdsd_theory.optimal import optimal_acceptance
from mdsd_theory.schemes.base import Scheme
from mdsd_theory.verifiers import verifiers_of

SAMPLES = 3000
"""Tokens on each instance."""


@dataclass(frozen=True)
class MeasuredAcceptance:
    """P(Y ∈ S) of the audited rule on one natural instance.

    Attributes
    ----------
    instance : str
    measured, standard_error : float
        Frequency among ``samples`` tokens.
    optimal : float
        α*, or an upper bound for it where the scheme has no exact route.
    rates : dict of str to float
        Known rules of the scheme.
    samples : int
    """

    instance: str
    measured: float
    standard_error: float
    optimal: float
    rates: dict[str, float]
    samples: int

    def to_dict(self) -> dict[str, Any]:
        """Return plain numbers and strings; None where α* could not be computed."""
        fields = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return fields | {"optimal": None if math.isnan(self.optimal) else self.optimal}


def natural(scheme: Scheme, n: int) -> list[Instance]:
    """Return two Zipf-like instances, q a flatter and noisy p, as models give them."""
    found = []
    for small, v in ((True, 8), (False, 40)):
        v = max(v, scheme.support_needed(n) + 2)
        if scheme.draft != "single" and not small:
            continue
        rng = np.random.default_rng(v)
        p = normalised(1.0 / np.arange(1, v + 1))
        drafters = [normalised(p**0.8 * np.exp(rng.normal(0, 0.5, v))) for _ in range(n)]
        q: Any = drafters[0]
        if scheme.draft == "sequence":
            q = drafters
        elif scheme.draft == "law":
            tuples = {tuple(int(x) for x in rng.choice(v, n, p=drafters[0])) for _ in range(6)}
            q = {x: 1 / len(tuples) for x in sorted(tuples)}
        found.append(Instance("natural", p, q, n, scheme))
    return found


def measure_acceptance(
    rule: Rule, instances: list[Instance], seed: int, deadline: float
) -> tuple[MeasuredAcceptance, ...]:
    """Return the acceptance on each instance; those after the deadline are left out."""
    found = []
    for k, instance in enumerate(instances):
        if time.perf_counter() > deadline:
            break
        fresh = emit_fresh(rule, instance, SAMPLES, [seed, 10**6 + k], deadline)
        measured = float((fresh.drafts == fresh.tokens[:, None]).any(axis=1).mean())
        error = math.sqrt(max(measured * (1 - measured), 1 / fresh.size) / fresh.size)
        optimal, rates = _known(instance)
        found.append(MeasuredAcceptance(instance.name, measured, error, optimal, rates, fresh.size))
    return tuple(found)


def _known(instance: Instance) -> tuple[float, dict[str, float]]:
    """Return α* and the rates of the known rules; what cannot be computed is left out."""
    given: dict[str, Any] = {"n": instance.n, "scheme": instance.scheme}
    try:
        optimal = float(optimal_acceptance(instance.p, instance.q, **given))
    except MdsdError:
        optimal = math.nan
    rates = {}
    for verifier in verifiers_of(instance.scheme):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                rates[verifier.name] = float(verifier.acceptance_rate(instance.p, instance.q, **given))
        except MdsdError:
            continue
    return optimal, rates
