"""Draw the drafts of a tree, level after level."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch

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
            logits = drafter.below(level, drafted.tokens[:, list(level.nodes)].clamp(min=0))
        if warp.greedy:
            _likeliest(drafted, layout, level, logits, scheme)
            continue
        q = warp.draft_law(logits)
        drafted.q.append(q)
        for n, places in level.groups.items():
            law = q if len(places) == q.shape[1] else q[:, places]
            children = [layout.tree.children[level.nodes[k]] for k in places]
            drafts = draw_drafts(scheme, law.reshape(-1, law.shape[-1]), n, generator)
            drafted.tokens[:, [x for row in children for x in row]] = drafts.reshape(rows, -1)
    return drafted


def _likeliest(
    drafted: Drafted, layout: Layout, level: Level, logits: torch.Tensor, scheme: Scheme
) -> None:
    for n, places in level.groups.items():
        children = [layout.tree.children[level.nodes[k]] for k in places]
        distinct = n if scheme.support_needed(n) > 1 else 1
        best = logits[:, places].topk(min(distinct, logits.shape[-1])).indices
        for rank in range(best.shape[-1]):
            drafted.tokens[:, [row[rank] for row in children]] = best[..., rank]
