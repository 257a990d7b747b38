"""Prove an optimum: in exact fractions for a small vocabulary, enclosed rigorously for any."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, overload

from mdsd_theory.options import exact_draft
from mdsd_theory.rationals import exact_distribution
from mdsd_theory.schemes import SCHEMES, resolve_scheme
from mdsd_theory.schemes.base import Scheme
from mdsd_theory.schemes.checks import check_n

if TYPE_CHECKING:
    from mdsd_theory.reference.certificate import Certificate
    from mdsd_theory.rigorous import Enclosure


@overload
def certify(
    p: Any,
    q: Any,
    *,
    n: int = 3,
    scheme: str | Scheme = "without_replacement",
    rigorous: Literal[False] = False,
) -> Certificate: ...


@overload
def certify(
    p: Any,
    q: Any,
    *,
    n: int = 3,
    scheme: str | Scheme = "without_replacement",
    rigorous: Literal[True],
) -> Enclosure: ...


def certify(
    p: Any,
    q: Any,
    *,
    n: int = 3,
    scheme: str | Scheme = "without_replacement",
    rigorous: bool = False,
) -> Certificate | Enclosure:
    r"""Prove the optimal acceptance rate: exactly for a small instance, or enclosed for any.

    The certificate holds a coupling of drafts and emitted token, whose acceptance α* cannot fall short
    of, and a subset H with P(H) + 1 − Q(H) equal to it, which α* cannot exceed.

    With ``rigorous=True`` there is no enumeration, and V may be a full vocabulary: α* is enclosed in
    integer and ball arithmetic, every rounding and quadrature error inside. Most widths are below
    1e-15; greedy, top_k and spechub are exact; the bounds of ``independent`` beyond 14 tokens are
    proved but do not meet.

    Parameters
    ----------
    p : sequence, shape (V,)
        Target: fractions, strings such as ``"1/3"``, integers or floats. Floats stand for their exact
        binary value and are divided by their sum, which must be one within rounding.
    q : sequence, shape (V,)
        Draft; a sequence of n of them for ``independent``, a mapping over tuples for ``joint``.
    n : int
        Number of drafts. ``independent`` and ``joint`` take it from q.
    scheme : str or Scheme
        How the drafts are drawn.
    rigorous : bool
        Enclose instead of enumerating; needs python-flint (``mdsd-theory[proofs]``). p and q may be
        NumPy arrays or torch tensors here as there.

    Returns
    -------
    Certificate
        Already verified; ``certificate.verify()`` does it again.
    Enclosure
        With ``rigorous=True``: ``lower``, ``upper``, the ``subset`` of the upper bound, and, printed,
        what is proved by which theorem.

    Raises
    ------
    SizeError
        When the sets of drafts are too many to enumerate; with ``rigorous=True``, for n above 32 drafts
        without replacement.
    RouteError
        With ``rigorous=True``, for ``joint`` and schemes of your own.
    MissingDependencyError
        With ``rigorous=True``, without python-flint.
    InputError, InputTypeError, SupportError
        For input that is no pair of distributions, or a support smaller than n.

    Notes
    -----
    One maximum flow in fractions on at most n·m + m + V edges, m the number of sets of drafts. With
    ``rigorous=True`` O(V log V) integer operations and some thousand ball operations for each of a few
    prefixes: see :mod:`mdsd_theory.rigorous` for every error bound.

    Examples
    --------
    >>> import mdsd_theory as mdsd
    >>> certificate = mdsd.certify(["1/2", "1/3", "1/6"], ["1/6", "1/3", "1/2"], n=2)
    >>> certificate.value, sorted(certificate.subset)
    (Fraction(11, 12), [1, 2])
    >>> enclosure = mdsd.certify([0.5, 0.3, 0.2], [0.2, 0.3, 0.5], n=2, rigorous=True)
    >>> enclosure.lower, enclosure.upper, enclosure.subset.tolist()
    (0.9857142857142857, 0.9857142857142858, [False, True, True])
    """
    chosen = resolve_scheme(scheme)
    if rigorous:
        from mdsd_theory.rigorous.prove import enclose

        return enclose(p, q, check_n(n), chosen)
    from mdsd_theory.reference.certificate import certificate_from_law

    target = exact_distribution(p, "p")
    draft, n = exact_draft(q, check_n(n), chosen, len(target))
    own = type(chosen) is not type(SCHEMES.get(chosen.name))  # its law cannot be computed from q alone
    return certificate_from_law(
        target, chosen.set_law(draft, n), chosen.name, n, q=None if own else draft
    )
