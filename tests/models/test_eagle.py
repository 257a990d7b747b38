"""EAGLE-style heads against EAGLE's own arithmetic written out, and their files."""

from __future__ import annotations

import copy
import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import LlamaConfig, LlamaForCausalLM

from mdsd_theory.errors import DataFileError, InputError
from mdsd_theory.models.base import Scope, Target
from mdsd_theory.models.eagle import EagleHead, is_eagle, load_eagle, save_eagle
from mdsd_theory.models.eagle_format import expand, shrink

WIDTH, INNER, HEADS, KV, V = 16, 40, 4, 2, 64
CONFIG = {
    "architectures": ["LlamaForCausalLM"],
    "hidden_act": "silu",
    "hidden_size": WIDTH,
    "intermediate_size": INNER,
    "max_position_embeddings": 128,
    "model_type": "llama",
    "num_attention_heads": HEADS,
    "num_key_value_heads": KV,
    "num_hidden_layers": 1,
    "pad_token_id": 0,
    "rms_norm_eps": 1e-6,
    "rope_scaling": None,
    "rope_theta": 5000.0,
    "vocab_size": V,
}


@pytest.fixture(scope="module")
def target() -> Target:
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=V, hidden_size=WIDTH, intermediate_size=32, num_hidden_layers=2,
        num_attention_heads=HEADS, num_key_value_heads=KV, max_position_embeddings=128,
    )  # fmt: skip
    model = LlamaForCausalLM(config).eval().requires_grad_(False)
    return Target(model, None, {}, 128, frozenset({2}))


def checkpoint(biases: bool = False, embedding: bool = True) -> dict[str, torch.Tensor]:
    """Random weights under the names of EAGLE's files."""
    draw = torch.Generator().manual_seed(1)
    kv = WIDTH // HEADS * KV
    shapes = {
        "fc.weight": (WIDTH, 2 * WIDTH),
        "layers.0.self_attn.q_proj.weight": (WIDTH, WIDTH),
        "layers.0.self_attn.k_proj.weight": (kv, WIDTH),
        "layers.0.self_attn.v_proj.weight": (kv, WIDTH),
        "layers.0.self_attn.o_proj.weight": (WIDTH, WIDTH),
        "layers.0.mlp.gate_proj.weight": (INNER, WIDTH),
        "layers.0.mlp.up_proj.weight": (INNER, WIDTH),
        "layers.0.mlp.down_proj.weight": (WIDTH, INNER),
        "layers.0.post_attention_layernorm.weight": (WIDTH,),
    }
    if biases:
        shapes |= {"fc.bias": (WIDTH,)}
        shapes |= {
            f"layers.0.self_attn.{x}_proj.bias": (n,) for x, n in zip("qkv", (WIDTH, kv, kv), strict=True)
        }
    if embedding:
        shapes |= {"embed_tokens.weight": (V, WIDTH)}
    return {name: torch.randn(shape, generator=draw) / 2 for name, shape in shapes.items()}


def write(folder, weights, config=CONFIG, pickled=False):
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config))
    if pickled:
        torch.save(weights, folder / "pytorch_model.bin")
    else:
        save_file(weights, folder / "model.safetensors")
    return folder


def eagle_states(weights, ids, features):
    """EAGLE's forward for ids (L,) and features (L, width), already shifted by its caller."""
    w = {name.removeprefix("layers.0."): tensor for name, tensor in weights.items()}
    x = torch.cat([w["embed_tokens.weight"][ids], features], 1) @ w["fc.weight"].T + w.get("fc.bias", 0)
    length, size = len(ids), WIDTH // HEADS

    def projected(name, count):
        y = x @ w[f"self_attn.{name}_proj.weight"].T + w.get(f"self_attn.{name}_proj.bias", 0)
        return y.view(length, count, size).transpose(0, 1)

    def turned(y):
        angle = torch.arange(length)[:, None] * 5000.0 ** (-torch.arange(0, size, 2) / size)
        cos, sin = angle.cos().repeat(1, 2), angle.sin().repeat(1, 2)
        return y * cos + torch.cat([-y[..., size // 2 :], y[..., : size // 2]], -1) * sin

    q, k, v = turned(projected("q", HEADS)), turned(projected("k", KV)), projected("v", KV)
    k, v = (y.repeat_interleave(HEADS // KV, 0) for y in (k, v))
    scores = q @ k.transpose(1, 2) / math.sqrt(size)
    scores = scores.masked_fill(torch.ones(length, length).triu(1).bool(), -math.inf)
    mixed = (scores.softmax(-1) @ v).transpose(0, 1).reshape(length, WIDTH)
    x = x + mixed @ w["self_attn.o_proj.weight"].T
    normed = x * torch.rsqrt(x.pow(2).mean(1, keepdim=True) + 1e-6) * w["post_attention_layernorm.weight"]
    gate = torch.nn.functional.silu(normed @ w["mlp.gate_proj.weight"].T)
    return x + (gate * (normed @ w["mlp.up_proj.weight"].T)) @ w["mlp.down_proj.weight"].T


def scope_of(lengths=(9, 6), seed=3):
    tokens = torch.randint(
        3, V, (len(lengths), max(lengths)), generator=torch.Generator().manual_seed(seed)
    )
    mask = torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]
    return Scope(tokens, mask, mask.clone())


def hidden_of(target, scope):
    return target.model.model(scope.tokens).last_hidden_state


def spread(scope, logits):
    """Logits at their places, zero elsewhere."""
    full = torch.zeros(*scope.tokens.shape, V)
    full[scope.wanted] = logits
    return full


@pytest.mark.parametrize("biases", [False, True])
@pytest.mark.parametrize("pickled", [False, True])
def test_a_published_checkpoint_gives_eagles_numbers(tmp_path, target, biases, pickled):
    weights = checkpoint(biases)
    folder = write(tmp_path / "head", weights, pickled=pickled)
    assert is_eagle(folder)
    scope = scope_of()
    hidden = hidden_of(target, scope)
    found = spread(scope, load_eagle(folder, target).logits(scope, hidden))
    for row, length in enumerate(scope.mask.sum(1).tolist()):
        # EAGLE drops the first token and pairs the others with the features before them.
        ids, features = scope.tokens[row, 1:length], hidden[row, : length - 1]
        expected = eagle_states(weights, ids, features) @ target.model.lm_head.weight.T
        torch.testing.assert_close(found[row, 1:length], expected, rtol=1e-4, atol=1e-5)


def test_the_first_place_has_no_hidden_state(tmp_path, target):
    weights = checkpoint()
    draft = load_eagle(write(tmp_path / "head", weights), target)
    scope = scope_of()
    found = spread(scope, draft.logits(scope, hidden_of(target, scope)))[:, 0]
    for row in range(2):
        alone = eagle_states(weights, scope.tokens[row, :1], torch.zeros(1, WIDTH))
        torch.testing.assert_close(found[row : row + 1], alone @ target.model.lm_head.weight.T)


def test_one_token(tmp_path, target):
    draft = load_eagle(write(tmp_path / "head", checkpoint()), target)
    scope = scope_of((1, 1))
    assert draft.logits(scope, hidden_of(target, scope)).shape == (2, V)


@pytest.mark.parametrize("place", [0, 1, 4, 8])
def test_causality(tmp_path, target, place):
    draft = load_eagle(write(tmp_path / "head", checkpoint()), target)
    scope = scope_of((9, 9))
    hidden = hidden_of(target, scope)
    before = spread(scope, draft.logits(scope, hidden))
    tokens, states = scope.tokens.clone(), hidden.clone()
    tokens[:, place + 1 :] = 5
    states[:, place:] = 7.0
    after = spread(scope, draft.logits(Scope(tokens, scope.mask, scope.wanted), states))
    torch.testing.assert_close(after[:, : place + 1], before[:, : place + 1], rtol=0, atol=1e-6)
    if place < 8:
        assert (after[:, place + 1 :] - before[:, place + 1 :]).abs().amax(-1).min() > 1e-3
        states = hidden.clone()
        states[:, place] = 7.0
        moved = spread(scope, draft.logits(scope, states))[:, place + 1]
        assert (moved - before[:, place + 1]).abs().max() > 1e-3


def test_padding_and_wanted(tmp_path, target):
    draft = load_eagle(write(tmp_path / "head", checkpoint()), target)
    scope = scope_of((9, 6))
    hidden = hidden_of(target, scope)
    whole = spread(scope, draft.logits(scope, hidden))
    alone = Scope(scope.tokens[1:, :6], scope.mask[1:, :6], scope.mask[1:, :6])
    single = spread(alone, draft.logits(alone, hidden[1:, :6]))
    torch.testing.assert_close(whole[1, :6], single[0])
    wanted = scope.mask & (torch.rand(scope.mask.shape) < 0.5)
    some = draft.logits(Scope(scope.tokens, scope.mask, wanted), hidden)
    torch.testing.assert_close(some, whole[wanted])
    nothing = Scope(scope.tokens, scope.mask, torch.zeros_like(wanted))
    assert draft.logits(nothing, hidden).shape == (0, V)


def test_a_head_without_embedding_takes_the_targets(tmp_path, target):
    weights = checkpoint(embedding=False)
    scope = scope_of()
    hidden = hidden_of(target, scope)
    found = load_eagle(write(tmp_path / "bare", weights), target).logits(scope, hidden)
    full = weights | {"embed_tokens.weight": target.model.get_input_embeddings().weight.clone()}
    expected = load_eagle(write(tmp_path / "full", full), target).logits(scope, hidden)
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("storage", ["bfloat16", "int8"])
@pytest.mark.parametrize("bias", [False, True])
def test_saved_and_read_again(tmp_path, target, storage, bias):
    torch.manual_seed(4)
    head = EagleHead(CONFIG, fc_bias=bias, qkv_bias=bias)
    made = {"mdsd_theory": {"seed": 4}}
    path = save_eagle(tmp_path / "ours", head, CONFIG | made, storage)
    assert is_eagle(path.parent)
    draft = load_eagle(path.parent, target)
    assert draft.info["seed"] == 4
    assert draft.info["storage"] == storage
    assert draft.info["parameters"] == sum(x.numel() for x in head.parameters())
    read = draft.head.state_dict()
    for name, tensor in head.state_dict().items():
        # Eight bits of significand, or half a step of 1/127 of the largest of a row's block.
        bound = tensor.abs() / 2**8 if storage == "bfloat16" else tensor.abs().max() / 254
        assert bool(((read[name] - tensor).abs() <= bound * (tensor.ndim > 1) + 1e-9).all()), name
    assert not any("embed" in name for name in load_file(path))


def test_int8_error_is_half_a_step_of_its_block():
    draw = torch.Generator().manual_seed(5)
    matrix = torch.randn(7, 40, generator=draw)
    matrix[:, :16] *= 1000
    matrix[2] = 0
    codes, scale = shrink(matrix, 16)
    assert (codes.dtype, scale.shape) == (torch.int8, (7, 3))
    error = (expand(codes, scale, 16) - matrix).abs()
    for block, columns in enumerate(matrix.split(16, 1)):
        step = columns.abs().amax(1, keepdim=True) / 127
        here = error[:, 16 * block : 16 * block + columns.shape[1]]
        assert bool((here <= step / 2 * (1 + 1e-4)).all())


def test_bad_files(tmp_path, target):
    good = checkpoint()
    folder = tmp_path / "head"
    assert not is_eagle(folder)
    with pytest.raises(DataFileError, match=r"config.json is missing"):
        load_eagle(folder, target)
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(CONFIG))
    assert not is_eagle(folder)
    with pytest.raises(DataFileError, match=r"no weights; expected model.safetensors"):
        load_eagle(folder, target)
    without = {name: x for name, x in good.items() if "down_proj" not in name}
    with pytest.raises(DataFileError, match=r"missing for an EAGLE-1 head: layers.0.mlp.down_proj"):
        load_eagle(write(folder, without), target)
    normed = good | {"layers.0.input_layernorm.weight": torch.ones(WIDTH)}
    with pytest.raises(DataFileError, match=r"does not have: layers.0.input_layernorm"):
        load_eagle(write(folder, normed), target)
    with pytest.raises(
        DataFileError, match=r"weights and config.json do not agree: size mismatch for layers.0.mlp"
    ):
        load_eagle(write(folder, good, CONFIG | {"intermediate_size": 24}), target)
    with pytest.raises(DataFileError, match=r"does not say hidden_size"):
        load_eagle(write(folder, good, {x: y for x, y in CONFIG.items() if x != "hidden_size"}), target)
    narrow = good | {"fc.weight": torch.ones(8, 16)}
    with pytest.raises(InputError, match=r"fc.weight has shape \(8, 16\); the target's width 16"):
        load_eagle(write(folder, narrow), target)
    short = good | {"embed_tokens.weight": torch.ones(V - 1, WIDTH)}
    with pytest.raises(InputError, match=r"embed_tokens.weight has shape \(63, 16\)"):
        load_eagle(write(folder, short), target)
    (folder / "model.safetensors").write_bytes(b"nonsense")
    with pytest.raises(DataFileError, match=r"cannot be read as safetensors"):
        load_eagle(folder, target)
    (folder / "config.json").write_text("[1]")
    with pytest.raises(DataFileError, match=r"holds list; expected a JSON object"):
        load_eagle(folder, target)


class Trap:
    def __reduce__(self):
        return (print, ("code ran",))


def test_code_in_a_pickle_is_not_run(tmp_path, target, capsys):
    folder = tmp_path / "head"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(CONFIG))
    torch.save({"fc.weight": Trap()}, folder / "pytorch_model.bin")
    assert not is_eagle(folder)
    with pytest.raises(DataFileError, match="cannot be read as tensors only"):
        load_eagle(folder, target)
    assert "code ran" not in capsys.readouterr().out


def test_an_ordinary_model_is_no_head(tmp_path, target):
    target.model.save_pretrained(tmp_path / "model")
    assert not is_eagle(tmp_path / "model")


def test_places_stay_in_single_precision_where_the_target_is_in_half(tmp_path, target):
    model = copy.deepcopy(target.model).to(torch.bfloat16)
    draft = load_eagle(write(tmp_path / "head", checkpoint()), replace(target, model=model))
    assert draft.head.rotary.inv_freq.dtype == torch.float32
    assert draft.head.fc.weight.dtype == torch.bfloat16
    scope = scope_of()
    assert draft.logits(scope, hidden_of(target, scope).bfloat16()).dtype == torch.bfloat16


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"model_type": "gemma2"}, "scaled embeddings"),
        ({"embedding_multiplier": 12.0}, "embedding_multiplier"),
        (
            {"logits_scaling": 8.0, "final_logit_softcapping": 30.0},
            "logits_scaling, final_logit_softcapping",
        ),
    ],
)
def test_targets_that_scale_are_refused(tmp_path, target, change, what):
    model = copy.deepcopy(target.model)
    for name, value in change.items():
        setattr(model.config, name, value)
    with pytest.raises(InputError, match=f"has {what}; EAGLE-style heads read embeddings"):
        load_eagle(tmp_path, replace(target, model=model))


def test_the_context_is_the_heads(tmp_path, target):
    save_file(checkpoint(), tmp_path / "model.safetensors")
    for told, context in ((40, 40), (None, 128)):
        config = {k: v for k, v in CONFIG.items() if k != "max_position_embeddings"}
        config |= {} if told is None else {"max_position_embeddings": told}
        (tmp_path / "config.json").write_text(json.dumps(config), "utf-8")
        assert load_eagle(tmp_path, target).context == context


@pytest.mark.parametrize("tokens", [49_152, 256])
def test_the_head_that_is_in_the_repository_is_read(tokens):
    folder = Path(__file__).parents[2] / "experiments/models/smollm2_135m_eagle"
    config = LlamaConfig(
        vocab_size=tokens, hidden_size=576, intermediate_size=64, num_hidden_layers=1,
        num_attention_heads=9, num_key_value_heads=3, tie_word_embeddings=True,
    )  # fmt: skip
    target = Target(LlamaForCausalLM(config).eval(), None, {}, 128, frozenset({2}))
    if tokens == 256:
        with pytest.raises(InputError, match="head for 49,152 tokens and the target has 256"):
            load_eagle(folder, target)
        return
    draft = load_eagle(folder, target)
    assert draft.info["parameters"] == 9_512_064
    stored = load_file(folder / "model.safetensors")
    widths = {name: x.shape[1] for name, x in stored.items() if x.dtype == torch.int8}
    assert widths["layers.0.mlp.down_proj.weight"] == 4608
    mask = torch.ones(1, 6, dtype=torch.bool)
    scope = Scope(torch.randint(tokens, (1, 6)), mask, mask)
    logits = draft.logits(scope, torch.randn(1, 6, 576))
    assert logits.shape == (6, tokens)
    assert logits.isfinite().all()
