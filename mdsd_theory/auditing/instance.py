"""One instance of an audit: a target, a draft and a scheme, ready to be drafted from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from mdsd_theory.arrays import Array
from mdsd_theory.schemes.base import Scheme


@dataclass(frozen=True, eq=False)
class Instance:
    """A question put to the verifier: is the emitted token's law p?

    Attributes
    ----------
    kind : str
        What is awkward about it.
    p : array, shape (V,)
        The law that the emitted token must have, float64.
    q : array, shape (V,), or what the draft scheme takes
    n : int
        Number of drafts.
    scheme : Scheme
    leaf : bool
        No drafts are given: the bonus token, or a leaf of a tree.
    arguments : tuple, or None
        What the callable is given in place of (p, q): logits, tensors.
    """

    kind: str
    p: Array
    q: Any
    n: int
    scheme: Scheme
    leaf: bool = False
    arguments: tuple[Any, Any] | None = None

    @property
    def vocabulary(self) -> int:
        """V, the number of tokens."""
        return int(self.p.size)

    @property
    def name(self) -> str:
        """Kind and size, for reports."""
        return f"{self.kind}, V = {self.vocabulary:,}{', no drafts' if self.leaf else ''}"

    def drafted(self, size: int, generator: np.random.Generator) -> Array:
        """Return ``size`` tuples of drafts from the scheme itself, shape (size, n)."""
        if self.leaf:
            return np.empty((size, 0), dtype=np.int64)
        if type(self.scheme)._draw is not Scheme._draw:
            return self.scheme.sample(self.q, self.n, generator, size=size)
        law = self.scheme.tuple_law(self.q, self.n)
        weights = np.array([float(weight) for weight in law.values()])
        return np.array(list(law))[generator.choice(len(law), size, p=weights / weights.sum())]

    def check(self) -> None:
        """Raise :class:`~mdsd_theory.errors.SupportError` where the scheme cannot draft from q."""
        self.drafted(1, np.random.default_rng(0))

    def with_laws(self, p: Array, q: Any) -> Instance:
        """Return the same question about other distributions."""
        return replace(self, p=p, q=q, arguments=None)


def over_drafters(scheme: Scheme, q: Any, change: Callable[[Array], Array]) -> Any:
    """Return q with each distribution in it changed; an explicit law over tuples stays."""
    if scheme.draft == "law":
        return q
    if scheme.draft == "sequence":
        return [change(x) for x in q]
    return change(q)


def normalised(x: Array) -> Array:
    """Return x divided by its sum, float64."""
    wide = np.asarray(x, dtype=np.float64)
    return wide / wide.sum()
