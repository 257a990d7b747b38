"""One forward pass over a batch of sequences, logits only where they are wanted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mdsd_theory.errors import InputError
from mdsd_theory.models.base import Scope, Scores, Target

if TYPE_CHECKING:
    import torch


def score_target(target: Target, scope: Scope) -> Scores:
    """Return what the target says of a scope.

    Parameters
    ----------
    target : Target
    scope : Scope
        Tensors on the target's device.

    Returns
    -------
    Scores
        Logits of shape (wanted, V) in the model's dtype; hidden states of shape (batch, length, width) as
        the output layer reads them, after the last norm.

    Raises
    ------
    InputError
        For sequences longer than the model's context.

    Notes
    -----
    Cost of a forward pass, with an output layer over the wanted positions only.
    """
    require_context(scope, target.context, str(target.info["name"]))
    return score(target.model, scope)


def score(model: Any, scope: Scope) -> Scores:
    """Return logits at the wanted positions, and the states at all, of any causal language model.

    The model runs as it is; only its output layer is handed the wanted rows. What a model does to its
    logits afterwards (scaling in Granite, soft-capping in Gemma 2) works row by row and stays its own.
    No mask is handed over: padding is on the right, where a causal model never looks, and without one
    attention takes its faster, causal path.
    """
    import torch

    read: list[torch.Tensor] = []

    def keep_wanted(_: Any, inputs: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
        read.append(inputs[0])
        return (inputs[0][scope.wanted].unsqueeze(0), *inputs[1:])

    hook = model.get_output_embeddings().register_forward_pre_hook(keep_wanted)
    try:
        with torch.no_grad():
            out = model(input_ids=scope.tokens, use_cache=False)
    finally:
        hook.remove()
    return Scores(out.logits[0], read[0])


def require_context(scope: Scope, context: int, name: str) -> None:
    """Raise for sequences longer than a model can read."""
    length = int(scope.tokens.shape[1])
    if length > context:
        raise InputError(
            f"a sequence has {length} tokens, but {name} reads at most {context}; "
            "shorten the prompt or ask for fewer new tokens"
        )
