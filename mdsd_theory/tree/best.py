"""The best lossless rule for a whole tree of drafts, for toy models: its value, and the rule itself."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from mdsd_theory.reference.drafted_tree import DraftedTree
from mdsd_theory.reference.whole_tree import TreeOptimum, last_draft, solve_whole_tree
from mdsd_theory.schemes.base import Scheme
from mdsd_theory.tree.chance import Source
from mdsd_theory.tree.language import NextToken, Tokens
from mdsd_theory.tree.rules import NodeWise, Setting, TreeRule, setting_of
from mdsd_theory.tree.topology import Tree


def best_tree_rule(
    target: NextToken,
    draft: NextToken,
    tree: Tree | str,
    *,
    scheme: str | Scheme = "without_replacement",
) -> TreeOptimum:
    """Return the most tokens that any lossless verification of a whole tree emits, in the mean.

    Parameters
    ----------
    target, draft : callable
        Path of tokens → distribution of the next in fractions; :func:`~.language.markov` makes one.
    tree : Tree or str
    scheme : str or Scheme

    Returns
    -------
    TreeOptimum
        Certified from both sides in fractions.

    Notes
    -----
    See :mod:`mdsd_theory.reference.whole_tree`.

    Examples
    --------
    >>> from mdsd_theory.tree.language import markov
    >>> p, q = markov(["1/2", "1/2"], [["1/3", "2/3"]] * 2), markov(["3/4", "1/4"], [["1/2", "1/2"]] * 2)
    >>> best = best_tree_rule(p, q, "chain:2", scheme="with_replacement")
    >>> best.lower == best.upper, str(best.upper)
    (True, '59/24')
    """
    return solve_whole_tree(drafted_tree(setting_of(target, draft, tree, scheme, NodeWise("naive"))))


def drafted_tree(setting: Setting) -> DraftedTree:
    """Return the law of the drafts of a setting, as the reference layer takes it."""

    return DraftedTree(setting.tree.children, setting.law, setting.language.target)


@dataclass(frozen=True)
class BestRule(TreeRule):
    """The rule that a :class:`~mdsd_theory.reference.whole_tree.TreeOptimum` stands for.

    Draw an order, take the first of its paths that the drafts hold, keep it with the chance that is left
    over by R, else take the root; then a last token of law e(uy) / σ(u).

    Attributes
    ----------
    optimum : TreeOptimum
    """

    optimum: TreeOptimum

    @property
    def name(self) -> str:
        """``"best"``."""
        return "best"

    def step(self, source: Source, setting: Setting) -> Tokens:
        """Return the tokens of one step; all drafts are drawn."""
        reach = self.optimum.reach
        chosen = source.draw({k: weight for k, (weight, _) in enumerate(self.optimum.orders)})
        drafted = _draw_all(source, setting)
        u = next((path for path in self.optimum.orders[chosen][1] if path in drafted), ())
        last = last_draft(reach)
        if u:
            offered = _offered(self.optimum, setting)[u]
            if not source.draw({True: last[u] / offered, False: 1 - last[u] / offered}):
                u = ()
        p = setting.language.target(u)
        chances = {y: reach[u] * c - reach.get((*u, y), Fraction(0)) for y, c in enumerate(p)}
        return (*u, source.draw({y: chance / last[u] for y, chance in chances.items()}))


@lru_cache(maxsize=8)
def _offered(optimum: TreeOptimum, setting: Setting) -> dict[Tokens, Fraction]:
    """Return the chance of each path to be the first of a random order that the drafts hold."""
    tree = drafted_tree(setting)
    found: dict[Tokens, Fraction] = {}
    for weight, order in optimum.orders:
        for u, chance in tree.greedy(order).items():
            found[u] = found.get(u, Fraction(0)) + weight * chance
    return found


def _draw_all(source: Source, setting: Setting) -> set[Tokens]:
    """Return the paths of all drafts."""
    found: set[Tokens] = set()
    todo: list[tuple[int, Tokens]] = [(0, ())]
    while todo:
        node, u = todo.pop()
        drafts = source.draw(setting.law(node, u))
        below = [(child, (*u, i)) for child, i in zip(setting.tree.children[node], drafts, strict=False)]
        found.update(path for _, path in below)
        todo += below
    return found
