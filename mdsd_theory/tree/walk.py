"""Draft and verify a tree, given any two next-token functions: one step drawn, or its exact law."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np

from mdsd_theory.schemes.base import Number, Scheme
from mdsd_theory.tree.chance import Dice, Enumeration
from mdsd_theory.tree.language import NextToken, Tokens
from mdsd_theory.tree.rules import Setting, TreeRule, resolve_rule, setting_of
from mdsd_theory.tree.topology import Tree

Rule = str | TreeRule
"""A name of :data:`~mdsd_theory.tree.rules.TREE_RULES` or of a verifier, or an object of your own."""


def sample_step(
    target: NextToken,
    draft: NextToken,
    tree: Tree | str,
    generator: np.random.Generator,
    *,
    scheme: str | Scheme = "without_replacement",
    rule: Rule = "optimal",
    prefix: Tokens = (),
) -> Tokens:
    """Return the tokens that one step emits: the accepted drafts and one more.

    Parameters
    ----------
    target, draft : callable
        Path of tokens → distribution of the next token, shape (V,).
    tree : Tree or str
    generator : numpy.random.Generator
    scheme : str or Scheme
        How the drafts at each node are drawn.
    rule : str or TreeRule
        ``"traversal"``, ``"block"`` or a verifier of one position, used at every node.
    prefix : tuple of int
        What has been emitted before; target and draft are asked for the law after it.

    Returns
    -------
    tuple of int
        One to ``tree.depth + 1`` tokens.

    Notes
    -----
    A node has as many drafts as q has tokens, where that is fewer than the tree and the scheme ask for.
    Cost a few passes over p and q at each node on the way.

    Examples
    --------
    >>> p, q = (lambda u: [0.5, 0.3, 0.2]), (lambda u: [0.4, 0.4, 0.2])
    >>> sample_step(p, q, "2x2", np.random.default_rng(3))
    (0, 2, 0)
    """
    chosen = resolve_rule(rule)
    after = (lambda u: target((*prefix, *u))), (lambda u: draft((*prefix, *u)))
    return chosen.step(Dice(generator), setting_of(*after, tree, scheme, chosen))


def emitted_law(
    target: NextToken,
    draft: NextToken,
    tree: Tree | str,
    *,
    scheme: str | Scheme = "without_replacement",
    rule: Rule = "optimal",
) -> dict[Tokens, Number]:
    """Return the exact law of the tokens that one step emits, all drafts and outcomes enumerated.

    Parameters are those of :func:`sample_step`; give target and draft in fractions.

    Returns
    -------
    dict of tuple of int to number
        Strings of one to ``tree.depth + 1`` tokens of positive chance, which sum to one.

    Raises
    ------
    SizeError
        When the walk has too many branches: V ≤ 4 and depth 3 are a matter of seconds.

    Examples
    --------
    >>> from mdsd_theory.tree.language import markov
    >>> p, q = markov(["1/2", "1/2"], [["1/2", "1/2"]] * 2), markov(["3/4", "1/4"], [["1/2", "1/2"]] * 2)
    >>> law = emitted_law(p, q, "chain:1", scheme="with_replacement", rule="rrs")
    >>> {u: str(chance) for u, chance in sorted(law.items())}
    {(0, 0): '1/4', (0, 1): '1/4', (1,): '1/4', (1, 0): '1/8', (1, 1): '1/8'}
    """
    chosen = resolve_rule(rule)
    return law_of(chosen, setting_of(target, draft, tree, scheme, chosen))


def law_of(rule: TreeRule, setting: Setting) -> dict[Tokens, Number]:
    """Return the exact law of what one step of a rule emits."""
    return dict(Enumeration().law(_step, rule, setting))


def _step(source: Any, rule: TreeRule, setting: Setting) -> Tokens:
    return rule.step(source, setting)


def completed_law(law: dict[Tokens, Number], target: NextToken, length: int) -> dict[Tokens, Number]:
    """Return the law of the first ``length`` tokens when the target goes on after what was emitted.

    Parameters
    ----------
    law : dict
        Of :func:`emitted_law`.
    target : callable
    length : int
        No string of the law may be longer.

    Returns
    -------
    dict of tuple of int to number
        All V^length strings.
    """
    vocabulary = range(len(target(())))
    found: dict[Tokens, Number] = {}
    for w in product(vocabulary, repeat=length):
        ends = (law.get(w[:k], 0) * string_chance(target, w, k) for k in range(1, length + 1))
        found[w] = sum(ends, start=0)
    return found


def string_chance(model: NextToken, w: Tokens, given: int = 0) -> Number:
    """Return the chance of a string, given its first tokens: Π_{k ≥ given} p(w_{k+1} | w_1 … w_k)."""
    chance: Number = 1
    for k in range(given, len(w)):
        if not chance:
            return chance
        chance *= model(w[:k])[w[k]]
    return chance


def is_lossless(
    target: NextToken,
    draft: NextToken,
    tree: Tree | str,
    *,
    scheme: str | Scheme = "without_replacement",
    rule: Rule = "optimal",
) -> bool:
    """Tell whether the emitted tokens, continued by the target, have exactly the target's law.

    Parameters are those of :func:`emitted_law`, in fractions: nothing is excused.

    Examples
    --------
    >>> from mdsd_theory.tree.language import markov
    >>> p, q = markov(["1/2", "1/2"], [["1/3", "2/3"]] * 2), markov(["3/4", "1/4"], [["1/2", "1/2"]] * 2)
    >>> is_lossless(p, q, "2x2", scheme="with_replacement", rule="traversal")
    True
    """
    chosen = resolve_rule(rule)
    setting = setting_of(target, draft, tree, scheme, chosen)
    law = law_of(chosen, setting)
    length = setting.tree.depth + 1
    found = completed_law(law, target, length)
    return all(chance == string_chance(target, w) for w, chance in found.items())
