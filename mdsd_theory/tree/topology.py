"""Trees of drafts as data: how many drafts each node has, before any token is drawn."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from mdsd_theory.errors import InputError, InputTypeError

Path = tuple[int, ...]
"""Ranks from the root: ``(0, 2)`` is the third draft at the first draft's node."""

EAGLE_DEFAULT: tuple[Path, ...] = (
    (0,), (1,), (2,), (3,), (0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (2, 0), (2, 1), (3, 0),
    (0, 0, 0), (0, 0, 1), (0, 0, 2), (0, 1, 0), (0, 1, 1), (0, 2, 0), (0, 2, 1), (1, 0, 0),
    (0, 0, 0, 0), (0, 0, 0, 1), (0, 0, 0, 2), (0, 0, 0, 0, 0), (0, 0, 0, 0, 1),
)  # fmt: skip
"""EAGLE's default tree, ``mc_sim_7b_63`` in its code: 25 drafts, up to 4 a node, 5 steps."""

MOST_NODES = 4096
"""Most drafts of a tree."""


@dataclass(frozen=True)
class Tree:
    """A tree of drafts; node 0 is the root, the last token that is already decided.

    Attributes
    ----------
    parents : tuple of int
        Parent of node 1, 2, …: each numbered after its parent, level by level, and the drafts of one
        node in the order in which they are drawn.
    schemes : tuple of str
        Name of the draft scheme at each node, ``""`` for that of whoever walks down the tree; empty for
        that everywhere. See :meth:`with_schemes`.

    Examples
    --------
    >>> tree = balanced(2, 2)
    >>> tree.drafts, tree.depth, tree.children[0], tree.level(2)
    (6, 2, (1, 2), (3, 4, 5, 6))
    """

    parents: tuple[int, ...]
    schemes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not all(isinstance(x, int) and not isinstance(x, bool) for x in self.parents):
            raise InputTypeError(f"parents are {self.parents!r}; expected integers")
        if len(self.parents) > MOST_NODES:
            raise InputError(f"the tree has {self.drafts:,} drafts; expected {MOST_NODES:,} at most")
        for node, parent in enumerate(self.parents, 1):
            if not 0 <= parent < node:
                raise InputError(
                    f"the parent of node {node} is {parent}; expected a node before it, 0 … {node - 1}"
                )
        if list(self.parents) != sorted(self.parents):
            raise InputError(
                "nodes are not numbered level by level, the drafts of one node side by side; "
                "build the tree with from_paths or from_nested, which number it so"
            )
        if self.schemes and len(self.schemes) != self.drafts + 1:
            raise InputError(
                f"schemes has {len(self.schemes)} names; expected {self.drafts + 1}, one a node"
            )

    @property
    def drafts(self) -> int:
        """Number of drafts: of nodes without the root."""
        return len(self.parents)

    @cached_property
    def children(self) -> tuple[tuple[int, ...], ...]:
        """The drafts at each node, in the order in which they are drawn."""
        found: list[list[int]] = [[] for _ in range(self.drafts + 1)]
        for node, parent in enumerate(self.parents, 1):
            found[parent].append(node)
        return tuple(map(tuple, found))

    @cached_property
    def depths(self) -> tuple[int, ...]:
        """Depth of each node; 0 at the root."""
        found = [0]
        for parent in self.parents:
            found.append(found[parent] + 1)
        return tuple(found)

    @property
    def depth(self) -> int:
        """The most drafts that one step can accept."""
        return self.depths[-1]

    @property
    def width(self) -> int:
        """The most drafts at one node."""
        return max(map(len, self.children))

    @cached_property
    def paths(self) -> tuple[Path, ...]:
        """Ranks from the root to each node."""
        found: list[Path] = [()]
        for node, parent in enumerate(self.parents, 1):
            found.append((*found[parent], self.children[parent].index(node)))
        return tuple(found)

    @property
    def inner(self) -> tuple[int, ...]:
        """The nodes that have drafts."""
        return tuple(node for node, below in enumerate(self.children) if below)

    def level(self, depth: int) -> tuple[int, ...]:
        """The nodes of one depth."""
        return tuple(node for node, d in enumerate(self.depths) if d == depth)

    def scheme(self, node: int) -> str:
        """Return the name of the draft scheme at a node, ``""`` where it is left open."""
        return self.schemes[node] if self.schemes else ""

    def with_schemes(self, *by_depth: str, nodes: Mapping[int, str] | None = None) -> Tree:
        """Return the tree with a draft scheme for each depth, the last one for all below.

        Parameters
        ----------
        *by_depth : str
            From the root down; none leaves the scheme open.
        nodes : mapping of int to str, optional
            Other schemes at some nodes.

        Examples
        --------
        >>> balanced(2, 2).with_schemes("greedy", "top_k").schemes
        ('greedy', 'top_k', 'top_k', 'top_k', 'top_k', 'top_k', 'top_k')
        """
        names = by_depth or ("",)
        found = [names[min(d, len(names) - 1)] for d in self.depths]
        for node, name in (nodes or {}).items():
            if not 0 <= node <= self.drafts:
                raise InputError(f"nodes names node {node}; expected 0 … {self.drafts}")
            found[node] = name
        return Tree(self.parents, tuple(found) if any(found) else ())

    def ancestors(self, node: int) -> tuple[int, ...]:
        """The nodes from the root to a node, both included."""
        found = [node]
        while found[-1]:
            found.append(self.parents[found[-1] - 1])
        return tuple(reversed(found))

    def below(self, node: int) -> Tree:
        """The subtree whose root a node is.

        Examples
        --------
        >>> sparse().below(1).drafts
        15
        """
        path = self.paths[node]
        size = len(path)
        some = [k for k, x in enumerate(self.paths) if x[:size] == path]
        tree = from_paths(self.paths[k][size:] for k in some if k != node)
        return Tree(tree.parents, tuple(self.schemes[k] for k in some) if self.schemes else ())

    def draw(self) -> Any:
        """Return the tree as a ``rich.tree.Tree``, to be printed; ranks are those of the drafts.

        Examples
        --------
        >>> from rich import print
        >>> print(chain(2).draw())
        root
        └── 0
            └── 0
        """
        from rich.tree import Tree as Drawn

        drawn = [Drawn("root")]
        for node, parent in enumerate(self.parents, 1):
            drawn.append(drawn[parent].add(str(self.paths[node][-1])))
        return drawn[0]

    def __str__(self) -> str:
        return f"tree of {self.drafts} drafts, depth {self.depth}, up to {self.width} drafts a node"


def chain(depth: int) -> Tree:
    """Return one draft after the other, ``depth`` of them.

    Examples
    --------
    >>> chain(3).parents
    (0, 1, 2)
    """
    return Tree(tuple(range(_count(depth, "depth"))))


def balanced(drafts: int, depth: int) -> Tree:
    """Return the tree with the same number of drafts at each node, to a depth.

    Examples
    --------
    >>> str(balanced(4, 3))
    'tree of 84 drafts, depth 3, up to 4 drafts a node'
    """
    n, steps = _count(drafts, "drafts"), _count(depth, "depth")
    if sum(n**k for k in range(1, min(steps, 64) + 1)) > MOST_NODES:
        raise InputError(
            f"{n} drafts a node to depth {steps} are more than {MOST_NODES:,} in all; take fewer"
        )
    levels: list[list[Path]] = [[()]]
    for _ in range(steps):
        levels.append([(*path, rank) for path in levels[-1] for rank in range(n)])
    return from_paths(path for level in levels[1:] for path in level)


def sparse(paths: Iterable[Sequence[int]] = EAGLE_DEFAULT) -> Tree:
    """Return a tree from its list of paths; EAGLE's default tree without one.

    Examples
    --------
    >>> str(sparse())
    'tree of 25 drafts, depth 5, up to 4 drafts a node'
    """
    return from_paths(paths)


def from_paths(paths: Iterable[Sequence[int]]) -> Tree:
    """Return the tree that holds these paths of ranks, as EAGLE and Medusa write their trees.

    Raises
    ------
    InputError
        When a path comes without its parent or the drafts before it, or twice.

    Examples
    --------
    >>> from_paths([[0], [1], [0, 0]]).parents
    (0, 0, 1)
    """
    found = sorted((tuple(path) for path in paths), key=lambda path: (len(path), path))
    number: dict[Path, int] = {(): 0}
    for path in found:
        if path in number:
            raise InputError(f"path {list(path)} is given twice, or empty; expected each draft once")
        lacking = [x for x in (path[:-1], (*path[:-1], path[-1] - 1)) if x and x[-1] >= 0]
        lacking = [x for x in lacking if x not in number]
        if lacking or path[-1] < 0:
            raise InputError(
                f"path {list(path)} is there without {list(lacking[0]) if lacking else 'a rank >= 0'}; "
                "expected its parent and the drafts of lower rank too"
            )
        number[path] = len(number)
    return Tree(tuple(number[path[:-1]] for path in found))


def from_nested(nested: Sequence[Any]) -> Tree:
    """Return the tree of nested lists: a node is the list of its drafts, ``[]`` a leaf.

    Examples
    --------
    >>> from_nested([[[]], []]).paths
    ((), (0,), (1,), (0, 0))
    """
    found: list[Path] = []
    todo: list[tuple[Path, Any]] = [((), nested)]
    while todo:
        path, node = todo.pop()
        if not isinstance(node, list | tuple):
            raise InputTypeError(f"the node at {list(path)} is {node!r}; expected a list of its drafts")
        found += [(*path, rank) for rank in range(len(node))]
        todo += [((*path, rank), below) for rank, below in enumerate(node)]
        if len(path) > MOST_NODES or len(found) > MOST_NODES:
            raise InputError(f"the tree has over {MOST_NODES:,} drafts; take fewer")
    return from_paths(found)


def parse_tree(text: str) -> Tree:
    """Return the tree of a name: drafts × depth, a chain, or EAGLE's.

    Parameters
    ----------
    text : str
        ``"4x3"`` or ``"4×3"``: 4 drafts a node, depth 3; ``"chain:5"``; ``"sparse"``.

    Raises
    ------
    InputError
        For another text.

    Examples
    --------
    >>> parse_tree("2x4").drafts, parse_tree("chain:5").depth, parse_tree("sparse").drafts
    (30, 5, 25)
    """
    found = re.fullmatch(r"(\d{1,9})[x×](\d{1,9})", text)
    if found:
        return balanced(int(found[1]), int(found[2]))
    found = re.fullmatch(r"chain:(\d{1,9})", text)
    if found:
        return chain(int(found[1]))
    if text == "sparse":
        return sparse()
    raise InputError(f"tree is {text!r}; expected drafts x depth as in 4x3, chain:5, or sparse")


def resolve_tree(tree: Any) -> Tree:
    """Return the tree of a name, of nested lists, or the tree itself."""
    if isinstance(tree, Tree):
        return tree
    if isinstance(tree, str):
        return parse_tree(tree)
    if isinstance(tree, list | tuple):
        return from_nested(tree)
    raise InputTypeError(f"tree is {tree!r}; expected a Tree, a name such as '4x3', or nested lists")


def _count(value: Any, name: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise InputTypeError(f"{name} is {value!r}; expected an integer")
    if not 1 <= value <= MOST_NODES:
        raise InputError(f"{name} is {value}; expected 1 … {MOST_NODES:,}")
    return value
