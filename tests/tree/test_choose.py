"""Block efficiency of real trees from acceptance, and the tree that has the most."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from toys import pair

from mdsd_theory import VERIFIERS
from mdsd_theory.errors import InputError
from mdsd_theory.tree.block_efficiency import (
    AcceptanceTable,
    block_efficiency,
    simulate,
    table_of,
)
from mdsd_theory.tree.choose import Costs, choose_tree, fastest_tree
from mdsd_theory.tree.topology import from_nested


@cache
def topologies(drafts):
    """All trees of so many drafts, as nested tuples."""
    if drafts == 0:
        return ((),)
    found = []
    for first in range(1, drafts + 1):
        for below in topologies(first - 1):
            found += [(below, *rest) for rest in topologies(drafts - first)]
    return tuple(found)


def random_table(seed, width=3, depth=3):
    rng = np.random.default_rng(seed)
    rates = {}
    for d in range(depth):
        for n in range(1, width + 1):
            rates[d, n] = (rng.dirichlet(np.ones(n + 1))[:n]).tolist()
    return AcceptanceTable(rates)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("budget", [1, 3, 6])
def test_the_chosen_tree_is_the_best_of_all(budget, seed):
    table = random_table(seed)
    values = []
    for size in range(1, budget + 1):
        for nested in topologies(size):
            tree = from_nested(nested)
            if tree.width <= 3 and tree.depth <= 4:
                values.append(table.expected_tokens(tree))
    chosen = choose_tree(table, budget, depth=4)
    assert chosen.expected_tokens == pytest.approx(max(values))
    assert table.expected_tokens(chosen.tree) == pytest.approx(chosen.expected_tokens)
    assert chosen.tree.drafts <= budget


def test_depth_and_width_are_kept():
    table = AcceptanceTable({(0, 1): [0.9], (0, 2): [0.9, 0.05], (0, 3): [0.9, 0.05, 0.04]})
    assert choose_tree(table, 20, depth=4).tree.depth == 4
    assert choose_tree(table, 20, depth=3, width=2).tree.width == 2


def test_counts_of_topologies_are_the_catalan_numbers():
    assert [len(topologies(k)) for k in range(6)] == [1, 1, 2, 5, 14, 42]


def test_alike_nodes_make_the_estimate_exact():
    p, q = (lambda u: [0.5, 0.3, 0.2]), (lambda u: [0.2, 0.5, 0.3])
    rates = {}
    for n in (1, 2):
        row = [0.0] * n
        for drafts in [(a, b)[:n] for a in range(3) for b in range(3 if n == 2 else 1)]:
            weight = np.prod([q(())[x] for x in drafts])
            law = VERIFIERS["rrs"].conditional_law(p(()), q(()), drafts)
            for rank, x in enumerate(drafts):
                if drafts.index(x) == rank:
                    row[rank] += weight * law.get(x, 0.0)
        rates[0, n] = row
    table = AcceptanceTable(rates)
    for tree in ("chain:3", "2x2"):
        exact = block_efficiency(p, q, tree, scheme="with_replacement", rule="rrs")
        assert table.expected_tokens(tree) == pytest.approx(exact)


def test_simulation_agrees_with_the_exact_value():
    target, draft = pair(3, 3, 2)
    exact = block_efficiency(target, draft, "2x2", rule="traversal")
    found = simulate(target, draft, "2x2", np.random.default_rng(0), rule="traversal", size=3000)
    assert abs(found.value - float(exact)) < 4 * found.standard_error
    with pytest.raises(InputError, match="size is 1"):
        simulate(target, draft, "2x2", np.random.default_rng(0), size=1)


def test_tables_are_checked():
    for rates in ({(0, 2): [0.5]}, {(0, 1): [1.5]}, {(0, 2): [0.7, 0.7]}, {(-1, 1): [0.5]}):
        with pytest.raises(InputError, match="rates at depth"):
            AcceptanceTable(rates)
    with pytest.raises(InputError, match="no rates for 3 drafts"):
        AcceptanceTable({(0, 1): [0.5]}).expected_tokens("3x1")
    assert table_of({(0, 2): 10, (1, 2): 0}, {(0, 2): [6, 1], (1, 2): [0, 0]}).at(0, 2) == (0.6, 0.1)


@pytest.mark.parametrize("options", [{"budget": 0}, {"budget": 3, "depth": 0}, {"budget": 3, "width": 0}])
def test_bad_budgets(options):
    with pytest.raises(InputError, match="expected a whole number"):
        choose_tree(random_table(0), **options)


def test_deep_trees_do_not_pay_where_drafts_cost():
    table = AcceptanceTable({(0, 1): [0.6], (0, 2): [0.6, 0.2]})
    cheap, _ = fastest_tree(table, 30, Costs(target=20.0, tree=22.0, draft=0.5))
    dear, times = fastest_tree(table, 30, Costs(target=20.0, tree=22.0, draft=15.0))
    assert dear.tree.depth < cheap.tree.depth
    assert times == pytest.approx(dear.expected_tokens * 20 / (22 + 15 * dear.tree.depth))
