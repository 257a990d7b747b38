"""Agreement of every route to α* on one instance; here and in ``compare`` the two layers meet."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from mdsd_theory.certify import certify
from mdsd_theory.instances import KINDS, Distribution, random_pair
from mdsd_theory.optimal import optimal_acceptance
from mdsd_theory.routes import ROUTES
from mdsd_theory.routing import Workload
from mdsd_theory.schemes import SCHEMES

TOLERANCE = 1e-9
"""How far a float route may be from the exact rational value before it counts as disagreement."""


@dataclass(frozen=True)
class Instance:
    """One pair of distributions under one scheme; ``q`` is a list of drafters for ``independent``."""

    kind: str
    scheme: str
    n: int
    p: list[float]
    q: Any

    def __str__(self) -> str:
        return f"kind={self.kind} scheme={self.scheme} n={self.n}\np = {self.p!r}\nq = {self.q!r}"


@dataclass(frozen=True)
class Agreement:
    """How far each route is from the exact optimum of one instance.

    Attributes
    ----------
    instance : Instance
    exact : float
        The value of the rational certificate, verified.
    differences : dict of str to float
        Route → |value − exact| for exact routes.
    widths : dict of str to float
        Route → upper − lower for routes that only enclose α*.
    violations : list of str
        Routes whose enclosure [lower, upper] misses the exact value, or whose value is off by more
        than the tolerance; with what was wrong.
    """

    instance: Instance
    exact: float
    differences: dict[str, float]
    widths: dict[str, float]
    violations: list[str]


def random_instances(count: int, seed: int, largest_vocabulary: int = 6) -> Iterator[Instance]:
    """Yield instances of the six kinds in turn, over every scheme.

    V runs from 2 to ``largest_vocabulary`` and n from 1 to 4, at most V; a scheme that is defined for
    some n only takes the first of these.
    """
    rng = np.random.default_rng(seed)
    schemes = list(SCHEMES)
    for i in range(count):
        kind, scheme = KINDS[i % len(KINDS)], schemes[(i // len(KINDS)) % len(schemes)]
        vocabulary = int(rng.integers(2, largest_vocabulary + 1))
        n = int(rng.integers(1, min(vocabulary, 4) + 1))
        n = (SCHEMES[scheme].drafts or (n,))[0]
        p, q = random_pair(kind, vocabulary, n, rng)
        yield Instance(kind, scheme, n, p.tolist(), _draft(scheme, q, n, rng))


def _draft(scheme: str, q: Distribution, n: int, rng: np.random.Generator) -> Any:
    """Return q as the scheme takes it: alone, with n − 1 others on its support, or as a law."""
    if scheme == "independent":
        others = rng.dirichlet(np.ones(q.size), size=n - 1) * (q > 0)
        return [q.tolist(), *((other / other.sum()).tolist() for other in others)]
    if scheme == "joint":
        tuples = {tuple(rng.choice(q.size, n, p=q).tolist()) for _ in range(2 * q.size)}
        weights = rng.dirichlet(np.ones(len(tuples)))
        return dict(zip(sorted(tuples), weights.tolist(), strict=True))
    return q.tolist()


def check_agreement(instance: Instance, tolerance: float = TOLERANCE) -> Agreement:
    """Solve an instance by the rational certificate and by every route that serves it.

    Parameters
    ----------
    instance : Instance
    tolerance : float
        Allowed |value − exact| of an exact route.

    Returns
    -------
    Agreement
    """
    scheme = SCHEMES[instance.scheme]
    certificate = certify(instance.p, instance.q, n=instance.n, scheme=scheme)
    certificate.verify()
    exact = float(certificate.value)
    here = Workload(len(instance.p), n=instance.n)
    differences: dict[str, float] = {}
    widths: dict[str, float] = {}
    violations: list[str] = []
    for route in ROUTES.values():
        if not route.serves(scheme) or not route.takes(here) or route.name in missing_routes():
            continue
        result = optimal_acceptance(instance.p, instance.q, n=instance.n, scheme=scheme, route=route.name)
        off = abs(result.value - exact)
        if not route.exact:
            widths[route.name] = result.gap
        else:
            differences[route.name] = off
            if not off <= tolerance:
                violations.append(f"{route.name}: {result.value!r} is {off:.2e} from {exact!r}")
        # One unit in the last place: the exact value itself was rounded to a float here.
        if not np.nextafter(result.lower, -1) <= exact <= np.nextafter(result.upper, 2):
            violations.append(f"{route.name}: [{result.lower!r}, {result.upper!r}] misses {exact!r}")
    return Agreement(instance, exact, differences, widths, violations)


def missing_routes() -> list[str]:
    """Return the routes that cannot run here: cvxpy is an extra."""
    from importlib.util import find_spec

    return [] if find_spec("cvxpy") else ["cvxpy"]
