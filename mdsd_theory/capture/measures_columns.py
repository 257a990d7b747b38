"""What is measured: the columns, and the cells of a position, a number of drafts and a scheme each."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from mdsd_theory.capture.measures_schemes import AskedScheme, asked_schemes
from mdsd_theory.capture.positions import KEYS, OF_POSITION, OF_SCHEME, Questions
from mdsd_theory.schemes.checks import check_n
from mdsd_theory.verifiers import VERIFIERS, Verifier, resolve_verifier

ERROR = "_error"
"""Ends the name of the column that says how far from the rate a verifier's column may be."""

INEXACT = ("rrs_without_replacement", "optimal")
"""Verifiers with such a column."""


@dataclass(frozen=True)
class Cell:
    """A number of drafts and a scheme: what a row is about, beside its position and temperature.

    Attributes
    ----------
    n : int
    asked : AskedScheme
    rules : dict of str to Verifier
        Those asked for that serve them.
    """

    n: int
    asked: AskedScheme
    rules: dict[str, Verifier]


def measured_verifiers(questions: Questions) -> tuple[str, ...]:
    """Return the verifiers that have a column: those asked for, or all that serve some row.

    Examples
    --------
    >>> measured_verifiers(Questions(schemes=("greedy",)))
    ('naive', 'greedy', 'optimal')
    """
    asked = questions.verifiers
    if asked and asked != ("all",):
        return tuple(resolve_verifier(name).name for name in asked)
    wanted = list(itertools.product(questions.drafts, asked_schemes(questions.schemes)))
    return tuple(
        name for name, rule in VERIFIERS.items() if any(rule.serves(x.scheme, n) for n, x in wanted)
    )


def column_names(questions: Questions) -> tuple[str, ...]:
    """Return the columns that :func:`measure` gives, in order.

    Examples
    --------
    >>> column_names(Questions(schemes=("greedy",)))[-4:]
    ('naive', 'greedy', 'optimal', 'optimal_error')
    """
    of_rules = (
        column
        for name in measured_verifiers(questions)
        for column in ((name, name + ERROR) if name in INEXACT else (name,))
    )
    return (*KEYS, *OF_POSITION, *OF_SCHEME, *of_rules)


def cells_of(questions: Questions) -> list[Cell]:
    """Return the cells that the questions ask for, in the order of the rows."""
    rules = {name: VERIFIERS[name] for name in measured_verifiers(questions)}
    found = []
    for n, asked in itertools.product(questions.drafts, asked_schemes(questions.schemes)):
        if asked.serves(check_n(n)):
            able = {name: rule for name, rule in rules.items() if rule.serves(asked.scheme, n)}
            found.append(Cell(n, asked, able))
    return found
