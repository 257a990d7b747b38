"""What a verifier is: a rule that turns drafts and the target into one token, without bias."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

from mdsd_theory.arrays import Array
from mdsd_theory.distributions import Pair
from mdsd_theory.errors import InputError
from mdsd_theory.options import checked_pair
from mdsd_theory.results import Rate
from mdsd_theory.schemes import SCHEMES, resolve_scheme
from mdsd_theory.schemes.base import Scheme


@dataclass(frozen=True)
class RowRate:
    """The acceptance rate of each row, as a rule returns it.

    Attributes
    ----------
    value : array, shape (rows,)
        P(Y ∈ S).
    explicit : array, shape (rows,)
        The part in which the rule itself accepts a draft.
    route : str
        How the rate was computed.
    standard_error : array, shape (rows,), or None
        Of a Monte Carlo value; None when it is exact up to rounding.
    """

    value: Array
    explicit: Array
    route: str
    standard_error: Array | None = None


class Verifier(ABC):
    """A lossless rule: it emits one token Y with law p, a draft as often as it can.

    Attributes
    ----------
    name : str
        Key in :data:`mdsd_theory.VERIFIERS`.
    schemes : tuple of str, or None
        Names of the draft schemes it is defined for; None for every scheme, your own included.
    default_scheme : str
        The scheme when none is named.
    summary : str
        The rule in one line.
    source : str
        Where it is described.

    Notes
    -----
    A new rule needs the class variables and :meth:`_rate`. "Acceptance" is P(Y ∈ S) throughout: a
    token drawn from a residual counts when it happens to be a draft.
    """

    name: ClassVar[str]
    schemes: ClassVar[tuple[str, ...] | None]
    default_scheme: ClassVar[str]
    summary: ClassVar[str]
    source: ClassVar[str]

    @abstractmethod
    def _rate(self, pair: Pair, n: int, scheme: Scheme) -> RowRate:
        """Return the rate of every row of a checked pair with at least one row."""

    def serves(self, scheme: Scheme) -> bool:
        """Tell whether the rule is defined for drafts of this scheme."""
        if self.schemes is None:
            return True
        return scheme.name in self.schemes and type(scheme) is type(SCHEMES.get(scheme.name))

    def acceptance_rate(self, p: Any, q: Any, n: int = 3, *, scheme: str | Scheme | None = None) -> Rate:
        """Return P(Y ∈ S) with its explicit part and, for an estimate, its standard error.

        Parameters
        ----------
        p : array-like, shape (..., V)
            Target distribution(s).
        q : array-like, shape (..., V)
            Draft distribution(s); for scheme ``independent`` a sequence of n of them, for ``joint`` a
            mapping {(x_1, …, x_n): probability}.
        n : int
            Number of drafts.
        scheme : str or Scheme, optional
            How the drafts are drawn; :attr:`default_scheme` when left out.

        Returns
        -------
        Rate
            Python floats for 1-D input, arrays of shape (...) in the input's dtype and device else.

        Raises
        ------
        InputError, InputTypeError, SupportError
            For input that is no pair of distributions, a support smaller than the scheme needs, or a
            scheme that the rule is not defined for.

        Notes
        -----
        Cost: see the rule's class.
        """
        chosen = resolve_scheme(self.default_scheme if scheme is None else scheme)
        self._require(chosen)
        checked, n = checked_pair(p, q, n, chosen)
        return self.rate(checked, n, chosen)

    def rate(self, pair: Pair, n: int, scheme: Scheme) -> Rate:
        """Return the rate of input that has been checked (see :meth:`acceptance_rate`)."""
        self._require(scheme)
        backend, batch = pair.backend, pair.batch
        none = backend.zeros((0,))
        rows = self._rate(pair, n, scheme) if pair.p.shape[0] else RowRate(none, none, "no_rows")
        error = rows.standard_error
        return Rate(
            value=backend.result(backend.xp.clip(rows.value, 0.0, 1.0), batch),
            explicit=backend.result(backend.xp.clip(rows.explicit, 0.0, 1.0), batch),
            standard_error=None if error is None else backend.result(error, batch),
            verifier=self.name,
            scheme=scheme.name,
            route=rows.route,
            n=n,
        )

    def _require(self, scheme: Scheme) -> None:
        if not self.serves(scheme):
            raise InputError(
                f"verifier {self.name!r} is for {', '.join(self.schemes or ())}, not for "
                f"{scheme.name}; 'naive' serves every scheme"
            )

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"
