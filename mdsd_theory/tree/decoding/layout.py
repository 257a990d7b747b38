"""What a tree's topology says to models and verifiers, as tensors on a device."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import torch

from mdsd_theory.tree.topology import Tree


@dataclass(frozen=True, eq=False)
class Group:
    """Nodes with equally many drafts, drawn by one scheme.

    Attributes
    ----------
    n : int
        Number of drafts.
    scheme : str
        Its name, empty where the tree leaves it open.
    places : tensor of int64, shape (nodes,)
        Of the nodes, among those of their level or among all with drafts.
    nodes : tensor of int64, shape (nodes,)
    children : tensor of int64, shape (nodes, n)
    """

    n: int
    scheme: str
    places: torch.Tensor
    nodes: torch.Tensor
    children: torch.Tensor


@dataclass(frozen=True, eq=False)
class Level:
    """The nodes of one depth that have drafts.

    Attributes
    ----------
    depth : int
    nodes : tuple of int
    index : tensor of int64, shape (nodes,)
        The same.
    groups : tuple of Group
    parents : tensor of int64, shape (nodes,)
        Place of each node's parent among all nodes with drafts, the root being 0.
    seen : tensor of bool, shape (1, nodes, nodes with drafts up to this depth but the root)
        Which of these each node descends from, itself included.
    """

    depth: int
    nodes: tuple[int, ...]
    index: torch.Tensor
    groups: tuple[Group, ...]
    parents: torch.Tensor
    seen: torch.Tensor


@dataclass(frozen=True, eq=False)
class Layout:
    """A tree on a device.

    Attributes
    ----------
    tree : Tree
    seen : tensor of bool, shape (1, nodes, nodes)
        Which nodes each node descends from, itself included.
    depths : tensor of int64, shape (nodes,)
    levels : tuple of Level
        From the root down.
    groups : tuple of Group
        Of all nodes with drafts.
    leaves : tensor of int64, shape (leaves,)
    loose : dict of int to int
        Number of each node with drafts, the root left out: where the draft model has read it.
    """

    tree: Tree
    seen: torch.Tensor
    depths: torch.Tensor
    levels: tuple[Level, ...]
    groups: tuple[Group, ...]
    leaves: torch.Tensor
    loose: dict[int, int]


@lru_cache(maxsize=64)
def layout_of(tree: Tree, device: torch.device) -> Layout:
    """Return the layout of a tree."""
    nodes = tree.drafts + 1
    seen = torch.zeros(nodes, nodes, dtype=torch.bool)
    for node in range(nodes):
        seen[node, list(tree.ancestors(node))] = True
    levels, before = [], 0
    inner = list(tree.inner)
    for depth in range(tree.depth):
        found = tuple(node for node in inner if tree.depths[node] == depth)
        before += len(found)
        parents = [inner.index(tree.parents[node - 1]) if node else 0 for node in found]
        levels.append(
            Level(
                depth,
                found,
                torch.tensor(found, device=device),
                _groups(tree, found, device),
                torch.tensor(parents, device=device),
                seen[list(found)][:, inner[1:before]][None].to(device),
            )
        )
    depths = torch.tensor(tree.depths, device=device)
    loose = {node: k for k, node in enumerate(inner[1:])}
    leaves = [node for node, below in enumerate(tree.children) if not below]
    return Layout(
        tree,
        seen[None].to(device),
        depths,
        tuple(levels),
        _groups(tree, tree.inner, device),
        torch.tensor(leaves, device=device),
        loose,
    )


def _groups(tree: Tree, nodes: tuple[int, ...], device: torch.device) -> tuple[Group, ...]:
    """Return the groups of some nodes."""
    found: dict[tuple[int, str], list[int]] = {}
    for place, node in enumerate(nodes):
        found.setdefault((len(tree.children[node]), tree.scheme(node)), []).append(place)
    return tuple(
        Group(
            n,
            scheme,
            torch.tensor(places, device=device),
            torch.tensor([nodes[k] for k in places], device=device),
            torch.tensor([tree.children[nodes[k]] for k in places], device=device),
        )
        for (n, scheme), places in found.items()
    )


@lru_cache(maxsize=256)
def cut(tree: Tree, depth: int) -> Tree:
    """Return a tree without the nodes below a depth.

    Examples
    --------
    >>> from mdsd_theory.tree.topology import balanced
    >>> cut(balanced(2, 3), 1).parents
    (0, 0)
    """
    kept = sum(d <= depth for d in tree.depths)
    return Tree(tree.parents[: kept - 1], tree.schemes[:kept])
