"""What a verifier is: a rule that turns drafts and the target into one token, without bias."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, ClassVar

import numpy as np

from mdsd_theory.arrays import EPS, Array, Backend
from mdsd_theory.distributions import Pair, RawPair
from mdsd_theory.errors import InputError
from mdsd_theory.options import checked_pair, exact_draft, unchecked_pair
from mdsd_theory.rationals import exact_distribution
from mdsd_theory.results import Rate
from mdsd_theory.schemes import SCHEMES, resolve_scheme
from mdsd_theory.schemes.base import Number, Scheme
from mdsd_theory.schemes.checks import check_n
from mdsd_theory.verifiers.chunks import CPU_ELEMENTS, in_chunks
from mdsd_theory.verifiers.plan import Emission, Plan


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
        Of a Monte Carlo value; None when it is exact up to rounding or enclosed.
    error_bound : array, shape (rows,), or None
        Of an enclosed value: the rate is proven to be within this distance of it.
    """

    value: Array
    explicit: Array
    route: str
    standard_error: Array | None = None
    error_bound: Array | None = None


class Verifier(ABC):
    """A lossless rule: it emits one token Y with law p, a draft as often as it can.

    Attributes
    ----------
    name : str
        Key in :data:`mdsd_theory.VERIFIERS`.
    schemes : tuple of str, or None
        Names of the draft schemes it is defined for; None for every scheme, your own included.
    drafts : tuple of int, or None
        The numbers of drafts n that it is defined for; None for every n.
    default_scheme : str
        The scheme when none is named.
    summary : str
        The rule in one line.
    source : str
        Where it is described.
    at_once : int
        Probabilities of p, in whole rows, that a rate is found for at once on the CPU.

    Notes
    -----
    A new rule needs the class variables, :meth:`_law`, :meth:`_plan` and :meth:`_rate`.
    "Acceptance" is P(Y ∈ S) throughout: a token drawn from a residual counts when it happens to be a
    draft.
    """

    name: ClassVar[str]
    schemes: ClassVar[tuple[str, ...] | None]
    drafts: ClassVar[tuple[int, ...] | None] = None
    default_scheme: ClassVar[str]
    summary: ClassVar[str]
    source: ClassVar[str]
    at_once: ClassVar[int] = CPU_ELEMENTS

    @abstractmethod
    def _rate(self, pair: Pair, n: int, scheme: Scheme) -> RowRate:
        """Return the rate of every row of a checked pair with at least one row."""

    @abstractmethod
    def _law(
        self, p: Sequence[Number], q: Any, drafts: tuple[int, ...], scheme: Scheme
    ) -> dict[int, Number]:
        """Return the law of Y given the drafts, in p's and q's number type."""

    @abstractmethod
    def _plan(self, pair: Pair, n: int, scheme: Scheme) -> Plan:
        """Return the plan for a checked pair with at least one row."""

    def _unchecked_plan(self, raw: RawPair, n: int, scheme: Scheme) -> Plan | None:
        """Return a plan that checks p and q as it reads them; None if none does, or they look wrong."""
        return None

    def serves(self, scheme: Scheme, n: int | None = None) -> bool:
        """Tell whether the rule is defined for drafts of this scheme, and for n of them if given."""
        if n is not None and self.drafts is not None and n not in self.drafts:
            return False
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
            scheme or n that the rule is not defined for.

        Notes
        -----
        Cost: see the rule's class.
        """
        chosen = self._chosen(scheme)
        checked, n = checked_pair(p, q, n, chosen)
        return self.rate(checked, n, chosen)

    def conditional_law(
        self, p: Sequence[Number], q: Any, drafts: tuple[int, ...], *, scheme: str | Scheme | None = None
    ) -> dict[int, Number]:
        """Return the law of Y given the drafts, draft after draft, in p's and q's number type.

        Parameters
        ----------
        p : sequence of float or Fraction, shape (V,)
        q : the same, or what the draft scheme takes
        drafts : tuple of int
            In the order in which they were drawn.
        scheme : str or Scheme, optional
            How they were drawn; :attr:`default_scheme` when left out.

        Returns
        -------
        dict of int to number
            Emitted token → chance.

        Raises
        ------
        InputError
            For drafts that the scheme never draws.
        """
        chosen = self._chosen(scheme)
        self._require(chosen, len(drafts))
        if not chosen.can_draw(q, drafts):
            raise InputError(f"scheme {chosen.name!r} never draws the drafts {drafts} from this q")
        return self._law(p, q, drafts, chosen)

    def output_law(
        self,
        p: Any,
        q: Any,
        n: int = 3,
        *,
        scheme: str | Scheme | None = None,
        exact: bool = True,
    ) -> list[Number]:
        """Return the law of the emitted token, by enumeration: p, if the rule is lossless.

        Parameters
        ----------
        p, q : sequence, shape (V,)
            Fractions, strings such as ``"1/3"`` or floats, taken at their exact binary value.
        n : int
            Number of drafts.
        scheme : str or Scheme, optional
            How the drafts are drawn; :attr:`default_scheme` when left out.
        exact : bool
            Compute in fractions; else in floats, for one pair of distributions: faster, to rounding.

        Returns
        -------
        list of Fraction or of float, shape (V,)

        Raises
        ------
        SizeError
            When the tuples of drafts are too many to enumerate.

        Notes
        -----
        Sums :meth:`conditional_law` over every ordered tuple of drafts: V^n of them at most.

        Examples
        --------
        >>> from mdsd_theory import VERIFIERS
        >>> law = VERIFIERS["rrs"].output_law(["1/2", "1/3", "1/6"], ["1/6", "1/3", "1/2"], 2)
        >>> [str(x) for x in law]
        ['1/2', '1/3', '1/6']
        >>> VERIFIERS["rrs"].output_law([0.5, 0.25, 0.25], [0.25, 0.5, 0.25], 2, exact=False)
        [0.5, 0.25, 0.25]
        """
        chosen = self._chosen(scheme)
        target: list[Number]
        if exact:
            target = exact_distribution(p, "p")
            draft, n = exact_draft(q, check_n(n), chosen, len(target))
        else:
            checked, n = checked_pair(p, q, n, chosen)
            if checked.batch != ():
                raise InputError(
                    f"p has shape {(*checked.batch, checked.vocabulary)}; expected one distribution, (V,)"
                )
            target, draft = checked.row(0)
        self._require(chosen, n)
        law: list[Number] = [Fraction(0) if exact else 0.0] * len(target)
        for drafts, weight in chosen.tuple_law(draft, n).items():
            for token, chance in self._law(target, draft, drafts, chosen).items():
                law[token] += weight * chance
        return law

    def plan(self, p: Any, q: Any, n: int = 3, *, scheme: str | Scheme | None = None) -> Plan:
        """Return the rule made ready for p and q, to emit tokens for many drafts.

        Parameters are those of :meth:`acceptance_rate`.

        Examples
        --------
        >>> import numpy as np
        >>> from mdsd_theory import SCHEMES, VERIFIERS
        >>> p, q, generator = [0.5, 0.3, 0.2], [0.2, 0.3, 0.5], np.random.default_rng(0)
        >>> drafts = SCHEMES["with_replacement"].sample(q, 2, generator, size=100_000)
        >>> token, index = VERIFIERS["rrs"].plan(p, q, 2).sample(drafts, generator)
        >>> (np.bincount(token) / token.size).round(2).tolist()
        [0.5, 0.3, 0.2]
        """
        chosen = self._chosen(scheme)
        raw, drafts = unchecked_pair(p, q, n, chosen)
        if raw is not None:
            self._require(chosen, drafts)
            ready = self._unchecked_plan(raw, drafts, chosen)
            if ready is not None:
                return ready
            p, q = raw.p, raw.q
        checked, n = checked_pair(p, q, n, chosen)
        self._require(chosen, n)
        return self._plan(checked, n, chosen)

    def sample(
        self, p: Any, q: Any, drafts: Any, generator: Any, *, scheme: str | Scheme | None = None
    ) -> Emission:
        """Emit one token for each tuple of drafts: :meth:`plan` and its ``sample`` in one.

        Parameters
        ----------
        p, q : array-like, shape (..., V)
        drafts : array-like of int, shape (..., n) or (..., size, n)
            From the draft scheme's own ``sample``; n is read off its shape.
        generator : numpy.random.Generator or torch.Generator

        Returns
        -------
        Emission
            ``token`` and ``index`` of the draft that it equals, −1 if none.
        """
        shape = drafts.shape if hasattr(drafts, "shape") else np.shape(drafts)
        if not shape:
            raise InputError("drafts is a single number; expected tokens of shape (..., n)")
        return self.plan(p, q, int(shape[-1]), scheme=scheme).sample(drafts, generator)

    def rate(self, pair: Pair, n: int, scheme: Scheme) -> Rate:
        """Return the rate of input that has been checked (see :meth:`acceptance_rate`)."""
        self._require(scheme, n)
        backend, batch = pair.backend, pair.batch
        none = backend.zeros((0,))
        rows = RowRate(none, none, "no_rows")
        if pair.p.shape[0]:
            rows = in_chunks(lambda part: self._rate(part, n, scheme), pair, self.at_once)
        error, bound = rows.standard_error, rows.error_bound
        return Rate(
            value=backend.result(backend.xp.clip(rows.value, 0.0, 1.0), batch),
            explicit=backend.result(backend.xp.clip(rows.explicit, 0.0, 1.0), batch),
            standard_error=None if error is None else backend.result(error, batch),
            verifier=self.name,
            scheme=scheme.name,
            route=rows.route,
            n=n,
            error_bound=None if bound is None else _bound(backend, rows.value, bound, batch),
        )

    def _chosen(self, scheme: str | Scheme | None) -> Scheme:
        """Return the scheme asked for, the default one for None; the rule must serve it."""
        chosen = resolve_scheme(self.default_scheme if scheme is None else scheme)
        self._require(chosen)
        return chosen

    def _require(self, scheme: Scheme, n: int | None = None) -> None:
        if self.serves(scheme) and not self.serves(scheme, n):
            able = " or ".join(map(str, self.drafts or ()))
            raise InputError(
                f"verifier {self.name!r} is for n = {able} drafts, not for n = {n}: pass "
                f"n={(self.drafts or (n,))[0]}, or choose another verifier"
            )
        if not self.serves(scheme):
            raise InputError(
                f"verifier {self.name!r} is for {', '.join(self.schemes or ())}, not for "
                f"{scheme.name}; 'naive' serves every scheme"
            )

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


def _bound(backend: Backend, value: Array, bound: Array, batch: tuple[int, ...]) -> Any:
    """Return the bound as the caller expects it, what the value loses in a batch's dtype included."""
    cast = EPS[backend.dtype_name] * value if batch else 0.0
    return backend.result(bound + cast, batch, rounding=1)
