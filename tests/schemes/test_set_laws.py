"""Set laws against the drawing itself, one tuple of drafts after the other."""

from __future__ import annotations

import itertools
from fractions import Fraction

import pytest

from mdsd_theory.errors import InputError, SizeError
from mdsd_theory.schemes import SCHEMES, Scheme, resolve_schemes

Q = [Fraction(4, 10), Fraction(1, 10), Fraction(0), Fraction(3, 10), Fraction(2, 10)]
OTHER = [Fraction(1, 10), Fraction(1, 10), Fraction(5, 10), Fraction(3, 10), Fraction(0)]


def tuple_law(scheme, q, n):
    """The chance of each ordered tuple of drafts, straight from the scheme's description."""
    law = {}
    for drafts in itertools.product(range(len(Q)), repeat=n):
        chance, used = Fraction(1), set()
        top = sorted(range(len(Q)), key=lambda i: (-q[i], i)) if scheme != "independent" else []
        for k, x in enumerate(drafts):
            if scheme == "with_replacement":
                chance *= q[x]
            elif scheme == "independent":
                chance *= q[k][x]
            elif scheme == "without_replacement":
                chance *= 0 if x in used else q[x] / (1 - sum(q[i] for i in used))
            elif scheme == "top_k" or k < n - 1:
                chance *= int(x == top[k])
            else:
                chance *= 0 if x in used else q[x] / (1 - sum(q[i] for i in used))
            used.add(x)
            if not chance:
                break
        if chance:
            law[drafts] = chance
    return law


def draft(name, n):
    return [Q, OTHER, Q, OTHER][:n] if name == "independent" else Q


@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize(
    "name", ["with_replacement", "without_replacement", "greedy", "top_k", "independent"]
)
class TestEveryScheme:
    def test_set_law_collapses_the_tuple_law(self, name, n):
        expected: dict = {}
        for drafts, chance in tuple_law(name, draft(name, n), n).items():
            expected[frozenset(drafts)] = expected.get(frozenset(drafts), 0) + chance
        law = SCHEMES[name].set_law(draft(name, n), n)
        assert law == expected
        assert sum(law.values()) == 1

    def test_tuple_law(self, name, n):
        assert SCHEMES[name].tuple_law(draft(name, n), n) == tuple_law(name, draft(name, n), n)

    def test_inside_is_the_chance_that_all_drafts_lie_in_the_subset(self, name, n):
        tuples = tuple_law(name, draft(name, n), n)
        for size in range(len(Q) + 1):
            for subset in itertools.combinations(range(len(Q)), size):
                inside = sum((w for x, w in tuples.items() if set(x) <= set(subset)), Fraction(0))
                assert SCHEMES[name].inside(draft(name, n), n, subset) == inside

    def test_inclusion(self, name, n):
        tuples = tuple_law(name, draft(name, n), n)
        chances = {i: sum((w for x, w in tuples.items() if i in x), Fraction(0)) for i in range(len(Q))}
        expected = {i: chance for i, chance in chances.items() if chance}
        assert SCHEMES[name].inclusion(draft(name, n), n) == expected

    def test_floats_stay_close_to_fractions(self, name, n):
        exact = SCHEMES[name].set_law(draft(name, n), n)
        q = draft(name, n)
        floats = (
            [[float(x) for x in row] for row in q] if name == "independent" else [float(x) for x in q]
        )
        law = SCHEMES[name].set_law(floats, n)
        assert law.keys() == exact.keys()
        assert all(abs(law[s] - float(exact[s])) < 1e-15 for s in law)


def test_with_replacement_is_a_power():
    for subset in [(), (0,), (0, 1), (0, 3, 4)]:
        inside = SCHEMES["with_replacement"].inside(Q, 3, subset)
        assert inside == sum((Q[i] for i in subset), Fraction(0)) ** 3


def test_spechub_pairs_are_those_of_the_paper():
    """(x, a) with q(x), (a, x) with q(a) q(x)/(1 − q(a)), a the top token."""
    expected = {(x, 0): Q[x] for x in (1, 3, 4)}
    expected |= {(0, x): Q[0] * Q[x] / (1 - Q[0]) for x in (1, 3, 4)}
    assert SCHEMES["spechub"].tuple_law(Q, 2) == expected


def test_spechub_pairs_have_the_set_law_of_greedy(rng):
    """On Q, on its ties, and on 200 random laws, in fractions."""
    expected = {frozenset({0, x}): Q[x] / (1 - Q[0]) for x in (1, 3, 4)}
    assert SCHEMES["greedy"].set_law(Q, 2) == expected
    for _ in range(200):
        weights = rng.integers(0, 5, int(rng.integers(2, 8))).tolist()
        if sum(w > 0 for w in weights) < 2:
            continue
        q = [Fraction(w, sum(weights)) for w in weights]
        law = SCHEMES["spechub"].set_law(q, 2)
        collapsed: dict = {}
        for drafts, weight in SCHEMES["spechub"].tuple_law(q, 2).items():
            collapsed[frozenset(drafts)] = collapsed.get(frozenset(drafts), 0) + weight
        assert law == collapsed == SCHEMES["greedy"].set_law(q, 2)
        for subset in ({0}, {0, 1}, set(range(len(q)))):
            inside = [SCHEMES[name].inside(q, 2, subset) for name in ("spechub", "greedy")]
            assert inside[0] == inside[1]


def test_spechub_is_a_scheme_of_two_drafts():
    for n in (1, 3):
        for call in (SCHEMES["spechub"].set_law, SCHEMES["spechub"].tuple_law):
            with pytest.raises(InputError, match="defined for n = 2 only: pass n=2, or scheme='greedy'"):
                call(Q, n)


def test_ties_go_to_the_lowest_index():
    q = [Fraction(1, 4)] * 4
    assert SCHEMES["top_k"].set_law(q, 2) == {frozenset({0, 1}): 1}
    assert set(SCHEMES["greedy"].set_law(q, 2)) == {frozenset({0, i}) for i in (1, 2, 3)}


def test_joint_drops_order_and_zeros():
    law = {(0, 1): Fraction(1, 2), (1, 0): Fraction(1, 4), (2, 2): Fraction(1, 4), (3, 4): Fraction(0)}
    assert SCHEMES["joint"].set_law(law, 2) == {
        frozenset({0, 1}): Fraction(3, 4),
        frozenset({2}): Fraction(1, 4),
    }


def test_too_many_sets():
    with pytest.raises(SizeError, match="500,000"):
        SCHEMES["without_replacement"].set_law([1 / 500] * 500, 4)


def test_all_means_the_schemes_with_one_draft_distribution_and_an_optimum_of_their_own():
    names = [scheme.name for scheme in resolve_schemes("all")]
    assert names == ["with_replacement", "without_replacement", "greedy", "top_k"]


def test_every_scheme_documents_itself():
    for name, scheme in SCHEMES.items():
        assert scheme.name == name
        assert scheme.summary
        assert "arXiv" in scheme.source
        assert isinstance(scheme, Scheme)
