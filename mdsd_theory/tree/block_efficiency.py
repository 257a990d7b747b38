"""Block efficiency: the expected number of tokens that one call of the target emits."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from mdsd_theory.errors import InputError
from mdsd_theory.schemes.base import Number, Scheme
from mdsd_theory.tree.chance import Dice
from mdsd_theory.tree.language import NextToken
from mdsd_theory.tree.rules import resolve_rule, setting_of
from mdsd_theory.tree.topology import Tree, resolve_tree
from mdsd_theory.tree.walk import Rule, emitted_law


def block_efficiency(
    target: NextToken,
    draft: NextToken,
    tree: Tree | str,
    *,
    scheme: str | Scheme = "without_replacement",
    rule: Rule = "optimal",
) -> Number:
    """Return the expected number of tokens of one step, exactly: all drafts and outcomes enumerated.

    Parameters are those of :func:`~mdsd_theory.tree.walk.emitted_law`, target and draft in fractions.

    Examples
    --------
    >>> from mdsd_theory.tree.language import markov
    >>> p, q = markov(["1/2", "1/2"], [["1/2", "1/2"]] * 2), markov(["3/4", "1/4"], [["1/2", "1/2"]] * 2)
    >>> str(block_efficiency(p, q, "chain:1", scheme="with_replacement", rule="rrs"))
    '7/4'
    """
    law = emitted_law(target, draft, tree, scheme=scheme, rule=rule)
    return sum((len(u) * chance for u, chance in law.items()), start=0)


class Mean(NamedTuple):
    """A mean over samples.

    Attributes
    ----------
    value, standard_error : float
    """

    value: float
    standard_error: float


def simulate(
    target: NextToken,
    draft: NextToken,
    tree: Tree | str,
    generator: np.random.Generator,
    *,
    scheme: str | Scheme = "without_replacement",
    rule: Rule = "optimal",
    size: int = 1000,
) -> Mean:
    """Return the mean number of tokens of independent steps, with its standard error.

    Parameters are those of :func:`~mdsd_theory.tree.walk.sample_step`; ``size`` is the number of steps.

    Examples
    --------
    >>> p, q = (lambda u: [0.5, 0.5]), (lambda u: [0.75, 0.25])
    >>> found = simulate(p, q, "chain:1", np.random.default_rng(0), scheme="with_replacement", rule="rrs")
    >>> abs(found.value - 1.75) < 4 * found.standard_error
    True
    """
    if size < 2:
        raise InputError(f"size is {size}; expected at least 2 steps")
    chosen = resolve_rule(rule)
    setting = setting_of(target, draft, tree, scheme, chosen)
    dice = Dice(generator)
    lengths = np.array([len(chosen.step(dice, setting)) for _ in range(size)], dtype=float)
    return Mean(float(lengths.mean()), float(lengths.std(ddof=1) / math.sqrt(size)))


@dataclass(frozen=True)
class AcceptanceTable:
    """How often each draft of a node is the one that is emitted, by depth and number of drafts.

    Attributes
    ----------
    rates : mapping of (int, int) to sequence of float
        (Depth of the node, its number of drafts n) → chances of draft 0 … n − 1, given that the node is
        reached. A depth that is lacking has those of the largest depth above it that is there.

    Examples
    --------
    >>> table = AcceptanceTable({(0, 1): [0.6], (0, 2): [0.6, 0.2]})
    >>> table.at(3, 2)
    (0.6, 0.2)
    >>> table.expected_tokens("2x2")
    2.44
    """

    rates: Mapping[tuple[int, int], Sequence[float]]

    def __post_init__(self) -> None:
        for (depth, n), row in self.rates.items():
            good = len(row) == n >= 1 and depth >= 0 and all(0 <= x <= 1 for x in row)
            if not good or sum(row) > 1 + 1e-9:
                raise InputError(
                    f"rates at depth {depth}, n = {n} are {list(row)}; expected n chances of sum <= 1"
                )

    def at(self, depth: int, n: int) -> tuple[float, ...]:
        """Return the chances of the n drafts of a node.

        Raises
        ------
        InputError
            Where no node with n drafts was measured at this depth or above.
        """
        known = [d for d, m in self.rates if m == n and d <= depth]
        if not known:
            have = sorted({m for _, m in self.rates})
            raise InputError(f"no rates for {n} drafts at depth {depth}; measured were n = {have}")
        return tuple(float(x) for x in self.rates[max(known), n])

    @property
    def most_drafts(self) -> int:
        """The largest n up to which all numbers of drafts are known at depth 0."""
        n = 0
        while (0, n + 1) in self.rates:
            n += 1
        return n

    def expected_tokens(self, tree: Tree | str) -> float:
        """Return 1 + Σ over drafts of the product of the chances on their path.

        An estimate: nodes of one depth and number of drafts are taken to be alike whatever path leads to
        them. It is exact where they are (theorem 13.c in ``proofs/``).
        """
        return math.fsum(self.reached(tree))

    def reached(self, tree: Tree | str) -> list[float]:
        """Return the chance that each node is accepted: the root's, which is one, first."""
        shape = resolve_tree(tree)
        found = [1.0] + [0.0] * shape.drafts
        for node in shape.inner:
            below = shape.children[node]
            rates = self.at(shape.depths[node], len(below))
            for child, rate in zip(below, rates, strict=True):
                found[child] = found[node] * rate
        return found


def table_of(
    visits: Mapping[tuple[int, int], Any], accepted: Mapping[tuple[int, int], Any]
) -> AcceptanceTable:
    """Return the table of counts: visits of nodes by (depth, n), and of them which draft was accepted."""
    return AcceptanceTable(
        {
            place: [float(x) / float(count) for x in accepted[place]]
            for place, count in visits.items()
            if count > 0
        }
    )
