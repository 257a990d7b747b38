"""Each configuration end to end on tiny random models of its architectures; and what reads the files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tiny_checkpoints import V, noise, ragged_scope, save_tiny, save_tiny_eagle

from mdsd_theory.errors import DataFileError, InputError, MissingDependencyError
from mdsd_theory.models import packages
from mdsd_theory.models.base import Scope
from mdsd_theory.models.pairs import Pair, read_pair
from mdsd_theory.models.resolve import load_draft
from mdsd_theory.models.scoring import score_target
from mdsd_theory.models.target import load_target

FOLDER = Path(__file__).parents[2] / "experiments" / "pairs"
FILES = sorted(FOLDER.glob("*.yaml"))

TARGETS = {
    "huggyllama/llama-7b": ("llama", {}),
    "facebook/opt-6.7b": ("opt", {}),
    "lmsys/vicuna-7b-v1.3": ("llama", {"num_key_value_heads": 2}),
    "Qwen/Qwen2-7B-Instruct": ("qwen2", {}),
    "HuggingFaceTB/SmolLM2-135M-Instruct": (
        "llama", {"num_hidden_layers": 30, "tie_word_embeddings": True, "initializer_range": 0.15}
    ),
}  # fmt: skip
SMALLER = {"num_hidden_layers": 2, "seed": 7}
DRAFTS = {
    "JackFram/llama-68m": lambda folder: save_tiny(folder, "llama", **SMALLER),
    "facebook/opt-125m": lambda folder: save_tiny(folder, "opt", **SMALLER),
    "yuhuili/EAGLE-Vicuna-7B-v1.3": save_tiny_eagle,
    "yuhuili/EAGLE-Qwen2-7B-Instruct": lambda folder: save_tiny_eagle(folder, qkv_bias=True),
    "smollm2_135m_eagle": save_tiny_eagle,
    "smollm2_135m_6_layers": lambda folder: save_tiny(folder, "llama", num_hidden_layers=6, seed=7),
}


@pytest.fixture(scope="module")
def substituted(tmp_path_factory):
    """Put folders of tiny models in the place of a pair's weights, each made once."""
    where, done = tmp_path_factory.mktemp("weights"), {}

    def substitute(file):
        if file in done:
            return done[file]
        pair, folder = read_pair(file), where / file.stem
        family, changes = TARGETS[pair.target]
        target = save_tiny(folder / "target", family, **changes)
        draft = pair.draft
        if not draft.startswith("skip:"):
            make = DRAFTS[draft if draft in DRAFTS else Path(draft).name]
            draft = make(folder / "draft")
        done[file] = replace(pair, target=target, draft=draft)
        return done[file]

    return substitute


def load(pair, dtype="float32"):
    target = load_target(pair.target, dtype=dtype, device="cpu")
    return target, load_draft(pair.draft, target)


def laws(target, draft, scope):
    """Logits of target and draft, and both models' rounding."""
    scores = score_target(target, scope)
    logits = draft.logits(scope, scores.hidden)
    return scores.logits, logits, depth(target) * noise(scores.logits), depth(target) * noise(logits)


def depth(target):
    """How many times deeper than the three layers that ``noise`` counts."""
    return target.model.config.num_hidden_layers / 3


of_each = pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)


def test_the_pairs_are_the_papers_and_ours():
    pairs = [read_pair(file) for file in FILES]
    assert len({pair.name for pair in pairs}) == len(pairs) == 7
    assert {pair.target for pair in pairs} == set(TARGETS)
    assert {pair.n for pair in pairs} == {(3,)}
    assert {pair.temperature for pair in pairs} == {(0.7,)}
    assert {pair.max_tokens for pair in pairs} == {128}


@of_each
def test_both_models_score_a_batch(file, substituted):
    target, draft = load(substituted(file))
    scope = ragged_scope()
    ours, theirs, _, _ = laws(target, draft, scope)
    assert ours.shape == theirs.shape == (int(scope.wanted.sum()), V)
    for logits in (ours, theirs):
        assert torch.isfinite(logits).all()
        assert logits.std() > 0.1
    p, q = (x.double().softmax(-1) for x in (ours, theirs))
    assert 0 < torch.minimum(p, q).sum(-1).mean() < 0.999


@of_each
def test_no_law_sees_what_comes_after(file, substituted):
    target, draft = load(substituted(file))
    scope = ragged_scope((12,) * 4)
    everywhere = Scope(scope.tokens, scope.mask, scope.mask)
    ours, theirs, small, smaller = laws(target, draft, everywhere)
    at = 6
    later = scope.tokens.clone()
    later[:, at + 1 :] = later[:, at + 1 :] % 50 + 5
    changed = laws(target, draft, Scope(later, scope.mask, scope.mask))
    for before, after, least in ((ours, changed[0], small), (theirs, changed[1], smaller)):
        moved = (after - before).abs().reshape(4, 12, V)
        assert moved[:, : at + 1].max() <= least
        assert moved[:, at + 1 :].max() > 10 * least


@of_each
def test_the_draft_reads_only_older_states_of_the_target(file, substituted):
    target, draft = load(substituted(file))
    scope = ragged_scope((12,) * 4)
    wanted = torch.zeros_like(scope.mask)
    wanted[:, 6] = True
    scope = Scope(scope.tokens, scope.mask, wanted)
    hidden = score_target(target, scope).hidden
    before = draft.logits(scope, hidden)
    hidden[:, 6:] += 1
    assert (draft.logits(scope, hidden) - before).abs().max() <= noise(before)


@of_each
def test_padding_changes_no_law(file, substituted):
    target, draft = load(substituted(file))
    bare, padded = (laws(target, draft, ragged_scope(pad=pad)) for pad in (0, 9))
    assert (bare[0] - padded[0]).abs().max() <= bare[2]
    assert (bare[1] - padded[1]).abs().max() <= bare[3]


@of_each
@pytest.mark.parametrize("dtype", ["bfloat16", "float32"])
def test_dtype_and_device_are_kept(file, substituted, dtype):
    target, draft = load(substituted(file), dtype)
    ours, theirs, _, _ = laws(target, draft, ragged_scope())
    assert ours.dtype == theirs.dtype == getattr(torch, dtype)
    assert ours.device == theirs.device == target.device
    assert target.info["dtype"] == draft.info["dtype"] == dtype


@of_each
def test_what_a_manifest_says_names_no_path(file, substituted):
    pair = substituted(file)
    for info in (model.info for model in load(pair)):
        assert info["name"]
        assert str(Path(pair.target).parent) not in str(info)


def write(folder, **changes):
    lines = {
        "name": "A / B", "target": "a/b", "draft": "skip:1", "dtype": "auto", "temperature": "[0.7, 1]",
        "n": "[1, 3]", "max_tokens": "128", "tasks": "[alpaca]", "template": "none", "licence": "MIT",
    } | changes  # fmt: skip
    file = folder / "pair.yaml"
    text = "".join(f"{key}: {value}\n" for key, value in lines.items() if value is not None)
    file.write_text(text, encoding="utf-8")
    return file


def test_a_file_is_read_as_it_stands(tmp_path):
    assert read_pair(write(tmp_path)) == Pair(
        "A / B", "a/b", "skip:1", "auto", (0.7, 1), (1, 3), 128, ("alpaca",), "none", "MIT"
    )


def test_folders_are_taken_from_where_the_file_is(tmp_path):
    pair = read_pair(write(tmp_path, draft="../models/head"))
    assert Path(pair.draft) == tmp_path.resolve().parent / "models" / "head"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"top_k": 5}, "unknown top_k; expected the keys name, target"),
        ({"n": None, "tasks": None}, "no n, tasks; expected the keys"),
        ({"dtype": "int8"}, "dtype is 'int8'; expected one of auto"),
        ({"n": "[0]"}, r"n is \[0\]; expected numbers above 0"),
        ({"n": "[1.5]"}, r"n is \[1.5\]"),
        ({"n": "[true]"}, r"n is \[True\]"),
        ({"n": "3"}, "n is 3"),
        ({"temperature": "[]"}, r"temperature is \[\]"),
        ({"temperature": "[-1.0]"}, "temperature is"),
        ({"max_tokens": "many"}, r"max_tokens is \['many'\]"),
        ({"tasks": "alpaca"}, "tasks is 'alpaca'; expected a list"),
        ({"tasks": "[1]"}, "tasks is 1; expected a text"),
        ({"target": "[a]"}, r"target is \['a'\]; expected a text"),
        ({"licence": ""}, "licence is None"),
    ],
)
def test_bad_values_are_named(tmp_path, changes, message):
    with pytest.raises(InputError, match=message):
        read_pair(write(tmp_path, **changes))


def test_files_that_are_no_pairs(tmp_path):
    with pytest.raises(DataFileError, match="cannot be read: No such file"):
        read_pair(tmp_path / "gone.yaml")
    file = tmp_path / "pair.yaml"
    file.write_text("a: [", "utf-8")
    with pytest.raises(DataFileError, match="is not YAML"):
        read_pair(file)
    file.write_text("- a", "utf-8")
    with pytest.raises(InputError, match="holds list; expected keys and values"):
        read_pair(file)


def test_yaml_is_asked_for_by_name(tmp_path, monkeypatch):
    monkeypatch.setattr(packages.importlib.util, "find_spec", lambda name: None if name == "yaml" else 1)
    with pytest.raises(MissingDependencyError, match="needs yaml"):
        read_pair(write(tmp_path))
