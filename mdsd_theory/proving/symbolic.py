"""Statements about all p and q at fixed V and n: computer algebra, and real arithmetic decided."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

from mdsd_theory.errors import MissingDependencyError
from mdsd_theory.proving.evidence import Finding, Kind, Verdict
from mdsd_theory.proving.progress import announce

HINT = "the checks of the proofs need it: pip install 'mdsd-theory[proofs]'"

NEEDED = {"sympy": "sympy", "z3": "z3-solver", "flint": "python-flint"}
"""Modules that some checks import, with the packages that hold them."""


def require_all() -> None:
    """Raise unless everything that some check needs is installed.

    Raises
    ------
    MissingDependencyError
        Naming the first package that is missing.
    """
    for module, package in NEEDED.items():
        if importlib.util.find_spec(module) is None:
            raise MissingDependencyError(f"{package} is not installed; {HINT}")


def sympy() -> Any:
    """Return the module, or say how to get it."""
    try:
        import sympy as module
    except ImportError:
        raise MissingDependencyError(f"sympy is not installed; {HINT}") from None
    return module


def z3() -> Any:
    """Return the module, or say how to get it."""
    try:
        import z3 as module
    except ImportError:
        raise MissingDependencyError(f"z3-solver is not installed; {HINT}") from None
    return module


def identity(
    claim: str, scope: str, sides: Callable[[], Sequence[tuple[Any, Any]]], *, note: str = ""
) -> Finding:
    """Prove equations between rational expressions by computer algebra.

    Parameters
    ----------
    claim, scope : str
    sides : callable
        Returns pairs (left, right) of sympy expressions; each difference must be identically zero.

    Returns
    -------
    Finding
        Refuted with the first difference that is not zero.

    Examples
    --------
    >>> from sympy.abc import x
    >>> identity("a square", "all x", lambda: [((x + 1)**2, x**2 + 2*x + 1)]).verdict.value
    'holds'
    """
    started = time.perf_counter()
    announce(claim)
    algebra = sympy()
    witness = None
    for left, right in sides():
        difference = algebra.cancel(algebra.together(left - right))
        if difference != 0:
            witness = f"the sides differ by {algebra.factor(difference)}"
            break
    verdict = Verdict.HOLDS if witness is None else Verdict.REFUTED
    margin = Fraction(0) if witness is None else None
    seconds = time.perf_counter() - started
    return Finding(claim, Kind.SYMBOLIC, verdict, scope, 0, margin, witness, seconds, note, "=")


def impossible(
    claim: str,
    scope: str,
    constraints: Callable[[], Sequence[Any]],
    *,
    seconds: float = 20.0,
    note: str = "",
) -> Finding:
    """Ask z3 whether constraints that would refute a claim have a real solution.

    Parameters
    ----------
    claim, scope : str
    constraints : callable
        Returns z3 formulas that say: here is a p and a q on which the claim is false.
    seconds : float
        Time for the decision; after it the finding is undecided, and says so.

    Returns
    -------
    Finding
        Holds when there is no solution, for all real p and q; refuted with the solution if there is.

    Examples
    --------
    >>> x = z3().Real("x")
    >>> impossible("squares are not negative", "all real x", lambda: [x * x < 0]).verdict.value
    'holds'
    """
    started = time.perf_counter()
    announce(claim)
    logic = z3()
    solver = logic.Solver()
    solver.set("timeout", int(1000 * seconds))
    solver.add(*constraints())
    answer = solver.check()
    verdict, witness = Verdict.UNDECIDED, None
    if answer == logic.unsat:
        verdict = Verdict.HOLDS
    elif answer == logic.sat:
        verdict, witness = Verdict.REFUTED, _solution(solver.model())
    else:
        note = " ".join([note, f"z3 did not decide within {seconds:g} s"]).strip()
    spent = time.perf_counter() - started
    return Finding(claim, Kind.SYMBOLIC, verdict, scope, 0, None, witness, spent, note)


def simplex(name: str, vocabulary: int) -> tuple[list[Any], list[Any]]:
    """Return V real unknowns of z3 and the constraints that make them a distribution.

    Examples
    --------
    >>> p, constraints = simplex("p", 2)
    >>> p, constraints
    ([p0, p1], [p0 >= 0, p1 >= 0, p0 + p1 == 1])
    """
    logic = z3()
    x = [logic.Real(f"{name}{i}") for i in range(vocabulary)]
    total = x[0]
    for entry in x[1:]:
        total = total + entry
    return x, [entry >= 0 for entry in x] + [total == 1]


def _solution(model: Any) -> str:
    return ", ".join(sorted(f"{name} = {model[name]}" for name in model))
