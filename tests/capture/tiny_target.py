"""A random Llama of 64 tokens, and a tokenizer of bytes and a few words for it."""

from __future__ import annotations

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from mdsd_theory.models.base import Scope, Target

END = 0
STOP = frozenset({END, 5, 9, 33})
TEMPLATE = (
    "{% for m in messages %}<turn>{{ m.role[0] }}:{{ m.content }}<end>{% endfor %}"
    "{% if add_generation_prompt %}<turn>a:{% endif %}"
)


def tiny_tokenizer(template: str | None = TEMPLATE) -> PreTrainedTokenizerFast:
    """Letters, and bytes of UTF-8; what it lacks, it drops."""
    letters = "abcdefghijklmnopqrstuvwxyz:.?1234567890Ġ"
    rest = [x for x in sorted(pre_tokenizers.ByteLevel.alphabet()) if x > "\xa0" and x not in letters]
    words = {word: i for i, word in enumerate(("<end>", "<turn>", *letters, *rest[: 62 - len(letters)]))}
    tokenizer = Tokenizer(models.BPE(words, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token="<end>", additional_special_tokens=["<turn>"]
    )
    fast.chat_template = template
    return fast


def tiny_target(
    *, template: str | None = TEMPLATE, context: int = 256, stop: frozenset[int] = STOP
) -> Target:
    """Laws that are neither flat nor sharp, in float64, so that rounding is no excuse."""
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=64,
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=context,
        eos_token_id=END,
        bos_token_id=None,
        pad_token_id=None,
        tie_word_embeddings=False,
    )
    model = LlamaForCausalLM(config).double().eval().requires_grad_(False)
    for name, weight in model.named_parameters():
        if "norm" not in name:
            weight.mul_(40 if "lm_head" in name else 12)
    return Target(model, tiny_tokenizer(template), {"name": "tiny"}, context, stop)


class TinyDraft:
    """Another random model that reads the tokens, and the target's state before the last of them."""

    def __init__(self) -> None:
        torch.manual_seed(1)
        self.info = {"name": "tiny draft"}
        self.embedding = torch.randn(64, 16, dtype=torch.float64)
        self.output = torch.randn(16, 64, dtype=torch.float64)

    def logits(self, scope: Scope, hidden: torch.Tensor) -> torch.Tensor:
        before = torch.nn.functional.pad(hidden[:, :-1], (0, 0, 1, 0))
        return (self.embedding[scope.tokens] + before)[scope.wanted] @ self.output
