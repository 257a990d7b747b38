"""Draws and verifiers for many nodes at once have the laws of the schemes and verifiers themselves."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import chisquare

from mdsd_theory import SCHEMES, VERIFIERS
from mdsd_theory.errors import InputError
from mdsd_theory.tree.decoding.drawing import DRAWS, draw, draw_drafts
from mdsd_theory.tree.decoding.emitting import emit, trial_of
from mdsd_theory.tree.decoding.laws import Warp
from mdsd_theory.tree.decoding.verifying import known

Q = [0.4, 0.1, 0.2, 0.0, 0.3]
P = [0.25, 0.3, 0.05, 0.2, 0.2]
SIZE = 20_000


def rows(x, size=1):
    return torch.tensor([x] * size, dtype=torch.float64)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("name", DRAWS)
def test_drafts_have_the_law_of_the_scheme(name, n):
    law = SCHEMES[name].tuple_law(Q, n)
    drafts = draw_drafts(SCHEMES[name], rows(Q, SIZE), n, generator())
    seen = dict.fromkeys(law, 0)
    for row in drafts.tolist():
        seen[tuple(row)] += 1
    expected = np.array(list(law.values())) * SIZE
    if len(law) > 1:
        assert chisquare(list(seen.values()), expected * SIZE / expected.sum()).pvalue > 1e-4


@pytest.mark.parametrize("name", ["without_replacement", "greedy", "top_k"])
def test_lacking_tokens_are_marked_at_the_end(name):
    q = rows([0.0, 0.7, 0.0, 0.3, 0.0], 50)
    drafts = draw_drafts(SCHEMES[name], q, 4, generator())
    assert (drafts[:, 2:] == -1).all()
    assert (drafts[:, :2].sort(-1).values == torch.tensor([1, 3])).all()
    one = draw_drafts(SCHEMES[name], rows([0.0, 1.0, 0.0], 3), 5, generator())
    assert one.tolist() == [[1, -1, -1, -1, -1]] * 3


def test_other_schemes_draw_by_themselves():
    drafts = draw_drafts(SCHEMES["spechub"], rows(Q, 2000), 2, generator())
    assert (drafts == 0).any(-1).all()


def test_ties_go_to_the_lowest_index():
    drafts = draw_drafts(SCHEMES["top_k"], rows([0.2, 0.2, 0.2, 0.2, 0.2]), 3, generator())
    assert drafts.tolist() == [[0, 1, 2]]


CASES = [
    ("naive", "with_replacement"),
    ("rrs", "with_replacement"),
    ("rrs_without_replacement", "without_replacement"),
    ("greedy", "greedy"),
    ("optimal", "greedy"),
    ("optimal", "top_k"),
]


@pytest.mark.parametrize(("name", "scheme"), CASES)
@pytest.mark.parametrize("n", [1, 2, 3])
def test_trials_have_the_law_of_the_verifier(name, scheme, n):
    for drafts in SCHEMES[scheme].tuple_law(Q, n):
        law = VERIFIERS[name].conditional_law(P, Q, drafts, scheme=scheme)
        trial = trial_of(VERIFIERS[name], SCHEMES[scheme])(rows(P), rows(Q), torch.tensor([drafts]))
        found, waiting = np.zeros(5), 1.0
        for x, chance in zip(drafts, trial.accept[0].clamp(max=1).tolist(), strict=True):
            found[x] += waiting * chance
            waiting *= 1 - chance
        other = trial.otherwise[0] / trial.otherwise[0].sum()
        if waiting > 1e-12:
            found += waiting * other.numpy()
        assert np.allclose(found, [law.get(i, 0.0) for i in range(5)], atol=1e-12)


@pytest.mark.parametrize(
    ("name", "scheme"), [*CASES, ("optimal", "with_replacement"), ("k_seq", "with_replacement")]
)
def test_emitted_tokens_have_the_targets_law(name, scheme):
    p, q = rows(P, SIZE), rows(Q, SIZE)
    drafts = draw_drafts(SCHEMES[scheme], q, 2, generator(1))
    token = emit(VERIFIERS[name], SCHEMES[scheme], p, q, drafts, generator(2))
    assert chisquare(np.bincount(token.numpy(), minlength=5), np.array(P) * SIZE).pvalue > 1e-4


@pytest.mark.parametrize(("name", "scheme"), CASES)
def test_equal_laws_and_disjoint_ones(name, scheme):
    same = draw_drafts(SCHEMES[scheme], rows(P, 200), 2, generator())
    token = emit(VERIFIERS[name], SCHEMES[scheme], rows(P, 200), rows(P, 200), same, generator())
    assert ((token >= 0) & (token < 5)).all()
    p, q = rows([0.5, 0.5, 0.0, 0.0], 200), rows([0.0, 0.0, 0.5, 0.5], 200)
    apart = draw_drafts(SCHEMES[scheme], q, 2, generator())
    assert (emit(VERIFIERS[name], SCHEMES[scheme], p, q, apart, generator()) < 2).all()


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_rows_that_are_no_law_are_told(bad):
    law = Warp(1.0).law(torch.tensor([[0.0, bad, 1.0]]))
    with pytest.raises(InputError, match="not finite"):
        known(int(draw(law, generator())[0]), 3)
    for name, scheme in CASES:
        drafts = torch.tensor([[0, 1]])
        token = emit(VERIFIERS[name], SCHEMES[scheme], law, rows([0.5, 0.3, 0.2]), drafts, generator())
        with pytest.raises(InputError, match="not finite"):
            known(int(token[0]), 3)
