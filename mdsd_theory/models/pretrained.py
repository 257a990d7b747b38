"""Any causal language model as a draft of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mdsd_theory.models.base import Info, Scope, Target
from mdsd_theory.models.checkpoint import load_checkpoint
from mdsd_theory.models.scoring import require_context, score
from mdsd_theory.models.vocabularies import fit, require_same_tokens

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class ModelDraft:
    """A causal language model that reads the tokens alone.

    Attributes
    ----------
    model : transformers.PreTrainedModel
    info : dict
        For the manifest.
    context : int
        Most tokens of a sequence.
    vocabulary : int
        The target's number of logits.
    """

    model: Any
    info: Info
    context: int
    vocabulary: int

    def logits(self, scope: Scope, hidden: torch.Tensor) -> torch.Tensor:
        """Return the model's own logits at the wanted positions, over the target's ids."""
        require_context(scope, self.context, str(self.info["name"]))
        return fit(score(self.model, scope).logits, self.vocabulary)


def load_model_draft(spec: str, target: Target) -> ModelDraft:
    """Load a separate model, in the target's dtype, on its device.

    Parameters
    ----------
    spec : str
        A Hugging Face id, a folder, or a path that ends in ``.gguf``.
    target : Target

    Returns
    -------
    ModelDraft

    Raises
    ------
    InputError
        For a tokenizer that is not the target's.
    DataFileError, MissingDependencyError
        See :func:`~mdsd_theory.models.checkpoint.load_checkpoint`.
    """
    loaded = load_checkpoint(spec, target.model.dtype, target.device)
    size = int(loaded.model.get_output_embeddings().weight.shape[0])
    require_same_tokens(target, loaded.tokenizer, size, str(loaded.info["name"]))
    return ModelDraft(loaded.model, loaded.info, loaded.context, target.vocabulary)
