"""What a target and a draft offer, whatever they are made of."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import torch

Info = dict[str, Any]
"""What the manifest says of a model: name, source, revision or digest, licence, dtype, parameters."""


@dataclass(frozen=True)
class Target:
    """A causal language model with its tokenizer.

    Attributes
    ----------
    model : transformers.PreTrainedModel
        In evaluation mode, without gradients.
    tokenizer : transformers.PreTrainedTokenizerBase
    info : dict
        For the manifest.
    context : int
        Most tokens of a sequence.
    stop : frozenset of int
        Tokens that end a response.
    """

    model: Any
    tokenizer: Any
    info: Info
    context: int
    stop: frozenset[int]

    @property
    def vocabulary(self) -> int:
        """V, the number of logits."""
        return int(self.model.get_output_embeddings().weight.shape[0])

    @property
    def device(self) -> torch.device:
        """Where the model is."""
        device: torch.device = self.model.device
        return device


@dataclass(frozen=True)
class Scope:
    """A batch of sequences, and the positions whose next-token logits are asked for.

    Attributes
    ----------
    tokens : tensor of int64, shape (batch, length)
        Padded on the right.
    mask : tensor of bool, shape (batch, length)
        False for padding.
    wanted : tensor of bool, shape (batch, length)
        Positions t whose law of the token t + 1 is wanted; selected tensors run over them row by row.
    """

    tokens: torch.Tensor
    mask: torch.Tensor
    wanted: torch.Tensor


@dataclass(frozen=True)
class Scores:
    """What the target says of a scope.

    Attributes
    ----------
    logits : tensor, shape (wanted, V)
    hidden : tensor, shape (batch, length, width)
        The states that the output layer reads, at all positions.
    """

    logits: torch.Tensor
    hidden: torch.Tensor = field(repr=False)


class Draft(Protocol):
    """A model that guesses what the target will say."""

    @property
    def info(self) -> Info:
        """What the manifest says of it."""
        ...

    def logits(self, scope: Scope, hidden: torch.Tensor) -> torch.Tensor:
        """Return logits of shape (wanted, V) of the same tokens as the target's.

        The law at t may depend on the tokens up to t, and on the target's hidden states before t only:
        the target has not read token t yet when the draft is asked.
        """
        ...
