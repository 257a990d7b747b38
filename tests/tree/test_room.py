"""The cache keeps what is accepted, and drafters say what their models say."""

from __future__ import annotations

import pytest
import torch
from tiny_checkpoints import save_tiny, save_tiny_eagle, tiny_tokenizer

from mdsd_theory.errors import InputError, InputTypeError
from mdsd_theory.models.base import Scope
from mdsd_theory.models.resolve import load_draft
from mdsd_theory.models.scoring import score_target
from mdsd_theory.models.target import load_target
from mdsd_theory.tree.decoding.drafters import drafter_of
from mdsd_theory.tree.decoding.layout import layout_of
from mdsd_theory.tree.decoding.reader import Reader
from mdsd_theory.tree.decoding.room import Room
from mdsd_theory.tree.topology import balanced, sparse


def written(lengths, loose, columns=12, layers=2):
    """A room whose keys say which row and column they are from."""
    room = Room(layers, len(lengths), columns)
    count = max(lengths) + loose
    for layer in range(layers):
        keys = torch.arange(count).float().expand(len(lengths), 1, -1)[..., None].clone()
        keys += 100 * torch.arange(len(lengths)).float()[:, None, None, None] + 1000 * layer
        room.write(layer, keys, -keys)
    room.lengths, room.loose = list(lengths), loose
    return room


def kept(room, layer, row):
    return room.store[layer, 0, row, 0, : room.lengths[row], 0].tolist()


@pytest.mark.parametrize(
    "picked", [[[0, 2, 3], [1]], [[], [0, 3]], [[0, 1], [0, 1, 2]], [[0], [0]], [[], []], [[3], []]]
)
def test_picked_columns_follow_what_was_there(picked):
    lengths = [3, 5]
    room = written(lengths, 4)
    room.commit(picked)
    for layer in range(2):
        for row, (length, some) in enumerate(zip(lengths, picked, strict=True)):
            columns = [*range(length), *(5 + k for k in some)]
            assert kept(room, layer, row) == [1000.0 * layer + 100 * row + c for c in columns]
    assert room.loose == 0
    assert room.lengths == [a + len(b) for a, b in zip(lengths, picked, strict=True)]


def test_rows_are_dropped_with_their_columns():
    room = written([3, 5, 2], 0)
    room.keep([0, 2])
    assert room.lengths == [3, 2]
    assert kept(room, 1, 1) == [1200.0, 1201.0]


def test_what_is_seen():
    room = written([1, 2], 2)
    seen = torch.tensor([[[True, False, True, False], [True, True, False, True]]])
    assert room.visible(seen, 2).int().tolist() == [
        [[[1, 0, 1, 0, 1, 0], [1, 0, 1, 1, 0, 1]]],
        [[[1, 1, 1, 0, 1, 0], [1, 1, 1, 1, 0, 1]]],
    ]


def test_layers_of_different_heads_are_refused():
    room = Room(2, 1, 4)
    room.write(0, torch.zeros(1, 2, 1, 3), torch.zeros(1, 2, 1, 3))
    with pytest.raises(InputError, match="unlike the layers before it"):
        room.write(1, torch.zeros(1, 1, 1, 3), torch.zeros(1, 1, 1, 3))


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("room")
    target = load_target(save_tiny(folder / "target", "llama"), device="cpu")
    save_tiny_eagle(folder / "head")
    other = save_tiny(folder / "other", "qwen2", tiny_tokenizer(), seed=4)
    return target, [load_draft(spec, target) for spec in ("skip:1", other, str(folder / "head"))]


@pytest.mark.parametrize("which", [0, 1, 2])
def test_a_drafter_says_at_the_root_what_its_draft_says(models, which):
    """After a prompt, after accepted drafts that it has read or not, and after a row has gone."""
    target, drafts = models
    draft, tree = drafts[which], balanced(2, 2)
    layout = layout_of(tree, torch.device("cpu"))
    texts = [[5, 9, 11, 3, 8], [7, 4], [9, 21, 30]]

    def scores(tokens):
        size = len(tokens)
        scope = Scope(
            torch.tensor([tokens]),
            torch.ones(1, size, dtype=torch.bool),
            torch.ones(1, size, dtype=torch.bool),
        )
        found = score_target(target, scope)
        return found.hidden[0], draft.logits(scope, found.hidden)[-1]

    def check(rows):
        logits = drafter.root()
        for b, tokens in enumerate(rows):
            assert torch.allclose(logits[b, 0], scores(tokens)[1], atol=1e-4), (which, b)

    def states(rows, counts):
        most = max(counts)
        padded = [
            torch.nn.functional.pad(scores(x)[0][-count - 1 : -1], (0, 0, 0, most - count))
            for x, count in zip(rows, counts, strict=True)
        ]
        return torch.stack(padded)

    with torch.inference_mode():
        drafter = drafter_of(draft, 3, 40)
        longest = max(map(len, texts)) - 1
        hidden = [scores(x)[0][:-1] for x in texts]
        padded = [torch.nn.functional.pad(x, (0, 0, 0, longest - len(x))) for x in hidden]
        drafter.start(texts, torch.stack(padded))
        check(texts)
        tokens = torch.tensor([[12, 13], [14, 15], [16, 17]])
        drafter.below(layout.levels[1], tokens)
        emitted = [[13, 20, 21], [14, 22], [23]]  # two drafts, one draft, none
        texts = [a + b for a, b in zip(texts, emitted, strict=True)]
        drafter.accept(emitted, [[1], [0], []], states(texts, [3, 2, 1]))
        check(texts)
        drafter.below(layout.levels[1], tokens)
        emitted = [[13, 20], [22], [17, 18, 19]]
        texts = [a + b for a, b in zip(texts, emitted, strict=True)]
        drafter.accept(emitted, [[1], [], [1]], states(texts, [2, 1, 3]))
        drafter.keep([0, 1])
        check(texts[:2])


def test_other_drafts_are_refused():
    with pytest.raises(InputTypeError, match="expected what load_draft returns"):
        drafter_of("skip:1", 1, 10)


def test_models_that_cannot_hold_a_tree_are_refused(models):
    target, _ = models
    config = target.model.config
    before = config._attn_implementation
    config._attn_implementation = "flash_attention_2"
    try:
        with pytest.raises(InputError, match="takes no tree mask"):
            Reader(target.model, 1, 4)
    finally:
        config._attn_implementation = before
    config.layer_types = ["linear_attention"] * 3
    try:
        with pytest.raises(InputError, match="linear_attention"):
            Reader(target.model, 1, 4)
    finally:
        del config.layer_types


def test_layouts_know_descent():
    tree = sparse()
    layout = layout_of(tree, torch.device("cpu"))
    for level in layout.levels:
        for k, node in enumerate(level.nodes):
            line = {tree.inner[1:][j] for j in level.seen[0, k].nonzero()[:, 0].tolist()}
            assert line == set(tree.ancestors(node)[1:])
    assert sorted(layout.leaves.tolist() + list(tree.inner)) == list(range(tree.drafts + 1))
