"""Results: frozen, each with its value, its enclosure, its witness and the route that gave it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mdsd_theory.arrays import Array


@dataclass(frozen=True, eq=False, repr=False)
class Acceptance:
    """The optimal acceptance rate α* of one scheme.

    Attributes
    ----------
    value : float or array of shape (...)
        α* = P(H) + 1 − Q(H) at ``subset``: a probability.
    lower, upper : float or array of shape (...)
        A certified enclosure of α*: the route's own error and all roundings are inside. For an exact
        route it is as narrow as rounding.
    subset : array of bool, shape (..., V)
        H, the minimising subset of tokens. A route may write it down only when it is first asked for: p
        and q must not have been overwritten by then.
    route : str
        Name in :data:`mdsd_theory.ROUTES` of the route that computed it.
    scheme : str
        Name of the draft scheme.
    n : int
        Number of drafts.
    """

    value: Any
    lower: Any
    upper: Any
    subset: Array
    route: str
    scheme: str
    n: int

    def __post_init__(self) -> None:
        if callable(self.subset):
            object.__setattr__(self, "_write_subset", self.subset)
            object.__delattr__(self, "subset")

    def __getattr__(self, name: str) -> Any:
        known = self.__dict__
        if name == "subset":
            write = known.get("_write_subset")
            if write is not None:
                # Threads that ask at once all write it; the first answer is kept.
                known.setdefault("subset", write())
                known.pop("_write_subset", None)
            if "subset" in known:
                return known["subset"]
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def __getstate__(self) -> dict[str, Any]:
        state = {"subset": self.subset, **self.__dict__}
        state.pop("_write_subset", None)
        return state

    @property
    def exact(self) -> bool:
        """Whether ``value`` is α* (up to rounding) and not only an upper bound."""
        return True

    @property
    def gap(self) -> Any:
        """``upper − lower``."""
        return self.upper - self.lower

    def __float__(self) -> float:
        return float(self.value)

    def __repr__(self) -> str:
        where = f"scheme={self.scheme!r}, n={self.n}, route={self.route!r}"
        if self.subset.ndim == 1:
            sizes = f"|H|={int(self.subset.sum())} of {self.subset.shape[-1]}"
            bounds = f"lower={self.lower!r}, upper={self.upper!r}"
            return f"{type(self).__name__}(value={self.value!r}, {bounds}, {sizes}, {where})"
        return f"{type(self).__name__}(batch of shape {tuple(self.subset.shape[:-1])}, {where})"


@dataclass(frozen=True, eq=False, repr=False)
class AcceptanceBounds(Acceptance):
    """An enclosure of α* where the optimum itself was not computed.

    ``value`` equals the upper bound P(H) + 1 − Q(H) that ``subset`` attains; α* may be smaller, down
    to ``lower``.
    """

    @property
    def exact(self) -> bool:
        """False: only the enclosure is claimed."""
        return False


@dataclass(frozen=True, eq=False, repr=False)
class Rate:
    """The acceptance rate of one verifier.

    Attributes
    ----------
    value : float or array of shape (...)
        P(Y ∈ S), a residual draw that hits a draft included.
    explicit : float or array of shape (...)
        The part in which the rule itself accepts a draft, as some papers count it.
    standard_error : float or array of shape (...), or None
        Of a Monte Carlo ``value``; None when the value is exact up to rounding or enclosed.
    verifier, scheme, route : str
        Names of the rule, of the draft scheme and of how the rate was computed.
    n : int
        Number of drafts.
    error_bound : float or array of shape (...), or None
        Of an enclosed ``value``: the rate is proven to be within this distance of it.
    """

    value: Any
    explicit: Any
    standard_error: Any
    verifier: str
    scheme: str
    route: str
    n: int
    error_bound: Any = None

    def __float__(self) -> float:
        return float(self.value)

    def __repr__(self) -> str:
        where = f"verifier={self.verifier!r}, scheme={self.scheme!r}, n={self.n}, route={self.route!r}"
        if not isinstance(self.value, float):
            return f"Rate(batch of shape {tuple(self.value.shape)}, {where})"
        error = "" if self.standard_error is None else f", standard_error={self.standard_error:.1e}"
        return f"Rate(value={self.value!r}, explicit={self.explicit!r}{error}, {where})"
