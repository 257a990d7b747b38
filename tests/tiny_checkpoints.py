"""Randomly initialised models of real architectures, saved with a tokenizer: tiny, but not flat."""

from __future__ import annotations

import json

import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedTokenizerFast

from mdsd_theory.models.base import Scope

WIDTH, TOKENS, V, CONTEXT = 16, 60, 64, 48

SHAPE = {
    "vocab_size": V,
    "hidden_size": WIDTH,
    "num_hidden_layers": 3,
    "num_attention_heads": 2,
    "max_position_embeddings": CONTEXT,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
MODERN = {"intermediate_size": 32, "num_key_value_heads": 1, "initializer_range": 0.3}
OF_FAMILY = {
    "llama": MODERN,
    "mistral": MODERN | {"sliding_window": 4},
    "qwen2": MODERN | {"use_sliding_window": True, "sliding_window": 4, "max_window_layers": 1},
    "qwen3": MODERN | {"head_dim": 8},
    "gemma": MODERN | {"head_dim": 8},
    "gemma2": MODERN | {"head_dim": 8, "sliding_window": 4, "final_logit_softcapping": 2.0},
    "gemma3_text": MODERN | {"head_dim": 8, "sliding_window": 4, "final_logit_softcapping": 2.0},
    "granite": MODERN | {"logits_scaling": 3.0},
    "cohere": MODERN | {"logit_scale": 0.25},
    "opt": {"ffn_dim": 32, "word_embed_proj_dim": WIDTH, "init_std": 0.3},
    "gpt2": {"initializer_range": 0.3},
}
"""Settings by architecture, the odd ones among them switched on: windows, caps, scales."""


def tiny_tokenizer(words=TOKENS, renamed=None):
    """Words w3, w4, ... split at blanks; ``renamed`` gives some ids another word."""
    names = ["<pad>", "<s>", "</s>", *(f"w{i}" for i in range(3, words))]
    for i, name in (renamed or {}).items():
        names[i] = name
    inner = Tokenizer(models.WordLevel({name: i for i, name in enumerate(names)}, unk_token="w3"))
    inner.pre_tokenizer = pre_tokenizers.Whitespace()
    return PreTrainedTokenizerFast(
        tokenizer_object=inner, pad_token="<pad>", bos_token="<s>", eos_token="</s>", unk_token="w3"
    )


def tiny_model(family, seed=0, **changes):
    """A model whose laws differ from position to position."""
    torch.manual_seed(seed)
    config = AutoConfig.for_model(family, **(SHAPE | OF_FAMILY[family] | changes))
    return AutoModelForCausalLM.from_config(config, dtype=torch.float32).eval()


def save_tiny(folder, family, tokenizer=None, seed=0, **changes):
    """Save model and tokenizer; return the folder as a spec."""
    tiny_model(family, seed, **changes).save_pretrained(folder)
    (tokenizer or tiny_tokenizer()).save_pretrained(folder)
    return str(folder)


def save_tiny_eagle(folder, width=WIDTH, inner=32, qkv_bias=False):
    """Save an EAGLE-1 head as published ones are: a pickled state dict with an embedding of its own."""
    draw = torch.Generator().manual_seed(5)
    shapes = {
        "embed_tokens": (V, width),
        "fc": (width, 2 * width),
        **{f"layers.0.self_attn.{x}_proj": (width, width) for x in "qkvo"},
        "layers.0.mlp.gate_proj": (inner, width),
        "layers.0.mlp.up_proj": (inner, width),
        "layers.0.mlp.down_proj": (width, inner),
        "layers.0.post_attention_layernorm": (width,),
    }
    weights = {f"{name}.weight": 0.5 * torch.randn(x, generator=draw) for name, x in shapes.items()}
    biases = ["fc", *(f"layers.0.self_attn.{x}_proj" for x in "qkv" if qkv_bias)]
    weights |= {f"{name}.bias": 0.5 * torch.randn(width, generator=draw) for name in biases}
    config = SHAPE | {"model_type": "llama", "architectures": ["LlamaForCausalLM"]}
    config |= {"num_hidden_layers": 1, "intermediate_size": inner, "hidden_act": "silu"}
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    torch.save(weights, folder / "pytorch_model.bin")
    return str(folder)


def ragged_scope(lengths=(9, 5, 12), seed=1, pad=0):
    """Random tokens padded on the right; every other real position is wanted."""
    draw = torch.Generator().manual_seed(seed)
    size = (len(lengths), max(lengths) + pad)
    mask = torch.arange(size[1]) < torch.tensor(lengths)[:, None]
    tokens = torch.zeros(size, dtype=torch.int64)
    for row, length in enumerate(lengths):
        tokens[row, :length] = torch.randint(1, TOKENS, (length,), generator=draw)
    wanted = mask & (torch.arange(size[1]) % 2 == 0)
    return Scope(tokens, mask, wanted)


def noise(logits):
    """Rounding of two float32 passes: 3 layers of 7 products, each a sum of at most 32 terms.

    Each sum is wrong by at most (terms) x eps of its size, and the sizes are those of the logits or of
    normed states, about 1.
    """
    return 2 * 3 * 7 * 32 * torch.finfo(torch.float32).eps * (1 + float(logits.abs().max()))
