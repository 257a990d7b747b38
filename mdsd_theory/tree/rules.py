"""Rules that verify a tree of drafts, as walks: each emits some drafts of a path, then one token more."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from types import MappingProxyType
from typing import Any

from mdsd_theory.errors import InputError, InputTypeError
from mdsd_theory.schemes import resolve_scheme
from mdsd_theory.schemes.base import Number, Scheme, support
from mdsd_theory.tree.chance import Source
from mdsd_theory.tree.language import Language, NextToken, Tokens
from mdsd_theory.tree.topology import Tree, resolve_tree
from mdsd_theory.tree.trials import next_trial, trial_order
from mdsd_theory.verifiers import VERIFIERS, resolve_verifier
from mdsd_theory.verifiers.base import Verifier


@dataclass(frozen=True)
class Setting:
    """What a walk goes down on.

    Attributes
    ----------
    language : Language
    tree : Tree
    scheme : Scheme
        How the drafts are drawn at the nodes whose scheme the tree leaves open.
    """

    language: Language
    tree: Tree
    scheme: Scheme

    def at(self, node: int) -> Scheme:
        """Return how the drafts at a node are drawn."""
        return resolve_scheme(self.tree.scheme(node) or self.scheme)

    def drafted(self, node: int, u: Tokens) -> int:
        """Return how many drafts a node has: as many as q(·|u) has tokens, where it has too few.

        Only a scheme that needs n different tokens is cut; the drafts of higher rank, and all below them,
        are then not there.
        """
        n = len(self.tree.children[node])
        if n and self.at(node).support_needed(n) > 1:
            n = min(n, len(support(self.language.draft(u))))
        return n

    def law(self, node: int, u: Tokens) -> dict[Tokens, Number]:
        """Return the law of the drafts at a node."""
        n = self.drafted(node, u)
        return self.at(node).tuple_law(self.language.draft(u), n) if n else {(): 1}


class TreeRule(ABC):
    """A rule for a whole tree; a rule of your own is a frozen dataclass with these two methods."""

    @property
    @abstractmethod
    def name(self) -> str:
        """For tables."""

    @abstractmethod
    def step(self, source: Source, setting: Setting) -> Tokens:
        """Return the tokens that one step emits, at least one."""

    def require(self, setting: Setting) -> None:  # noqa: B027 - most rules take any setting
        """Raise :class:`InputError` for a setting that the rule is not defined for."""


@dataclass(frozen=True)
class NodeWise(TreeRule):
    """At each node a verifier of one position; on to the first draft that equals the emitted token.

    At a leaf the emitted token has the target's law. The walk draws the drafts of a node when it gets
    there: no verifier of a node looks at other nodes, so that it is the same as drawing all before.

    Attributes
    ----------
    verifier : Verifier or str

    Notes
    -----
    Source: theorem 13.a in ``proofs/``; Hu et al. 2025, arXiv 2502.18779.
    """

    verifier: Verifier | str

    @property
    def name(self) -> str:
        """The verifier's name."""
        return resolve_verifier(self.verifier).name

    def require(self, setting: Setting) -> None:
        """Raise where the verifier does not serve the scheme or the numbers of drafts."""
        verifier = resolve_verifier(self.verifier)
        for node in setting.tree.inner:
            verifier._require(setting.at(node), len(setting.tree.children[node]))

    def step(self, source: Source, setting: Setting) -> Tokens:
        """Return the tokens of one step."""
        return source.visit(_node_wise, resolve_verifier(self.verifier), setting, 0, ())


def _node_wise(source: Source, verifier: Verifier, setting: Setting, node: int, u: Tokens) -> Tokens:
    p, q, n = setting.language.target(u), setting.language.draft(u), setting.drafted(node, u)
    if n == 0:
        return (*u, source.draw(dict(enumerate(p))))
    drafts = source.draw(setting.law(node, u))
    token = source.draw(verifier.conditional_law(p, q, drafts, scheme=setting.at(node)))
    if token not in drafts:
        return (*u, token)
    child = setting.tree.children[node][drafts.index(token)]
    return source.visit(_node_wise, verifier, setting, child, (*u, token))


@dataclass(frozen=True)
class Traversal(TreeRule):
    r"""From the leaves up: a path is taken as a whole before any part of it is.

    A node u is entered with a weight a ≤ 1, the chance with which it has to be accepted, itself or by one
    of its descendants. With P = p(·|u), its drafts are tried in turn, x of law Q given those tried:

    .. math:: a_x = \min(1, a P(x) / Q(x)), \qquad
              \text{if } x \text{ is not accepted: }\;
              a' = \frac{s}{1 - a + s}, \quad P' = \frac{(a P - Q)_+}{s}, \quad s = \sum (a P - Q)_+ .

    Then u itself is accepted with probability a, and a last token drawn from P. The root has a = 1.

    Notes
    -----
    One token's share: x is drafted and accepted with chance Q a_x = min(Q, a P), and the weight that is
    left, of what has not been accepted, is s of 1 − a + s. A copy of a token that is drafted twice has
    drafts of its own below, and both are tried. Source: Weng et al. 2025, arXiv 2505.12398, here for any
    scheme, in the order of :func:`~mdsd_theory.tree.trials.trial_order`; on a chain it is :class:`Block`.
    """

    @property
    def name(self) -> str:
        """``"traversal"``."""
        return "traversal"

    def step(self, source: Source, setting: Setting) -> Tokens:
        """Return the tokens of one step."""
        found = source.visit(_traverse, setting, 0, (), Fraction(1))
        assert found is not None  # the root has weight one
        return found


def _traverse(source: Source, setting: Setting, node: int, u: Tokens, weight: Number) -> Tokens | None:
    """Return what is emitted below or at a node, None if it is not accepted."""
    p, q, n = list(setting.language.target(u)), setting.language.draft(u), setting.drafted(node, u)
    tried: tuple[int, ...] = ()
    scheme = setting.at(node)
    for rank in trial_order(scheme, n):
        law = next_trial(scheme, tuple(q), n, tried)
        x, child = source.draw(law), setting.tree.children[node][rank]
        taken = source.visit(_traverse, setting, child, (*u, x), min(1, weight * p[x] / law[x]))
        if taken is not None:
            return taken
        tried = (*tried, x)
        left = [max(weight * a - law.get(i, 0), 0) for i, a in enumerate(p)]
        total = sum(left)
        if total == 0:
            return None
        p, weight = [a / total for a in left], total / (1 - weight + total)
    if not source.draw({True: weight, False: 1 - weight}):
        return None
    return (*u, source.draw(dict(enumerate(p))))


@dataclass(frozen=True)
class Block(TreeRule):
    """Block verification of a chain: the longest accepted prefix, each length with its own chance.

    With w_0 = 1 and w_i = min(1, w_{i−1} p(X_i)/q(X_i)), every i < γ is accepted with probability
    s_i / (s_i + 1 − w_i), s_i = Σ (w_i p − q)_+ after i drafts, and γ with w_γ. The longest accepted
    length τ is emitted, then a token of law ∝ (w_τ p − q)_+, or p at τ = γ.

    Notes
    -----
    Source: Sun et al. 2024, arXiv 2403.10444, algorithm 2. It emits the most tokens of all rules that
    decide from the same chain of drafts, as they show.
    """

    @property
    def name(self) -> str:
        """``"block"``."""
        return "block"

    def require(self, setting: Setting) -> None:
        """Raise for trees with more than one draft a node."""
        if setting.tree.width > 1:
            raise InputError(
                f"block verification is for a chain of drafts, not for a {setting.tree}; "
                "'traversal' does the same for trees"
            )

    def step(self, source: Source, setting: Setting) -> Tokens:
        """Return the tokens of one step."""
        u: Tokens = ()
        best: Tokens = ()
        rest: Sequence[Number] = setting.language.target(())
        weight: Number = 1
        for node in range(setting.tree.drafts + 1):
            p, q, n = setting.language.target(u), setting.language.draft(u), setting.drafted(node, u)
            left = list(p)
            if n:
                law = setting.at(node).next_draft(q, 1, ())
                left = [max(weight * a - law.get(i, 0), 0) for i, a in enumerate(p)]
                total = sum(left)
                chance = 1 if node == 0 else total / (total + 1 - weight) if total else 0
            else:
                chance = weight
            if source.draw({True: chance, False: 1 - chance}):
                best, rest = u, left
            if not n:
                break
            x = source.draw(law)
            weight = min(1, weight * p[x] / law[x])
            u = (*u, x)
        total = sum(rest)
        return (*best, source.draw({i: a / total for i, a in enumerate(rest)}))


TREE_RULES: MappingProxyType[str, TreeRule] = MappingProxyType(
    {rule.name: rule for rule in (Traversal(), Block())}
)
"""The rules that decide on a whole path, by name; every verifier of one position is a rule too."""


def resolve_rule(rule: Any) -> TreeRule:
    """Return the rule of a name: one of :data:`TREE_RULES`, else that verifier at every node.

    Examples
    --------
    >>> resolve_rule("traversal"), resolve_rule("rrs").name
    (Traversal(), 'rrs')
    """
    if isinstance(rule, str) and rule in TREE_RULES:
        return TREE_RULES[rule]
    if isinstance(rule, str) and rule not in VERIFIERS:
        raise InputError(f"unknown rule {rule!r}; expected one of {', '.join((*TREE_RULES, *VERIFIERS))}")
    if isinstance(rule, str | Verifier):
        return NodeWise(rule)
    if not hasattr(rule, "step"):
        raise InputTypeError(f"rule is {rule!r}; expected a name, a Verifier or an object with step()")
    found: TreeRule = rule
    return found


def setting_of(
    target: NextToken, draft: NextToken, tree: Tree | str, scheme: str | Scheme, rule: TreeRule
) -> Setting:
    """Return what a rule goes down on, checked."""
    setting = Setting(Language(target, draft), resolve_tree(tree), resolve_scheme(scheme))
    for scheme in {setting.scheme, *(setting.at(node) for node in setting.tree.inner)}:
        if scheme.draft != "single":
            raise InputError(
                f"scheme {scheme.name!r} draws from a {scheme.draft} of q; a draft model gives one "
                "distribution at each node"
            )
    rule.require(setting)
    return setting
