"""Statements that are tried on instances: equations, inequalities, predicates and their failures."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from fractions import Fraction
from typing import Any

from mdsd_theory.errors import MdsdError
from mdsd_theory.proving.evidence import Finding, Kind, Verdict
from mdsd_theory.proving.progress import tracked
from mdsd_theory.proving.samples import Sample
from mdsd_theory.proving.shrink import smallest

Number = Any
Side = Callable[[Any], Any]
"""A side of a statement: an instance to a number, or to a sequence of numbers compared one by one."""

EXACT = (Kind.GRID, Kind.RANDOM, Kind.COUNTEREXAMPLE)
"""Kinds of evidence in which a float would be a mistake."""


class InexactError(MdsdError, TypeError):
    """A check that claims exact arithmetic met a float."""


def equal(
    claim: str, sample: Sample, left: Side, right: Side, *, tol: float = 0, note: str = ""
) -> Finding:
    """Try an equation on every instance; the margin is the largest difference.

    Parameters
    ----------
    claim : str
    sample : Sample
    left, right : callable
        Each returns a number, or numbers of equal count, for an instance.
    tol : float
        Largest difference that counts as equal: 0 unless the kind is an enclosure or floats.
    note : str

    Returns
    -------
    Finding

    Examples
    --------
    >>> from mdsd_theory.proving.samples import grid
    >>> finding = equal("p sums to 1", grid(2, 3), lambda x: sum(x.p), lambda x: 1)
    >>> finding.verdict.value, finding.margin, finding.instances
    ('holds', Fraction(0, 1), 33)
    """

    def slack(x: Any) -> Number:
        return -max((abs(d) for d in _differences(sample.kind, left(x), right(x))), default=Fraction(0))

    return _tried(claim, sample, slack, tol, note, sign=-1)


def at_least(
    claim: str, sample: Sample, left: Side, right: Side, *, tol: float = 0, note: str = ""
) -> Finding:
    """Try left ≥ right on every instance; the margin is the smallest left − right.

    Parameters and return value are those of :func:`equal`.

    Examples
    --------
    >>> from mdsd_theory.proving.samples import grid
    >>> finding = at_least("p₀ ≥ q₀", grid(2, 2), lambda x: x.p[0], lambda x: x.q[0])
    >>> finding.verdict.value, str(finding.witness)
    ('refuted', 'p = (0, 1), q = (1, 0), n = 1')
    """

    def slack(x: Any) -> Number:
        return min(_differences(sample.kind, left(x), right(x)), default=Fraction(0))

    return _tried(claim, sample, slack, tol, note, sign=1)


def holds(claim: str, sample: Sample, predicate: Callable[[Any], bool], *, note: str = "") -> Finding:
    """Try a statement that is true or false on every instance; it has no margin.

    Examples
    --------
    >>> from mdsd_theory.proving.samples import grid
    >>> holds("p is not negative", grid(2, 2), lambda x: min(x.p) >= 0).verdict.value
    'holds'
    """
    finding = _tried(claim, sample, lambda x: Fraction(0 if predicate(x) else -1), 0, note, sign=1)
    return replace(finding, margin=None, relation="")


def fails(claim: str, x: Any, left: Side, right: Side, *, note: str = "") -> Finding:
    """Confirm that left ≥ right is false on one instance: the neighbour of a theorem.

    The finding holds when the instance is a counterexample; its margin is right − left > 0.

    Examples
    --------
    >>> from mdsd_theory.proving.instances import Pair
    >>> x = Pair.of("0 1", "1 0", 1)
    >>> finding = fails("p₀ ≥ q₀", x, lambda x: x.p[0], lambda x: x.q[0])
    >>> finding.verdict.value, finding.margin
    ('holds', Fraction(1, 1))
    """
    started = time.perf_counter()
    margin = max(-d for d in _differences(Kind.COUNTEREXAMPLE, left(x), right(x)))
    verdict = Verdict.HOLDS if margin > 0 else Verdict.REFUTED
    seconds = time.perf_counter() - started
    scope = "one instance"
    return Finding(claim, Kind.COUNTEREXAMPLE, verdict, scope, 1, margin, x, seconds, note, "≥")


def differs(claim: str, x: Any, left: Side, right: Side, *, note: str = "") -> Finding:
    """Confirm that left = right is false on one instance; the margin is the largest difference."""
    return fails(claim, x, lambda x: 0, lambda x: _distance(left(x), right(x)), note=note)


def _distance(left: Any, right: Any) -> Number:
    return max(abs(d) for d in _differences(Kind.COUNTEREXAMPLE, left, right))


def _tried(
    claim: str, sample: Sample, slack: Callable[[Any], Number], tol: float, note: str, sign: int
) -> Finding:
    """Evaluate a slack, which must stay ≥ −tol, on every instance; shrink the first that refutes."""
    if tol and sample.kind in EXACT:
        raise InexactError(f"tol is {tol} for {sample.kind}; expected 0: exact numbers need none")
    started = time.perf_counter()
    count, least, witness = 0, None, None
    for x in tracked(claim, sample.items, sample.total):
        count += 1
        here = slack(x)
        if not here >= -tol:
            witness = smallest(x, lambda y: not slack(y) >= -tol)
            least = slack(witness)
            verdict = Verdict.REFUTED
            break
        if least is None or here < least:
            least, witness = here, x
    else:
        verdict = Verdict.HOLDS if count else Verdict.UNDECIDED
    margin = None if least is None else sign * least
    seconds = time.perf_counter() - started
    relation = "≥" if sign > 0 else "="
    return Finding(
        claim, sample.kind, verdict, sample.scope, count, margin, witness, seconds, note, relation
    )


def _differences(kind: Kind, left: Any, right: Any) -> list[Number]:
    """Return left − right, one by one."""
    pairs = list(zip(_numbers(left), _numbers(right), strict=True))
    if kind in EXACT:
        for number in (x for pair in pairs for x in pair):
            if not isinstance(number, int | Fraction):
                raise InexactError(
                    f"{number!r} is {type(number).__name__} where exact evidence is claimed; "
                    "expected an int or a Fraction"
                )
    return [a - b for a, b in pairs]


def _numbers(value: Any) -> Iterable[Number]:
    return value if isinstance(value, list | tuple) else [value]
