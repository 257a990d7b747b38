"""Responses of the target: sampled in batches, each from its own stream of uniforms."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mdsd_theory.capture.chat import Conversation, Skipped, converse
from mdsd_theory.capture.positions import Prompt, Response
from mdsd_theory.capture.sampling import sample
from mdsd_theory.errors import InputError
from mdsd_theory.models.base import Target

TOKENS_AT_ONCE = 1 << 18
"""Most tokens of a batch, however small the model."""

CACHE_BYTES = 16 << 30
"""What the keys and values of a batch may take."""


def tokens_that_fit(target: Target) -> int:
    """Return how many tokens of a batch the cache has room for."""
    config = target.model.config.get_text_config()
    heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
    width = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    each = 2 * config.num_hidden_layers * heads * width * target.model.dtype.itemsize
    return int(min(TOKENS_AT_ONCE, CACHE_BYTES // each))


def respond(
    target: Target,
    prompts: Sequence[Prompt],
    *,
    max_tokens: int = 128,
    temperature: float,
    seed: int,
    tokens_at_once: int = TOKENS_AT_ONCE,
) -> tuple[list[Response], list[Skipped]]:
    """Return the target's answers to every turn of every prompt, and the turns that were not asked.

    A turn is asked once all prompts have been answered at the turn before; what the target said is shown
    to it as text, without special tokens. Parameters as of :func:`generate`.

    Returns
    -------
    tuple of list of Response, list of Skipped
        By turn, then in the order of the prompts.
    """
    responses: list[Response] = []
    skipped: list[Skipped] = []
    answers: dict[int, list[str]] = {prompt.number: [] for prompt in prompts}
    for turn in range(max((len(prompt.turns) for prompt in prompts), default=0)):
        going = [x for x in prompts if len(x.turns) > turn == len(answers[x.number])]
        asked = [converse(target, x, answers[x.number], max_tokens=max_tokens) for x in going]
        skipped += [x for x in asked if isinstance(x, Skipped)]
        said = generate(
            target,
            [x for x in asked if isinstance(x, Conversation)],
            max_tokens=max_tokens,
            temperature=temperature,
            seed=seed,
            tokens_at_once=tokens_at_once,
        )
        for response in said:
            text = target.tokenizer.decode(response.tokens[response.start :], skip_special_tokens=True)
            answers[response.prompt].append(text)
        responses += said
    return responses, skipped


def generate(
    target: Target,
    conversations: Sequence[Conversation],
    *,
    max_tokens: int = 128,
    temperature: float,
    seed: int,
    tokens_at_once: int = TOKENS_AT_ONCE,
) -> list[Response]:
    """Return a response to each conversation, sampled from the target's full softmax.

    Token t is the first i with p_1 + ... + p_i > u_t, in float64, where p = softmax(logits / T) and the
    uniforms u_1, u_2, ... belong to (seed, prompt, turn). They are the same in any batch, so that what
    stands beside a conversation changes its response only where the model's rounding moves a sum across
    u_t.

    Parameters
    ----------
    target : Target
    conversations : sequence of Conversation
        Each leaves room for ``max_tokens`` in the context.
    max_tokens : int
        Longest response, the end token included.
    temperature : float
        T; 0 takes the likeliest token.
    seed : int
        At least 0.
    tokens_at_once : int
        Most tokens of a batch, padding and responses included; one conversation makes a batch at least.

    Returns
    -------
    list of Response
        In the order of the conversations; each ends with an end token or has ``max_tokens`` tokens.

    Notes
    -----
    Costs a pass over the conversations and one a token, over batches that shrink as rows end.
    """
    import torch

    if not (temperature >= 0 and math.isfinite(temperature)):
        raise InputError(f"got temperature {temperature}; expected a finite number >= 0")
    if max_tokens < 1:
        raise InputError(f"got max_tokens {max_tokens}; expected at least 1")
    responses: list[Any] = [None] * len(conversations)
    with torch.inference_mode():
        for rows in _batches([len(x.tokens) for x in conversations], max_tokens, tokens_at_once):
            batch = [conversations[row] for row in rows]
            uniforms = np.stack([_uniforms(seed, x, max_tokens) for x in batch])
            said = sample(target, [x.tokens for x in batch], uniforms, temperature)
            for row, x, tokens in zip(rows, batch, said, strict=True):
                responses[row] = Response(x.prompt, x.turn, (*x.tokens, *tokens), len(x.tokens))
    return responses


def _batches(lengths: Sequence[int], max_tokens: int, tokens_at_once: int) -> Iterator[list[int]]:
    """Yield places of conversations of like length, the longest first."""
    order = sorted(range(len(lengths)), key=lambda i: (-lengths[i], i))
    while order:
        rows = max(1, tokens_at_once // (lengths[order[0]] + max_tokens))
        yield order[:rows]
        order = order[rows:]


def _uniforms(seed: int, conversation: Conversation, count: int) -> NDArray[np.float64]:
    key = np.random.SeedSequence([seed, conversation.prompt, conversation.turn])
    return np.random.Generator(np.random.Philox(key)).random(count)
