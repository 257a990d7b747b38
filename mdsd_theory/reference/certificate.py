"""Certificates: an instance, its optimum and two witnesses, checked in exact arithmetic."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from mdsd_theory.errors import CertificationError
from mdsd_theory.reference.check import Coupling, Number, SetLaw, check_exact, shown
from mdsd_theory.reference.rational import solve_rational
from mdsd_theory.reference.transport import transport_problem


@dataclass(frozen=True)
class Certificate:
    """A proof that α* of one instance is ``value``, with no tolerance anywhere.

    The coupling reaches the value, and P(H) + 1 − Q(H) of the subset H forbids more. What is proved
    is a statement about p and the law of the set of drafts; ``scheme`` and ``n`` label where the law
    came from.

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

    def verify(self) -> bool:
        """Return True once both witnesses are checked to equal the value exactly.

        Raises
        ------
        CertificationError
            When anything differs, by however little.
        """
        check_exact(self.p, self.law, self.coupling, self.subset, self.value)
        drafts = max(map(len, self.law))
        if drafts > self.n:
            raise CertificationError(f"the law has a set of {drafts} drafts; n is {self.n}")
        return True

    def __str__(self) -> str:
        tokens = ", ".join(map(str, sorted(self.subset)))
        return (
            f"α* is {shown(self.value)}, proved for {self.scheme} with V = {len(self.p)} and "
            f"n = {self.n}\n"
            f"  at least: a coupling of {len(self.coupling)} positive masses sums to it\n"
            f"  at most:  P(H) + 1 − Q(H) equals it for H = {{{tokens}}}"
        )


def certificate_from_law(p: Sequence[Number], law: SetLaw, scheme: str, n: int) -> Certificate:
    """Return a verified certificate of α* for a target and a set law in exact numbers.

    Parameters
    ----------
    p : sequence of ints and Fractions, shape (V,)
    law : mapping of frozenset to int or Fraction
    scheme : str
        Name of the draft scheme, kept as a label.
    n : int
        Number of drafts; no set may be larger.

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
    )
    certificate.verify()
    return certificate
