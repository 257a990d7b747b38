"""Inclusion chances without replacement, against exact fractions."""

from fractions import Fraction

import numpy as np
import pytest

from mdsd_theory.distributions import pair
from mdsd_theory.dual.race_inclusion import weighted_inclusion
from mdsd_theory.schemes import SCHEMES

BACKEND = pair([1.0], [1.0]).backend


def inclusion(q, n):
    """Return P(i ∈ S) for every token, each as the weighted sum of a unit vector."""
    return weighted_inclusion(BACKEND, np.eye(len(q)), np.tile(q, (len(q), 1)), n)


def drafts_of(kind, vocabulary, rng):
    q = {
        "flat": lambda: rng.dirichlet(np.ones(vocabulary)),
        "peaked": lambda: 10.0 ** -np.linspace(0, 30, vocabulary),
        "one heavy": lambda: np.array([1.0] + [1e-12 * (1 + i) for i in range(vocabulary - 1)]),
        "two heavy": lambda: np.array([0.6, 0.4] + [1e-13] * (vocabulary - 2)),
        "ties": lambda: rng.integers(1, 3, vocabulary).astype(float),
    }[kind]()
    return q / q.sum()


@pytest.mark.parametrize("kind", ["flat", "peaked", "one heavy", "two heavy", "ties"])
@pytest.mark.parametrize(("vocabulary", "n"), [(2, 2), (3, 3), (5, 2), (5, 3), (8, 4), (8, 6), (8, 8)])
def test_equals_the_exact_fractions(kind, vocabulary, n, rng):
    q = drafts_of(kind, vocabulary, rng)
    exact = [Fraction(x) for x in q.tolist()]
    exact = [x / sum(exact) for x in exact]
    chances = SCHEMES["without_replacement"].inclusion(exact, n)
    expected = [float(chances.get(i, 0)) for i in range(len(exact))]
    assert inclusion(q, n).tolist() == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("n", [1, 2, 3, 5, 8])
@pytest.mark.parametrize("top", [0.0, 0.9, 1 - 1e-12])
def test_sums_to_the_number_of_drafts(n, top, rng):
    q = rng.dirichlet(np.full(1000, 0.3), 2) + 1e-30
    q = q / q.sum(-1, keepdims=True) * (1 - top)
    q[:, 17] += top
    total = weighted_inclusion(BACKEND, np.ones_like(q), q, n)
    assert total.tolist() == pytest.approx([n, n], abs=1e-12)


def test_torch_agrees(rng):
    torch = pytest.importorskip("torch")
    p, q = rng.dirichlet(np.full(100, 0.3), (2, 3))
    tensors = pair(torch.tensor(p), torch.tensor(q))
    for n in (1, 2, 3, 5):
        ours = weighted_inclusion(BACKEND, p, q, n)
        theirs = weighted_inclusion(tensors.backend, tensors.p, tensors.q, n)
        assert theirs.tolist() == pytest.approx(ours.tolist(), abs=1e-13)
