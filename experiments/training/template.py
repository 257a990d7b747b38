"""What stands before and after a user's words in a chat template, as tokens."""

from dataclasses import dataclass
from typing import Any

from mdsd_theory.errors import InputError

MARK = "What the user says."


@dataclass(frozen=True)
class Template:
    """A chat of one turn without the words.

    Attributes
    ----------
    opening, bridge : tuple of int
        Tokens before the user's words, and between them and the answer.
    """

    opening: tuple[int, ...]
    bridge: tuple[int, ...]


def chat_template(tokenizer: Any) -> Template:
    """Return the pieces of a tokenizer's chat template."""
    chat = [{"role": "user", "content": MARK}]
    text = tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=True)
    if text.count(MARK) != 1:
        raise InputError("the chat template does not hold the user's words once, as they are")
    before, after = (encode(tokenizer, part) for part in text.split(MARK))
    return Template(tuple(before), tuple(after))


def encode(tokenizer: Any, text: str) -> list[int]:
    """Return the tokens of a text that holds its special tokens already."""
    tokens: list[int] = tokenizer(text, add_special_tokens=False)["input_ids"]
    return tokens
