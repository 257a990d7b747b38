"""The law of a drafted tree, seen through the chance that it holds any of some paths."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

from mdsd_theory.errors import SizeError

Tokens = tuple[int, ...]
Chance = Any
"""A float or a Fraction."""

MOST_PATHS = 2000
"""Most paths that drafts may take."""


@dataclass(frozen=True)
class DraftedTree:
    """A random tree T of paths: the drafts at a node do not depend on those of other nodes.

    Attributes
    ----------
    children : sequence of sequence of int
        The drafts at each node of the topology; node 0 is the root.
    drafts : callable
        (Node of the topology, path u) → law of the tuple of drafts at u, in fractions; shorter tuples
        where not all can be drawn.
    target : callable
        Path u → p(·|u), in fractions.
    """

    children: Sequence[Sequence[int]]
    drafts: Callable[[int, Tokens], Mapping[Tokens, Fraction]]
    target: Callable[[Tokens], Sequence[Fraction]]

    @cached_property
    def places(self) -> dict[tuple[int, Tokens], list[tuple[Tokens, Fraction]]]:
        """(Node of the topology, path) → drafts there with their chances, from the root down."""
        found: dict[tuple[int, Tokens], list[tuple[Tokens, Fraction]]] = {}
        todo: list[tuple[int, Tokens]] = [(0, ())]
        while todo:
            node, u = todo.pop()
            inner = len(self.children[node]) > 0
            law = [(x, w) for x, w in self.drafts(node, u).items() if w] if inner else []
            found[node, u] = law
            below = {(self.children[node][j], (*u, i)) for x, _ in law for j, i in enumerate(x)}
            todo += sorted(below)
            if len(found) > MOST_PATHS:
                raise SizeError(
                    f"drafts take over {MOST_PATHS:,} paths; take a smaller vocabulary or tree"
                )
        return found

    @cached_property
    def paths(self) -> list[Tokens]:
        """All paths that can be in T, the root's empty one first, by length."""
        return sorted({u for _, u in self.places}, key=lambda u: (len(u), u))

    def meets(self, paths: set[Tokens], *, exact: bool = True) -> Chance:
        """Return P(T holds one of these paths).

        Notes
        -----
        From the leaves up: T avoids them below a draft with a chance of its own, whatever the others do.
        """
        avoid: dict[tuple[int, Tokens], Chance] = {}
        one: Chance = Fraction(1) if exact else 1.0
        places = self._order if exact else self._floats
        for place, law in places:
            if place[1] in paths:
                avoid[place] = 0 * one
                continue
            node, u = place
            if not law:
                avoid[place] = one
                continue
            chance = 0 * one
            for x, w in law:
                for j, i in enumerate(x):
                    w = w * avoid[self.children[node][j], (*u, i)]
                chance += w
            avoid[place] = chance
        return 1 - avoid[0, ()]

    def greedy(self, order: Sequence[Tokens], *, exact: bool = True) -> dict[Tokens, Chance]:
        """Return the law of the first path of an order that T holds; the root's ends the order."""
        found: dict[Tokens, Chance] = {}
        before: set[Tokens] = set()
        reached: Chance = 0
        for u in order:
            before.add(u)
            now = self.meets(before, exact=exact) if u else 1
            found[u] = now - reached
            reached = now
            if not u:
                break
        return found

    @cached_property
    def _order(self) -> list[tuple[tuple[int, Tokens], list[tuple[Tokens, Chance]]]]:
        """Places, the deepest first."""
        return sorted(self.places.items(), key=lambda item: -len(item[0][1]))

    @cached_property
    def _floats(self) -> list[tuple[tuple[int, Tokens], list[tuple[Tokens, Chance]]]]:
        return [(place, [(x, float(w)) for x, w in law]) for place, law in self._order]
