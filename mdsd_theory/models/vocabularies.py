"""Whether two models speak of the same tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mdsd_theory.errors import InputError
from mdsd_theory.models.base import Target

if TYPE_CHECKING:
    import torch


def require_same_tokens(target: Target, tokenizer: Any, size: int, name: str) -> None:
    """Raise unless every token that either model can say has one id in both tokenizers.

    Only ids below a model's number of logits count: a token that was added to a tokenizer beyond them,
    such as a padding token, can never be said.

    Parameters
    ----------
    target : Target
    tokenizer : transformers.PreTrainedTokenizerBase
        The draft's.
    size : int
        The draft's number of logits.
    name : str
        The draft's, for the message.

    Raises
    ------
    InputError
        Naming the first token that differs.
    """
    ours, theirs = spoken(target.tokenizer, target.vocabulary), spoken(tokenizer, size)
    if ours == theirs:
        return
    first = min(i for i in ours.keys() | theirs.keys() if ours.get(i) != theirs.get(i))
    raise InputError(
        f"tokenizer mismatch: token {first} is {ours.get(first)!r} for the target {target.info['name']} "
        f"and {theirs.get(first)!r} for the draft {name}; choose a draft with the target's tokenizer"
    )


def spoken(tokenizer: Any, size: int) -> dict[int, str]:
    """Return the tokens below a number of logits, by id."""
    return {i: token for token, i in tokenizer.get_vocab().items() if i < size}


def fit(logits: torch.Tensor, vocabulary: int) -> torch.Tensor:
    """Return a draft's logits over the target's ids.

    Models of one tokenizer pad their output layers differently (Qwen2: 151,936 and 152,064 logits for
    151,646 tokens). Logits beyond the target's belong to no token and are cut; ids that the draft has no
    logit for are ids that it cannot draw, ``-inf``.
    """
    import torch

    missing = vocabulary - logits.shape[-1]
    if missing <= 0:
        return logits[..., :vocabulary]
    return torch.nn.functional.pad(logits, (0, missing), value=-torch.inf)
