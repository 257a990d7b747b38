"""Teacher-forced logits of both models at every position of the responses."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from mdsd_theory.capture.positions import Positions, Response
from mdsd_theory.errors import InputError
from mdsd_theory.models.base import Draft, Scope, Target
from mdsd_theory.models.scoring import score_target

if TYPE_CHECKING:
    import torch

TOKENS_AT_ONCE = 1 << 15
ROWS_AT_ONCE = 1 << 12


def score(
    target: Target,
    draft: Draft,
    responses: Sequence[Response],
    *,
    tokens_at_once: int = TOKENS_AT_ONCE,
    rows_at_once: int = ROWS_AT_ONCE,
) -> Iterator[Positions]:
    """Yield what both models say of the responses, given all that stands before each token.

    The law of the token at place i of a sequence is read at place i − 1. Each row comes out once, ordered
    by length of the sequence (longest first), prompt, turn and position, whatever the batches.

    Parameters
    ----------
    target : Target
    draft : Draft
    responses : sequence of Response
        Each with at least a token before the response; one without tokens has no rows.
    tokens_at_once : int
        Most tokens of a batch, padding included; one sequence makes a batch at least. Logits are held of
        the responses' positions of one batch.
    rows_at_once : int
        Most rows of one yield.

    Raises
    ------
    InputError
        If a response starts its sequence, or the models' vocabularies differ.
    """
    if min(tokens_at_once, rows_at_once) < 1:
        raise InputError(
            f"got {tokens_at_once} tokens and {rows_at_once} rows at once; expected at least 1"
        )
    for x in responses:
        if x.start < 1:
            raise InputError(f"prompt {x.prompt}, turn {x.turn}: expected a token before the response")
    some = [x for x in responses if len(x.tokens) > x.start]
    some.sort(key=lambda x: (-len(x.tokens), x.prompt, x.turn))
    while some:
        rows = max(1, tokens_at_once // len(some[0].tokens))
        batch, some = some[:rows], some[rows:]
        yield from _cut(_scored(target, draft, batch), rows_at_once)


def _scored(target: Target, draft: Draft, batch: Sequence[Response]) -> Positions:
    import torch

    with torch.inference_mode():
        scope = _scope(batch, target.device)
        scores = score_target(target, scope)
        guessed = draft.logits(scope, scores.hidden)
    if guessed.shape != scores.logits.shape:
        shapes = f"{tuple(guessed.shape)} of the draft, {tuple(scores.logits.shape)} of the target"
        raise InputError(f"got logits of shapes {shapes}; expected one vocabulary")
    counts = [len(x.tokens) - x.start for x in batch]
    return Positions(
        prompt=np.repeat([x.prompt for x in batch], counts),
        turn=np.repeat([x.turn for x in batch], counts),
        position=np.concatenate([np.arange(count) for count in counts]),
        token=np.concatenate([x.tokens[x.start :] for x in batch]),
        target=scores.logits,
        draft=guessed,
    )


def _scope(batch: Sequence[Response], device: torch.device) -> Scope:
    """Pad on the right."""
    import torch

    length = len(batch[0].tokens)
    tokens = np.zeros((len(batch), length), dtype=np.int64)
    ends, starts = (
        np.array(x)[:, None] for x in zip(*((len(x.tokens), x.start) for x in batch), strict=True)
    )
    for row, x in zip(tokens, batch, strict=True):
        row[: len(x.tokens)] = x.tokens
    place = np.arange(length)
    arrays = (tokens, place < ends, (starts - 1 <= place) & (place < ends - 1))
    return Scope(*(torch.from_numpy(x).to(device) for x in arrays))


def _cut(positions: Positions, rows: int) -> Iterator[Positions]:
    for first in range(0, len(positions.token), rows):
        part = slice(first, first + rows)
        yield Positions(
            positions.prompt[part],
            positions.turn[part],
            positions.position[part],
            positions.token[part],
            positions.target[part],
            positions.draft[part],
        )
