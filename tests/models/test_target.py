"""Targets from folders: what they are, what they say of themselves, what is refused."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
import torch
from tiny_checkpoints import CONTEXT, V, save_tiny, tiny_model

from mdsd_theory.errors import DataFileError, InputError, MissingDependencyError
from mdsd_theory.models import packages
from mdsd_theory.models.target import load_target


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return save_tiny(tmp_path_factory.mktemp("models") / "tiny-llama", "llama")


def test_a_target_is_ready_to_be_asked(folder):
    target = load_target(folder, device="cpu")
    assert not target.model.training
    assert not any(x.requires_grad for x in target.model.parameters())
    assert target.model.dtype == torch.float32
    assert (target.vocabulary, target.context, target.stop) == (V, CONTEXT, {2})
    assert target.tokenizer("w5 w7")["input_ids"] == [5, 7]
    assert target.model.config._attn_implementation == "sdpa"


def test_info_names_no_path(folder):
    info = load_target(folder).info
    assert info["name"] == "tiny-llama"
    assert folder not in json.dumps(info)
    assert info["architecture"] == "LlamaForCausalLM"
    assert info["parameters"] == sum(x.numel() for x in tiny_model("llama").parameters())
    assert info["dtype"] == "float32"
    assert {"revision", "transformers"} <= info.keys()
    assert "licence" not in info


def test_a_model_card_gives_the_licence(tmp_path):
    spec = save_tiny(tmp_path / "carded", "llama")
    (tmp_path / "carded" / "README.md").write_text("---\nlicense: mit\n---\n# A model\n", "utf-8")
    assert load_target(spec).info["licence"] == "mit"
    for broken in ("---\nlicense: [\n---\n", "# A model\n", "---\ntags: [a]\n---\n"):
        (tmp_path / "carded" / "README.md").write_text(broken, "utf-8")
        assert "licence" not in load_target(spec).info


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float64"])
def test_dtype_is_as_asked(folder, dtype):
    target = load_target(folder, dtype=dtype, device="cpu")
    assert target.model.dtype == getattr(torch, dtype)
    assert target.info["dtype"] == dtype


def test_every_named_end_stops(tmp_path):
    spec = save_tiny(tmp_path / "chat", "llama")
    settings = tmp_path / "chat" / "generation_config.json"
    settings.write_text(json.dumps({"eos_token_id": [7, 9]}), "utf-8")
    assert load_target(spec).stop == {2, 7, 9}


def test_bad_places_are_named(folder):
    with pytest.raises(InputError, match="dtype is 'int8'; expected one of auto"):
        load_target(folder, dtype="int8")
    with pytest.raises(InputError, match="device is 'gpu'; expected auto"):
        load_target(folder, device="gpu")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_cuda_without_a_device(folder):
    with pytest.raises(InputError, match="sees no CUDA device"):
        load_target(folder, device="cuda:1")


@pytest.mark.parametrize("spec", ["", "./nowhere", "/nowhere/at/all", "a/b/c", "gone.gguf"])
def test_a_path_that_leads_nowhere(spec, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataFileError, match="no file or folder"):
        load_target(spec)


def test_a_folder_that_is_no_model(tmp_path):
    (tmp_path / "notes.txt").write_text("nothing", "utf-8")
    with pytest.raises(DataFileError, match="is not a model that can be loaded") as caught:
        load_target(str(tmp_path))
    assert "\n" not in str(caught.value)


def test_a_model_without_tokenizer(tmp_path):
    tiny_model("llama").save_pretrained(tmp_path)
    with pytest.raises(DataFileError, match="is not a model that can be loaded"):
        load_target(str(tmp_path))


def test_damaged_weights(tmp_path):
    spec = save_tiny(tmp_path, "llama")
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:300])
    with pytest.raises(DataFileError, match="is not a model that can be loaded"):
        load_target(spec)


def test_missing_weights_are_never_made_up(tmp_path):
    spec = save_tiny(tmp_path, "llama")
    config = json.loads((tmp_path / "config.json").read_text("utf-8"))
    (tmp_path / "config.json").write_text(json.dumps(config | {"num_hidden_layers": 4}), "utf-8")
    with pytest.raises(
        DataFileError, match=r"lacks 9 weights of a LlamaForCausalLM, the first model\.layers\.3"
    ):
        load_target(spec)


def test_weights_of_another_shape(tmp_path):
    spec = save_tiny(tmp_path, "llama")
    config = json.loads((tmp_path / "config.json").read_text("utf-8"))
    (tmp_path / "config.json").write_text(json.dumps(config | {"intermediate_size": 40}), "utf-8")
    with pytest.raises(DataFileError, match="is not a model that can be loaded"):
        load_target(spec)


def test_a_missing_package_is_named(folder, monkeypatch):
    monkeypatch.setattr(
        packages.importlib.util, "find_spec", lambda name: None if name == "transformers" else 1
    )
    with pytest.raises(MissingDependencyError, match=r"needs transformers.*mdsd-theory\[models\]"):
        load_target(folder)


def test_the_front_door_loads_no_torch():
    names = ", ".join(f"mdsd_theory.models.{name}" for name in ("target", "resolve", "pairs", "scoring"))
    code = f"import {names}, sys; assert not {{'torch', 'transformers'}} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
