"""Drafts from what names them: skipped layers, separate models, heads; and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from tiny_checkpoints import (
    CONTEXT,
    TOKENS,
    V,
    noise,
    ragged_scope,
    save_tiny,
    save_tiny_eagle,
    tiny_model,
    tiny_tokenizer,
)

from mdsd_theory.errors import DataFileError, InputError
from mdsd_theory.models import resolve
from mdsd_theory.models.resolve import load_draft
from mdsd_theory.models.scoring import score, score_target
from mdsd_theory.models.skipped import FAMILIES, parse_layers, without_layers
from mdsd_theory.models.target import load_target


@pytest.fixture(scope="module")
def target(tmp_path_factory):
    return load_target(save_tiny(tmp_path_factory.mktemp("target") / "tiny-llama", "llama"), device="cpu")


def fewer(family, model, skipped):
    """A model built without the layers, its weights loaded by their names."""
    changes = {}
    if getattr(model.config, "layer_types", None):
        kept = [x for i, x in enumerate(model.config.layer_types) if i not in skipped]
        changes["layer_types"] = kept
    layers = model.config.num_hidden_layers
    kept = [i for i in range(layers) if i not in skipped]
    built = tiny_model(family, seed=9, num_hidden_layers=len(kept), **changes)
    weights = {}
    for name, x in model.state_dict().items():
        front, mark, back = name.partition("layers.")
        number, _, rest = back.partition(".")
        if not mark:
            weights[name] = x
        elif int(number) in kept:
            weights[f"{front}layers.{kept.index(int(number))}.{rest}"] = x
    built.load_state_dict(weights)
    return built


@pytest.mark.parametrize("skipped", [[0], [1, 3], [4, 2, 3]])
@pytest.mark.parametrize("family", FAMILIES)
def test_skipping_is_a_model_without_the_layers(family, skipped):
    model, scope = tiny_model(family, num_hidden_layers=5), ragged_scope()
    whole = score(model, scope).logits
    short, built = (
        score(m, scope).logits for m in (without_layers(model, skipped), fewer(family, model, skipped))
    )
    assert (short - built).abs().max() <= noise(built)
    assert (short - whole).abs().max() > 100 * noise(whole)
    assert torch.equal(score(model, scope).logits, whole)


@pytest.mark.parametrize("family", FAMILIES)
def test_skipping_shares_every_tensor(family):
    model = tiny_model(family)
    short = without_layers(model, [1])
    ours = {x.data_ptr() for x in model.parameters()}
    assert {x.data_ptr() for x in short.parameters()} < ours
    assert (len(model.get_decoder().layers), len(short.get_decoder().layers)) == (3, 2)
    assert (model.config.num_hidden_layers, short.config.num_hidden_layers) == (3, 2)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_shortened_model_generates_with_its_own_cache(family):
    short = without_layers(tiny_model(family, num_hidden_layers=5), [0, 2])
    scope = ragged_scope((7,))
    options = {"max_new_tokens": 8, "do_sample": False, "pad_token_id": 0, "eos_token_id": None}
    cached, plain = (short.generate(scope.tokens, use_cache=x, **options) for x in (True, False))
    assert torch.equal(cached, plain)


@pytest.mark.parametrize(
    ("spec", "layers"),
    [
        ("skip:14-18", [14, 15, 16, 17, 18]),
        ("skip:4,17", [4, 17]),
        ("skip:12,3,9-11", [3, 9, 10, 11, 12]),
    ],
)
def test_layers_are_read(spec, layers):
    assert parse_layers(spec, 30) == layers


@pytest.mark.parametrize(
    "spec", ["skip:", "skip:a", "skip:-1", "skip:1-", "skip:1,,2", "skip:1.5", "skip: 1"]
)
def test_layers_of_another_form(spec):
    with pytest.raises(InputError, match="expected layers as in skip:14-18"):
        parse_layers(spec, 30)


@pytest.mark.parametrize("spec", ["skip:30", "skip:1,28-31", "skip:5-3", "skip:99999999999-999999999999"])
def test_layers_that_are_not_there(spec):
    with pytest.raises(InputError, match="is no run of the target's layers, which are 0-29"):
        parse_layers(spec, 30)


def test_at_least_one_layer_stays(target):
    with pytest.raises(InputError, match="every layer of the target"):
        load_draft("skip:0-2", target)


def test_families_that_cannot_be_skipped(tmp_path):
    other = load_target(save_tiny(tmp_path / "gpt", "gpt2"), device="cpu")
    with pytest.raises(InputError, match=r"layers of gpt2 cannot be skipped; expected one of .*llama"):
        load_draft("skip:1", other)


def test_a_skip_draft_says_what_it_is(target):
    draft, scope = load_draft("skip:1", target), ragged_scope()
    info = draft.info
    assert (info["name"], info["removed_layers"]) == ("skip:1", [1])
    assert 0 < info["parameters"] < target.info["parameters"]
    assert draft.logits(scope, score_target(target, scope).hidden).shape == (int(scope.wanted.sum()), V)


@pytest.mark.parametrize("size", [TOKENS, V - 1, V, V + 8])
def test_padded_vocabularies_are_fitted(target, tmp_path, size):
    draft = load_draft(save_tiny(tmp_path / "student", "llama", vocab_size=size, seed=3), target)
    scope = ragged_scope()
    logits = draft.logits(scope, score_target(target, scope).hidden)
    own = score(draft.model, scope).logits
    assert logits.shape == (int(scope.wanted.sum()), V)
    assert torch.equal(logits[:, : min(size, V)], own[:, : min(size, V)])
    assert torch.isneginf(logits[:, size:]).all()
    assert draft.info["name"] == "student"


def test_a_renamed_token_is_a_mismatch(target, tmp_path):
    spec = save_tiny(tmp_path / "other", "llama", tiny_tokenizer(renamed={17: "x17", 40: "x40"}))
    with pytest.raises(
        InputError, match="tokenizer mismatch: token 17 is 'w17' for the target tiny-llama and 'x17'"
    ):
        load_draft(spec, target)


def test_a_token_that_one_model_cannot_say_is_a_mismatch(target, tmp_path):
    spec = save_tiny(tmp_path / "small", "llama", vocab_size=TOKENS - 2)
    with pytest.raises(InputError, match=f"tokenizer mismatch: token {TOKENS - 2} is 'w58' .* and None"):
        load_draft(spec, target)
    longer = save_tiny(tmp_path / "long", "llama", tiny_tokenizer(V + 4), vocab_size=V + 8)
    with pytest.raises(InputError, match=f"tokenizer mismatch: token {TOKENS} is None .* and 'w60'"):
        load_draft(longer, target)


def test_a_token_that_no_model_can_say_is_no_mismatch(target, tmp_path):
    words = tiny_tokenizer()
    words.add_tokens([f"filler{i}" for i in range(TOKENS, V)])
    ours = load_target(save_tiny(tmp_path / "ours", "llama", words), device="cpu")
    words.add_tokens(["[PAD]"])
    load_draft(save_tiny(tmp_path / "padded", "llama", words), ours)


def test_dtype_and_device_are_the_targets(tmp_path):
    spec = save_tiny(tmp_path / "tiny", "llama")
    half = load_target(spec, dtype="bfloat16", device="cpu")
    scope = ragged_scope()
    hidden = score_target(half, scope).hidden
    for name in (spec, "skip:1"):
        draft = load_draft(name, half)
        logits = draft.logits(scope, hidden)
        assert (logits.dtype, logits.device) == (torch.bfloat16, half.device)
        assert draft.info["dtype"] == "bfloat16"


def test_a_draft_of_shorter_context(target, tmp_path):
    draft = load_draft(save_tiny(tmp_path / "short", "opt", max_position_embeddings=8), target)
    scope = ragged_scope((9,))
    with pytest.raises(InputError, match="a sequence has 9 tokens, but short reads at most 8"):
        draft.logits(scope, score_target(target, scope).hidden)
    assert target.context == CONTEXT


def test_a_head_is_told_from_a_model(target, tmp_path):
    scope = ragged_scope()
    draft = load_draft(save_tiny_eagle(tmp_path / "head"), target)
    assert type(draft).__name__ == "EagleDraft"
    logits = draft.logits(scope, score_target(target, scope).hidden)
    assert logits.shape == (int(scope.wanted.sum()), V)


@pytest.mark.parametrize("spec", ["./nowhere", "a/b/c", "gone.gguf", ""])
def test_drafts_that_are_not_there(target, spec, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataFileError, match="no file or folder"):
        load_draft(spec, target)


def fake_hub(monkeypatch, folder):
    """Serve a folder as someone/something, counting what is fetched whole."""
    import huggingface_hub

    fetched = []
    monkeypatch.setattr(huggingface_hub, "hf_hub_download", lambda _, name: str(folder / name))
    monkeypatch.setattr(huggingface_hub, "snapshot_download", lambda x: fetched.append(x) or str(folder))
    monkeypatch.setattr(resolve, "load_model_draft", lambda spec, _: f"model {spec}")
    return fetched


def test_a_hubs_head_keeps_its_id(target, tmp_path, monkeypatch):
    folder = Path(save_tiny_eagle(tmp_path / "0a1b2c"))
    assert fake_hub(monkeypatch, folder) == []
    draft = load_draft("someone/head", target)
    assert (draft.info["name"], draft.info["revision"]) == ("someone/head", "0a1b2c")


def test_a_hubs_model_is_not_fetched_whole(target, tmp_path, monkeypatch):
    save_tiny(tmp_path / "model", "llama")
    fetched = fake_hub(monkeypatch, tmp_path / "model")
    assert load_draft("someone/model", target) == "model someone/model"
    assert fetched == []


def test_a_hub_that_cannot_be_reached(target, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(DataFileError, match="'someone/nothing-at-all' is not a model that can be loaded"):
        load_draft("someone/nothing-at-all", target)
