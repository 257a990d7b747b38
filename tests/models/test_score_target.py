"""Logits at wanted positions against each architecture's own logits at all of them."""

from __future__ import annotations

import pytest
import torch
from tiny_checkpoints import CONTEXT, OF_FAMILY, WIDTH, V, noise, ragged_scope, tiny_model, tiny_tokenizer

from mdsd_theory.errors import InputError
from mdsd_theory.models.base import Scope, Target
from mdsd_theory.models.scoring import score_target


def target_of(family, **changes):
    model = tiny_model(family, **changes)
    return Target(model, tiny_tokenizer(), {"name": family}, CONTEXT, frozenset({2}))


def own_logits(model, scope):
    with torch.no_grad():
        return model(scope.tokens, attention_mask=scope.mask.long(), use_cache=False).logits


@pytest.mark.parametrize("family", OF_FAMILY)
def test_scores_are_the_models_own(family):
    target, scope = target_of(family), ragged_scope()
    scores, own = score_target(target, scope), own_logits(target.model, scope)
    assert own.std() > 0.1
    assert scores.logits.shape == (int(scope.wanted.sum()), V)
    assert (scores.logits - own[scope.wanted]).abs().max() <= noise(own)
    assert not scores.logits.requires_grad


@pytest.mark.parametrize("family", ["llama", "qwen2", "opt", "gemma"])
def test_hidden_states_are_what_the_output_layer_reads(family):
    target, scope = target_of(family), ragged_scope()
    scores, own = score_target(target, scope), own_logits(target.model, scope)
    assert scores.hidden.shape == (*scope.tokens.shape, WIDTH)
    again = target.model.get_output_embeddings()(scores.hidden)
    assert (again - own)[scope.mask].abs().max() <= noise(own)


@pytest.mark.parametrize("family", OF_FAMILY)
def test_padding_and_neighbours_change_nothing(family):
    target, scope = target_of(family), ragged_scope()
    together = score_target(target, ragged_scope(pad=7)).logits
    alone = []
    for i, length in enumerate(scope.mask.sum(1).tolist()):
        row = (x[i : i + 1, :length] for x in (scope.tokens, scope.mask, scope.wanted))
        alone.append(score_target(target, Scope(*row)).logits)
    alone = torch.cat(alone)
    assert (together - alone).abs().max() <= noise(alone)


def test_the_model_is_left_as_it_was():
    target, scope = target_of("llama"), ragged_scope()
    before = own_logits(target.model, scope)
    score_target(target, scope)
    assert torch.equal(own_logits(target.model, scope), before)
    with pytest.raises(RuntimeError):
        score_target(target, Scope(scope.tokens.float(), scope.mask, scope.wanted))
    assert torch.equal(own_logits(target.model, scope), before)


def test_nothing_wanted_gives_no_rows():
    target, scope = target_of("llama"), ragged_scope()
    empty = Scope(scope.tokens, scope.mask, torch.zeros_like(scope.wanted))
    assert score_target(target, empty).logits.shape == (0, V)


def test_half_precision_stays():
    target, scope = target_of("llama"), ragged_scope()
    target.model.to(torch.bfloat16)
    scores = score_target(target, scope)
    assert scores.logits.dtype == scores.hidden.dtype == torch.bfloat16


def test_a_sequence_beyond_the_context_is_refused():
    with pytest.raises(InputError, match=f"{CONTEXT + 1} tokens, but llama reads at most {CONTEXT}"):
        score_target(target_of("llama"), ragged_scope((CONTEXT + 1,)))
