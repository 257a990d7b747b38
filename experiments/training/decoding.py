"""One step of a Llama for many sequences, each at a place of its own: shapes never change."""

from typing import Any

import torch
from transformers.models.llama.modeling_llama import apply_rotary_pos_emb

from mdsd_theory.errors import InputError


class Decoder:
    """A Llama with room for the keys and values of ``length`` tokens of ``batch`` sequences.

    Memory: 2 · layers · batch · length · key-value width numbers in the model's dtype (9 GB for
    SmolLM2-135M, 1,024 sequences of 384 tokens, bfloat16).

    Raises
    ------
    InputError
        For another architecture: its layers may do what is not done here.
    """

    def __init__(self, model: Any, batch: int, length: int) -> None:
        kind = model.config.model_type
        if kind != "llama":
            raise InputError(f"generation here steps through a Llama; the target is a {kind!r}")
        attention = model.model.layers[0].self_attn
        self.model, self.size = model, attention.head_dim
        self.groups = attention.k_proj.out_features // self.size
        shape = (2, batch, self.groups, length, self.size)
        self.memory = [
            torch.zeros(shape, dtype=model.dtype, device=model.device) for _ in model.model.layers
        ]
        self.rows = torch.arange(batch, device=model.device)
        self.places = torch.arange(length, device=model.device)
        turned = model.model.rotary_emb(model.get_input_embeddings().weight, self.places[None])
        self.cos, self.sin = (x[0] for x in turned)

    def step(self, token: torch.Tensor, place: torch.Tensor) -> torch.Tensor:
        """Read one token of each sequence at its place and return logits of shape (batch, V).

        What a sequence has said at later places is overwritten as it gets there, and never looked at.
        """
        x = self.model.model.embed_tokens(token)[:, None]
        turn = self.cos[place][:, None], self.sin[place][:, None]
        later = (self.places > place[:, None])[:, None, None]
        for layer, memory in zip(self.model.model.layers, self.memory, strict=True):
            x = x + self._attend(layer.self_attn, layer.input_layernorm(x), memory, place, turn, later)
            x = x + layer.mlp(layer.post_attention_layernorm(x))
        logits: torch.Tensor = self.model.lm_head(self.model.model.norm(x[:, 0]))
        return logits

    def _attend(
        self,
        attention: Any,
        x: torch.Tensor,
        memory: torch.Tensor,
        place: torch.Tensor,
        turn: tuple[torch.Tensor, torch.Tensor],
        later: torch.Tensor,
    ) -> torch.Tensor:
        batch = x.shape[0]
        q, k, v = (
            project(x).view(batch, -1, 1, self.size)
            for project in (attention.q_proj, attention.k_proj, attention.v_proj)
        )
        q, k = apply_rotary_pos_emb(q, k, *turn)
        keys, values = memory
        keys[self.rows, :, place], values[self.rows, :, place] = k[:, :, 0], v[:, :, 0]
        grouped = q.reshape(batch, self.groups, -1, self.size)
        scores = (grouped @ keys.transpose(2, 3)).float() * attention.scaling
        weights = scores.masked_fill(later, -torch.inf).softmax(-1).to(values.dtype)
        mixed: torch.Tensor = attention.o_proj((weights @ values).reshape(batch, 1, -1))
        return mixed
