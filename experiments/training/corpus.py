"""Conversations as tokens: kept in a file, divided, and dealt out in batches on the device."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import load_file, save_file

from mdsd_theory.errors import DataFileError, InputError

Whole = NDArray[np.int32]

POOL = 64
"""Batches whose sequences are sorted by length together, so that little is padding."""


@dataclass(frozen=True)
class Corpus:
    """Conversations one after the other.

    Attributes
    ----------
    tokens : array of int32
        Of all conversations.
    lengths, starts : array of int32, shape (conversations,)
        Tokens of each, and where its answer starts.
    temperatures : array of float32, shape (conversations,)
        At which the answers were drawn.
    """

    tokens: Whole
    lengths: Whole
    starts: Whole
    temperatures: NDArray[np.float32]

    @staticmethod
    def of(tokens: list[Whole], starts: list[int], temperatures: list[float]) -> "Corpus":
        """Join conversations."""
        flat = np.concatenate(tokens) if tokens else np.empty(0)
        lengths = [len(x) for x in tokens]
        parts = flat.astype(np.int32), np.array(lengths, np.int32), np.array(starts, np.int32)
        return Corpus(*parts, np.array(temperatures, np.float32))

    @property
    def offsets(self) -> NDArray[np.int64]:
        """Where each conversation begins."""
        ends = np.cumsum(self.lengths, dtype=np.int64)
        return ends - self.lengths

    @property
    def answered(self) -> int:
        """Number of tokens of answers: the positions that are learnt."""
        return int((self.lengths - self.starts).sum())

    def sequences(self) -> list[Whole]:
        """Return the conversations."""
        return np.split(self.tokens, np.cumsum(self.lengths)[:-1]) if len(self.lengths) else []

    def take(self, which: NDArray[np.int64]) -> "Corpus":
        """Return some of the conversations."""
        every = self.sequences()
        return Corpus.of(
            [every[i] for i in which], self.starts[which].tolist(), self.temperatures[which].tolist()
        )

    def first_answers(self, most: int) -> "Corpus":
        """Return the first answer to each question, cut after ``most`` tokens."""
        kept: dict[bytes, int] = {}
        every = self.sequences()
        for i, sequence in enumerate(every):
            kept.setdefault(sequence[: self.starts[i]].tobytes(), i)
        which = np.array(list(kept.values()), np.int64)
        cut = [every[i][: self.starts[i] + most] for i in which]
        return Corpus.of(cut, self.starts[which].tolist(), self.temperatures[which].tolist())

    def save(self, path: Path, command: str = "") -> None:
        """Write a file of safetensors, with the command that made it."""
        path.parent.mkdir(parents=True, exist_ok=True)
        parts = {name: getattr(self, name) for name in self.__dataclass_fields__}
        save_file(parts, path, metadata={"command": command})

    @staticmethod
    def load(path: Path) -> "Corpus":
        """Read what :meth:`save` wrote."""
        try:
            return Corpus(**load_file(path))
        except (OSError, SafetensorError, TypeError) as error:
            raise DataFileError(
                f"{path} is not a file of conversations: {error}; make one with the command generate"
            ) from None


def command_of(path: Path) -> str:
    """Return the command that made a file of conversations."""
    with safe_open(path, framework="numpy") as file:
        return str((file.metadata() or {}).get("command", ""))


def divide(corpus: Corpus, held_out: int, seed: int) -> tuple[Corpus, Corpus]:
    """Return what is learnt from, and conversations whose question nobody asks in it.

    At most a fifth is held out.
    """
    order = np.random.default_rng([seed, 1]).permutation(len(corpus.lengths))
    cut = min(held_out, len(order) // 5)
    every = corpus.sequences()
    asked = {every[i][: corpus.starts[i]].tobytes() for i in order[cut:]}
    apart = [i for i in order[:cut] if every[i][: corpus.starts[i]].tobytes() not in asked]
    if not apart:
        raise InputError(f"{len(order)} conversations leave none to hold out; generate more")
    return corpus.take(order[cut:]), corpus.take(np.array(apart, np.int64))


@dataclass(frozen=True)
class Batch:
    """Conversations padded on the right, on the device.

    Attributes
    ----------
    tokens : tensor of int64, shape (batch, length)
    rows : tensor of int64, shape (wanted,)
        Places in the flattened batch whose next token belongs to an answer.
    places : tensor of int64, shape (batch, length)
        Of each token in the corpus; padding has that of the last token.
    """

    tokens: torch.Tensor
    rows: torch.Tensor
    places: torch.Tensor


class Dealer:
    """Batches of about ``size`` tokens, cut on the device out of tokens that lie there already."""

    def __init__(self, corpus: Corpus, size: int, device: Any) -> None:
        self.corpus, self.size = corpus, size
        self.tokens = torch.from_numpy(corpus.tokens).to(device)
        columns = np.stack([corpus.offsets, corpus.lengths, corpus.starts])
        self.columns = torch.from_numpy(columns.astype(np.int64)).to(device)

    def epoch(self, seed: int, number: int) -> list[NDArray[np.int64]]:
        """Return the conversations of each batch of an epoch."""
        rng = np.random.default_rng([seed, 2, number])
        order = rng.permutation(len(self.corpus.lengths))
        pool = max(1, POOL * self.size // max(1, int(self.corpus.lengths.mean())))
        batches = []
        for first in range(0, len(order), pool):
            chosen = order[first : first + pool]
            batches += self._cut(chosen[np.argsort(self.corpus.lengths[chosen], kind="stable")])
        return [batches[i] for i in rng.permutation(len(batches))]

    def endless(self, seed: int, first: int) -> Iterator[Batch]:
        """Yield the batches from number ``first`` on, epoch after epoch."""
        number = 0
        while True:
            batches = self.epoch(seed, number)
            for which in batches[first:]:
                yield self.deal(which)
            first, number = max(0, first - len(batches)), number + 1

    def deal(self, which: NDArray[np.int64]) -> Batch:
        """Return the batch of some conversations."""
        lengths = self.corpus.lengths[which]
        wanted = int((lengths - self.corpus.starts[which]).sum())
        chosen = torch.from_numpy(which).to(self.tokens.device, non_blocking=True)
        offset, length, start = self.columns[:, chosen, None]
        place = torch.arange(int(lengths.max()), device=self.tokens.device)
        places = offset + torch.minimum(place, length - 1)
        tokens = self.tokens[places].long()
        mask = (place >= start - 1) & (place < length - 1)
        # The number is known here, so that the device need not be asked for it.
        rows = torch.nonzero_static(mask.flatten(), size=wanted)[:, 0]
        return Batch(tokens, rows, places)

    def _cut(self, ordered: NDArray[np.int64]) -> list[NDArray[np.int64]]:
        batches, begin = [], 0
        for end in range(1, len(ordered) + 1):
            full = (
                end == len(ordered) or self.corpus.lengths[ordered[end]] * (end + 1 - begin) > self.size
            )
            if full:
                batches.append(ordered[begin:end])
                begin = end
        return batches
