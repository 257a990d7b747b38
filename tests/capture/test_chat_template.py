"""Chat templates of one's own: used, written into the settings, refused on one line."""

from __future__ import annotations

from pathlib import Path

import pytest
from capture.tiny_target import tiny_target, tiny_tokenizer

from mdsd_theory.capture.chat import converse, use_chat_template
from mdsd_theory.capture.positions import Prompt
from mdsd_theory.errors import InputError
from mdsd_theory.models.pairs import read_pair

PAIRS = Path(__file__).parents[2] / "experiments" / "pairs"


def test_the_question_is_asked_in_it():
    target = tiny_target()
    use_chat_template(target.tokenizer, "{% for m in messages %}{{ m.content }}..{% endfor %}")
    tokens = converse(target, Prompt(0, ("hi", "ho")), ["oh"], max_tokens=1).tokens
    assert target.tokenizer.decode(tokens) == "hi..oh..ho.."


def test_vicunas_is_that_of_its_authors():
    tokenizer = tiny_tokenizer()
    tokenizer.add_special_tokens({"bos_token": "<s>", "eos_token": "</s>"})
    pair = read_pair(PAIRS / "vicuna_7b_eagle.yaml")
    use_chat_template(tokenizer, Path(pair.chat_template).read_text("utf-8"))
    said = [("user", "Hi"), ("assistant", "Hello!"), ("user", "Bye")]
    messages = [{"role": role, "content": text} for role, text in said]
    assert tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True) == (
        "<s>A chat between a curious user and an artificial intelligence assistant. The assistant gives "
        "helpful, detailed, and polite answers to the user's questions. USER: Hi ASSISTANT: Hello!</s>"
        "USER: Bye ASSISTANT:"
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{% for %}", "the chat template cannot be used: .*expected Jinja"),
        ("{{ messages[9].content.strip() }}", "the chat template cannot be used"),
        ("Answer:", "leaves the question out: it gives 'Answer:'"),
    ],
)
def test_templates_that_are_none(text, message):
    with pytest.raises(InputError, match=message):
        use_chat_template(tiny_tokenizer(), text)
