"""Rows of both models' logits: the right ones, and the same in any batches."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tiny_target import TinyDraft, tiny_target

from mdsd_theory.capture.positions import Positions, Response
from mdsd_theory.capture.scoring import score
from mdsd_theory.errors import InputError
from mdsd_theory.models.base import Scope


@pytest.fixture(scope="module")
def target():
    return tiny_target()


@pytest.fixture(scope="module")
def responses():
    """Nine sequences of many lengths, some alike, one without a response, one of one token."""
    rng = np.random.default_rng(8)
    shapes = ((5, 12), (30, 4), (5, 12), (1, 9), (7, 0), (12, 1), (3, 31), (16, 18), (40, 2))
    return [
        Response(i // 2, i % 2, tuple(rng.integers(0, 64, start + length).tolist()), start)
        for i, (start, length) in enumerate(shapes)
    ]


def joined(parts):
    parts = list(parts)
    names = ("prompt", "turn", "position", "token")
    columns = [np.concatenate([getattr(x, name) for x in parts]) for name in names]
    return Positions(
        *columns, *(torch.cat([getattr(x, name) for x in parts]) for name in ("target", "draft"))
    )


def naive(target, draft, response):
    """One sequence, cut before each token in turn, and the law of what follows."""
    rows = []
    for at in range(response.start, len(response.tokens)):
        tokens = torch.tensor([response.tokens[:at]])
        with torch.no_grad():
            out = target.model(tokens, use_cache=False, output_hidden_states=True)
        wanted = torch.zeros_like(tokens, dtype=torch.bool)
        wanted[0, -1] = True
        scope = Scope(tokens, torch.ones_like(wanted), wanted)
        rows.append((out.logits[0, -1], draft.logits(scope, out.hidden_states[-1])[0]))
    return rows


def test_rows_are_those_of_one_sequence_at_a_time(target, responses):
    draft = TinyDraft()
    got = joined(score(target, draft, responses, tokens_at_once=100, rows_at_once=7))
    by_key = {(x.prompt, x.turn): x for x in responses}
    at = 0
    for response in sorted(responses, key=lambda x: (-len(x.tokens), x.prompt, x.turn)):
        for position, (p, q) in enumerate(naive(target, draft, response)):
            key = (int(got.prompt[at]), int(got.turn[at]))
            assert by_key[key] is response
            assert got.position[at] == position
            assert got.token[at] == response.tokens[response.start + position]
            torch.testing.assert_close(got.target[at], p, rtol=0, atol=1e-9)
            torch.testing.assert_close(got.draft[at], q, rtol=0, atol=1e-9)
            at += 1
    assert at == len(got.token) == sum(len(x.tokens) - x.start for x in responses)


@pytest.mark.parametrize(("tokens", "rows"), [(1, 1), (64, 5), (130, 1000), (10_000, 33)])
def test_the_same_in_any_batches(target, responses, tokens, rows):
    whole = joined(score(target, TinyDraft(), responses))
    parts = list(score(target, TinyDraft(), responses[::-1], tokens_at_once=tokens, rows_at_once=rows))
    assert all(1 <= len(x.token) <= rows for x in parts)
    got = joined(parts)
    for name in ("prompt", "turn", "position", "token"):
        np.testing.assert_array_equal(getattr(got, name), getattr(whole, name))
        assert getattr(got, name).dtype == np.int64
    torch.testing.assert_close(got.target, whole.target, rtol=0, atol=1e-9)
    torch.testing.assert_close(got.draft, whole.draft, rtol=0, atol=1e-9)


class Watched(TinyDraft):
    """Keeps the scopes that it is shown."""

    def __init__(self):
        super().__init__()
        self.scopes = []

    def logits(self, scope, hidden):
        self.scopes.append(scope)
        return super().logits(scope, hidden)


def test_batches_keep_to_their_size_and_waste_little(target, responses):
    draft = Watched()
    list(score(target, draft, responses, tokens_at_once=100))
    assert all(x.tokens.numel() <= 100 for x in draft.scopes)
    used = sum(int(x.mask.sum()) for x in draft.scopes)
    assert used == sum(len(x.tokens) for x in responses if len(x.tokens) > x.start)
    assert used > 0.8 * sum(x.tokens.numel() for x in draft.scopes)
    for scope in draft.scopes:
        assert not (scope.wanted & ~scope.mask).any()


def test_the_output_layer_sees_wanted_rows_only(target, responses):
    seen = []
    hook = target.model.lm_head.register_forward_hook(lambda *x: seen.append(x[2].shape.numel() // 64))
    try:
        rows = len(joined(score(target, TinyDraft(), responses)).token)
    finally:
        hook.remove()
    assert sum(seen) == rows


def test_nothing_to_score(target):
    assert list(score(target, TinyDraft(), [])) == []
    assert list(score(target, TinyDraft(), [Response(0, 0, (1, 2), 2)])) == []


def test_what_cannot_be_scored(target):
    with pytest.raises(InputError, match=r"prompt 3, turn 1: expected a token before"):
        list(score(target, TinyDraft(), [Response(3, 1, (1, 2), 0)]))
    with pytest.raises(InputError, match="0 tokens"):
        list(score(target, TinyDraft(), [], tokens_at_once=0))
    draft = TinyDraft()
    draft.output = draft.output[:, :60]
    with pytest.raises(InputError, match=r"\(1, 60\) of the draft, \(1, 64\) of the target"):
        list(score(target, draft, [Response(0, 0, (1, 2), 1)]))
