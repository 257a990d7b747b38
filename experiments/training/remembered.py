"""The target's hidden states at every token of a corpus, found once and kept on the device."""

from dataclasses import dataclass

import torch

from mdsd_theory.models.base import Target
from training.corpus import Batch, Dealer


@dataclass(frozen=True)
class HiddenStates:
    """What the target thinks at the tokens of a batch: looked up, or worked out where there is no room.

    Training then costs one pass of the target over the corpus, however many epochs there are.

    Attributes
    ----------
    target : Target
    kept : tensor, shape (tokens, width), or None
        In the target's dtype.
    """

    target: Target
    kept: torch.Tensor | None

    @classmethod
    @torch.no_grad()
    def of(cls, target: Target, dealer: Dealer, room: int) -> "HiddenStates":
        """Work out the states of the whole corpus, if they take at most ``room`` bytes."""
        dtype, width = target.model.dtype, target.model.config.hidden_size
        if len(dealer.tokens) * width * dtype.itemsize > room:
            return cls(target, None)
        kept = torch.empty((len(dealer.tokens), width), dtype=dtype, device=target.device)
        found = cls(target, None)
        for which in dealer.epoch(0, 0):
            batch = dealer.deal(which)
            own = torch.ones_like(batch.places, dtype=torch.bool)
            own[:, 1:] = batch.places[:, 1:] > batch.places[:, :-1]  # padding has the last token's place
            kept[batch.places[own]] = found(batch)[own]
        return cls(target, kept)

    @torch.no_grad()
    def __call__(self, batch: Batch) -> torch.Tensor:
        """Return hidden states of shape (batch, length, width); at padding, of no meaning."""
        if self.kept is not None:
            return self.kept[batch.places]
        states: torch.Tensor = self.target.model.model(batch.tokens, use_cache=False).last_hidden_state
        return states


def room_for_states(device: torch.device) -> int:
    """Return the bytes that hidden states may take: half of what is free on a GPU, none elsewhere."""
    return torch.cuda.mem_get_info(device)[0] // 2 if device.type == "cuda" else 0
