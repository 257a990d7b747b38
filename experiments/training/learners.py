"""Drafts while they learn: an EAGLE-style head, and a student made of some of the target's layers."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import nn

from mdsd_theory.errors import InputError
from mdsd_theory.models.base import Target
from mdsd_theory.models.eagle import EagleHead, save_eagle
from mdsd_theory.models.eagle_format import OURS, Storage


class Learner(Protocol):
    """What the training loop asks of a draft."""

    module: nn.Module
    output: torch.Tensor

    def states(self, tokens: torch.Tensor, hidden: torch.Tensor) -> torch.Tensor:
        """Return what the output layer reads, shape (batch, length, width)."""
        ...

    def save(self, folder: Path, facts: Mapping[str, Any]) -> Path:
        """Write the draft as the package reads it; return the file of weights."""
        ...


@dataclass
class HeadLearner:
    r"""A head in units in which all that it reads and writes is of size one.

    Embeddings are far smaller than hidden states (root mean squares 0.14 and 1.9 in SmolLM2-135M), and
    a step of AdamW is of one size for all weights. So the head reads :math:`e / r_e` and
    :math:`h / r_h`, and its output is multiplied by :math:`r_h`; saving puts the factors into weights.

    Attributes
    ----------
    module : EagleHead
    output : tensor, shape (V, width)
        The target's output layer, frozen.
    embedding : Module
        The target's.
    units : tuple of float
        :math:`(r_e, r_h)`.
    config : dict
        Of the file.
    storage : str
        Of the file.
    """

    module: EagleHead
    output: torch.Tensor
    embedding: Any
    units: tuple[float, float]
    config: dict[str, Any]
    storage: Storage = "int8"

    def states(self, tokens: torch.Tensor, hidden: torch.Tensor) -> torch.Tensor:
        """Return the states; at the first place, where no answer starts, zero."""
        small, large = self.units
        embedded = self.embedding(tokens[:, 1:]) / small
        states = self.module(embedded, hidden[:, :-1] / large) * large
        return nn.functional.pad(states, (0, 0, 1, 0))

    def save(self, folder: Path, facts: Mapping[str, Any]) -> Path:
        """Write the head in its target's units."""
        head = copy.deepcopy(self.module)
        head.load_state_dict(in_plain_units(self.module.state_dict(), *self.units))
        return save_eagle(folder, head, self.config | {OURS: dict(facts)}, self.storage)


def in_plain_units(
    weights: Mapping[str, torch.Tensor], small: float, large: float
) -> dict[str, torch.Tensor]:
    r"""Return weights that read e and h where the given ones read :math:`e/r_e` and :math:`h/r_h`.

    The residual stream becomes :math:`r_h` times as large: ``fc``, ``o`` and ``down`` grow with it,
    ``q``, ``k`` and ``v`` shrink, and the norm before the MLP undoes it (but for its epsilon).
    """
    plain = {}
    for name, tensor in weights.items():
        part = name.split(".")[-2].removesuffix("_proj")
        bias = name.endswith("bias")
        if part in ("q", "k", "v"):
            plain[name] = tensor if bias else tensor / large
        elif part in ("fc", "o", "down"):
            plain[name] = tensor * large
        else:
            plain[name] = tensor
    width = plain["fc.weight"].shape[0]
    reads = torch.tensor([small, large]).repeat_interleave(width).to(plain["fc.weight"])
    plain["fc.weight"] = plain["fc.weight"] / reads
    return plain


def new_head(target: Target, inner: int, large: float, storage: Storage = "int8") -> HeadLearner:
    """Return an untrained head with an MLP of a given width.

    Parameters
    ----------
    target : Target
    inner : int
        Width of the MLP.
    large : float
        Root mean square of the target's hidden states.
    storage : str
    """
    model = target.model
    full = model.config.to_dict()
    names = (
        "hidden_size", "num_attention_heads", "num_key_value_heads", "head_dim", "hidden_act",
        "rms_norm_eps", "max_position_embeddings", "rope_parameters", "vocab_size",
    )  # fmt: skip
    config = {name: full[name] for name in names if full.get(name) is not None}
    config |= {"model_type": "llama", "intermediate_size": inner}
    head = EagleHead(config).to(target.device)
    embedding = model.get_input_embeddings()
    small = float(embedding.weight.float().square().mean().sqrt())
    output = model.get_output_embeddings().weight
    return HeadLearner(head, output, embedding, (small, large), config, storage)


@dataclass
class StudentLearner:
    """A small Llama with the target's embedding and output layer, frozen unless asked otherwise.

    Attributes
    ----------
    module : transformers.LlamaForCausalLM
        In float32.
    tokenizer : transformers.PreTrainedTokenizerBase
        Saved beside it.
    """

    module: Any
    tokenizer: Any

    @property
    def output(self) -> torch.Tensor:
        """Weights of the output layer, shape (V, width)."""
        weight: torch.Tensor = self.module.get_output_embeddings().weight
        return weight

    def states(self, tokens: torch.Tensor, hidden: torch.Tensor) -> torch.Tensor:
        """Return the last norm's outputs; the target's hidden states are not read."""
        states: torch.Tensor = self.module.model(tokens, use_cache=False).last_hidden_state
        return states

    def save(self, folder: Path, facts: Mapping[str, Any]) -> Path:
        """Write a Hugging Face folder in bfloat16, with the tokenizer."""
        copied = copy.deepcopy(self.module).to(torch.bfloat16)
        copied.save_pretrained(folder)
        if self.tokenizer is not None:
            self.tokenizer.save_pretrained(folder)
        return folder / "model.safetensors"


def new_student(
    target: Target, layers: tuple[int, ...], train_embeddings: bool = False
) -> StudentLearner:
    """Return a student of the target's layers ``layers``, in that order, with the target's weights."""
    depth = len(target.model.model.layers)
    if not layers or not all(0 <= i < depth for i in layers):
        raise InputError(f"layers {layers} are not among the target's 0 to {depth - 1}")
    config = copy.deepcopy(target.model.config)
    config.num_hidden_layers = len(layers)
    if hasattr(config, "quantization_config"):
        del config.quantization_config
    with torch.device(target.device):
        student = type(target.model)(config).float()
    weights = target.model.state_dict()
    own = {name: weights[_source(name, layers)] for name in student.state_dict()}
    student.load_state_dict(own)
    student.tie_weights()
    for module in (student.get_input_embeddings(), student.get_output_embeddings()):
        module.requires_grad_(train_embeddings)
    return StudentLearner(student.train(), target.tokenizer)


def _source(name: str, layers: tuple[int, ...]) -> str:
    parts = name.split(".")
    if parts[:2] == ["model", "layers"]:
        parts[2] = str(layers[int(parts[2])])
    return ".".join(parts)
