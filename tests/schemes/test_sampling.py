"""Drafts against the law they are said to have: chi-square with fixed seeds, and exact edges."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from scipy.stats import chisquare

from mdsd_theory import SCHEMES, InputError, InputTypeError, Scheme, SupportError

Q = [0.4, 0.1, 0.0, 0.3, 0.2]
OTHER = [0.1, 0.1, 0.5, 0.3, 0.0]
LAW = {(0, 1): 0.5, (1, 0): 0.3, (4, 4): 0.2}
DRAWS = 60_000


def draft(name, n):
    return {"independent": [Q, OTHER, Q][:n], "joint": LAW}.get(name, Q)


def assert_law(tokens, chances, level=1e-4):
    """Chi-square of observed keys against expected chances; keys of chance zero must not occur."""
    keys = list(chances)
    counts = dict.fromkeys(keys, 0)
    for key in tokens:
        counts[key] += 1
    expected = np.array([chances[key] for key in keys]) * len(tokens)
    assert chisquare(list(counts.values()), expected).pvalue > level


@pytest.mark.parametrize("library", ["numpy", "torch"])
@pytest.mark.parametrize("name", SCHEMES)
@pytest.mark.parametrize("n", [2, 3])
def test_sets_of_drafts_have_the_set_law(name, n, library):
    n = 2 if name == "joint" else (SCHEMES[name].drafts or (n,))[0]
    q, generator = draft(name, n), np.random.default_rng(5)
    if library == "torch" and name != "joint":
        q, generator = torch.tensor(q, dtype=torch.float64), torch.Generator().manual_seed(5)
    drafts = SCHEMES[name].sample(q, n, generator, size=DRAWS)
    assert tuple(drafts.shape) == (DRAWS, n)
    law = SCHEMES[name].set_law(draft(name, n), n)
    if len(law) == 1:
        assert {frozenset(d) for d in drafts.tolist()} == set(law)
    else:
        assert_law([frozenset(d) for d in drafts.tolist()], law)


def test_without_replacement_the_order_has_its_law_too():
    drafts = SCHEMES["without_replacement"].sample(Q, 3, np.random.default_rng(1), size=DRAWS)
    support = [i for i, x in enumerate(Q) if x]
    chances = {
        (a, b, c): Q[a] * Q[b] / (1 - Q[a]) * Q[c] / (1 - Q[a] - Q[b])
        for a, b, c in itertools.permutations(support, 3)
    }
    assert_law([tuple(d) for d in drafts.tolist()], chances)


@pytest.mark.parametrize("library", ["numpy", "torch"])
def test_spechub_puts_the_hub_second_unless_it_was_drawn(library):
    q, generator = Q, np.random.default_rng(1)
    if library == "torch":
        q, generator = torch.tensor(Q, dtype=torch.float64), torch.Generator().manual_seed(1)
    drafts = SCHEMES["spechub"].sample(q, 2, generator, size=DRAWS)
    others = (1, 3, 4)
    chances = {(x, 0): Q[x] for x in others} | {(0, x): Q[0] * Q[x] / (1 - Q[0]) for x in others}
    assert_law([tuple(d) for d in drafts.tolist()], chances)


def test_the_tail_of_a_peaked_draft_keeps_its_law():
    """After a token of mass 1 − 1e-12 the second draft comes from the tail, renormalised."""
    tail = np.array([0.5, 0.3, 0.2, 1e-20])
    q = np.concatenate([tail[:2] * 1e-12, [1 - 1e-12], tail[2:] * 1e-12])
    drafts = SCHEMES["without_replacement"].sample(q / q.sum(), 3, np.random.default_rng(2), size=DRAWS)
    assert (drafts[:, 0] == 2).all()
    assert_law(drafts[:, 1].tolist(), {0: 0.5, 1: 0.3, 3: 0.2})
    second_is_0 = drafts[drafts[:, 1] == 0]
    assert_law(second_is_0[:, 2].tolist(), {1: 0.6, 3: 0.4})


@pytest.mark.parametrize("scale", [1e-3, 1e-12, 1e-30])
def test_drafts_without_replacement_differ_and_are_possible(scale, rng):
    q = np.concatenate([rng.dirichlet(np.ones(30)) * scale, [1.0], np.zeros(5)])
    q /= q.sum()
    drafts = SCHEMES["without_replacement"].sample(q, 31, rng, size=300)
    assert all(len(set(d)) == 31 for d in drafts.tolist())
    assert drafts.max() == 30


class Constant(np.random.Generator):
    """A generator that returns one number: the ends of the unit interval."""

    def __init__(self, value):
        super().__init__(np.random.PCG64(0))
        self.value = value

    def random(self, shape):
        return np.full(shape, self.value)


@pytest.mark.parametrize("value", [0.0, np.nextafter(1.0, 0.0)])
@pytest.mark.parametrize("name", ["with_replacement", "without_replacement", "greedy"])
def test_extreme_uniforms_never_draw_a_token_of_probability_zero(name, value):
    q = [0.0, 0.5, 0.0, 0.3, 0.2, 0.0]
    drafts = SCHEMES[name].sample(q, 3, Constant(value), size=4)
    assert all(q[token] > 0 for token in drafts.ravel())
    if name != "with_replacement":
        assert all(len(set(d)) == 3 for d in drafts.tolist())


def test_shapes_batches_and_seeds(rng):
    q = rng.dirichlet(np.ones(50), size=(2, 3))
    scheme = SCHEMES["without_replacement"]
    assert scheme.sample(q, 4, rng).shape == (2, 3, 4)
    assert scheme.sample(q, 4, rng, size=7).shape == (2, 3, 7, 4)
    assert scheme.sample(q[0, 0], 4, rng).shape == (4,)
    assert scheme.sample(q[:0], 4, rng, size=7).shape == (0, 3, 7, 4)
    assert scheme.sample(q, 4, rng, size=0).shape == (2, 3, 0, 4)
    one, two = (scheme.sample(q, 4, np.random.default_rng(3)) for _ in range(2))
    assert (one == two).all()
    assert one.dtype == np.int64


def test_rows_of_a_batch_have_laws_of_their_own(rng):
    q = np.array([Q, OTHER])
    drafts = SCHEMES["greedy"].sample(q, 2, rng, size=DRAWS)
    for row in range(2):
        law = SCHEMES["greedy"].set_law(q[row].tolist(), 2)
        assert_law([frozenset(d) for d in drafts[row].tolist()], law)


def test_full_vocabulary_marginals(rng):
    """At V = 49,152 with a Zipf tail, ranks beyond 1,000 receive their share of the draws."""
    q = 1 / np.arange(1, 49_153)
    q /= q.sum()
    for name in ("with_replacement", "without_replacement"):
        first = SCHEMES[name].sample(q, 3, rng, size=200_000)[:, 0]
        edges = [0, 1, 10, 100, 1000, 10_000, 49_152]
        observed, _ = np.histogram(first, edges)
        expected = np.add.reduceat(q, edges[:-1]) * first.size
        assert chisquare(observed, expected).pvalue > 1e-4


def test_half_precision_draws_from_the_rounded_distribution():
    q = torch.tensor(Q, dtype=torch.bfloat16)
    drafts = SCHEMES["with_replacement"].sample(q, 1, torch.Generator().manual_seed(0), size=DRAWS)
    exact = (q.double() / q.double().sum()).tolist()
    assert_law(drafts[:, 0].tolist(), {i: x for i, x in enumerate(exact) if x})


MISTAKES = {
    "no generator": (Q, None, {}, InputTypeError, "generator is of type NoneType"),
    "seed": (Q, 0, {}, InputTypeError, "expected a numpy.random.Generator"),
    "torch generator": (Q, torch.Generator(), {}, InputTypeError, "expected a numpy.random.Generator"),
    "numpy generator": (
        torch.tensor(Q),
        np.random.default_rng(0),
        {},
        InputTypeError,
        "expected a torch.Generator",
    ),
    "size": (Q, np.random.default_rng(0), {"size": -1}, InputError, "size is -1"),
    "size type": (Q, np.random.default_rng(0), {"size": 1.5}, InputTypeError, "size is 1.5"),
    "support": ([1.0, 0.0], np.random.default_rng(0), {}, SupportError, "q has 1 token"),
    "sum": ([0.5, 0.6], np.random.default_rng(0), {}, InputError, "q sums to 1.1"),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_mistakes(case):
    q, generator, options, error, message = MISTAKES[case]
    with pytest.raises(error, match=message):
        SCHEMES["without_replacement"].sample(q, 2, generator, **options)


def test_spechub_draws_two_tokens():
    for n in (1, 3):
        with pytest.raises(InputError, match=f"n is {n}; scheme 'spechub' is defined for n = 2 only"):
            SCHEMES["spechub"].sample(Q, n, np.random.default_rng(0))
    with pytest.raises(SupportError, match="spechub with n = 2 needs at least 2"):
        SCHEMES["spechub"].sample([1.0, 0.0], 2, np.random.default_rng(0))


def test_a_scheme_without_a_draw_says_so():
    class Silent(Scheme):
        """Has a set law only."""

        name = "silent"
        summary = "nothing"

        def set_law(self, q, n):
            return {frozenset({0}): 1.0}

    with pytest.raises(InputError, match="does not say how to draw"):
        Silent().sample(Q, 1, np.random.default_rng(0))
