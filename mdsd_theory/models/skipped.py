"""The target without some of its layers, as a draft that nobody trained."""

from __future__ import annotations

import copy
import re
from typing import Any

from mdsd_theory.errors import InputError
from mdsd_theory.models.base import Target
from mdsd_theory.models.checkpoint import describe
from mdsd_theory.models.pretrained import ModelDraft

PREFIX = "skip:"

FAMILIES = ("gemma", "gemma2", "gemma3_text", "llama", "mistral", "opt", "qwen2", "qwen3")
"""Architectures whose layers are a plain list, each of its own: kept here by a test of each."""


def skip_layers(spec: str, target: Target) -> ModelDraft:
    """Return the target without some layers, sharing its weights.

    Parameters
    ----------
    spec : str
        ``"skip:14-18"``, ``"skip:4,17"``, ``"skip:3,9-12"``: layers from 0, ends included.
    target : Target

    Returns
    -------
    ModelDraft

    Raises
    ------
    InputError
        For layers that the target lacks, all of them, or an architecture not listed in :data:`FAMILIES`.

    Notes
    -----
    No parameter is copied. The kept layers are numbered anew: the draft can use a cache of its own.
    """
    family = target.model.config.model_type
    if family not in FAMILIES:
        raise InputError(
            f"{spec}: layers of {family} cannot be skipped; expected one of {', '.join(FAMILIES)}"
        )
    skipped = parse_layers(spec, len(target.model.get_decoder().layers))
    model = without_layers(target.model, skipped)
    info = {"name": spec, "source": "the target without the removed layers, not trained further"}
    return ModelDraft(
        model, info | {"removed_layers": skipped} | describe(model), target.context, target.vocabulary
    )


def parse_layers(spec: str, layers: int) -> list[int]:
    """Return the layers that a spec names, in order.

    Raises
    ------
    InputError
        For another form, layers out of range, or all of them.

    Examples
    --------
    >>> parse_layers("skip:3,9-12", 30)
    [3, 9, 10, 11, 12]
    """
    text = spec.removeprefix(PREFIX)
    if not re.fullmatch(r"\d+(-\d+)?(,\d+(-\d+)?)*", text):
        raise InputError(f"{spec}: expected layers as in skip:14-18, skip:4,17 or skip:3,9-12")
    found: set[int] = set()
    for part in text.split(","):
        first, _, last = part.partition("-")
        run = range(int(first), int(last or first) + 1)
        if not run or run[-1] >= layers:
            raise InputError(f"{spec}: {part} is no run of the target's layers, which are 0-{layers - 1}")
        found.update(run)
    if len(found) == layers:
        raise InputError(f"{spec}: that is every layer of the target; keep at least one")
    return sorted(found)


def without_layers(model: Any, skipped: list[int]) -> Any:
    """Return a model of the same tensors with fewer layers."""
    import torch

    shared = {id(x): x for x in (*model.parameters(), *model.buffers())}
    draft = copy.deepcopy(model, shared)
    decoder = draft.get_decoder()
    kept = [i for i in range(len(decoder.layers)) if i not in skipped]
    decoder.layers = torch.nn.ModuleList(decoder.layers[i] for i in kept)
    for number, layer in enumerate(decoder.layers):
        for part in layer.modules():
            if hasattr(part, "layer_idx"):
                part.layer_idx = number
    draft.config.num_hidden_layers = len(kept)
    if getattr(draft.config, "layer_types", None):
        draft.config.layer_types = [draft.config.layer_types[i] for i in kept]
    return draft
