"""Independent checks of witnesses: couplings, dual points, subsets. No solver is imported here."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from fractions import Fraction

from mdsd_theory.errors import CertificationError, InputError

Number = int | float | Fraction
"""A probability or a value; Fractions and ints are computed with exactly."""

SetLaw = Mapping[frozenset[int], Number]
"""w(S): a set of distinct drafts to its probability."""

Coupling = Mapping[tuple[frozenset[int], int], Number]
"""c(S, i): the probability that the drafts are S and the emitted token is i ∈ S."""

LONGEST_SHOWN = 64
"""Longest denominator, in bits, that is spelt out; Python refuses to print very long integers."""


def is_exact(values: Iterable[Number]) -> bool:
    """Return whether every value is an int or a Fraction.

    Examples
    --------
    >>> is_exact([1, Fraction(1, 3)]), is_exact([1, 0.5])
    (True, False)
    """
    return all(isinstance(x, int | Fraction) for x in values)


def total(values: Iterable[Number]) -> Number:
    """Return Σ values: exact for Fractions, correctly rounded once for floats.

    Both sums are monotone: no term made larger can make the result smaller.

    Examples
    --------
    >>> total([0.1] * 10), total([Fraction(1, 3)] * 3)
    (1.0, Fraction(1, 1))
    """
    items = list(values)
    return sum(items, start=Fraction(0)) if is_exact(items) else math.fsum(items)


def shown(value: Number) -> str:
    """Return a number as text; a fraction too long to read as its float and its length.

    Examples
    --------
    >>> shown(Fraction(1, 3)), shown(Fraction(1, 3**100))
    ('1/3', '≈1.94032521748e-48 (a fraction of 159 bits)')
    """
    if isinstance(value, Fraction) and value.denominator.bit_length() > LONGEST_SHOWN:
        return f"≈{float(value):.12g} (a fraction of {value.denominator.bit_length():,} bits)"
    return str(value)


def check_coupling(p: Sequence[Number], law: SetLaw, coupling: Coupling, tol: Number = 0) -> Number:
    """Return the value of a feasible coupling, a lower bound of α*.

    Feasible: c(S,i) ≥ 0, only for i ∈ S, Σ_{i∈S} c(S,i) ≤ w(S), Σ_{S∋i} c(S,i) ≤ p_i.

    Parameters
    ----------
    p : sequence of numbers, shape (V,)
    law : mapping of frozenset to number
    coupling : mapping of (frozenset, int) to number
        Pairs left out have mass zero.
    tol : number
        Largest violation of one constraint that is let pass; 0 for exact numbers.

    Returns
    -------
    number
        Σ c(S,i).

    Raises
    ------
    CertificationError
        Naming the constraint that fails.

    Notes
    -----
    O(number of masses). Source: Hu et al. 2025 (arXiv 2502.18779), the primal program.

    Examples
    --------
    >>> half = Fraction(1, 2)
    >>> law = {frozenset({0}): half, frozenset({0, 1}): half}
    >>> check_coupling([half, half], law, {(frozenset({0}), 0): half})
    Fraction(1, 2)
    """
    by_set: dict[frozenset[int], list[Number]] = defaultdict(list)
    by_token: dict[int, list[Number]] = defaultdict(list)
    for (drafts, token), mass in coupling.items():
        _check_pair(p, law, drafts, token)
        if not mass >= -tol:
            raise CertificationError(
                f"the coupling has mass {shown(mass)} on (S = {_tokens(drafts)}, token {token}); "
                "expected a mass ≥ 0"
            )
        by_set[drafts].append(mass)
        by_token[token].append(mass)
    for drafts, masses in by_set.items():
        _check_row(total(masses), law[drafts], tol, "w(S) of S = ", drafts)
    for token, masses in by_token.items():
        _check_row(total(masses), p[token], tol, "p_i of token i = ", token)
    return total(coupling.values())


def check_dual(
    p: Sequence[Number],
    law: SetLaw,
    u: Sequence[Number],
    v: Mapping[frozenset[int], Number],
    tol: Number = 0,
) -> Number:
    """Return the value of a feasible dual point, an upper bound of α*.

    Feasible: u, v ≥ 0 and u_i + v_S ≥ 1 for every i ∈ S with w(S) > 0.

    Parameters
    ----------
    p : sequence of numbers, shape (V,)
    law : mapping of frozenset to number
    u : sequence of numbers, shape (V,)
    v : mapping of frozenset to number
        Sets left out have v_S = 0.
    tol : number
        Largest violation of one constraint that is let pass; the value is a bound when it is 0.

    Returns
    -------
    number
        Σ p_i u_i + Σ w(S) v_S.

    Raises
    ------
    CertificationError
        Naming the constraint that fails.

    Notes
    -----
    O(number of pairs i ∈ S). Source: Hu et al. 2025 (arXiv 2502.18779), the dual program.

    Examples
    --------
    >>> check_dual([0.5, 0.5], {frozenset({0}): 1.0}, [1, 0], {})
    0.5
    """
    if len(u) != len(p):
        raise CertificationError(f"u has {len(u)} entries; expected V = {len(p)}")
    for name, values in (("u", u), ("v", v.values())):
        if not all(x >= -tol for x in values):
            raise CertificationError(f"the dual point has a negative or undefined {name}")
    for drafts, weight in law.items():
        slack = v.get(drafts, 0) - 1 + tol
        if weight > 0 and not all(u[i] + slack >= 0 for i in drafts):
            raise CertificationError(
                f"u_i + v_S < 1 for some i in S = {_tokens(drafts)}; the dual point is not feasible"
            )
    priced = [x * y for x, y in zip(p, u, strict=True)]
    return total(priced + [weight * v.get(drafts, 0) for drafts, weight in law.items()])


def subset_value(p: Sequence[Number], law: SetLaw, subset: Collection[int]) -> Number:
    """Return P(H) + 1 − Q(H), an upper bound of α* for every subset H of tokens.

    1 − Q(H) is summed as the mass of the sets that reach outside H, so nothing cancels, and all
    terms enter one sum.

    Parameters
    ----------
    p : sequence of numbers, shape (V,)
    law : mapping of frozenset to number
    subset : collection of int
        H.

    Returns
    -------
    number

    Raises
    ------
    InputError
        When H holds something that is not a token.

    Notes
    -----
    O(V + number of sets). Source: Hu et al. 2025 (arXiv 2502.18779), the subset selection.

    Examples
    --------
    >>> subset_value([0.5, 0.5], {frozenset({0}): 0.75, frozenset({1}): 0.25}, {0})
    0.75
    """
    inside = frozenset(subset)
    if not inside <= frozenset(range(len(p))):
        raise InputError(f"subset is {_tokens(inside)}; expected tokens 0 … {len(p) - 1}")
    outside = [weight for drafts, weight in law.items() if not drafts <= inside]
    return total([p[i] for i in inside] + outside)


def certified(
    p: Sequence[Number],
    law: SetLaw,
    coupling: Coupling,
    subset: Collection[int],
    tol: Number = 0,
    *,
    feasibility: Number = 0,
    source: str = "the answer",
) -> tuple[Number, Number]:
    """Return (lower, upper): the values of a coupling and of a subset that enclose α*.

    Parameters
    ----------
    p : sequence of numbers, shape (V,)
    law : mapping of frozenset to number
    coupling : mapping of (frozenset, int) to number
        Witness of the lower bound.
    subset : collection of int
        Witness of the upper bound.
    tol : number
        Largest gap upper − lower; 0 for exact numbers.
    feasibility : number
        Largest violation of one constraint of the coupling.
    source : str
        Who answered, for the message.

    Raises
    ------
    CertificationError
        When the coupling is infeasible, lower > upper + tol, or upper − lower > tol.

    Notes
    -----
    O(number of sets + number of masses).

    Examples
    --------
    >>> one = frozenset({0})
    >>> certified([0.5, 0.5], {one: 1.0}, {(one, 0): 0.5}, {0})
    (0.5, 0.5)
    """
    try:
        lower = check_coupling(p, law, coupling, feasibility)
    except CertificationError as error:
        raise CertificationError(f"{source}: {error}") from None
    upper = subset_value(p, law, subset)
    if not lower <= upper + tol:
        raise CertificationError(
            f"{source}: the lower bound {shown(lower)} is above the upper bound {shown(upper)}"
        )
    if not upper - lower <= tol:
        raise CertificationError(
            f"{source}: the gap is {float(upper - lower):.3g}, between {shown(lower)} of the "
            f"coupling and {shown(upper)} of the subset; expected at most {tol}"
        )
    return lower, upper


def check_exact(
    p: Sequence[Number], law: SetLaw, coupling: Coupling, subset: Collection[int], value: Number
) -> None:
    """Raise unless coupling and subset prove α* = value in exact arithmetic, with no tolerance.

    Parameters
    ----------
    p, law, coupling, subset
        As in :func:`certified`, in ints and Fractions.
    value : Fraction
        The optimum that is claimed.

    Raises
    ------
    CertificationError
        When a number is not exact, p or the law is not a distribution, a witness fails, or the two
        values and the claim are not all equal.

    Examples
    --------
    >>> one, half = frozenset({0}), Fraction(1, 2)
    >>> check_exact([half, half], {one: 1}, {(one, 0): half}, {0}, half)
    """
    if not is_exact([*p, *law.values(), *coupling.values(), value]):
        raise CertificationError("a number is not a Fraction; an exact check needs Fractions only")
    for name, masses in (("p", list(p)), ("the set law", list(law.values()))):
        if min(masses, default=-1) < 0 or total(masses) != 1:
            raise CertificationError(f"{name} is not a distribution: it sums to {shown(total(masses))}")
    lower, _ = certified(p, law, coupling, subset, source="the certificate")
    if value != lower:
        raise CertificationError(f"the value is {shown(value)}; the witnesses prove {shown(lower)}")


def _check_pair(p: Sequence[Number], law: SetLaw, drafts: frozenset[int], token: int) -> None:
    """Raise unless S is in the law and i is a token of S."""
    if drafts not in law:
        raise CertificationError(f"the coupling uses S = {_tokens(drafts)}, a set not in the law")
    if token not in drafts or not 0 <= token < len(p):
        raise CertificationError(
            f"the coupling has mass on token {token}, which is not in S = {_tokens(drafts)}"
        )


def _check_row(mass: Number, limit: Number, tol: Number, what: str, which: frozenset[int] | int) -> None:
    """Raise when a marginal of the coupling is above its limit."""
    if not mass <= limit + tol:
        name = which if isinstance(which, int) else _tokens(which)
        raise CertificationError(
            f"the coupling puts {shown(mass)} where {what}{name} allows {shown(limit)}: "
            f"{float(mass - limit):.3g} too much"
        )


def _tokens(tokens: Collection[int]) -> str:
    """Return a set of tokens as {0, 2}."""
    return "{" + ", ".join(map(str, sorted(tokens))) + "}"
