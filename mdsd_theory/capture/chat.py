"""A conversation as tokens, with room for the answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from mdsd_theory.capture.positions import Prompt
from mdsd_theory.errors import InputError
from mdsd_theory.models.base import Target
from mdsd_theory.models.packages import require


@dataclass(frozen=True)
class Conversation:
    """What the target reads before it answers.

    Attributes
    ----------
    prompt, turn : int
        Number of the prompt and of the turn, from 0.
    tokens : tuple of int
        At least one.
    """

    prompt: int
    turn: int
    tokens: tuple[int, ...]


@dataclass(frozen=True)
class Skipped:
    """A turn that is not asked, nor those after it.

    Attributes
    ----------
    prompt, turn : int
    tokens : int
        Length of the conversation.
    reason : str
        For the manifest.
    """

    prompt: int
    turn: int
    tokens: int
    reason: str


def use_chat_template(tokenizer: Any, text: str) -> None:
    """Give a tokenizer a chat template in place of its own.

    Raises
    ------
    InputError
        When it is not Jinja, or cannot be filled with a question.
    """
    require("a chat template", "jinja2")
    from jinja2 import TemplateError

    tokenizer.chat_template = text
    try:
        asked = tokenizer.apply_chat_template(
            [{"role": "user", "content": "x"}], tokenize=False, add_generation_prompt=True
        )
    except TemplateError as error:
        raise InputError(f"the chat template cannot be used: {error}; expected Jinja") from None
    if "x" not in asked:
        raise InputError(f"the chat template leaves the question out: it gives {asked!r} for 'x'")


def converse(
    target: Target, prompt: Prompt, answers: Sequence[str], *, max_tokens: int
) -> Conversation | Skipped:
    """Return the conversation up to the next turn, or why that turn is not asked.

    A conversation is never cut: one that leaves no room for ``max_tokens`` more in the context is
    skipped, as is one without a token, of which no model can say what follows.

    Parameters
    ----------
    prompt : Prompt
    answers : sequence of str
        What the target said at the turns before: as many as turns that are done.
    max_tokens : int
        Longest response.
    """
    turn = len(answers)
    tokens = _tokens(target, prompt.turns[: turn + 1], answers)
    if not tokens:
        return Skipped(prompt.number, turn, 0, "no tokens")
    if len(tokens) + max_tokens > target.context:
        reason = (
            f"{len(tokens)} tokens and a response of {max_tokens} pass the context of {target.context}"
        )
        return Skipped(prompt.number, turn, len(tokens), reason)
    return Conversation(prompt.number, turn, tokens)


def _tokens(target: Target, turns: Sequence[str], answers: Sequence[str]) -> tuple[int, ...]:
    """Return tokens through the chat template, or of plain text with a blank line between speakers."""
    tokenizer = target.tokenizer
    said = [*chain.from_iterable(zip(turns, answers, strict=False)), turns[-1]]
    if tokenizer.chat_template is None:
        return tuple(tokenizer("\n\n".join(said))["input_ids"])
    messages = [{"role": ("user", "assistant")[i % 2], "content": text} for i, text in enumerate(said)]
    text = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    # The template writes the special tokens itself.
    return tuple(tokenizer(text, add_special_tokens=False)["input_ids"])
