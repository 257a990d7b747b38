"""Certificates: an instance, its optimum and two witnesses, checked in exact arithmetic."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mdsd_theory.errors import CertificationError, DataFileError
from mdsd_theory.reference.certificate_file import (
    LONGEST_FILE,
    Draft,
    draft_of,
    fields_of,
    law_of,
    positive,
    written,
)
from mdsd_theory.reference.check import Coupling, Number, SetLaw, check_exact, shown
from mdsd_theory.reference.rational import solve_rational
from mdsd_theory.reference.transport import transport_problem


@dataclass(frozen=True)
class Certificate:
    """A proof that α* of one instance is ``value``, with no tolerance anywhere.

    The coupling reaches the value, and P(H) + 1 − Q(H) of the subset H forbids more. Where q is known,
    the law of the set of drafts is checked to be that of q, n and the scheme. Where it is not, the
    statement is about p and the law, and ``scheme`` and ``n`` label where that came from.

    Attributes
    ----------
    p : tuple of Fractions, shape (V,)
        Target distribution.
    law : dict of frozenset to Fraction
        Law of the set of distinct drafts.
    value : Fraction
        α*.
    coupling : dict of (frozenset, int) to Fraction
        Positive masses c(S, i).
    subset : frozenset of int
        H.
    scheme : str
        Name of the draft scheme.
    n : int
        Number of drafts.
    q : tuple or dict, optional
        What the drafts are drawn from: shape (V,), n of these for ``independent``, a mapping over
        tuples for ``joint``. None for a law of unknown origin and for schemes of one's own.

    Examples
    --------
    >>> from fractions import Fraction
    >>> half = Fraction(1, 2)
    >>> certificate = certificate_from_law([half, half], {frozenset({0}): 1}, "top_k", 1)
    >>> certificate.verify()
    True
    >>> print(certificate)
    α* is 1/2, proved for top_k with V = 2 and n = 1
      at least: a coupling of 1 positive masses sums to it
      at most:  P(H) + 1 − Q(H) equals it for H = {0}
    """

    p: tuple[Number, ...] = field(repr=False)
    law: SetLaw = field(repr=False)
    value: Number
    coupling: Coupling = field(repr=False)
    subset: frozenset[int]
    scheme: str
    n: int
    q: Draft | None = field(repr=False, default=None)

    def verify(self) -> bool:
        """Return True once both witnesses are checked to equal the value exactly, and the law to be q's.

        Raises
        ------
        CertificationError
            When anything differs, by however little.
        """
        check_exact(self.p, self.law, self.coupling, self.subset, self.value)
        drafts = max(map(len, self.law))
        if drafts > self.n:
            raise CertificationError(f"the law has a set of {drafts} drafts; n is {self.n}")
        if self.q is not None and law_of(self.q, self.scheme, self.n) != positive(self.law):
            raise CertificationError(f"the law of the drafts is not that of {self.scheme} with this q")
        return True

    def to_json(self) -> str:
        """Return the certificate as text that ``mdsd check-certificate`` verifies.

        The fields are ``format``, ``version``, ``scheme``, ``n``, ``p``, ``q``, ``value``, ``H`` and
        ``coupling``, a list of [set of drafts, token, mass]; numbers are strings such as ``"1/3"``. A law
        over tuples is a list of [tuple, mass]. A certificate without q has the scheme ``"law"``, and
        the law of the set of drafts, a list of [set, mass], in q's place.

        Raises
        ------
        CertificationError
            When it proves nothing, or is beyond the limits of the checker (integers of 4,300 digits,
            16 MiB): distributions in floats give long fractions, short fractions give short ones.

        Examples
        --------
        >>> from fractions import Fraction
        >>> half = Fraction(1, 2)
        >>> certificate = certificate_from_law([half, half], {frozenset({0}): 1}, "top_k", 1, [1, 0])
        >>> print(certificate.to_json())
        {
        "format": "mdsd-certificate",
        "version": 1,
        "scheme": "top_k",
        "n": 1,
        "p": ["1/2", "1/2"],
        "q": ["1", "0"],
        "value": "1/2",
        "H": [0],
        "coupling": [
        [[0], 0, "1/2"]
        ]
        }
        """
        return written(self)

    def save(self, path: str | Path) -> None:
        """Write :meth:`to_json` to a file; DataFileError if that fails."""
        text = self.to_json()
        try:
            Path(path).write_text(text + "\n", encoding="ascii")
        except OSError as error:
            raise DataFileError(f"{path} cannot be written: {error.strerror}") from None

    @classmethod
    def from_json(cls, text: str | bytes) -> Certificate:
        """Return the certificate that a text holds, after its verification.

        Raises
        ------
        CertificationError
            When the text proves nothing, whatever is wrong with it.

        Examples
        --------
        >>> law = {frozenset({0}): 1}
        >>> certificate = certificate_from_law([1, 0], law, "top_k", 1, [1, 0])
        >>> Certificate.from_json(certificate.to_json()) == certificate
        True
        """
        certificate = cls(**fields_of(text))
        certificate.verify()
        return certificate

    @classmethod
    def load(cls, path: str | Path) -> Certificate:
        """Return the certificate in a file, after its verification (see :meth:`from_json`).

        Raises
        ------
        DataFileError
            When the file cannot be read.
        CertificationError
            When it proves nothing.
        """
        try:
            with Path(path).open("rb") as file:
                content = file.read(LONGEST_FILE + 1)
        except OSError as error:
            raise DataFileError(f"{path} cannot be read: {error.strerror}") from None
        return cls.from_json(content)

    def __str__(self) -> str:
        tokens = ", ".join(map(str, sorted(self.subset)))
        return (
            f"α* is {shown(self.value)}, proved for {self.scheme} with V = {len(self.p)} and "
            f"n = {self.n}\n"
            f"  at least: a coupling of {len(self.coupling)} positive masses sums to it\n"
            f"  at most:  P(H) + 1 − Q(H) equals it for H = {{{tokens}}}"
        )


def certificate_from_law(
    p: Sequence[Number], law: SetLaw, scheme: str, n: int, q: Any = None
) -> Certificate:
    """Return a verified certificate of α* for a target and a set law in exact numbers.

    Parameters
    ----------
    p : sequence of ints and Fractions, shape (V,)
    law : mapping of frozenset to int or Fraction
    scheme : str
        Name of the draft scheme, kept as a label.
    n : int
        Number of drafts; no set may be larger.
    q : optional
        What the drafts are drawn from, in exact numbers, for a scheme that the package has; the law
        must be its law.

    Returns
    -------
    Certificate

    Raises
    ------
    InputTypeError
        When p or the law holds floats.
    InputError
        When p or the law is not a distribution.
    CertificationError
        When the witnesses do not agree exactly.

    Notes
    -----
    Cost of :func:`~mdsd_theory.reference.rational.solve_rational`. Source: Hu et al. 2025
    (arXiv 2502.18779) for the program; the pair of witnesses is linear programming duality.

    Examples
    --------
    >>> from fractions import Fraction
    >>> law = {frozenset({0}): Fraction(3, 4), frozenset({1}): Fraction(1, 4)}
    >>> certificate_from_law([Fraction(1, 2)] * 2, law, "with_replacement", 1).value
    Fraction(3, 4)
    """
    problem = transport_problem(p, law)
    solution = solve_rational(problem)
    certificate = Certificate(
        p=problem.p,
        law=problem.law,
        value=solution.value,
        coupling=solution.coupling or {},
        subset=solution.subset,
        scheme=scheme,
        n=n,
        q=draft_of(scheme, q),
    )
    certificate.verify()
    return certificate
