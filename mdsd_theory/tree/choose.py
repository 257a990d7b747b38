"""Choose a tree: the most expected tokens within a number of drafts, or the most tokens a second."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from mdsd_theory.errors import InputError
from mdsd_theory.tree.block_efficiency import AcceptanceTable
from mdsd_theory.tree.topology import Path, Tree, from_paths


class Chosen(NamedTuple):
    """A tree and what is expected of it.

    Attributes
    ----------
    tree : Tree
    expected_tokens : float
        A step, by the table.
    """

    tree: Tree
    expected_tokens: float


def choose_tree(
    table: AcceptanceTable, budget: int, *, depth: int = 8, width: int | None = None
) -> Chosen:
    r"""Return the tree of at most ``budget`` drafts with the most expected tokens: a dynamic programme.

    .. math:: T_d(m) = 1 + \max_{n,\; m_1 + \dots + m_n = m - 1} \sum_{r \le n} A_d(n, r)\, T_{d+1}(m_r)

    where A_d(n, r) is the chance that draft r of n is accepted at depth d, and m counts the nodes of a
    subtree with its root.

    Parameters
    ----------
    table : AcceptanceTable
    budget : int
        Most drafts in all.
    depth : int
        Largest depth.
    width : int, optional
        Most drafts at a node; all that the table knows if left out.

    Returns
    -------
    Chosen

    Raises
    ------
    InputError
        For a budget or depth below one, or an empty table.

    Notes
    -----
    Cost O(depth · width · budget²). Source: the dynamic programme of Sequoia (Chen et al. 2024, arXiv
    2402.12374) with rates that depend on depth and on the number of drafts, so that rules that do not try
    drafts in turn have a table too.

    Examples
    --------
    >>> table = AcceptanceTable({(0, 1): [0.8], (0, 2): [0.8, 0.1]})
    >>> choose_tree(table, 4).tree == choose_tree(table, 4, width=1).tree  # a chain of four
    True
    >>> choose_tree(AcceptanceTable({(0, 1): [0.4], (0, 2): [0.4, 0.35]}), 4).tree.paths[1:]
    ((0,), (1,), (0, 0), (0, 1))
    """
    most = table.most_drafts if width is None else width
    for value, name in ((budget, "budget"), (depth, "depth"), (most, "width")):
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise InputError(f"{name} is {value!r}; expected a whole number >= 1")
    best = _Search(table, budget + 1, depth, most)
    size = int(np.argmax(best.value[0]))
    return Chosen(from_paths(best.paths(0, size)), float(best.value[0][size]))


class _Search:
    """value[d][m]: T_d(m), −∞ where m nodes cannot be had; how[d][m]: (n, sizes of the subtrees)."""

    def __init__(self, table: AcceptanceTable, nodes: int, depth: int, width: int) -> None:
        alone = np.full(nodes + 1, -np.inf)
        alone[1] = 1.0
        self.value: list[Any] = [alone.copy() for _ in range(depth + 1)]
        self.how: list[list[tuple[int, ...]]] = [[()] * (nodes + 1) for _ in range(depth + 1)]
        for d in range(depth - 1, -1, -1):
            for n in range(1, width + 1):
                self._widen(d, table.at(d, n), nodes)

    def _widen(self, d: int, rates: tuple[float, ...], nodes: int) -> None:
        """Let a node at depth d have as many drafts as there are rates."""
        total = np.full(nodes + 1, -np.inf)
        total[1] = 1.0  # the node itself
        choices = []
        for rate in rates:
            # best[m] = max over k of total[m − k] + rate · T_{d+1}(k)
            best, taken = np.full(nodes + 1, -np.inf), np.zeros(nodes + 1, dtype=int)
            for k in range(1, nodes):
                if self.value[d + 1][k] == -np.inf:
                    continue
                gain = total[: nodes + 1 - k] + rate * self.value[d + 1][k]
                better = gain > best[k:]
                best[k:][better], taken[k:][better] = gain[better], k
            total = best
            choices.append(taken)
        for m in np.flatnonzero(total > self.value[d]):
            sizes, left = [], int(m)
            for taken in reversed(choices):
                sizes.append(int(taken[left]))
                left -= sizes[-1]
            self.value[d][m], self.how[d][m] = total[m], tuple(reversed(sizes))

    def paths(self, d: int, m: int) -> list[Path]:
        """Return the paths of the best subtree of m nodes at depth d."""
        found: list[Path] = []
        for rank, size in enumerate(self.how[d][m]):
            found.append((rank,))
            found += [(rank, *path) for path in self.paths(d + 1, size)]
        return found


@dataclass(frozen=True)
class Costs:
    """Measured times of the parts of a step, in one unit.

    Attributes
    ----------
    target : float
        A call of the target on one token: what plain decoding costs a token.
    tree : float
        A call of the target on the drafts of a tree.
    draft : float
        A call of the draft, one for each depth.
    verify : float
        All else in a step.
    """

    target: float
    tree: float
    draft: float
    verify: float = 0.0

    def speed_up(self, tokens: float, depth: int) -> float:
        """Return how many times faster a step of so many tokens is than plain decoding.

        Examples
        --------
        >>> Costs(target=20.0, tree=22.0, draft=2.0, verify=1.0).speed_up(tokens=2.5, depth=3)
        1.7241379310344827
        """
        return tokens * self.target / (self.tree + depth * self.draft + self.verify)


def fastest_tree(
    table: AcceptanceTable, budget: int, costs: Costs, *, depth: int = 8
) -> tuple[Chosen, float]:
    """Return the tree of the largest modelled speed-up within a budget of drafts, and that speed-up.

    Parameters
    ----------
    table, budget, depth
        As :func:`choose_tree` takes them.
    costs : Costs
        The target's call on the tree is taken to cost the same for all trees within the budget.

    Examples
    --------
    >>> table = AcceptanceTable({(0, 1): [0.6], (0, 2): [0.6, 0.2]})
    >>> chosen, times = fastest_tree(table, 30, Costs(target=20.0, tree=22.0, draft=4.0))
    >>> chosen.tree.depth, round(times, 2)
    (4, 1.77)
    """
    found = [choose_tree(table, budget, depth=d) for d in range(1, depth + 1)]
    times = [costs.speed_up(x.expected_tokens, x.tree.depth) for x in found]
    best = int(np.argmax(times))
    return found[best], times[best]
