"""Trees as data: built, named, drawn, refused."""

from __future__ import annotations

import pytest
from rich.console import Console

from mdsd_theory.errors import InputError, InputTypeError
from mdsd_theory.tree.decoding.layout import cut
from mdsd_theory.tree.topology import (
    Tree,
    balanced,
    chain,
    from_nested,
    from_paths,
    parse_tree,
    resolve_tree,
    sparse,
)


def test_eagles_default_tree():
    tree = sparse()
    assert (tree.drafts, tree.depth, tree.width) == (25, 5, 4)
    assert [len(tree.level(d)) for d in range(6)] == [1, 4, 8, 8, 3, 2]


def test_the_papers_trees():
    assert (parse_tree("2x4").drafts, parse_tree("4×3").drafts) == (30, 84)


@pytest.mark.parametrize("tree", [chain(4), balanced(3, 2), sparse(), Tree(())])
def test_paths_parents_and_nested_lists_say_the_same(tree):
    def nested(node):
        return [nested(child) for child in tree.children[node]]

    assert from_paths(tree.paths[1:]) == tree
    assert from_nested(nested(0)) == tree
    for node in range(tree.drafts + 1):
        line = tree.ancestors(node)
        assert (line[0], line[-1], len(line) - 1) == (0, node, tree.depths[node])


def test_subtrees_and_cuts():
    tree = sparse()
    assert tree.below(0) == tree
    assert tree.below(25).drafts == 0
    assert cut(tree, 2).drafts == 12
    assert cut(tree, 0) == Tree(())
    assert cut(tree, 9) == tree


def test_schemes_by_depth_and_node():
    tree = sparse().with_schemes("greedy", "", "top_k", nodes={3: "with_replacement"})
    assert [tree.scheme(k) for k in (0, 1, 3, 5, 25)] == [
        "greedy",
        "",
        "with_replacement",
        "top_k",
        "top_k",
    ]
    assert tree.below(3).schemes == ("with_replacement", "top_k", "top_k")
    assert cut(tree, 1).schemes == tree.schemes[:5]
    assert sparse().scheme(4) == ""
    assert sparse().with_schemes() == sparse()
    with pytest.raises(InputError, match="one a node"):
        Tree((0,), ("greedy",))
    with pytest.raises(InputError, match="node 99"):
        sparse().with_schemes(nodes={99: "greedy"})


def test_a_tree_is_drawn():
    console = Console(width=40)
    with console.capture() as captured:
        console.print(balanced(2, 1).draw())
    assert captured.get().split() == ["root", "├──", "0", "└──", "1"]


def test_what_names_a_tree():
    assert resolve_tree("chain:2") == resolve_tree([[[]]]) == resolve_tree(chain(2))
    with pytest.raises(InputTypeError, match="expected a Tree"):
        resolve_tree(3)


@pytest.mark.parametrize("text", ["", "4", "x3", "0x3", "chain:0", "chain", "4x3x2", "99x9", "-1x2"])
def test_bad_names(text):
    with pytest.raises(InputError):
        parse_tree(text)


@pytest.mark.parametrize(
    ("paths", "message"),
    [
        ([[0, 0]], "without"),
        ([[1]], r"without \[0\]"),
        ([[0], [0]], "twice"),
        ([[]], "empty"),
        ([[-1]], "rank"),
    ],
)
def test_bad_paths(paths, message):
    with pytest.raises(InputError, match=message):
        from_paths(paths)


def test_bad_parents():
    with pytest.raises(InputError, match="parent of node 1 is 1"):
        Tree((1,))
    with pytest.raises(InputError, match="level by level"):
        Tree((0, 1, 0))
    with pytest.raises(InputTypeError, match="integers"):
        Tree((0.0,))
    with pytest.raises(InputError, match=r"4,096"):
        Tree((0,) * 5000)
    with pytest.raises(InputTypeError, match="expected a list"):
        from_nested([[], 3])
