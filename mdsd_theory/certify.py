"""Prove an optimum: a coupling and a subset of equal rational value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mdsd_theory.options import exact_draft
from mdsd_theory.rationals import exact_distribution
from mdsd_theory.schemes import resolve_scheme
from mdsd_theory.schemes.base import Scheme
from mdsd_theory.schemes.checks import check_n

if TYPE_CHECKING:
    from mdsd_theory.reference.certificate import Certificate


def certify(
    p: Any,
    q: Any,
    *,
    n: int = 3,
    scheme: str | Scheme = "without_replacement",
) -> Certificate:
    r"""Prove the optimal acceptance rate of a small instance in exact fractions.

    The certificate holds a coupling of drafts and emitted token, whose acceptance α* cannot fall short
    of, and a subset H with P(H) + 1 − Q(H) equal to it, which α* cannot exceed.

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

    Returns
    -------
    Certificate
        Already verified; ``certificate.verify()`` does it again.

    Raises
    ------
    SizeError
        When the sets of drafts are too many to enumerate.
    InputError, InputTypeError, SupportError
        For input that is no pair of distributions, or a support smaller than n.

    Notes
    -----
    One maximum flow in fractions on at most n·m + m + V edges, m the number of sets of drafts.

    Examples
    --------
    >>> import mdsd_theory as mdsd
    >>> certificate = mdsd.certify(["1/2", "1/3", "1/6"], ["1/6", "1/3", "1/2"], n=2)
    >>> certificate.value, sorted(certificate.subset)
    (Fraction(11, 12), [1, 2])
    """
    from mdsd_theory.reference.certificate import certificate_from_law

    chosen = resolve_scheme(scheme)
    target = exact_distribution(p, "p")
    draft, n = exact_draft(q, check_n(n), chosen, len(target))
    return certificate_from_law(target, chosen.set_law(draft, n), chosen.name, n)
