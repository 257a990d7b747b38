"""A causal language model that reads the drafts of a tree side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch

from mdsd_theory.errors import InputError
from mdsd_theory.tree.decoding.room import Room, additive

ATTENTION = ("sdpa", "eager")
"""Implementations that take a mask of any form."""

LAYERS = ("full_attention", "sliding_attention")
"""Kinds of layers whose cache can hold a tree."""


class Read(NamedTuple):
    """What a model says of some tokens.

    Attributes
    ----------
    logits : tensor, shape (rows, wanted, V)
    hidden : tensor, shape (rows, tokens, width)
        The states that the output layer reads.
    """

    logits: torch.Tensor
    hidden: torch.Tensor


class Reader:
    """A model and its room.

    Parameters
    ----------
    model : transformers.PreTrainedModel
    rows, columns : int
        Of the room.

    Raises
    ------
    InputError
        For an attention that takes no mask of any form, or layers without a cache of keys and values.
    """

    def __init__(self, model: Any, rows: int, columns: int) -> None:
        config = model.config.get_text_config()
        attention = getattr(config, "_attn_implementation", "eager")
        if attention not in ATTENTION:
            raise InputError(
                f"the model's attention is {attention!r}, which takes no tree mask; load it with "
                f"attn_implementation='sdpa' or 'eager'"
            )
        kinds = set(getattr(config, "layer_types", None) or ())
        if kinds - set(LAYERS):
            raise InputError(
                f"the model has layers of kind {', '.join(sorted(kinds - set(LAYERS)))}; only "
                f"{' and '.join(LAYERS)} keep what a tree needs"
            )
        self.model = model
        self.kinds = kinds
        on = getattr(config, "use_sliding_window", True)
        self.window = getattr(config, "sliding_window", None) if on else None
        self.room = Room(config.num_hidden_layers, rows, columns)

    def read(
        self,
        tokens: torch.Tensor,
        places: torch.Tensor,
        seen: torch.Tensor,
        wanted: Any = slice(None),
    ) -> Read:
        """Read tokens, each of which sees what is committed and some of the loose tokens.

        Parameters
        ----------
        tokens, places : tensor of int64, shape (rows, count)
            Places in the text, from 0.
        seen : tensor of bool, shape (1 or rows, count, loose + count)
            Which loose tokens, those of this call last, each token sees; itself at least.
        wanted : index of the tokens
            Whose logits are asked for.
        """
        room = self.room
        mask = self._mask(places, seen)
        states: list[torch.Tensor] = []

        def keep_wanted(_: Any, inputs: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
            states.append(inputs[0])
            return (inputs[0][:, wanted], *inputs[1:])

        hook = self.model.get_output_embeddings().register_forward_pre_hook(keep_wanted)
        try:
            out = self.model(
                input_ids=tokens,
                attention_mask=mask,
                position_ids=places,
                past_key_values=room,
                use_cache=True,
            )
        finally:
            hook.remove()
        self._note(places)
        room.loose += tokens.shape[1]
        return Read(out.logits, states[0])

    def commit(self, picked: Sequence[Sequence[int]]) -> None:
        """Keep some of the loose tokens of each row; see :meth:`Room.commit`."""
        self.room.commit(picked)
        self._loose_places = None

    def keep(self, rows: Sequence[int]) -> None:
        """Drop the other rows; nothing may be loose."""
        self.room.keep(rows)

    _loose_places: torch.Tensor | None = None

    def _note(self, places: torch.Tensor) -> None:
        if self.window:
            before = self._loose_places
            self._loose_places = places if before is None else torch.cat([before, places], 1)

    def _mask(self, places: torch.Tensor, seen: torch.Tensor) -> Any:
        """Return the additive mask, or one for each kind of layer."""
        whole = self.room.visible(seen, places.shape[0])
        full = additive(whole, self.model.dtype)
        if not self.window:
            return full
        columns = torch.arange(self.room.fill, device=places.device)
        before = self._loose_places
        loose = places if before is None else torch.cat([before, places], 1)
        at = torch.cat([columns.expand(len(places), -1), loose], 1)
        near = at[:, None, :] > places[:, :, None] - self.window
        sliding = additive(whole & near[:, None], self.model.dtype)
        if len(self.kinds) < 2:
            return full if self.kinds == {LAYERS[0]} else sliding
        return {LAYERS[0]: full, LAYERS[1]: sliding}
