"""EAGLE-style heads: one decoder layer that reads the target's hidden states."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

from mdsd_theory.errors import DataFileError, InputError
from mdsd_theory.models import eagle_format as files
from mdsd_theory.models.base import Info, Scope, Target
from mdsd_theory.models.eagle_format import OURS, Storage

SHAPE = ("hidden_size", "intermediate_size", "num_attention_heads")
"""What ``config.json`` must say."""

DETAILS = (
    "num_key_value_heads", "head_dim", "hidden_act", "rms_norm_eps", "max_position_embeddings",
    "rope_theta", "rope_scaling", "rope_parameters",
)  # fmt: skip
"""What it may say; Llama's defaults otherwise."""


class EagleHead(nn.Module):
    r"""One Llama layer without input norm over a mixture of embedding and hidden state.

    .. math:: d_t = \mathrm{layer}(W [e(x_t); h_{t-1}] + b)_{\le t}

    Source: Li et al., EAGLE (2024), as in ``cnets1.py`` of their code: the state at t sees places 1 to t,
    since the first token has no hidden state before it.

    Parameters
    ----------
    config : mapping
        Fields of ``config.json``.
    fc_bias, qkv_bias : bool
        Which biases there are.
    """

    def __init__(
        self, config: Mapping[str, Any], *, fc_bias: bool = True, qkv_bias: bool = False
    ) -> None:
        super().__init__()
        from transformers import LlamaConfig
        from transformers.models.llama.modeling_llama import LlamaDecoderLayer, LlamaRotaryEmbedding

        known = {name: config[name] for name in (*SHAPE, *DETAILS) if config.get(name) is not None}
        llama = LlamaConfig(**known, attention_bias=qkv_bias, num_hidden_layers=1)
        llama._attn_implementation = "sdpa"
        width = llama.hidden_size
        layer: Any = LlamaDecoderLayer(llama, 0)
        layer.input_layernorm = nn.Identity()
        layer.self_attn.o_proj = nn.Linear(layer.self_attn.o_proj.in_features, width, bias=False)
        self.fc = nn.Linear(2 * width, width, bias=fc_bias)
        self.layers = nn.ModuleList([layer])
        self.rotary = LlamaRotaryEmbedding(llama)

    def forward(self, embedded: torch.Tensor, before: torch.Tensor) -> torch.Tensor:
        """Return the layer's outputs.

        Attention is causal and nothing else: padding is on the right, where no place looks.

        Parameters
        ----------
        embedded, before : tensor, shape (batch, length, width)
            Embedding of each token, and the target's hidden state at the token before it.

        Returns
        -------
        tensor, shape (batch, length, width)
        """
        mixed = self.fc(torch.cat([embedded, before], -1))
        places = torch.arange(mixed.shape[1], device=mixed.device)[None]
        turned = self.rotary(mixed, position_ids=places)
        states: torch.Tensor = self.layers[0](mixed, position_embeddings=turned)
        return states

    def states(self, embedded: torch.Tensor, hidden: torch.Tensor) -> torch.Tensor:
        """Return the states at all places, from embeddings and hidden states at the same places.

        Place 0 is by itself: its hidden state is zero, and no other place attends to it.
        """
        first: torch.Tensor = self(embedded[:, :1], torch.zeros_like(hidden[:, :1]))
        if embedded.shape[1] == 1:
            return first
        return torch.cat([first, self(embedded[:, 1:], hidden[:, :-1])], 1)


@dataclass(frozen=True)
class EagleDraft:
    """An EAGLE-style head as a draft of a target.

    Attributes
    ----------
    head : EagleHead
    embedding, output : Module
        The embedding is that of the head's file if there is one (EAGLE's have a copy), else the target's;
        the output layer is the target's.
    info : dict
        For the manifest.
    context : int
        Most tokens of a sequence.
    """

    head: EagleHead = field(repr=False)
    embedding: Any = field(repr=False)
    output: Any = field(repr=False)
    info: Info
    context: int

    @torch.inference_mode()
    def logits(self, scope: Scope, hidden: torch.Tensor) -> torch.Tensor:
        """Return logits of shape (wanted, V); see :class:`~mdsd_theory.models.base.Draft`."""
        states = self.head.states(self.embedding(scope.tokens), hidden)
        logits: torch.Tensor = self.output(states[scope.wanted])
        return logits


def is_eagle(folder: Path) -> bool:
    """Return whether a folder holds an EAGLE-style head, ours or a published one."""
    try:
        config = files.read_config(folder)
        return OURS in config or "fc.weight" in files.tensor_names(folder)
    except DataFileError:
        return False


def load_eagle(folder: Path, target: Target) -> EagleDraft:
    """Read a head and give it the target's output layer, device and dtype.

    Parameters
    ----------
    folder : Path
        With ``config.json`` and ``model.safetensors`` or ``pytorch_model.bin``: a published EAGLE-1 head,
        or one of :func:`save_eagle`.
    target : Target
        The model that the head was trained for.

    Returns
    -------
    EagleDraft

    Raises
    ------
    DataFileError
        When a file is missing, unreadable, or its tensors are not those of a head.
    InputError
        When the head is for a target of another width or vocabulary, or the target scales its embeddings
        or logits, which no head here does.
    """
    _refuse_scaled(target.model.config)
    config, weights = files.read_config(folder), files.read_weights(folder)
    embedding = target.model.get_input_embeddings()
    stored = weights.pop("embed_tokens.weight", None)
    _check_fit(folder, weights["fc.weight"], stored, embedding.weight)
    _check_vocabulary(folder, config.get("vocab_size") if OURS in config else None, len(embedding.weight))
    head = _build(folder, config, weights).to(target.device)
    for part in (head.fc, head.layers):  # not the rotary frequencies: half precision would move places
        part.to(embedding.weight.dtype)
    if stored is not None:
        size, width = stored.shape
        embedding = nn.Embedding(size, width, _weight=stored.to(embedding.weight), _freeze=True)
    info = {
        "name": folder.name,
        "kind": "EAGLE-style head",
        "parameters": sum(x.numel() for x in head.parameters()),
        "dtype": str(embedding.weight.dtype).removeprefix("torch."),
        **config.get(OURS, {}),
    }
    return EagleDraft(
        head.eval().requires_grad_(False),
        embedding,
        target.model.get_output_embeddings(),
        info,
        int(config.get("max_position_embeddings") or target.context),
    )


def save_eagle(
    folder: Path, head: EagleHead, config: Mapping[str, Any], storage: Storage = "bfloat16"
) -> Path:
    """Write a head that uses its target's own embedding; return the path of the weights.

    Parameters
    ----------
    folder : Path
    head : EagleHead
    config : mapping
        Fields of ``config.json``; what its section ``mdsd_theory`` says of the head ends up in ``info``.
    storage : str
        ``"bfloat16"``, or ``"int8"`` with a scale for each row and block of ``hidden_size`` columns.
    """
    section = {**config.get(OURS, {}), "storage": storage}
    full = {**config, OURS: section, "num_hidden_layers": 1}
    return files.write_weights(folder, head.state_dict(), full, storage)


def _refuse_scaled(config: Any) -> None:
    """Refuse targets that change embeddings or logits outside the two layers."""
    factors = ("embedding_multiplier", "logits_scaling", "logit_scale", "final_logit_softcapping")
    scaled = [name for name in factors if getattr(config, name, None) not in (None, 1, 1.0)]
    if scaled or "gemma" in config.model_type:
        what = ", ".join(scaled) or "scaled embeddings"
        raise InputError(
            f"the target, a {config.model_type!r}, has {what}; EAGLE-style heads read embeddings and "
            "write logits as they are: use another draft"
        )


def _build(folder: Path, config: Mapping[str, Any], weights: dict[str, torch.Tensor]) -> EagleHead:
    lacking = [name for name in SHAPE if not isinstance(config.get(name), int)]
    if lacking:
        raise DataFileError(f"{folder / files.CONFIG} does not say {', '.join(lacking)}")
    with torch.device("cpu"):
        head = EagleHead(config, fc_bias="fc.bias" in weights, qkv_bias=files.BIASES[0] in weights)
    try:
        head.load_state_dict(weights)
    except RuntimeError as error:
        reason = str(error).strip().splitlines()[-1].strip()
        raise DataFileError(f"{folder}: weights and {files.CONFIG} do not agree: {reason}") from None
    return head


def _check_fit(
    folder: Path, fc: torch.Tensor, stored: torch.Tensor | None, embedding: torch.Tensor
) -> None:
    rows, width = embedding.shape
    if tuple(fc.shape) != (width, 2 * width):
        raise InputError(
            f"{folder}: fc.weight has shape {tuple(fc.shape)}; the target's width {width} needs"
            f" {(width, 2 * width)}: is it the head of another target?"
        )
    if stored is not None and (stored.shape[0] < rows or stored.shape[1] != width):
        raise InputError(
            f"{folder}: embed_tokens.weight has shape {tuple(stored.shape)} and the target's embedding"
            f" {(rows, width)}: is it the head of another target?"
        )


def _check_vocabulary(folder: Path, tokens: int | None, rows: int) -> None:
    """Compare a head of ours with its target; published ones pad theirs as they like."""
    if tokens is not None and tokens != rows:
        raise InputError(
            f"{folder} is a head for {tokens:,} tokens and the target has {rows:,}; pass the target "
            "that the head was trained for"
        )
