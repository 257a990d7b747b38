"""Every rule is lossless on every tree, exactly; and wrong rules are refuted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from scipy.stats import chisquare
from toys import looking_back, odd_pairs, pair

from mdsd_theory import SCHEMES, VERIFIERS
from mdsd_theory.errors import InputError, InputTypeError
from mdsd_theory.tree.best import best_tree_rule
from mdsd_theory.tree.block_efficiency import block_efficiency
from mdsd_theory.tree.rules import TREE_RULES, NodeWise, TreeRule, resolve_rule
from mdsd_theory.tree.topology import Tree, from_paths, parse_tree
from mdsd_theory.tree.walk import emitted_law, is_lossless, sample_step
from mdsd_theory.verifiers import verifiers_of

LITTLE = from_paths([[0], [1], [0, 0], [0, 1], [1, 0], [0, 0, 0]])
TREES = {"chain:1": 1, "chain:3": 1, "2x1": 2, "2x2": 2, "3x1": 3, "2x3": 2}


def cases():
    """Scheme, rule and tree, wherever the rule is defined."""
    for scheme in ("with_replacement", "without_replacement", "greedy", "top_k", "spechub"):
        for tree, n in TREES.items():
            if SCHEMES[scheme].drafts not in (None, (n,)):
                continue
            names = [verifier.name for verifier in verifiers_of(scheme, n)] + ["traversal"]
            for name in [*names, "block"] if n == 1 else names:
                yield scheme, name, tree


CASES = list(cases())


def check(scheme, rule, tree, v, seeds):
    for seed in seeds:
        target, draft = pair(seed, v, min(2, v))
        assert is_lossless(target, draft, tree, scheme=scheme, rule=rule), (v, seed)


@pytest.mark.parametrize(("scheme", "rule", "tree"), CASES)
def test_the_emitted_law_is_the_targets(scheme, rule, tree):
    slow = (tree == "2x3" and rule in ("khisti", "k_seq", "optimal")) or rule == "khisti"
    for v in (2,) if slow else (2, 3):
        check(scheme, rule, tree, v, range(1 if slow else 2))


@pytest.mark.slow
@pytest.mark.parametrize("v", [2, 3, 4])
@pytest.mark.parametrize(("scheme", "rule", "tree"), CASES)
def test_the_emitted_law_is_the_targets_on_more(scheme, rule, tree, v):
    check(scheme, rule, tree, v, range(10, 13))


@pytest.mark.parametrize("name", ["equal", "disjoint", "one-hot draft"])
@pytest.mark.parametrize("scheme", ["with_replacement", "without_replacement", "greedy", "top_k"])
def test_odd_models(scheme, name):
    target, draft = odd_pairs(3)[name]
    for rule in ("optimal", "traversal"):
        assert is_lossless(target, draft, "2x2", scheme=scheme, rule=rule)


@pytest.mark.parametrize("rule", ["optimal", "traversal", "rrs_without_replacement"])
def test_uneven_trees_and_laws_of_whole_paths(rule):
    target, draft = looking_back(1, 3), looking_back(2, 3)
    assert is_lossless(target, draft, LITTLE, rule=rule)


def test_nodes_have_no_more_drafts_than_the_draft_has_tokens():
    target, draft = odd_pairs(3)["one-hot draft"]
    law = emitted_law(target, draft, "3x2", rule="rrs_without_replacement")
    assert law == emitted_law(target, draft, "chain:2", rule="rrs_without_replacement")


def test_no_drafts_at_all():
    target, draft = pair(0, 3)
    assert emitted_law(target, draft, Tree(()), rule="naive") == {
        (i,): x for i, x in enumerate(target(())) if x
    }


@dataclass(frozen=True)
class FromTarget(TreeRule):
    """Wrong: after a rejection the next draft, or the last token, is verified against p again."""

    last_only: bool

    @property
    def name(self):
        return "wrong"

    def step(self, source, setting):
        node, u = 0, ()
        while True:
            p, q, n = setting.language.target(u), setting.language.draft(u), setting.drafted(node, u)
            drafts = source.draw(setting.scheme.tuple_law(q, n)) if n else ()
            left, taken = list(p), None
            for k, x in enumerate(drafts):
                accept = min(1, left[x] / q[x])
                if source.draw({True: accept, False: 1 - accept}):
                    taken = k
                    break
                rest = [max(a - b, 0) for a, b in zip(left, q, strict=True)]
                if self.last_only and sum(rest):
                    left = [a / sum(rest) for a in rest]
            if taken is None:
                return (*u, source.draw(dict(enumerate(p))))
            u, node = (*u, drafts[taken]), setting.tree.children[node][taken]


@dataclass(frozen=True)
class Repeating(TreeRule):
    """Wrong: the root's drafts are used again below it."""

    @property
    def name(self):
        return "repeating"

    def step(self, source, setting):
        p, q = setting.language.target(()), setting.language.draft(())
        drafts = source.draw(setting.scheme.tuple_law(q, 1))
        u = ()
        for _ in range(setting.tree.depth):
            p = setting.language.target(u)
            law = VERIFIERS["rrs"].conditional_law(p, setting.language.draft(u), drafts)
            u = (*u, source.draw(law))
            if u[-1] not in drafts:
                return u
        return (*u, source.draw(dict(enumerate(setting.language.target(u)))))


@pytest.mark.parametrize(
    ("rule", "tree"),
    [(FromTarget(False), "2x1"), (FromTarget(True), "2x2"), (Repeating(), "chain:2")],
)
def test_wrong_rules_are_refuted(rule, tree):
    found = [
        is_lossless(*pair(seed, 2, 2), tree, scheme="with_replacement", rule=rule) for seed in range(6)
    ]
    assert not all(found)


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_block_and_traversal_are_one_on_chains_and_the_best(depth):
    tree = parse_tree(f"chain:{depth}")
    for seed in range(6):
        target, draft = pair(seed, 3, 2)
        laws = [
            emitted_law(target, draft, tree, scheme="with_replacement", rule=rule)
            for rule in ("block", "traversal")
        ]
        assert laws[0] == laws[1]
        best = best_tree_rule(target, draft, tree, scheme="with_replacement")
        found = block_efficiency(target, draft, tree, scheme="with_replacement", rule="block")
        assert best.lower <= best.upper
        assert abs(float(found - best.lower)) < 1e-12
        assert found <= best.upper


@pytest.mark.parametrize(
    ("scheme", "rule"),
    [("without_replacement", "optimal"), ("with_replacement", "traversal"), ("greedy", "greedy")],
)
def test_drawn_steps_have_the_exact_law(scheme, rule):
    target, draft = pair(3, 3, 2)
    law = emitted_law(target, draft, "2x2", scheme=scheme, rule=rule)
    rng = np.random.default_rng(0)
    size = 4000
    seen = dict.fromkeys(law, 0)
    for _ in range(size):
        seen[sample_step(target, draft, "2x2", rng, scheme=scheme, rule=rule)] += 1
    expected = np.array([float(x) for x in law.values()]) * size
    common = expected >= 5
    counts = np.array(list(seen.values()))
    a = np.append(counts[common], counts[~common].sum())
    b = np.append(expected[common], expected[~common].sum())
    assert chisquare(a[b > 0], b[b > 0]).pvalue > 1e-4


def test_steps_go_on_after_a_prefix():
    target, draft = pair(5, 3, 2)
    rng = np.random.default_rng(1)
    after = [
        sample_step(target, draft, "chain:1", rng, scheme="top_k", rule="naive", prefix=(2,))[0]
        for _ in range(600)
    ]
    law = [float(x) for x in target((2,))]
    assert np.allclose(np.bincount(after, minlength=3) / 600, law, atol=0.08)


def test_rules_by_name():
    assert resolve_rule("traversal") is TREE_RULES["traversal"]
    assert resolve_rule(VERIFIERS["rrs"]) == NodeWise(VERIFIERS["rrs"])
    with pytest.raises(InputError, match="unknown rule 'none'"):
        resolve_rule("none")
    with pytest.raises(InputTypeError, match="step"):
        resolve_rule(3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rule": "block", "tree": "2x2"}, "for a chain"),
        ({"rule": "rrs", "scheme": "greedy"}, "not for greedy"),
        ({"scheme": "joint", "rule": "naive"}, "one distribution at each node"),
        ({"rule": "khisti", "scheme": "with_replacement", "tree": "3x1"}, "n = 2"),
    ],
)
def test_settings_that_make_no_sense(options, message):
    target, draft = pair(0, 3, 3)
    asked = {"tree": "2x2", "scheme": "with_replacement", "rule": "optimal"} | options
    with pytest.raises(InputError, match=message):
        emitted_law(target, draft, asked.pop("tree"), **asked)
