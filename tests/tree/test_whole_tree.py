"""The best rule for a whole tree: against a program that lists every tree, and against every rule."""

from __future__ import annotations

from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from scipy.optimize import linprog
from toys import looking_back, odd_pairs, pair

from mdsd_theory.errors import InputError, SizeError
from mdsd_theory.reference.drafted_tree import DraftedTree
from mdsd_theory.reference.whole_tree import lower_bound, solve_whole_tree, upper_bound
from mdsd_theory.tree.best import BestRule, best_tree_rule, drafted_tree
from mdsd_theory.tree.block_efficiency import block_efficiency
from mdsd_theory.tree.rules import NodeWise, setting_of
from mdsd_theory.tree.topology import parse_tree
from mdsd_theory.tree.walk import is_lossless, string_chance
from mdsd_theory.verifiers import verifiers_of

SCHEMES = ("with_replacement", "without_replacement", "greedy", "top_k")


def all_trees(setting):
    """Every set of drafted paths with its probability."""

    def grow(todo):
        if not todo:
            yield frozenset(), Fraction(1)
            return
        (node, u), *rest = todo
        n = setting.drafted(node, u)
        if n == 0:
            yield from grow(rest)
            return
        for drafts, weight in setting.at(node).tuple_law(setting.language.draft(u), n).items():
            below = [((setting.tree.children[node][j]), (*u, i)) for j, i in enumerate(drafts)]
            for paths, chance in grow(rest + below):
                yield paths | {path for _, path in below}, weight * chance

    law = {}
    for paths, weight in grow([(0, ())]):
        law[paths] = law.get(paths, 0) + weight
    return law


def by_listing(setting):
    """The largest expected number of tokens: one variable for each tree and string that it may emit."""
    target, depth = setting.language.target, setting.tree.depth
    v = len(target(()))
    law = all_trees(setting)
    columns = [(t, (*u, y)) for t, paths in enumerate(law) for u in [(), *paths] for y in range(v)]
    strings = list(product(range(v), repeat=depth + 1))
    rows = np.zeros((len(law) + len(strings), len(columns)))
    for k, (t, w) in enumerate(columns):
        rows[t, k] = 1
        for s, z in enumerate(strings):
            if z[: len(w)] == w:
                rows[len(law) + s, k] = float(string_chance(target, z, len(w)))
    right = [float(x) for x in law.values()] + [float(string_chance(target, z)) for z in strings]
    found = linprog([-len(w) for _, w in columns], A_eq=rows, b_eq=right, method="highs")
    assert found.status == 0
    return -found.fun


SMALL = [("chain:1", 3), ("chain:2", 2), ("chain:2", 3), ("2x1", 3), ("2x2", 2), ("chain:3", 2)]


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize(("tree", "v"), SMALL)
def test_the_value_is_that_of_the_program_with_every_tree(tree, v, scheme):
    for seed in range(3):
        target, draft = pair(seed, v, 2)
        found = best_tree_rule(target, draft, tree, scheme=scheme)
        setting = setting_of(target, draft, tree, scheme, NodeWise("naive"))
        assert found.value == pytest.approx(by_listing(setting), abs=1e-8)
        assert 0 <= found.upper - found.lower < 1e-9


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("tree", ["chain:3", "2x2"])
def test_the_rule_that_it_stands_for_is_lossless_and_emits_as_much(tree, scheme):
    if (tree, scheme) == ("2x2", "with_replacement"):
        pytest.skip("6,561 drafted trees: in the slow test")
    check_rule(tree, scheme, 3)


@pytest.mark.slow
def test_the_rule_for_drafts_with_replacement():
    check_rule("2x2", "with_replacement", 3)


def check_rule(tree, scheme, v):
    target, draft = pair(4, v, 2)
    best = best_tree_rule(target, draft, tree, scheme=scheme)
    rule = BestRule(best)
    assert is_lossless(target, draft, tree, scheme=scheme, rule=rule)
    assert block_efficiency(target, draft, tree, scheme=scheme, rule=rule) == best.lower


@pytest.mark.parametrize("tree", ["chain:3", "2x2", "2x3", "3x1"])
@pytest.mark.parametrize("scheme", SCHEMES)
def test_no_rule_emits_more(tree, scheme):
    shape = parse_tree(tree)
    rules = [x.name for x in verifiers_of(scheme, shape.width) if x.name != "khisti"] + ["traversal"]
    for seed in range(2):
        target, draft = pair(20 + seed, 3, 2)
        best = best_tree_rule(target, draft, shape, scheme=scheme)
        for rule in rules:
            found = block_efficiency(target, draft, shape, scheme=scheme, rule=rule)
            assert found <= best.upper + Fraction(1, 10**12), rule


def test_whole_paths_and_odd_models():
    for target, draft in [*odd_pairs(3).values(), (looking_back(1, 3), looking_back(2, 3))]:
        best = best_tree_rule(target, draft, "2x2")
        assert 1 <= best.lower <= best.upper <= 3
    even, _ = odd_pairs(3)["equal"]
    equal = best_tree_rule(even, even, "2x2", scheme="with_replacement")
    assert 3 - Fraction(1, 10**9) <= equal.lower <= 3 == equal.upper


def test_any_prices_are_an_upper_bound_and_any_orders_a_lower_one():
    target, draft = pair(8, 3, 2)
    setting = setting_of(target, draft, "2x2", "without_replacement", NodeWise("naive"))
    drafted = drafted_tree(setting)
    best = solve_whole_tree(drafted)
    rng = np.random.default_rng(0)
    for _ in range(20):
        prices = {u: Fraction(int(rng.integers(0, 20)), 7) for u in drafted.paths[1:]}
        assert upper_bound(drafted, prices) >= best.lower
        order = [drafted.paths[1:][k] for k in rng.permutation(len(drafted.paths) - 1)]
        assert lower_bound(drafted, [(Fraction(1), order)])[0] <= best.upper


def test_schemes_that_differ_by_node():
    tree = parse_tree("2x2").with_schemes("greedy", "with_replacement", nodes={2: "top_k"})
    target, draft = pair(9, 3, 2)
    best = best_tree_rule(target, draft, tree)
    setting = setting_of(target, draft, tree, "without_replacement", NodeWise("naive"))
    assert best.value == pytest.approx(by_listing(setting), abs=1e-8)
    for rule in ("optimal", "traversal", "naive"):
        assert is_lossless(target, draft, tree, rule=rule)
        assert block_efficiency(target, draft, tree, rule=rule) <= best.upper
    with pytest.raises(InputError, match="is for greedy, not for"):
        block_efficiency(target, draft, tree, rule="greedy")


def test_meets_is_the_chance_to_hold_a_path():
    target, draft = pair(2, 3, 2)
    setting = setting_of(target, draft, "2x2", "with_replacement", NodeWise("naive"))
    law, drafted = all_trees(setting), drafted_tree(setting)
    for some in ({(0,)}, {(0, 1), (2,)}, {(1, 1), (1, 2), (0, 0)}):
        assert drafted.meets(some) == sum(w for paths, w in law.items() if paths & some)


def test_large_ones_are_refused():
    tree = parse_tree("4x3")
    law = [Fraction(1, 20)] * 20
    drafts = {(i, i, i, i): Fraction(1, 20) for i in range(20)}
    with pytest.raises(SizeError, match="take a smaller vocabulary or tree"):
        solve_whole_tree(DraftedTree(tree.children, lambda node, u: drafts, lambda u: law))
