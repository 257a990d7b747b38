"""What passes from stage to stage: prompts, responses, scored positions, columns of figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Prompt:
    """What the target is asked.

    Attributes
    ----------
    number : int
        Place in the file, from 0: the key of its rows.
    turns : tuple of str
        What the user says, turn by turn; the target answers each before it reads the next.
    task : str
        Kind of task, for tables: ``"translation"``; may be empty.
    """

    number: int
    turns: tuple[str, ...]
    task: str = ""


@dataclass(frozen=True)
class Response:
    """A conversation as tokens, with what the target said last.

    Attributes
    ----------
    prompt, turn : int
        Number of the prompt and of the turn, from 0.
    tokens : tuple of int
        All of the conversation up to the end of the response, the end token included.
    start : int
        Place of the response's first token.
    """

    prompt: int
    turn: int
    tokens: tuple[int, ...]
    start: int


@dataclass(frozen=True)
class Positions:
    """Logits of both models at some positions of responses.

    Attributes
    ----------
    prompt, turn, position, token : array of int64, shape (rows,)
        Position counts from the response's first token; token is what the target said there.
    target, draft : tensor, shape (rows, V)
        Logits of the law of that token, in the models' dtype, on their device.
    """

    prompt: NDArray[np.int64]
    turn: NDArray[np.int64]
    position: NDArray[np.int64]
    token: NDArray[np.int64]
    target: torch.Tensor
    draft: torch.Tensor


@dataclass(frozen=True)
class Questions:
    """What is measured at each position.

    Attributes
    ----------
    temperatures : tuple of float
    drafts : tuple of int
        Numbers of drafts n.
    schemes, verifiers : tuple of str
    """

    temperatures: tuple[float, ...] = (0.7,)
    drafts: tuple[int, ...] = (3,)
    schemes: tuple[str, ...] = ("with_replacement", "without_replacement", "greedy")
    verifiers: tuple[str, ...] = ()


Columns = Mapping[str, NDArray[np.generic]]
"""Columns of the results, all of one length."""

KEYS = ("prompt", "turn", "position", "token", "temperature", "n", "scheme")
"""What names a row."""

OF_POSITION = ("target_entropy", "draft_entropy", "total_variation")
"""Nats, nats, and ½ Σ |p − q|, at the row's temperature."""

OF_SCHEME = ("alpha", "lower", "upper")
"""α*, and what encloses it. After these a column for each verifier, null where it is not defined."""
