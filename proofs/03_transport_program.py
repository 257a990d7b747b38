"""Check of page 3: the transport program, its dual, and why a 0/1 point is optimal."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from functools import lru_cache
from itertools import combinations, pairwise, product
from typing import Any, NamedTuple

import numpy as np

from mdsd_theory.proving import (
    Evidence,
    Finding,
    Kind,
    Level,
    Position,
    Sample,
    at_least,
    equal,
    fails,
    holds,
    identity,
    impossible,
    positions,
    total,
)
from mdsd_theory.proving.instances import Vector, shown
from mdsd_theory.proving.optima import solved, subsets
from mdsd_theory.proving.symbolic import sympy, z3

Tokens = frozenset[int]
Law = Mapping[Tokens, Fraction]
Coupling = Mapping[tuple[Tokens, int], Fraction]
Matrix = tuple[tuple[int, ...], ...]
ZERO, ONE = Fraction(0), Fraction(1)


class Priced(NamedTuple):
    """A position, and some u of the dual program."""

    x: Position
    u: Vector

    def __str__(self) -> str:
        return f"{self.x}, u = {shown(self.u)}"


def family(vocabulary: int, sizes: Sequence[int]) -> list[Tokens]:
    """All sets of tokens of these sizes."""
    return [s for s in subsets(vocabulary) if len(s) in sizes]


def some_of(vocabulary: int, most: int) -> Iterator[tuple[int, list[Tokens]]]:
    """V with every family of at most so many sets of tokens, lopsided ones among them."""
    sets = family(vocabulary, range(1, vocabulary + 1))
    for k in range(1, most + 1):
        yield from ((vocabulary, list(chosen)) for chosen in combinations(sets, k))


# --- the programs ---------------------------------------------------------------------------------


def incidence(vocabulary: int, sets: Sequence[Tokens]) -> Matrix:
    """A row for each set, then for each token; the column (S, i) has a one in rows S and i."""
    edges = [(s, i) for s in sets for i in sorted(s)]
    by_set = [tuple(int(t == s) for t, _ in edges) for s in sets]
    return (*by_set, *(tuple(int(j == i) for _, j in edges) for i in range(vocabulary)))


def cost(x: Position, u: Sequence[Any], v: Mapping[Tokens, Any]) -> Any:
    """Σ p_i u_i + Σ w(S) v_S."""
    return sum(a * b for a, b in zip(x.p, u, strict=True)) + sum(w * v[s] for s, w in x.law.items())


def cut(x: Position, chosen: Tokens) -> Any:
    """P(H) + 1 − Q(H): the cost of u = 1[H], v_S = 1[S ⊄ H]."""
    u = [int(i in chosen) for i in range(x.V)]
    return cost(x, u, {s: int(not s <= chosen) for s in x.law})


def minimisers(x: Position) -> list[Tokens]:
    """Every H of least cost."""
    cuts = {h: cut(x, h) for h in subsets(x.V)}
    return [h for h, value in cuts.items() if value == min(cuts.values())]


def optimal(x: Position) -> Coupling:
    """An optimal c of the transport program, from the package's maximum flow."""
    from mdsd_theory.reference.rational import solve_rational
    from mdsd_theory.reference.transport import transport_problem

    found: Any = solve_rational(transport_problem(x.p, x.law)).coupling
    return defaultdict(Fraction, found)


# --- completing a partial coupling ----------------------------------------------------------------


def left_over(x: Position, c: Coupling) -> tuple[dict[Tokens, Fraction], list[Fraction]]:
    """w′(S) = w(S) − Σ_i c(S, i) and p′_i = p_i − Σ_S c(S, i)."""
    w = {s: mass - total(c[s, i] for i in s) for s, mass in x.law.items()}
    return w, [mass - total(c[s, i] for s in x.law if i in s) for i, mass in enumerate(x.p)]


def completed(x: Position, c: Coupling) -> dict[tuple[Tokens, int], Fraction]:
    """ν = c + w′(S) p′_i / (1 − Σ c): a coupling of w and p."""
    w, p = left_over(x, c)
    rest = total(iter(w.values())) or ONE
    return {
        (s, i): (c[s, i] if i in s else ZERO) + w[s] * p[i] / rest for s in x.law for i in range(len(p))
    }


def partial(x: Position) -> Coupling:
    """A feasible c that is seldom optimal: tokens in order, each set gives half of what it could."""
    c: dict[tuple[Tokens, int], Fraction] = defaultdict(Fraction)
    left, free = dict(x.law), list(x.p)
    for s in x.law:
        for i in sorted(s):
            c[s, i] = min(left[s], free[i]) / 2
            left[s], free[i] = left[s] - c[s, i], free[i] - c[s, i]
    return c


def terms(x: Position, c: Coupling, u: Sequence[Fraction]) -> Fraction:
    """Σ u_i (p_i − Σ_S c) + Σ v_S (w(S) − Σ_i c) + Σ c (u_i + v_S − 1), v_S = max over S of 1 − u_i."""
    w, p = left_over(x, c)
    v = {s: max(1 - u[i] for i in s) for s in w}
    edges = total(c[s, i] * (u[i] + v[s] - 1) for s in w for i in s)
    return total(a * b for a, b in zip(u, p, strict=True)) + total(v[s] * w[s] for s in w) + edges


def marginals(x: Position, nu: Mapping[tuple[Tokens, int], Fraction]) -> list[Fraction]:
    """The laws of S and of Y."""
    tokens = range(x.V)
    sets = [total(nu[s, i] for i in tokens) for s in x.law]
    return [*sets, *(total(nu[s, i] for s in x.law) for i in tokens)]


def accepted(nu: Mapping[tuple[Tokens, int], Fraction]) -> Fraction:
    """P(Y ∈ S)."""
    return total(mass for (s, i), mass in nu.items() if i in s)


# --- determinants and vertices --------------------------------------------------------------------


def determinant(table: Sequence[Sequence[int]]) -> Fraction:
    """By elimination in fractions."""
    rows, result = [[Fraction(a) for a in row] for row in table], ONE
    for k in range(len(rows)):
        pivot = next((r for r in range(k, len(rows)) if rows[r][k]), None)
        if pivot is None:
            return ZERO
        if pivot != k:
            rows[k], rows[pivot], result = rows[pivot], rows[k], -result
        result *= rows[k][k]
        for r in range(k + 1, len(rows)):
            ratio = rows[r][k] / rows[k][k]
            rows[r] = [a - ratio * b for a, b in zip(rows[r], rows[k], strict=True)]
    return result


def by_induction(table: Sequence[Sequence[int]]) -> int:
    """The determinant as the proof finds it: a column of no, of one, or only columns of two ones."""
    for j in range(len(table)):
        ones = [i for i, row in enumerate(table) if row[j]]
        if not ones:
            return 0
        if len(ones) == 1:
            rest = [[*row[:j], *row[j + 1 :]] for i, row in enumerate(table) if i != ones[0]]
            sign: int = (-1) ** (ones[0] + j)
            return sign * by_induction(rest)
    return 1 if not table else 0


def square_submatrices(matrix: Matrix, orders: Sequence[int]) -> Iterator[list[list[int]]]:
    """Yield every square submatrix of these orders."""
    for k in orders:
        for rows in combinations(matrix, k):
            for columns in combinations(range(len(matrix[0])), k):
                yield [[row[j] for j in columns] for row in rows]


def solve(table: list[list[Fraction]]) -> list[Fraction] | None:
    """The only solution of equations [A | b], or None."""
    size = len(table)
    for k in range(size):
        pivot = next((r for r in range(k, size) if table[r][k]), None)
        if pivot is None:
            return None
        table[k], table[pivot] = table[pivot], table[k]
        table[k] = [a / table[k][k] for a in table[k]]
        for r in range(size):
            if r != k and table[r][k]:
                ratio = table[r][k]
                table[r] = [a - ratio * b for a, b in zip(table[r], table[k], strict=True)]
    return [row[-1] for row in table]


@lru_cache
def vertices(matrix: Matrix) -> frozenset[tuple[Fraction, ...]]:
    """Every vertex of {z ≥ 0 : Mᵀz ≥ 1}: as many tight constraints as unknowns, solved."""
    size = len(matrix)
    rows = [[*map(Fraction, column), ONE] for column in zip(*matrix, strict=True)]
    rows += [[Fraction(k == i) for k in range(size)] + [ZERO] for i in range(size)]
    found = (solve([list(row) for row in tight]) for tight in combinations(rows, size))
    return frozenset(tuple(z) for z in found if z is not None and feasible(matrix, z))


def feasible(matrix: Matrix, z: Sequence[Any]) -> bool:
    """Is z ≥ 0 and Mᵀz ≥ 1?"""
    covered = (sum(a * b for a, b in zip(c, z, strict=True)) for c in zip(*matrix, strict=True))
    return bool(min(z) >= 0 and min(covered) >= 1)


def unions(vocabulary: int, sets: Sequence[Tokens]) -> frozenset[tuple[int, ...]]:
    """The points v_S = 1[S ⊄ H], u = 1[H], H a union of sets."""
    made = {h for h in subsets(vocabulary) if h == frozenset().union(*(s for s in sets if s <= h))}
    return frozenset(
        (*(int(not s <= h) for s in sets), *(int(i in h) for i in range(vocabulary))) for h in made
    )


def least(x: Position, sizes: Sequence[int]) -> Fraction:
    """The dual's value, with a v_S for every set of these sizes: the least cost of a vertex."""
    sets = family(x.V, sizes)
    if not x.law.keys() <= set(sets):
        raise ValueError(f"{x} drafts sets of other sizes than {sizes}")
    masses = [*(x.law.get(s, ZERO) for s in sets), *x.p]
    points = vertices(incidence(x.V, sets))
    return min(total(a * b for a, b in zip(masses, z, strict=True)) for z in points)


# --- rounding by a threshold ----------------------------------------------------------------------


def thresholds(u: Sequence[Any]) -> list[tuple[Any, Tokens]]:
    """The lengths of the steps of t ↦ H_t = {i : u_i ≥ t} on (0, 1], with H_t on each."""
    levels = sorted({ZERO, *u, ONE})
    steps = pairwise(levels)
    return [(b - a, frozenset(i for i, x in enumerate(u) if x >= b)) for a, b in steps]


def cheapest(x: Position, u: Sequence[Fraction]) -> Fraction:
    """The cost of u with the least feasible v: v_S = max over i ∈ S of 1 − u_i."""
    value: Fraction = cost(x, u, {s: max(1 - u[i] for i in s) for s in x.law})
    return value


def symbolic_rounding(vocabulary: int) -> list[tuple[Any, Any]]:
    """For u_0 ≤ u_1 ≤ …: the average cut of H_t = Σ p u + Σ w(S) (1 − min over S of u)."""
    algebra = sympy()
    u = [algebra.Integer(0), *algebra.symbols(f"u:{vocabulary}"), algebra.Integer(1)]
    p = algebra.symbols(f"p:{vocabulary}")
    sets = family(vocabulary, range(1, vocabulary + 1))
    x = Position(p, dict(zip(sets, algebra.symbols(f"w:{len(sets)}"), strict=True)))
    upper = [frozenset(range(k, vocabulary)) for k in range(vocabulary + 1)]
    average = sum((u[k + 1] - u[k]) * cut(x, h) for k, h in enumerate(upper))
    return [(average, cost(x, u[1:-1], {s: 1 - u[1 + min(s)] for s in sets}))]


def undominated(vocabulary: int) -> list[Any]:
    """z3: a feasible (u, v), u_0 ≤ u_1 ≤ … ≤ 1, with v_S below the average of 1[S ⊄ H_t] for an S."""
    logic = z3()
    sets = family(vocabulary, range(1, vocabulary + 1))
    u = [logic.RealVal(0), *(logic.Real(f"u{i}") for i in range(vocabulary)), logic.RealVal(1)]
    v = {s: logic.Real(f"v{sorted(s)}") for s in sets}
    constraints = [a <= b for a, b in pairwise(u)] + [x >= 0 for x in v.values()]
    constraints += [u[1 + i] + v[s] >= 1 for s in sets for i in s]
    averages = {
        s: logic.Sum([u[k + 1] - u[k] for k in range(vocabulary + 1) if not min(s) >= k]) for s in sets
    }
    return [*constraints, logic.Or([v[s] < averages[s] for s in sets])]


# --- the neighbour: a budget for one drafter ------------------------------------------------------

EXTRA: dict[Level, list[tuple[int, tuple[int, ...]]]] = {
    Level.QUICK: [],
    Level.STANDARD: [(3, (2, 3))],
    Level.THOROUGH: [(3, (2, 3)), (3, (1, 2))],
}
"""Families of sets, by V and sizes, whose dual polyhedra are enumerated beside the smallest two."""

TUPLES, TARGET, BUDGET = ((0, 1), (2, 0)), (Fraction(1, 2), Fraction(1, 2), ZERO), Fraction(1, 2)


def budgeted() -> tuple[Matrix, list[Fraction]]:
    """Rows: tuples, tokens, and the second place; columns: (tuple, place). And their right-hand sides."""
    columns = [(x, place) for x in TUPLES for place in (0, 1)]
    rows = [tuple(int(x == y) for y, _ in columns) for x in TUPLES]
    rows += [tuple(int(x[place] == i) for x, place in columns) for i in range(3)]
    rows += [tuple(int(place == 1) for _, place in columns)]
    return tuple(rows), [Fraction(1, 2), Fraction(1, 2), *TARGET, BUDGET]


def with_budget(points: Iterator[Sequence[Any]]) -> Fraction:
    """The least cost of these points of the dual with a budget."""
    masses = budgeted()[1]
    return min(total(a * b for a, b in zip(masses, z, strict=True)) for z in points)


def binary(matrix: Matrix) -> Iterator[tuple[int, ...]]:
    """Every feasible 0/1 point."""
    return (z for z in product((0, 1), repeat=len(matrix)) if feasible(matrix, z))


# --- findings -------------------------------------------------------------------------------------


def unimodular(level: Level) -> list[Finding]:
    """Determinants and vertices, by brute force."""
    from mdsd_theory.reference.unimodular import is_totally_unimodular

    shapes = [(2, (1, 2)), (3, (2,)), *EXTRA[level]]
    families = [(v, family(v, sizes)) for v, sizes in shapes]
    families += [*some_of(2, 3), *some_of(3, level.pick(2, 3, 3))]
    full = incidence(3, family(3, (1, 2, 3)))
    parts = square_submatrices(full, level.pick([1, 2], [1, 2, 3], [1, 2, 3, 4]))
    square = list(square_submatrices(incidence(3, family(3, (2,))), range(1, 7))) + list(parts)
    scope = "V = 3, sets of two tokens: all; any sets: small orders"
    polyhedra = Sample(Kind.GRID, f"{len(families)} families of sets, V = 2, 3", families)
    return [
        holds(
            "every minor is −1, 0 or 1",
            Sample(Kind.GRID, scope, square),
            lambda part: determinant(part) in (-1, 0, 1),
        ),
        equal(
            "the minor is what the induction says",
            Sample(Kind.GRID, scope, square),
            determinant,
            by_induction,
        ),
        holds(
            "reference.unimodular agrees",
            Sample(Kind.GRID, "families of sets, V = 2, 3", [incidence(*x) for x in families[:2]]),
            is_totally_unimodular,
        ),
        holds(
            "the dual's vertices: u = 1[H], v_S = 1[S ⊄ H], H a union of sets",
            polyhedra,
            lambda x: vertices(incidence(*x)) == unions(*x),
        ),
    ]


def programs(level: Level, rng: np.random.Generator) -> list[Finding]:
    """Primal, dual, complementary slackness and completion on random instances."""
    some = positions(rng, level.pick(80, 600, 5000), [4], (1, 2, 3))
    pairs = positions(rng, level.pick(100, 600, 5000), [3], (2,))
    two = positions(rng, level.pick(100, 600, 5000), [2])
    return [
        equal("primal = dual", pairs, optimum, lambda x: least(x, (2,))),
        equal("primal = dual", two, optimum, lambda x: least(x, (1, 2))),
        equal("primal = least 0/1 point", some, optimum, lambda x: cut(x, minimisers(x)[0])),
        holds("complementary slackness with every least H", some, slack),
        *completion(some),
    ]


def completion(some: Sample) -> list[Finding]:
    """Theorem 3.a."""
    ways = (partial, optimal)
    return [
        equal(
            "a completed c has marginals w and p",
            some,
            lambda x: [m for c in ways for m in marginals(x, completed(x, c(x)))],
            lambda x: 2 * [*x.law.values(), *x.p],
        ),
        at_least(
            "it is non-negative, and accepts at least Σ c",
            some,
            lambda x: [
                y
                for c in ways
                for nu in [completed(x, c(x))]
                for y in (min(nu.values()), accepted(nu) - total(iter(c(x).values())))
            ],
            lambda x: 4 * [0],
        ),
        equal("an optimal c accepts Σ c", some, lambda x: accepted(completed(x, optimal(x))), optimum),
    ]


def optimum(x: Position) -> Fraction:
    """The value of the program."""
    return solved(x.p, x.law)


def slack(x: Position) -> bool:
    """c > 0 only where u_i + v_S = 1; p_i used up on H; w(S) used up where S ⊄ H."""
    c = optimal(x)
    w, p = left_over(x, c)
    return all(
        all((i in h) + (not s <= h) == 1 for (s, i), mass in c.items() if mass)
        and not any(p[i] for i in h)
        and not any(w[s] for s in w if not s <= h)
        for h in minimisers(x)
    )


def rounding(level: Level, rng: np.random.Generator) -> list[Finding]:
    """The second proof."""
    xs = positions(rng, level.pick(150, 1000, 8000), [4])
    priced = [Priced(x, tuple(Fraction(int(k), 6) for k in rng.integers(0, 7, 4))) for x in xs.items]
    sample = Sample(Kind.RANDOM, f"{xs.scope}, u in sixths", priced)
    large = level.pick(3, 4, 4)
    return [
        identity(
            "the average cut of H_t is the cost of u",
            f"V = {large + 1}, all p, w, u",
            lambda: symbolic_rounding(large + 1),
        ),
        impossible(
            "(u, v) is no better than an average of 0/1 points",
            f"V = {large}, all feasible u ≤ 1 in order, v",
            lambda: undominated(large),
        ),
        equal(
            "the average cut of H_t is the cost of u",
            sample,
            lambda z: total(length * cut(z.x, h) for length, h in thresholds(z.u)),
            lambda z: cheapest(*z),
        ),
        equal(
            "dual − primal = the three sums of complementary slackness",
            sample,
            lambda z: cheapest(*z) - total(iter(partial(z.x).values())),
            lambda z: terms(z.x, partial(z.x), z.u),
        ),
        at_least(
            "some H_t costs no more than u",
            sample,
            lambda z: cheapest(*z),
            lambda z: min(cut(z.x, h) for _, h in thresholds(z.u)),
        ),
    ]


def check(level: Level, rng: np.random.Generator) -> Evidence:
    """The program is completed to a coupling, equals its dual, and a 0/1 point is optimal."""
    matrix = budgeted()[0]
    drafts = "X = (0, 1) or (2, 0), p = (1/2, 1/2, 0), the second place accepted at most half of the time"
    odd = [[matrix[r][j] for j in (0, 1, 3)] for r in (0, 2, 5)]
    return Evidence.of(
        *unimodular(level),
        *programs(level, rng),
        *rounding(level, rng),
        fails(
            "with a budget for one place some 0/1 point is optimal",
            drafts,
            lambda _: with_budget(iter(vertices(matrix))),
            lambda _: with_budget(binary(matrix)),
        ),
        fails(
            "with a budget for one place the matrix is unimodular",
            drafts,
            lambda _: 1,
            lambda _: abs(determinant(odd)),
        ),
    )
