"""Responses: what is said, and that it does not depend on how it was computed."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats
from tiny_target import TEMPLATE, tiny_target
from tokenizers.processors import TemplateProcessing
from torch.utils._python_dispatch import TorchDispatchMode

from mdsd_theory.capture.chat import Conversation, Skipped, converse
from mdsd_theory.capture.generation import _uniforms, generate, respond
from mdsd_theory.capture.positions import Prompt
from mdsd_theory.capture.sampling import STEPS_AT_ONCE, choose
from mdsd_theory.errors import InputError

TEXTS = (
    "hello",
    "what is 2 times 3 ?",
    "a",
    "the quick brown fox jumps",
    "zz zz",
    "ü 世界",
    "b b b b b b b b b",
)


@pytest.fixture(scope="module")
def target():
    return tiny_target()


@pytest.fixture(scope="module")
def conversations(target):
    prompts = [Prompt(10 + i, (text,)) for i, text in enumerate(TEXTS)]
    return [converse(target, prompt, [], max_tokens=40) for prompt in prompts]


def law(target, tokens, temperature):
    """The reference: all of the sequence, one sequence, no cache, NumPy."""
    with torch.no_grad():
        logits = target.model(torch.tensor([tokens]), use_cache=False).logits[0, -1].numpy()
    weights = np.exp((logits - logits.max()) / temperature)
    return weights / weights.sum()


def naive(target, conversation, uniforms, temperature):
    tokens = list(conversation.tokens)
    for u in uniforms:
        p = law(target, tokens, temperature or 1.0)
        tokens.append(int(np.argmax(np.cumsum(p) > u * p.sum()) if temperature else np.argmax(p)))
        if tokens[-1] in target.stop:
            break
    return tuple(tokens)


@pytest.mark.parametrize("temperature", [0.0, 0.4, 1.0])
@pytest.mark.parametrize("rows", [1, 3, 7])
def test_batches_with_a_cache_say_what_a_naive_loop_says(target, conversations, rows, temperature):
    batches = [conversations[i : i + rows] for i in range(0, 7, rows)]
    said = [
        response
        for batch in batches
        for response in generate(target, batch, max_tokens=40, temperature=temperature, seed=0)
    ]
    lengths = set()
    for conversation, response in zip(conversations, said, strict=True):
        expected = naive(target, conversation, _uniforms(0, conversation, 40), temperature)
        assert response.tokens == expected
        assert (response.prompt, response.turn) == (conversation.prompt, conversation.turn)
        assert response.start == len(conversation.tokens)
        lengths.add(len(expected) - response.start)
    if temperature == 1.0:  # rows ended before, between and after the looks of the host
        assert min(lengths) < STEPS_AT_ONCE < sorted(lengths)[1] < max(lengths) == 40


def test_order_and_size_of_batches_do_not_matter(target, conversations):
    whole = generate(target, conversations, max_tokens=24, temperature=1.0, seed=1)
    assert whole == generate(target, conversations, max_tokens=24, temperature=1.0, seed=1)
    turned = generate(
        target, conversations[::-1], max_tokens=24, temperature=1.0, seed=1, tokens_at_once=120
    )
    assert whole == turned[::-1]
    assert whole == generate(
        target, conversations, max_tokens=24, temperature=1.0, seed=1, tokens_at_once=1
    )
    assert whole != generate(target, conversations, max_tokens=24, temperature=1.0, seed=2)


def test_same_words_under_other_numbers_are_other_samples(target, conversations):
    tokens = conversations[0].tokens
    same = [Conversation(prompt, turn, tokens) for prompt, turn in ((0, 0), (0, 1), (1, 0))]
    assert len({x.tokens for x in generate(target, same, max_tokens=12, temperature=1.0, seed=0)}) == 3


def test_first_tokens_follow_the_softmax(target, conversations):
    tokens, count = conversations[1].tokens, 4000
    many = [Conversation(i, 0, tokens) for i in range(count)]
    said = generate(target, many, max_tokens=1, temperature=0.7, seed=3)
    p = law(target, list(tokens), 0.7)
    seen = np.bincount([x.tokens[-1] for x in said], minlength=64)
    often = p * count >= 5
    observed, expected = (np.append(x[often], x[~often].sum()) for x in (seen, p * count))
    assert stats.chisquare(observed, expected).pvalue > 1e-3
    assert stats.chisquare(observed, np.roll(expected, 1)).pvalue < 1e-9


def test_ends_at_the_first_end_token_and_keeps_it(target, conversations):
    for response in generate(target, conversations, max_tokens=40, temperature=1.0, seed=0):
        *before, last = response.tokens[response.start :]
        assert not target.stop & set(before)
        assert len(before) == 39 or last in target.stop


def test_several_end_tokens(conversations):
    target = tiny_target(stop=frozenset(range(64)))
    said = generate(target, conversations, max_tokens=40, temperature=1.0, seed=0)
    assert [len(x.tokens) - x.start for x in said] == [1] * 7
    endless = generate(
        tiny_target(stop=frozenset()), conversations, max_tokens=33, temperature=1.0, seed=0
    )
    assert [len(x.tokens) - x.start for x in endless] == [33] * 7


def test_nothing_asked_nothing_said(target):
    assert generate(target, [], temperature=1.0, seed=0) == []
    assert respond(target, [], temperature=1.0, seed=0) == ([], [])


@pytest.mark.parametrize("temperature", [-1.0, float("nan"), float("inf")])
def test_temperatures_that_are_none(target, temperature):
    with pytest.raises(InputError, match="temperature"):
        generate(target, [], temperature=temperature, seed=0)


def test_inverse_transform_never_takes_a_token_of_probability_zero():
    logits = torch.tensor([[-torch.inf, 0.0, -torch.inf, 0.0, -torch.inf]]).repeat(4, 1)
    u = torch.tensor([0.0, 0.5 - 2**-53, 0.5, 1 - 2**-53], dtype=torch.float64)
    assert choose(logits, u, 1.0).tolist() == [1, 1, 3, 3]
    assert choose(logits[:1].bfloat16(), u[3:], 1e-3).tolist() == [3]
    one = torch.tensor([[3.0]])
    assert choose(one, u[3:], 1.0).tolist() == [0]
    wide = torch.tensor([[800.0, -800.0, 799.0]])
    assert choose(wide, u[3:], 0.01).tolist() == [0]


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_broken_logits_are_reported(conversations, temperature):
    target = tiny_target()
    target.model.lm_head.weight[3] = torch.nan
    with pytest.raises(InputError, match="not finite"):
        generate(target, conversations, max_tokens=20, temperature=temperature, seed=0)


class Waits(TorchDispatchMode):
    """Counts how often the host asks a tensor for its value."""

    asking = tuple(
        getattr(torch.ops.aten, x).default for x in ("is_nonzero", "item", "_local_scalar_dense")
    )
    count = 0

    def __torch_dispatch__(self, operator, types, args=(), kwargs=None):
        self.count += operator in self.asking
        return operator(*args, **(kwargs or {}))


def test_the_host_does_not_wait_at_every_token(conversations):
    counts = []
    for tokens in (4, STEPS_AT_ONCE):
        with Waits() as waits:
            generate(
                tiny_target(stop=frozenset()), conversations, max_tokens=tokens, temperature=1.0, seed=0
            )
        counts.append(waits.count)
    assert counts[0] == counts[1]


def test_template_and_plain_text():
    prompt = Prompt(0, ("hi", "you"))
    target = tiny_target()
    first = converse(target, prompt, [], max_tokens=1)
    assert target.tokenizer.decode(first.tokens) == "<turn>u:hi<end><turn>a:"
    second = converse(target, prompt, ["oh"], max_tokens=1)
    assert (second.prompt, second.turn) == (0, 1)
    expected = "<turn>u:hi<end><turn>a:oh<end><turn>u:you<end><turn>a:"
    assert target.tokenizer.decode(second.tokens) == expected
    plain = tiny_target(template=None)
    tokens = converse(plain, prompt, ["oh"], max_tokens=1).tokens
    assert plain.tokenizer.decode(tokens) == plain.tokenizer.decode(
        plain.tokenizer("hi\n\noh\n\nyou").input_ids
    )


def test_special_tokens_are_written_once():
    for template, expected in ((TEMPLATE, "<turn>u:hi<end><turn>a:"), (None, "<turn>hi")):
        target = tiny_target(template=template)
        adds = TemplateProcessing(single="<turn> $A", special_tokens=[("<turn>", 1)])
        target.tokenizer.backend_tokenizer.post_processor = adds
        tokens = converse(target, Prompt(0, ("hi",)), [], max_tokens=1).tokens
        assert target.tokenizer.decode(tokens) == expected


def test_turns_see_the_answers_before_them(target):
    prompts = [Prompt(4, ("hello", "and you ?")), Prompt(7, ("b",)), Prompt(9, ("ü", "y", "z"))]
    responses, skipped = respond(target, prompts, max_tokens=10, temperature=1.0, seed=2)
    assert skipped == []
    assert [(x.prompt, x.turn) for x in responses] == [(4, 0), (7, 0), (9, 0), (4, 1), (9, 1), (9, 2)]
    by_key = {(x.prompt, x.turn): x for x in responses}
    answers = []
    for turn in range(3):
        asked = converse(target, prompts[2], answers, max_tokens=10)
        response = by_key[9, turn]
        assert response.tokens[: response.start] == asked.tokens
        assert response.tokens == naive(target, asked, _uniforms(2, asked, 10), 1.0)
        said = response.tokens[response.start :]
        answers.append(target.tokenizer.decode(said, skip_special_tokens=True))
    alone, _ = respond(target, prompts[2:], max_tokens=10, temperature=1.0, seed=2)
    assert alone == [x for x in responses if x.prompt == 9]


def test_a_prompt_without_room_is_skipped_and_counted():
    target = tiny_target(context=40, stop=frozenset())
    length = len(converse(target, Prompt(0, ("x" * 12,)), [], max_tokens=1).tokens)
    fits, too_long = "x" * (12 + 30 - length), "x" * (13 + 30 - length)
    prompts = [Prompt(0, (too_long,)), Prompt(1, (fits,)), Prompt(2, ("a", "b" * 12, "c"))]
    responses, skipped = respond(target, prompts, max_tokens=10, temperature=1.0, seed=0)
    assert [(x.prompt, x.turn) for x in responses] == [(1, 0), (2, 0)]
    assert len(responses[0].tokens) == 40
    assert [(x.prompt, x.turn, x.tokens) for x in skipped[:1]] == [(0, 0, 31)]
    assert skipped[0].reason == "31 tokens and a response of 10 pass the context of 40"
    assert [(x.prompt, x.turn) for x in skipped] == [(0, 0), (2, 1)]


def test_a_prompt_without_tokens_is_skipped():
    plain = tiny_target(template=None)
    assert converse(plain, Prompt(3, ("世",)), [], max_tokens=1) == Skipped(3, 0, 0, "no tokens")
