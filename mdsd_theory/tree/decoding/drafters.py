"""Drafts as trees grow: the law at the root, then at the nodes of each level."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import torch

from mdsd_theory.errors import InputTypeError
from mdsd_theory.models.base import Draft
from mdsd_theory.models.eagle import EagleDraft
from mdsd_theory.models.pretrained import ModelDraft
from mdsd_theory.models.vocabularies import fit
from mdsd_theory.tree.decoding.layout import Level
from mdsd_theory.tree.decoding.reader import Reader
from mdsd_theory.tree.decoding.room import Room


class Drafter(ABC):
    """A draft with its cache, for some rows."""

    @abstractmethod
    def start(self, prompts: Sequence[Sequence[int]], hidden: torch.Tensor) -> None:
        """Read prompts; the target's hidden states at all their tokens but the last come along."""

    @abstractmethod
    def root(self) -> torch.Tensor:
        """Read what has been emitted since; return logits after it, shape (rows, 1, V)."""

    @abstractmethod
    def below(self, level: Level, tokens: torch.Tensor) -> torch.Tensor:
        """Return logits at the nodes of a level, shape (rows, nodes, V), from their tokens."""

    @abstractmethod
    def accept(
        self, emitted: Sequence[Sequence[int]], loose: Sequence[Sequence[int]], hidden: torch.Tensor
    ) -> None:
        """Note what has been emitted.

        Parameters
        ----------
        emitted : sequence of sequence of int, one a row
            Accepted drafts, and one token more.
        loose : sequence of sequence of int
            Numbers of the accepted nodes that the draft has read.
        hidden : tensor, shape (rows, longest of emitted, width)
            The target's states before each of the emitted tokens.
        """

    @abstractmethod
    def keep(self, rows: Sequence[int]) -> None:
        """Drop the other rows."""


def drafter_of(draft: Draft, rows: int, columns: int) -> Drafter:
    """Return the drafter of a draft."""
    if isinstance(draft, ModelDraft):
        return ModelDrafter(draft, rows, columns)
    if isinstance(draft, EagleDraft):
        return EagleDrafter(draft, rows, columns)
    raise InputTypeError(f"draft is a {type(draft).__name__}; expected what load_draft returns")


class _Pending:
    """Tokens that the draft has not read yet, by row."""

    def __init__(self, device: torch.device) -> None:
        self.rows: list[list[int]] = []
        self.device = device

    def padded(self, lengths: Sequence[int]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return tokens and their places, shape (rows, most), and the causal mask."""
        most = max(map(len, self.rows))
        tokens = [[*x, *[0] * (most - len(x))] for x in self.rows]
        places = [[length + k for k in range(most)] for length in lengths]
        both = torch.tensor([tokens, places], device=self.device)
        seen = torch.ones(most, most, dtype=torch.bool, device=self.device).tril_()
        return both[0], both[1], seen[None]

    def last(self, values: torch.Tensor) -> torch.Tensor:
        """Return the entry at each row's last token, shape (rows, 1, ...)."""
        counts = [len(x) for x in self.rows]
        if len(set(counts)) == 1:
            return values[:, counts[0] - 1 : counts[0]]
        at = torch.tensor(counts, device=values.device) - 1
        return values[torch.arange(len(counts), device=values.device), at][:, None]

    def all(self) -> list[list[int]]:
        """Return the numbers of the tokens of each row."""
        return [list(range(len(x))) for x in self.rows]


class ModelDrafter(Drafter):
    """A causal language model with a cache of its own."""

    def __init__(self, draft: ModelDraft, rows: int, columns: int) -> None:
        self.vocabulary, self.context = draft.vocabulary, draft.context
        self.reader = Reader(draft.model, rows, columns)
        self.pending = _Pending(draft.model.device)

    def start(self, prompts: Sequence[Sequence[int]], hidden: torch.Tensor) -> None:
        """Read all but the last token of each prompt."""
        self.pending.rows = [list(x[:-1]) for x in prompts]
        if any(self.pending.rows):
            tokens, places, seen = self.pending.padded(self.reader.room.lengths)
            self.reader.read(tokens, places, seen, slice(0, 0))
            self.reader.commit(self.pending.all())
        self.pending.rows = [[x[-1]] for x in prompts]

    def root(self) -> torch.Tensor:
        """Read the one or two tokens that are new."""
        tokens, places, seen = self.pending.padded(self.reader.room.lengths)
        if len(set(map(len, self.pending.rows))) == 1:
            logits = self.reader.read(tokens, places, seen, slice(-1, None)).logits
        else:
            logits = self.pending.last(self.reader.read(tokens, places, seen).logits)
        self.reader.commit(self.pending.all())
        return fit(logits, self.vocabulary)

    def below(self, level: Level, tokens: torch.Tensor) -> torch.Tensor:
        """Read the nodes of a level."""
        lengths = torch.tensor(self.reader.room.lengths, device=tokens.device)
        places = (lengths + level.depth - 1).clamp(max=self.context - 1)[:, None].expand(tokens.shape)
        return fit(self.reader.read(tokens, places, level.seen).logits, self.vocabulary)

    def accept(
        self, emitted: Sequence[Sequence[int]], loose: Sequence[Sequence[int]], hidden: torch.Tensor
    ) -> None:
        """Keep the accepted nodes that were read; the rest of what is emitted is to be read."""
        self.reader.commit(loose)
        self.pending.rows = [list(x[len(read) :]) for x, read in zip(emitted, loose, strict=True)]

    def keep(self, rows: Sequence[int]) -> None:
        """Drop the other rows."""
        self.reader.keep(rows)
        self.pending.rows = [self.pending.rows[b] for b in rows]


class EagleDrafter(Drafter):
    """An EAGLE-style head: below the root it goes on from states of its own.

    The head reads each token with the target's state before it. At nodes of a tree the target has none
    yet, and the head's state at the parent stands in (Li et al. 2024, arXiv 2401.15077); once tokens are
    emitted they are read again with the target's. Place 0 is by itself, as in training.
    """

    def __init__(self, draft: EagleDraft, rows: int, columns: int) -> None:
        self.draft = draft
        self.room = Room(1, rows, columns)
        self.pending = _Pending(draft.output.weight.device)
        self.states: list[torch.Tensor] = []
        self.hidden = torch.empty(0)
        self.alone: torch.Tensor | None = None

    def start(self, prompts: Sequence[Sequence[int]], hidden: torch.Tensor) -> None:
        """Note the prompts from the second token on, each with the state before it."""
        self.pending.rows = [list(x[1:]) for x in prompts]
        self.hidden = hidden
        if not all(self.pending.rows):
            first = torch.tensor([[x[0]] for x in prompts], device=self.pending.device)
            embedded = self.draft.embedding(first)
            self.alone = self.draft.head(embedded, torch.zeros_like(embedded))

    def root(self) -> torch.Tensor:
        """Read what is new; a prompt of one token has a state that depends on nothing else."""
        if not any(self.pending.rows):
            assert self.alone is not None
            state = self.alone
        else:
            tokens, places, seen = self.pending.padded(self.room.lengths)
            state = self.pending.last(self._read(tokens, self.hidden, places, seen))
            if self.alone is not None:
                empty = torch.tensor([not x for x in self.pending.rows], device=state.device)
                state = torch.where(empty[:, None, None], self.alone, state)
            self.room.commit(self.pending.all())
        self.alone = None
        self.states = [state]
        logits: torch.Tensor = self.draft.output(state)
        return logits

    def below(self, level: Level, tokens: torch.Tensor) -> torch.Tensor:
        """Read the nodes of a level, each with its parent's state."""
        before = torch.cat(self.states, 1)[:, level.parents]
        lengths = torch.tensor(self.room.lengths, device=tokens.device)
        places = (lengths + level.depth - 1)[:, None].expand(tokens.shape)
        self.states.append(self._read(tokens, before, places, level.seen))
        logits: torch.Tensor = self.draft.output(self.states[-1])
        return logits

    def accept(
        self, emitted: Sequence[Sequence[int]], loose: Sequence[Sequence[int]], hidden: torch.Tensor
    ) -> None:
        """Forget the nodes; all that is emitted is read again with the target's states."""
        self.room.commit([[] for _ in emitted])
        self.pending.rows = [list(x) for x in emitted]
        self.hidden = hidden

    def keep(self, rows: Sequence[int]) -> None:
        """Drop the other rows."""
        self.room.keep(rows)
        self.pending.rows = [self.pending.rows[b] for b in rows]
        most = max(map(len, self.pending.rows))
        self.hidden = self.hidden[torch.tensor(rows, device=self.hidden.device), :most]

    def _read(
        self, tokens: torch.Tensor, before: torch.Tensor, places: torch.Tensor, seen: torch.Tensor
    ) -> torch.Tensor:
        """Return the head's states, shape (rows, count, width); places are counted from the second."""
        head: Any = self.draft.head
        mixed = head.fc(torch.cat([self.draft.embedding(tokens), before], -1))
        mask = self.room.mask(seen, mixed)
        states: torch.Tensor = head.layers[0](
            mixed,
            attention_mask=mask,
            position_ids=places,
            past_key_values=self.room,
            use_cache=True,
            position_embeddings=head.rotary(mixed, position_ids=places),
        )
        self.room.loose += tokens.shape[1]
        return states
