"""Decoding with models: what a tree mask sees, losslessness, and what is refused."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import torch
from scipy.stats import chisquare
from tiny_checkpoints import CONTEXT, OF_FAMILY, V, save_tiny, save_tiny_eagle, tiny_model, tiny_tokenizer

from mdsd_theory.errors import InputError, InputTypeError
from mdsd_theory.models.resolve import load_draft
from mdsd_theory.models.target import load_target
from mdsd_theory.tree.decode import acceptance_table, multidraft_decode, stream
from mdsd_theory.tree.decoding import verifying
from mdsd_theory.tree.decoding.reader import Reader
from mdsd_theory.tree.topology import Tree, from_paths, parse_tree, sparse

PROMPTS = [[5, 9, 11, 3], [7], [8, 8, 20, 21, 22, 23, 30]]
MIXED = parse_tree("3x2").with_schemes("greedy", "with_replacement", nodes={2: "without_replacement"})
LITTLE = from_paths([[0], [1], [0, 0], [0, 1], [1, 0], [0, 0, 0]])


@pytest.fixture(scope="module")
def target(tmp_path_factory):
    return load_target(save_tiny(tmp_path_factory.mktemp("decode") / "llama", "llama"), device="cpu")


@pytest.fixture(scope="module")
def drafts(target, tmp_path_factory):
    folder = tmp_path_factory.mktemp("drafts")
    other = save_tiny(folder / "other", "qwen2", tiny_tokenizer(), seed=4)
    save_tiny_eagle(folder / "head")
    specs = {"skip": "skip:1", "model": other, "eagle": str(folder / "head")}
    return {name: load_draft(spec, target) for name, spec in specs.items()}


def likeliest(target, prompt, count):
    """What the target alone says at temperature zero, without a cache."""
    said = list(prompt)
    with torch.inference_mode():
        for _ in range(count):
            said.append(int(target.model(input_ids=torch.tensor([said])).logits[0, -1].argmax()))
    return said[len(prompt) :]


@pytest.mark.parametrize("family", OF_FAMILY)
def test_tree_masked_logits_are_those_of_each_path(family):
    model, tree, lengths = tiny_model(family), sparse(), [7, 9]
    draw = torch.Generator().manual_seed(3)
    prompts = torch.randint(3, 60, (2, 9), generator=draw)
    nodes = torch.randint(3, 60, (2, tree.drafts + 1), generator=draw)
    paths = [tree.ancestors(24), tree.ancestors(2)]
    new = torch.randint(3, 60, (2, 2), generator=draw)
    seen = torch.zeros(tree.drafts + 1, tree.drafts + 1, dtype=torch.bool)
    for node in range(tree.drafts + 1):
        seen[node, list(tree.ancestors(node))] = True
    reader = Reader(model, 2, 60)
    with torch.inference_mode():
        causal = torch.ones(9, 9, dtype=torch.bool).tril()
        reader.read(prompts, torch.arange(9).expand(2, -1), causal[None], slice(0, 0))
        reader.commit([list(range(x)) for x in lengths])
        places = torch.tensor([[x + d for d in tree.depths] for x in lengths])
        in_tree = reader.read(nodes, places, seen[None]).logits
        reader.commit(paths)
        places = torch.tensor(
            [[x + len(path), x + len(path) + 1] for x, path in zip(lengths, paths, strict=True)]
        )
        after = reader.read(new, places, torch.ones(2, 2, dtype=torch.bool).tril()[None]).logits
        for b, node in product(range(2), range(tree.drafts + 1)):
            path = torch.cat([prompts[b, : lengths[b]], nodes[b, list(tree.ancestors(node))]])
            alone = model(input_ids=path[None]).logits[0, -1]
            assert torch.allclose(in_tree[b, node], alone, atol=1e-4), (b, node)
        for b in range(2):
            text = torch.cat([prompts[b, : lengths[b]], nodes[b, list(paths[b])], new[b]])
            assert torch.allclose(after[b], model(input_ids=text[None]).logits[0, -2:], atol=1e-4)


@pytest.mark.parametrize("tree", ["chain:3", "3x2", "sparse"])
@pytest.mark.parametrize("scheme", ["greedy", "without_replacement", "with_replacement", "top_k"])
@pytest.mark.parametrize("name", ["skip", "model", "eagle"])
def test_temperature_zero_is_greedy_decoding(target, drafts, name, scheme, tree):
    found = multidraft_decode(
        PROMPTS, target, drafts[name], tree, scheme, temperature=0, max_new_tokens=20, stop=()
    )
    for prompt, text in zip(PROMPTS, found, strict=True):
        assert text.tokens == likeliest(target, prompt, 20)
        assert text.reason == "length"


def test_temperature_zero_with_random_drafts_is_greedy_decoding(target, drafts):
    found = multidraft_decode(
        PROMPTS, target, drafts["skip"], "2x3", temperature=0, draft_temperature=1.0, max_new_tokens=9
    )
    for prompt, text in zip(PROMPTS, found, strict=True):
        assert text.tokens == likeliest(target, prompt, 9)[: len(text.tokens)]


def law_of_three(target, prompt, temperature):
    """P of the next three tokens, (V, V, V), from the target alone."""
    with torch.inference_mode():
        pairs = [[*prompt, *w] for w in product(range(V), repeat=2)]
        logits = target.model(input_ids=torch.tensor(pairs)).logits.double() / temperature
        law = torch.softmax(logits, -1)
    size = len(prompt) - 1
    first = law[0, size]
    second = law[::V, size + 1]
    third = law[:, size + 2].reshape(V, V, V)
    return (first[:, None, None] * second[:, :, None] * third).numpy()


def p_value(law, drawn, size):
    """Chi-square of triples against a law, the rare ones in bins of at least 8 expected."""
    counts = np.zeros(law.shape)
    np.add.at(counts, tuple(np.array(drawn).T), 1)
    order = np.argsort(law, axis=None)
    expected, seen = law.ravel()[order] * size, counts.ravel()[order]
    edges = np.searchsorted(np.cumsum(expected), np.arange(8, size, 8)).clip(max=law.size - 1)
    starts = np.unique(np.concatenate([[0], edges[:-1]]))
    expected, seen = np.add.reduceat(expected, starts), np.add.reduceat(seen, starts)
    return chisquare(seen, expected * seen.sum() / expected.sum()).pvalue


RULES = [
    ("greedy", "optimal", "2x2"),
    ("with_replacement", "optimal", "2x2"),
    ("with_replacement", "k_seq", "3x2"),
    ("without_replacement", "rrs_without_replacement", LITTLE),
    ("without_replacement", "traversal", LITTLE),
    ("greedy", "traversal", "3x2"),
    ("with_replacement", "traversal", "2x2"),
    ("top_k", "optimal", "2x2"),
    ("with_replacement", "block", "chain:3"),
    ("top_k", "optimal", MIXED),
    ("top_k", "traversal", MIXED),
]


def drawn_triples(target, draft, scheme, rule, tree, temperature, size, seed, **options):
    triples = []
    for part in range(size // 500):
        found = multidraft_decode(
            [PROMPTS[0]] * 500, target, draft, tree, scheme, rule, temperature,
            max_new_tokens=3, stop=(), seed=1000 * seed + part, **options,
        )  # fmt: skip
        triples += [text.tokens for text in found]
    return triples


@pytest.mark.parametrize(("scheme", "rule", "tree"), RULES)
def test_the_law_of_three_tokens_is_the_targets(target, drafts, scheme, rule, tree):
    size = 4000
    law = law_of_three(target, PROMPTS[0], 0.7)
    triples = drawn_triples(target, drafts["skip"], scheme, rule, tree, 0.7, size, 1)
    assert p_value(law, triples, size) > 1e-4


@pytest.mark.parametrize(
    ("scheme", "rule", "tree"), [x for x in RULES if x[1] not in ("traversal", "block")]
)
def test_verifying_all_nodes_at_once_has_the_same_law(monkeypatch, target, drafts, scheme, rule, tree):
    monkeypatch.setattr(verifying, "worth_all", lambda logits: True)
    law = law_of_three(target, PROMPTS[0], 0.7)
    triples = drawn_triples(target, drafts["model"], scheme, rule, tree, 0.7, 4000, 5)
    assert p_value(law, triples, 4000) > 1e-4


@pytest.mark.slow
@pytest.mark.parametrize("temperature", [0.7, 1.0])
@pytest.mark.parametrize("name", ["skip", "model", "eagle"])
@pytest.mark.parametrize(("scheme", "rule", "tree"), RULES)
def test_the_law_of_three_tokens_from_many_samples(target, drafts, scheme, rule, tree, name, temperature):
    size = 20_000
    law = law_of_three(target, PROMPTS[0], temperature)
    triples = drawn_triples(target, drafts[name], scheme, rule, tree, temperature, size, 2)
    assert p_value(law, triples, size) > 1e-5


def test_the_law_test_sees_a_wrong_law(target, drafts):
    size = 4000
    law = law_of_three(target, PROMPTS[0], 0.7)
    triples = drawn_triples(target, drafts["skip"], "greedy", "optimal", "2x2", 0.8, size, 1)
    assert p_value(law, triples, size) < 1e-6


def test_truncated_targets_never_say_what_is_cut(target, drafts):
    triples = drawn_triples(
        target,
        drafts["skip"],
        "without_replacement",
        "rrs_without_replacement",
        "2x2",
        1.0,
        500,
        3,
        top_k=2,
    )
    with torch.inference_mode():
        logits = target.model(input_ids=torch.tensor([PROMPTS[0]])).logits[0, -1]
    assert {x[0] for x in triples} == set(logits.topk(2).indices.tolist())


def test_more_drafts_than_the_draft_has_tokens(target, drafts):
    for scheme in ("without_replacement", "greedy", "top_k"):
        found = multidraft_decode(
            PROMPTS, target, drafts["model"], "4x2", scheme, "optimal", 0.02, max_new_tokens=12, top_k=2
        )
        assert all(n <= 2 for text in found for _, n, _ in text.visits)


def test_a_seed_decides_the_text(target, drafts):
    def text(seed):
        return multidraft_decode(PROMPTS[0], target, drafts["skip"], "2x2", seed=seed).tokens

    assert text(1) == text(1) != text(2)


def test_stop_tokens_end_a_text_and_are_its_last(target, drafts):
    every = multidraft_decode(PROMPTS[0], target, drafts["skip"], "2x3", temperature=0, stop=())
    token = every.tokens[6]
    first = every.tokens.index(token)
    found = multidraft_decode(PROMPTS[0], target, drafts["skip"], "2x3", temperature=0, stop=[token])
    assert (found.tokens, found.reason) == (every.tokens[: first + 1], "stop")


def test_rows_that_end_leave_the_others_as_they_are(target, drafts):
    token = likeliest(target, PROMPTS[0], 3)[-1]
    found = multidraft_decode(
        PROMPTS, target, drafts["eagle"], "3x2", temperature=0, max_new_tokens=20, stop=[token]
    )
    for prompt, text in zip(PROMPTS, found, strict=True):
        alone = likeliest(target, prompt, 20)
        end = alone.index(token) + 1 if token in alone else 20
        assert text.tokens == alone[:end]
    assert len({len(text.tokens) for text in found}) > 1


@pytest.mark.parametrize("name", ["skip", "model", "eagle"])
def test_a_text_ends_with_the_context(target, drafts, name):
    prompt = PROMPTS[0] * 10
    found = multidraft_decode(
        prompt, target, drafts[name], "2x4", temperature=0, max_new_tokens=100, stop=()
    )
    assert found.reason == "context"
    assert len(found.tokens) == CONTEXT - len(prompt)
    assert found.tokens == likeliest(target, prompt, len(found.tokens))


def test_one_new_token_and_no_tree(target, drafts):
    one = multidraft_decode(PROMPTS[0], target, drafts["skip"], "4x3", temperature=0, max_new_tokens=1)
    none = multidraft_decode(
        PROMPTS[0], target, drafts["skip"], Tree(()), temperature=0, max_new_tokens=6, stop=()
    )
    assert one.tokens == likeliest(target, PROMPTS[0], 1)
    assert none.tokens == likeliest(target, PROMPTS[0], 6)
    assert none.accepted == [0] * 6


def test_an_empty_prompt_begins_a_text(target, drafts):
    found = multidraft_decode(
        "", target, drafts["eagle"], "2x2", temperature=0, max_new_tokens=5, stop=()
    )
    assert found.prompt == [1]
    assert found.tokens == likeliest(target, [1], 5)


def test_a_batch_gives_what_each_prompt_gives_at_temperature_zero(target, drafts):
    together = multidraft_decode(PROMPTS, target, drafts["model"], "2x3", temperature=0, stop=())
    for prompt, text in zip(PROMPTS, together, strict=True):
        alone = multidraft_decode(prompt, target, drafts["model"], "2x3", temperature=0, stop=())
        assert (alone.tokens, alone.accepted) == (text.tokens, text.accepted)


def test_a_stream_says_what_the_text_is(target, drafts):
    whole = multidraft_decode("w5 w9", target, drafts["skip"], "2x2", max_new_tokens=12)
    pieces = list(stream("w5 w9", target, drafts["skip"], "2x2", max_new_tokens=12))
    assert "".join(pieces) == whole.text
    assert len(pieces) > 1


def test_counts_make_a_table_of_acceptance(target, drafts):
    found = multidraft_decode(PROMPTS, target, drafts["skip"], "3x2", max_new_tokens=40, stop=())
    table = acceptance_table(found)
    steps = sum(text.steps for text in found)
    reached = sum(count for text in found for (depth, _, _), count in text.visits.items() if depth == 0)
    assert steps - reached <= 3  # the last step of each may have had no drafts
    assert 0 < sum(table.at(0, 3)) <= 1
    tokens = sum(sum(text.accepted) + text.steps for text in found)
    assert table.expected_tokens("3x2") == pytest.approx(tokens / steps, abs=0.15)


def test_times_are_added_up_where_asked_for(target, drafts):
    timed = multidraft_decode(PROMPTS[0], target, drafts["skip"], "2x2", max_new_tokens=4, timed=True)
    plain = multidraft_decode(PROMPTS[0], target, drafts["skip"], "2x2", max_new_tokens=4)
    assert all(len(x) == timed.steps and min(x) > 0 for x in timed.seconds.values())
    assert not any(plain.seconds.values())


REFUSED = [
    ({"prompt": [5, V]}, "expected 0"),
    ({"prompt": [5] * (CONTEXT + 1)}, "shorten it"),
    ({"tree": "4y3"}, "tree is '4y3'"),
    ({"scheme": "with_replacement", "verifier": "greedy"}, "is for greedy, not for with_replacement"),
    ({"verifier": "block", "tree": "2x2"}, "for a chain"),
    ({"scheme": "independent", "verifier": "naive"}, "one distribution at each node"),
    ({"temperature": -1.0}, "temperature"),
    ({"max_new_tokens": 0}, "max_new_tokens"),
    ({"verifier": "nothing"}, "unknown rule"),
    ({"verifier": "traversal", "scheme": "spechub", "tree": "2x1"}, "not for 'spechub'"),
    ({"prompt": "w5", "chat": True}, "no chat template"),
]


@pytest.mark.parametrize(("changes", "message"), REFUSED)
def test_what_cannot_be_done_is_said(target, drafts, changes, message):
    asked = {"prompt": PROMPTS[0], "target": target, "draft": drafts["skip"]} | changes
    with pytest.raises(InputError, match=message):
        multidraft_decode(**asked)


def test_other_types_of_models_are_refused(target, drafts):
    with pytest.raises(InputTypeError, match="load_target"):
        multidraft_decode(PROMPTS[0], target.model, drafts["skip"])
    with pytest.raises(InputTypeError, match="load_draft"):
        multidraft_decode(PROMPTS[0], target, target.model)


def test_another_tokenizer_is_refused(target, tmp_path):
    other = save_tiny(tmp_path / "other", "llama", tiny_tokenizer(renamed={7: "another"}))
    with pytest.raises(InputError, match="tokenizer mismatch: token 7"):
        multidraft_decode(PROMPTS[0], target, other)


def test_parse_and_object_are_the_same_tree(target, drafts):
    a = multidraft_decode(PROMPTS[0], target, drafts["skip"], "2x2", seed=3, max_new_tokens=9)
    b = multidraft_decode(PROMPTS[0], target, drafts["skip"], parse_tree("2x2"), seed=3, max_new_tokens=9)
    assert a.tokens == b.tokens
