"""Walks down a tree: more of the lossless cases, wrong rules one mistake at a time, drawn steps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from scipy.stats import chisquare
from toys import looking_back, odd_pairs, pair

from mdsd_theory import SCHEMES
from mdsd_theory.errors import SizeError
from mdsd_theory.tree import chance
from mdsd_theory.tree.block_efficiency import block_efficiency
from mdsd_theory.tree.rules import TreeRule
from mdsd_theory.tree.topology import from_paths
from mdsd_theory.tree.walk import completed_law, emitted_law, is_lossless, sample_step, string_chance
from mdsd_theory.verifiers import verifiers_of

LITTLE = from_paths([[0], [1], [0, 0], [0, 1], [1, 0], [0, 0, 0]])
WIDE = ("with_replacement", "without_replacement", "greedy", "top_k")


def rules_of(scheme, drafts):
    """Every rule that serves a scheme for all of these numbers of drafts."""
    names = [{verifier.name for verifier in verifiers_of(scheme, n)} for n in drafts]
    return [*sorted(set.intersection(*names)), "traversal"]


UNEVEN = [(scheme, rule) for scheme in WIDE for rule in rules_of(scheme, (1, 2))]
THREE = [(scheme, rule) for scheme in WIDE for rule in rules_of(scheme, (3,))]


@pytest.mark.parametrize(("scheme", "rule"), UNEVEN)
def test_lossless_on_an_uneven_tree(scheme, rule):
    for v in (2, 3):
        assert is_lossless(*pair(v, v, 1), LITTLE, scheme=scheme, rule=rule)


@pytest.mark.parametrize(("scheme", "rule"), THREE)
def test_lossless_with_three_drafts_at_two_depths(scheme, rule):
    assert is_lossless(*pair(1, 2, 1), "3x2", scheme=scheme, rule=rule)
    if scheme != "with_replacement":
        assert is_lossless(*pair(1, 3, 2), "3x2", scheme=scheme, rule=rule)


@pytest.mark.slow
@pytest.mark.parametrize("v", [3, 4])
@pytest.mark.parametrize(("scheme", "rule"), THREE)
def test_lossless_with_three_drafts_at_two_depths_on_more(scheme, rule, v):
    for seed in range(3):
        assert is_lossless(*pair(seed, v, 1), "3x2", scheme=scheme, rule=rule)


@pytest.mark.parametrize("scheme", [*WIDE, "spechub"])
@pytest.mark.parametrize("tree", ["2x1", "2x2"])
def test_lossless_over_four_tokens(tree, scheme):
    for rule in rules_of(scheme, (2,)):
        if rule != "khisti":
            assert is_lossless(*pair(6, 4, 2), tree, scheme=scheme, rule=rule), rule


@pytest.mark.parametrize("scheme", WIDE)
def test_lossless_where_laws_depend_on_the_whole_path(scheme):
    target, draft = looking_back(3, 3), looking_back(4, 3)
    for rule in ("optimal", "traversal"):
        assert is_lossless(target, draft, "2x2", scheme=scheme, rule=rule)
    assert is_lossless(target, draft, "chain:3", scheme=scheme, rule="block")


@dataclass(frozen=True)
class Recursive(TreeRule):
    """Recursive rejection at each node, right unless told to forget."""

    forgets_before_next: bool = False
    forgets_at_last: bool = False

    @property
    def name(self):
        return "recursive"

    def step(self, source, setting):
        node, u = 0, ()
        while True:
            p, q, n = setting.language.target(u), setting.language.draft(u), setting.drafted(node, u)
            drafts = source.draw(setting.scheme.tuple_law(q, n)) if n else ()
            left, taken = list(p), None
            for rank, x in enumerate(drafts):
                accept = min(1, left[x] / q[x])
                if source.draw({True: accept, False: 1 - accept}):
                    taken = rank
                    break
                base = p if self.forgets_before_next else left
                rest = [max(a - b, 0) for a, b in zip(base, q, strict=True)]
                residual = [a / sum(rest) for a in rest]
                left = list(p) if self.forgets_before_next else residual
            if taken is None:
                last = residual if drafts and not self.forgets_at_last else p
                return (*u, source.draw(dict(enumerate(last))))
            u, node = (*u, drafts[taken]), setting.tree.children[node][taken]


def refuted(rule, tree):
    return [
        not is_lossless(*pair(seed, 3, 2), tree, scheme="with_replacement", rule=rule)
        for seed in range(6)
    ]


@pytest.mark.parametrize("tree", ["2x1", "2x2"])
def test_the_residual_is_needed_before_the_next_draft_and_at_the_last_token(tree):
    assert not any(refuted(Recursive(), tree))
    assert any(refuted(Recursive(forgets_before_next=True), tree))
    assert any(refuted(Recursive(forgets_at_last=True), tree))


def test_one_draft_is_accepted_with_the_overlap_of_the_two_laws():
    for seed in range(5):
        target, draft = pair(seed, 4)
        overlap = sum(min(a, b) for a, b in zip(target(()), draft(()), strict=True))
        for rule in ("rrs", "k_seq", "optimal", "traversal", "block"):
            found = block_efficiency(target, draft, "chain:1", scheme="with_replacement", rule=rule)
            assert found == 1 + overlap, rule


@pytest.mark.parametrize(
    ("scheme", "rule", "tree"),
    [("with_replacement", "rrs", "2x2"), ("without_replacement", "traversal", LITTLE)],
)
def test_many_drawn_steps_have_the_exact_law(scheme, rule, tree):
    target, draft = pair(11, 3, 2)
    law = emitted_law(target, draft, tree, scheme=scheme, rule=rule)
    rng, size = np.random.default_rng(5), 20_000
    seen = dict.fromkeys(law, 0)
    for _ in range(size):
        seen[sample_step(target, draft, tree, rng, scheme=scheme, rule=rule)] += 1
    expected = {u: float(x) * size for u, x in law.items()}
    rare = [u for u, x in expected.items() if x < 5]
    a = [seen[u] for u in law if u not in rare]
    b = [expected[u] for u in law if u not in rare]
    if rare:
        a, b = [*a, sum(seen[u] for u in rare)], [*b, sum(expected[u] for u in rare)]
    assert len(a) > 10
    assert chisquare(a, b).pvalue > 1e-3


def test_a_prefix_is_what_the_models_see_first():
    target, draft = looking_back(5, 3), looking_back(6, 3)
    before = (2, 0)

    def steps(target, draft, **options):
        rng = np.random.default_rng(2)
        return [sample_step(target, draft, "2x2", rng, rule="traversal", **options) for _ in range(40)]

    def later(model):
        return lambda u: model((*before, *u))

    given = steps(target, draft, prefix=before)
    assert given == steps(later(target), later(draft))
    assert given != steps(target, draft)


def test_completed_laws_are_the_targets_where_nothing_is_emitted_but_its_own():
    target, _ = pair(0, 3)
    law = {(i,): x for i, x in enumerate(target(()))}
    found = completed_law(law, target, 3)
    assert len(found) == 27
    assert all(x == string_chance(target, w) for w, x in found.items())
    assert string_chance(target, (0, 1, 2), 3) == 1


def test_equal_models_accept_all_and_disjoint_ones_nothing():
    for scheme in WIDE:
        for rule in rules_of(scheme, (2,)):
            if rule in ("naive", "khisti"):
                continue
            away = block_efficiency(*odd_pairs(3)["disjoint"], "2x2", scheme=scheme, rule=rule)
            assert away == 1, (scheme, rule)
    same, _ = odd_pairs(3)["equal"]
    assert block_efficiency(same, same, "2x2", scheme="with_replacement", rule="traversal") == 3
    assert (
        block_efficiency(same, same, "2x2", scheme="without_replacement", rule="rrs_without_replacement")
        == 3
    )


def test_walks_of_too_many_branches_are_refused(monkeypatch):
    monkeypatch.setattr(chance, "MOST_BRANCHES", 5)
    with pytest.raises(SizeError, match="over 5 branches"):
        emitted_law(*pair(2, 3, 2), "2x2")


def test_every_scheme_of_one_law_is_tried_here():
    single = {name for name, scheme in SCHEMES.items() if scheme.draft == "single"}
    assert single == {*WIDE, "spechub"}
