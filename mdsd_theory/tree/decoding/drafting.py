"""Draw the drafts of a tree, level after level."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch

from mdsd_theory.schemes import resolve_scheme
from mdsd_theory.schemes.base import Scheme
from mdsd_theory.tree.decoding.drafters import Drafter
from mdsd_theory.tree.decoding.drawing import draw_drafts
from mdsd_theory.tree.decoding.laws import Warp
from mdsd_theory.tree.decoding.layout import Layout, Level


@dataclass
class Drafted:
    """The drafts of some rows.

    Attributes
    ----------
    tokens : tensor of int64, shape (rows, nodes)
        Of each node; −1 where q has fewer tokens than the tree asks for. The root's is not set.
    q : list of tensor of float64, shape (rows, nodes of the level, V)
        What the drafts of each level were drawn from; empty at temperature zero.
    """

    tokens: torch.Tensor
    q: list[torch.Tensor] = field(default_factory=list)


def draw_tree(
    drafter: Drafter, layout: Layout, scheme: Scheme, warp: Warp, rows: int, generator: torch.Generator
) -> Drafted:
    """Return the drafts of all nodes; the draft model is called once a level.

    At temperature zero each scheme draws what it does in the limit: the likeliest tokens, or one token n
    times with replacement.
    """
    drafted = Drafted(
        torch.full((rows, layout.tree.drafts + 1), -1, dtype=torch.int64, device=layout.depths.device)
    )
    for level in layout.levels:
        if level.depth == 0:
            logits = drafter.root()
        else:
            logits = drafter.below(level, drafted.tokens[:, level.index].clamp_(min=0))
        if warp.greedy:
            _likeliest(drafted, level, logits, scheme)
            continue
        q = warp.draft_law(logits)
        drafted.q.append(q)
        for group in level.groups:
            law = q if len(group.places) == q.shape[1] else q[:, group.places]
            chosen = resolve_scheme(group.scheme or scheme)
            drafts = draw_drafts(chosen, law.flatten(0, 1), group.n, generator)
            drafted.tokens[:, group.children.flatten()] = drafts.reshape(rows, -1)
    return drafted


def _likeliest(drafted: Drafted, level: Level, logits: torch.Tensor, scheme: Scheme) -> None:
    for group in level.groups:
        chosen = resolve_scheme(group.scheme or scheme)
        distinct = group.n if chosen.support_needed(group.n) > 1 else 1
        best = logits[:, group.places].topk(min(distinct, logits.shape[-1])).indices
        drafted.tokens[:, group.children[:, : best.shape[-1]].flatten()] = best.flatten(1)
