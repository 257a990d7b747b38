"""Instances in fractions, for callables that compute exactly."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np

from mdsd_theory.arrays import Array
from mdsd_theory.auditing.instance import Instance, over_drafters
from mdsd_theory.auditing.shrink import rounded

COMMON = 60
"""Denominator to which other probabilities are rounded."""


def rational(instance: Instance) -> Instance:
    """Return the instance with small fractions, given to the callable as arrays of Fraction."""
    p, q = _exact(instance.p), over_drafters(instance.scheme, instance.q, _exact)
    if isinstance(q, dict):
        weights = _exact(np.array(list(q.values())))
        q = {x: w for x, w in zip(q, weights, strict=True) if w}
        return replace(instance, p=_floats(p), q={x: float(w) for x, w in q.items()}, arguments=(p, q))
    floats = over_drafters(instance.scheme, q, _floats)
    return replace(instance, p=_floats(p), q=floats, arguments=(p, q))


def _exact(x: Array) -> Array:
    """Return fractions of small denominator that sum to one: x itself where it has them."""
    found = _fractions(x)
    return found if found.sum() == 1 else _fractions(rounded(x, COMMON))


def _fractions(x: Array) -> Array:
    return np.array([Fraction(float(value)).limit_denominator(2000) for value in x], dtype=object)


def _floats(x: Any) -> Array:
    return x.astype(np.float64)
