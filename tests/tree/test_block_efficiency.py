"""Block efficiency: theorem 13.c exactly, for every verifier and tree shape."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from toys import pair, vector

from mdsd_theory import optimal_acceptance
from mdsd_theory.errors import InputError
from mdsd_theory.reference.whole_tree import upper_bound
from mdsd_theory.schemes import resolve_scheme
from mdsd_theory.tree.best import drafted_tree
from mdsd_theory.tree.block_efficiency import AcceptanceTable, block_efficiency, simulate, table_of
from mdsd_theory.tree.rules import NodeWise, setting_of
from mdsd_theory.tree.topology import Tree, from_paths, parse_tree
from mdsd_theory.verifiers import verifiers_of

LITTLE = from_paths([[0], [1], [0, 0], [0, 1], [1, 0], [0, 0, 0]])
SCHEMES = ("with_replacement", "without_replacement", "greedy", "top_k")
CASES = [
    (scheme, verifier)
    for scheme in SCHEMES
    for verifier in verifiers_of(scheme)
    if verifier.drafts is None
]


def one_law(seed, v=3):
    """A target and a draft that do not look at the path."""
    rng = np.random.default_rng(seed)
    p, q = vector(rng, v), vector(rng, v, 2)
    return (lambda u: p), (lambda u: q)


def rates(verifier, scheme, p, q, n):
    """The chance that draft k of n is the one that is emitted, in fractions."""
    row = [Fraction(0)] * n
    for drafts, weight in resolve_scheme(scheme).tuple_law(q, n).items():
        for token, chance in verifier.conditional_law(p, q, drafts, scheme=scheme).items():
            if token in drafts:
                row[drafts.index(token)] += weight * chance
    return row


def by_hand(tree, row_of):
    """1 + the sum over drafts of the product of the chances on their path."""
    total = Fraction(0)
    for node in range(tree.drafts + 1):
        line, chance = tree.ancestors(node), Fraction(1)
        for above, below in pairwise(line):
            siblings = tree.children[above]
            chance *= row_of[len(siblings)][siblings.index(below)]
        total += chance
    return total


@pytest.mark.parametrize(("scheme", "verifier"), CASES, ids=lambda x: getattr(x, "name", x))
def test_a_law_that_ignores_the_path_makes_the_sum_over_paths_exact(scheme, verifier):
    for seed in range(3):
        target, draft = one_law(seed)
        row_of = {n: rates(verifier, scheme, target(()), draft(()), n) for n in (1, 2)}
        table = AcceptanceTable({(0, n): [float(x) for x in row] for n, row in row_of.items()})
        for tree in (LITTLE, parse_tree("2x2"), parse_tree("chain:3")):
            exact = block_efficiency(target, draft, tree, scheme=scheme, rule=verifier)
            assert float(by_hand(tree, row_of)) == pytest.approx(float(exact), abs=1e-12)
            assert table.expected_tokens(tree) == pytest.approx(float(exact), abs=1e-12)
            if verifier.name != "k_seq":
                assert by_hand(tree, row_of) == exact


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_optimal_verifier_at_every_node_sums_powers_of_the_optimum(scheme):
    for seed in range(4):
        target, draft = one_law(seed)
        best = optimal_acceptance(
            [float(x) for x in target(())], [float(x) for x in draft(())], n=2, scheme=scheme
        )
        found = block_efficiency(target, draft, "2x2", scheme=scheme, rule="optimal")
        assert float(found) == pytest.approx(1 + best.value + best.value**2, abs=1e-9)


@pytest.mark.parametrize("rule", ["optimal", "traversal", "naive"])
def test_a_step_emits_from_one_token_to_one_more_than_the_depth(rule):
    for seed in range(4):
        for tree in (LITTLE, Tree(()), parse_tree("2x1")):
            found = block_efficiency(*pair(seed, 3), tree, rule=rule)
            assert 1 <= found <= tree.depth + 1


@pytest.mark.parametrize("rule", ["rrs_without_replacement", "traversal"])
def test_the_mean_of_drawn_steps_is_near(rule):
    target, draft = pair(9, 3, 2)
    exact = float(block_efficiency(target, draft, LITTLE, rule=rule))
    found = simulate(target, draft, LITTLE, np.random.default_rng(1), rule=rule, size=4000)
    assert 0 < found.standard_error < 0.05
    assert abs(found.value - exact) < 4 * found.standard_error


def test_deeper_nodes_use_the_last_depth_that_was_measured():
    table = AcceptanceTable({(0, 1): [0.5], (1, 1): [0.25]})
    assert table.expected_tokens("chain:3") == 1 + 0.5 + 0.5 * 0.25 + 0.5 * 0.25 * 0.25
    assert table.most_drafts == 1
    assert AcceptanceTable({}).most_drafts == 0
    with pytest.raises(InputError, match=r"measured were n = \[1\]"):
        AcceptanceTable({(1, 1): [0.5]}).at(0, 1)


def test_places_that_were_never_visited_have_no_rates():
    table = table_of({(0, 1): 4, (1, 1): 0}, {(0, 1): [3], (1, 1): [0]})
    assert dict(table.rates) == {(0, 1): [0.75]}


def test_chances_that_are_none_are_refused():
    for row in ([float("nan")], [-0.1], [0.6, 0.6], []):
        with pytest.raises(InputError, match="expected n chances"):
            AcceptanceTable({(0, len(row)): row})


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("tree", ["chain:3", "2x2"])
def test_no_rule_passes_the_bound_of_any_prices_that_go_down_a_branch(tree, scheme):
    """Here what the bound adds for the price of the path above counts."""
    rules = [x.name for x in verifiers_of(scheme, parse_tree(tree).width) if x.drafts is None]
    rng = np.random.default_rng(3)
    for seed in range(3):
        target, draft = pair(30 + seed, 3, 2)
        drafted = drafted_tree(setting_of(target, draft, tree, scheme, NodeWise("naive")))
        most = max(
            block_efficiency(target, draft, tree, scheme=scheme, rule=rule)
            for rule in [*rules, "traversal"]
        )
        for same in (Fraction(1, 2), Fraction(1), Fraction(2)):
            assert upper_bound(drafted, dict.fromkeys(drafted.paths[1:], same)) >= most
        for _ in range(10):
            branch = {(i,): Fraction(int(rng.integers(0, 5)), 2) for i in range(3)}
            assert upper_bound(drafted, {u: branch[u[:1]] for u in drafted.paths[1:]}) >= most
