"""Verify drafted trees with one call of the target: which path is accepted, and the token after it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch

from mdsd_theory.errors import InputError
from mdsd_theory.schemes import resolve_scheme
from mdsd_theory.schemes.base import Scheme
from mdsd_theory.tree.decoding.drafting import Drafted
from mdsd_theory.tree.decoding.drawing import draw
from mdsd_theory.tree.decoding.emitting import emit
from mdsd_theory.tree.decoding.laws import Warp
from mdsd_theory.tree.decoding.layout import Layout
from mdsd_theory.tree.rules import NodeWise, Setting, TreeRule
from mdsd_theory.tree.trials import trial_order
from mdsd_theory.verifiers import resolve_verifier


@dataclass
class Verdict:
    """What one step does to one row.

    Attributes
    ----------
    path : list of int
        Accepted nodes, from the root's draft down.
    token : int
        Emitted after them.
    visits : list of (int, int, int)
        Depth, number of drafts and rank of the accepted draft (−1: none) of each node that a node-wise
        rule came to; whole-path rules leave it empty.
    """

    path: list[int] = field(default_factory=list)
    token: int = -1
    visits: list[tuple[int, int, int]] = field(default_factory=list)


class Trees(NamedTuple):
    """Drafted trees of some rows and the target's logits at all their nodes."""

    layout: Layout
    drafted: Drafted
    logits: torch.Tensor


class Verification(ABC):
    """A rule for trees of drafts, on tensors."""

    @abstractmethod
    def __call__(self, trees: Trees, generator: torch.Generator) -> list[Verdict]:
        """Return one verdict a row."""


def verification_of(rule: TreeRule, setting: Setting, target: Warp, draft: Warp) -> Verification:
    """Return a rule on tensors.

    At temperature zero of the target every lossless rule does the same: go on to the draft that is the
    likeliest token. At temperature zero of the draft alone drafts are no random choice, and the best rule
    is to draw from the target and go on while that is a draft.
    """
    if target.greedy:
        return Likeliest()
    if draft.greedy:
        rule = NodeWise("naive")
    if isinstance(rule, NodeWise):
        return NodeByNode(rule, setting.scheme, target)
    if rule.name in ("traversal", "block"):
        for node in setting.tree.inner:
            _trials(setting.at(node))
        return LeavesFirst(setting.scheme, target)
    raise InputError(
        f"rule {rule.name!r} works on toy models only; expected 'traversal', 'block' or a verifier"
    )


@dataclass(frozen=True)
class Likeliest(Verification):
    """Go on while a draft is the target's likeliest token: temperature zero."""

    def __call__(self, trees: Trees, generator: torch.Generator) -> list[Verdict]:
        """Return one verdict a row."""
        found = trees.logits.max(-1)
        vocabulary = trees.logits.shape[-1]
        token = torch.where(found.values.isfinite(), found.indices, vocabulary)
        pairs = torch.stack([token, trees.drafted.tokens]).tolist()
        return [_descend(trees.layout, a, b, vocabulary) for a, b in zip(*pairs, strict=True)]


def _descend(layout: Layout, token: list[int], drafts: list[int], vocabulary: int) -> Verdict:
    found, node = Verdict(), 0
    while True:
        found.token = known(token[node], vocabulary)
        below = [x for x in layout.tree.children[node] if drafts[x] >= 0]
        rank = next((k for k, x in enumerate(below) if drafts[x] == found.token), -1)
        if below:
            found.visits.append((layout.tree.depths[node], len(below), rank))
        if rank < 0:
            return found
        node = below[rank]
        found.path.append(node)


def known(token: int, vocabulary: int) -> int:
    """Return the token; V means that the target's law is none."""
    if token >= vocabulary:
        raise InputError("the target's logits are not finite; load it in float32 or bfloat16")
    return token


AT_ONCE = 2**26
"""Most probabilities of p for which a CUDA device verifies all nodes rather than those reached."""


def worth_all(logits: torch.Tensor) -> bool:
    """Tell whether it costs less to verify all nodes than to wait for the device at each depth."""
    return logits.is_cuda and logits.numel() <= AT_ONCE


@dataclass(frozen=True)
class NodeByNode(Verification):
    """A verifier of one position at each node.

    On a CUDA device a small batch is verified at all nodes together, reached or not: the walk then waits
    for the device once. Else the nodes that are reached are verified, those of a depth together.
    """

    rule: NodeWise
    scheme: Scheme
    warp: Warp

    def __call__(self, trees: Trees, generator: torch.Generator) -> list[Verdict]:
        """Return one verdict a row."""
        drafts: list[list[int]] = trees.drafted.tokens.tolist()
        whole = all(x >= 0 for row in drafts for x in row[1:])
        if whole and worth_all(trees.logits):
            tokens = self._everywhere(trees, generator).tolist()
            return [
                _descend(trees.layout, a, b, trees.logits.shape[-1])
                for a, b in zip(tokens, drafts, strict=True)
            ]
        return self._where_reached(trees, drafts, generator)

    def _everywhere(self, trees: Trees, generator: torch.Generator) -> torch.Tensor:
        """Return what is emitted at each node, shape (rows, nodes)."""
        layout, rows = trees.layout, len(trees.logits)
        p, tokens = self.warp.law(trees.logits), trees.drafted.tokens
        found = torch.empty_like(tokens)
        found[:, layout.leaves] = draw(p[:, layout.leaves].flatten(0, 1), generator).reshape(rows, -1)
        q = torch.cat(trees.drafted.q, 1) if trees.drafted.q else None
        for group in layout.groups:
            emitted = self._emit(
                p[:, group.nodes].flatten(0, 1),
                None if q is None else q[:, group.places].flatten(0, 1),
                tokens[:, group.children].flatten(0, 1),
                group.scheme,
                generator,
            )
            found[:, group.nodes] = emitted.reshape(rows, -1)
        return found

    def _where_reached(
        self, trees: Trees, tokens: list[list[int]], generator: torch.Generator
    ) -> list[Verdict]:
        """Return the verdicts, all rows going down together."""
        layout = trees.layout
        verdicts = [Verdict() for _ in tokens]
        at = dict.fromkeys(range(len(verdicts)), 0)
        while at:
            below = {
                b: [x for x in layout.tree.children[node] if tokens[b][x] >= 0] for b, node in at.items()
            }
            groups: dict[tuple[int, str], list[int]] = {}
            for b, children in below.items():
                groups.setdefault((len(children), layout.tree.scheme(at[b])), []).append(b)
            emitted: dict[int, int] = {}
            for rows in groups.values():
                nodes = [at[b] for b in rows]
                found = self._at(trees, rows, nodes, [below[b] for b in rows], generator)
                emitted.update(zip(rows, found.tolist(), strict=True))
            for b, node in list(at.items()):
                token = known(emitted[b], trees.logits.shape[-1])
                rank = next((k for k, x in enumerate(below[b]) if tokens[b][x] == token), -1)
                verdicts[b].token = token
                if below[b]:
                    verdicts[b].visits.append((layout.tree.depths[node], len(below[b]), rank))
                if rank < 0:
                    del at[b]
                else:
                    at[b] = below[b][rank]
                    verdicts[b].path.append(at[b])
        return verdicts

    def _at(
        self,
        trees: Trees,
        rows: list[int],
        nodes: list[int],
        children: list[list[int]],
        generator: torch.Generator,
    ) -> torch.Tensor:
        """Return the tokens emitted at one node of each row, with equally many drafts."""
        p = self.warp.law(picked(trees.logits, rows, nodes))
        if not children[0]:
            return draw(p, generator)
        q = None
        if trees.drafted.q:
            depth = trees.layout.tree.depths[nodes[0]]
            places = [trees.layout.levels[depth].nodes.index(node) for node in nodes]
            q = picked(trees.drafted.q[depth], rows, places)
        where = torch.tensor(rows, device=p.device)[:, None]
        drafts = trees.drafted.tokens[where, torch.tensor(children, device=p.device)]
        return self._emit(p, q, drafts, trees.layout.tree.scheme(nodes[0]), generator)

    def _emit(
        self,
        p: torch.Tensor,
        q: torch.Tensor | None,
        drafts: torch.Tensor,
        scheme: str,
        generator: torch.Generator,
    ) -> torch.Tensor:
        if q is None:  # drafts that are no random choice
            return draw(p, generator)
        chosen = resolve_scheme(scheme or self.scheme)
        return emit(resolve_verifier(self.rule.verifier), chosen, p, q, drafts, generator)


def picked(values: torch.Tensor, rows: list[int], places: list[int]) -> torch.Tensor:
    """Return values[row, place] for each pair, shape (pairs, V)."""
    if len(rows) == 1:
        return values[rows[0], places[0]][None]
    where = torch.tensor([rows, places], device=values.device)
    return values[where[0], where[1]]


@dataclass(frozen=True)
class LeavesFirst(Verification):
    """Traversal verification, one row after the other; on a chain it is block verification.

    A few passes over the vocabulary for each node that is tried, which can be all of them.
    """

    scheme: Scheme
    warp: Warp

    def __call__(self, trees: Trees, generator: torch.Generator) -> list[Verdict]:
        """Return one verdict a row."""
        return [self._row(trees, b, generator) for b in range(len(trees.logits))]

    def _row(self, trees: Trees, row: int, generator: torch.Generator) -> Verdict:
        tokens = trees.drafted.tokens[row].tolist()
        found = self._node(trees, row, tokens, 0, 1.0, generator)
        assert found is not None  # the root has weight one
        return found

    def _node(
        self,
        trees: Trees,
        row: int,
        tokens: list[int],
        node: int,
        weight: float,
        generator: torch.Generator,
    ) -> Verdict | None:
        """Return the verdict of the subtree of a node, None if it is not accepted."""
        layout, p = trees.layout, self.warp.law(trees.logits[row, node])
        children = [x for x in layout.tree.children[node] if tokens[x] >= 0]
        if children:
            level = layout.levels[layout.tree.depths[node]]
            q = trees.drafted.q[level.depth][row, level.nodes.index(node)]
            scheme = resolve_scheme(layout.tree.scheme(node) or self.scheme)
            trials = _trials(scheme)(q, [tokens[x] for x in children])
            for rank in trial_order(scheme, len(children)):
                child, law = children[rank], next(trials)
                x = tokens[child]
                chance = weight * float(p[x] / law[x])
                taken = self._node(trees, row, tokens, child, min(1.0, chance), generator)
                if taken is not None:
                    taken.path.insert(0, child)
                    return taken
                p = (weight * p - law).clamp_(min=0.0)
                total = float(p.sum())
                if total <= 0.0:
                    return None
                p, weight = p / total, min(1.0, total / (1.0 - weight + total))
        u = torch.rand((), dtype=p.dtype, device=p.device, generator=generator)
        if node and float(u) >= weight:
            return None
        return Verdict(token=known(int(draw(p[None], generator)[0]), len(p)))


def _trials(scheme: Scheme) -> Any:
    if scheme.name not in TRIALS:
        raise InputError(
            f"traversal verification of real models is for {', '.join(TRIALS)} drafts, not for "
            f"{scheme.name!r}"
        )
    return TRIALS[scheme.name]


def _with_replacement(q: torch.Tensor, tokens: list[int]) -> Any:
    while True:
        yield q


def _without_replacement(q: torch.Tensor, tokens: list[int]) -> Any:
    q = q.clone()
    for x in tokens:
        yield q / q.sum()
        q[x] = 0.0


def _top_k(q: torch.Tensor, tokens: list[int]) -> Any:
    for x in tokens:
        yield _point(q, x)


def _greedy(q: torch.Tensor, tokens: list[int]) -> Any:
    rest = q.clone()
    rest[tokens[:-1]] = 0.0
    yield rest / rest.sum()
    for x in tokens[:-1]:
        yield _point(q, x)


def _point(q: torch.Tensor, x: int) -> torch.Tensor:
    law = torch.zeros_like(q)
    law[x] = 1.0
    return law


TRIALS = {
    "with_replacement": _with_replacement,
    "without_replacement": _without_replacement,
    "greedy": _greedy,
    "top_k": _top_k,
}
"""The law of each draft given those tried before, in the order of ``trial_order``."""
