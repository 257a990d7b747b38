"""Check of page 13: the walk down a tree of drafts."""

from collections.abc import Callable, Iterator
from fractions import Fraction
from itertools import product
from typing import Any, NamedTuple

import numpy as np

from mdsd_theory import SCHEMES, VERIFIERS
from mdsd_theory.proving import (
    Evidence,
    Finding,
    Kind,
    Level,
    Pair,
    Sample,
    at_least,
    differs,
    equal,
    fails,
    grid,
    random_pairs,
)
from mdsd_theory.proving.instances import Vector, shown, vector
from mdsd_theory.proving.optima import optimum, set_law, subsets
from mdsd_theory.proving.samples import grid_pairs, random_vector

ZERO = Fraction(0)
Path = tuple[int, ...]
Tree = dict[Path, tuple[int, ...]]
"""The drafts at each node that is no leaf."""

RULES = (
    ("with_replacement", "rrs"),
    ("with_replacement", "optimal"),
    ("without_replacement", "rrs_without_replacement"),
    ("without_replacement", "optimal"),
    ("without_replacement", "naive"),
)


class Chain(NamedTuple):
    """Target and draft as Markov models: first token, then the row of the last token."""

    p: tuple[Vector, ...]
    q: tuple[Vector, ...]
    n: int
    depth: int
    scheme: str = "with_replacement"
    rule: str = "rrs"

    def at(self, u: Path) -> tuple[Vector, Vector]:
        """p(·|u) and q(·|u)."""
        row = u[-1] + 1 if u else 0
        return self.p[row], self.q[row]

    def __str__(self) -> str:
        rows = [f"p = {shown(p)}, q = {shown(q)}" for p, q in zip(self.p, self.q, strict=True)]
        return f"{'; '.join(rows)}; n = {self.n}, depth {self.depth}, {self.scheme}, {self.rule}"


Grow = Callable[[Chain, Path, Tree], int]
"""How many drafts to draw at a node, from what has been drawn before; 0 makes it a leaf."""

Growing = Callable[[Chain], Iterator[tuple[Tree, Fraction]]]


def balanced(x: Chain, u: Path, tree: Tree) -> int:
    """n at every node above the largest depth."""
    return x.n if len(u) < x.depth else 0


def adaptive(x: Chain, u: Path, tree: Tree) -> int:
    """Fewer drafts, or none, after what other nodes happened to draw."""
    if not u:
        return x.n
    seen = [i for drafts in tree.values() for i in drafts]
    return 0 if len(u) >= x.depth else min(seen.count(0), x.n)


def drafted(x: Chain, u: Path, n: int) -> dict[tuple[int, ...], Fraction]:
    """D_u: the law of n drafts at the node u."""
    law: dict[tuple[int, ...], Fraction] = SCHEMES[x.scheme].tuple_law(x.at(u)[1], n)
    return law


def grown(x: Chain, grow: Grow = balanced) -> Iterator[tuple[Tree, Fraction]]:
    """Every tree with its probability, node after node; equal drafts share one child."""

    def rest(tree: Tree, weight: Fraction, todo: list[Path]) -> Iterator[tuple[Tree, Fraction]]:
        if not todo:
            yield tree, weight
            return
        u, later = todo[0], todo[1:]
        n = grow(x, u, tree)
        if n == 0:
            yield from rest(tree, weight, later)
            return
        for drafts, chance in drafted(x, u, n).items():
            children = [(*u, i) for i in sorted(set(drafts))]
            yield from rest({**tree, u: drafts}, weight * chance, later + children)

    yield from rest({}, Fraction(1), [()])


def sharing(x: Chain) -> Iterator[tuple[Tree, Fraction]]:
    """Depth 2, all nodes of depth 1 having the same drafts, of the law after token 0."""
    for (a, v), (b, w) in product(drafted(x, (), x.n).items(), drafted(x, (0,), x.n).items()):
        yield {(): a, **{(i,): b for i in a}}, v * w


def repeating(x: Chain) -> Iterator[tuple[Tree, Fraction]]:
    """False: the drafts of the root are used again below."""
    for drafts, weight in drafted(x, (), x.n).items():
        yield {(): drafts, **{(i,): drafts for i in drafts}}, weight


def pruned(x: Chain) -> Iterator[tuple[Tree, Fraction]]:
    """False: drafts at the root are drawn, then dropped unless their draft probability is largest."""
    for drafts, weight in drafted(x, (), x.n).items():
        chance = x.at(())[1]
        kept = tuple(i for i in drafts if chance[i] == max(chance))
        yield ({(): kept} if kept else {}), weight


def best_twin(x: Chain) -> Iterator[tuple[Tree, Fraction]]:
    """False: a child drafted twice has two sets of drafts below; the likelier ones are kept."""
    q = x.at((0,))[1]
    for a, v in drafted(x, (), 2).items():
        for (b, w), (c, z) in product(drafted(x, (0,), 1).items(), repeat=2):
            kept = max(b, c, key=lambda t: q[t[0]]) if a[0] == a[1] else b
            yield {(): a, **{(i,): kept for i in a}}, v * w * z


def walk(x: Chain, tree: Tree, u: Path = ()) -> Iterator[tuple[Path, Fraction]]:
    """What the walk emits on one tree: descend while the emitted token is a child."""
    p, q = x.at(u)
    drafts = tree.get(u)
    law = {i: c for i, c in enumerate(p) if c}
    if drafts:
        law = VERIFIERS[x.rule].conditional_law(p, q, drafts, scheme=x.scheme)
    for i, chance in law.items():
        if drafts and i in drafts:
            for tokens, share in walk(x, tree, (*u, i)):
                yield tokens, chance * share
        else:
            yield (*u, i), chance


def emitted(x: Chain, trees: Growing = grown) -> dict[Path, Fraction]:
    """The law of the emitted tokens, of varying number."""
    law: dict[Path, Fraction] = {}
    for tree, weight in trees(x):
        for tokens, chance in walk(x, tree):
            law[tokens] = law.get(tokens, ZERO) + weight * chance
    return law


def continued(x: Chain, law: dict[Path, Fraction]) -> list[Fraction]:
    """The law of the first depth + 1 tokens, the missing ones drawn from the target."""
    total = dict.fromkeys(product(range(len(x.p[0])), repeat=x.depth + 1), ZERO)
    for u in total:
        for k in range(1, x.depth + 2):
            total[u] += law.get(u[:k], ZERO) * target(x, u, k)
    return list(total.values())


def target(x: Chain, u: Path, start: int = 0) -> Fraction:
    """Π_{k ≥ start} p(u_{k+1} | u_1 … u_k)."""
    chance = Fraction(1)
    for k in range(start, len(u)):
        chance *= x.at(u[:k])[0][u[k]]
    return chance


def targets(x: Chain) -> list[Fraction]:
    """The target's law of depth + 1 tokens."""
    return [target(x, u) for u in product(range(len(x.p[0])), repeat=x.depth + 1)]


def count(x: Chain) -> Fraction:
    """Expected number of emitted tokens, by enumeration."""
    return sum((len(u) * w for u, w in emitted(x).items()), start=ZERO)


def accepted(x: Chain, u: Path) -> list[Fraction]:
    """a_u(i) = P(Y = i, i ∈ S) at the node u."""
    p, q = x.at(u)
    chances = [ZERO] * len(p)
    for drafts, weight in drafted(x, u, x.n).items():
        law = VERIFIERS[x.rule].conditional_law(p, q, drafts, scheme=x.scheme)
        for i in set(drafts):
            chances[i] += weight * law.get(i, ZERO)
    return chances


def block_efficiency(x: Chain, u: Path = ()) -> Fraction:
    """Σ over nodes u of Π a(u_k): W(u) = 1 + Σ_i a_u(i) W(ui), and 1 at a leaf."""
    if len(u) == x.depth:
        return Fraction(1)
    a = accepted(x, u)
    return 1 + sum((c * block_efficiency(x, (*u, i)) for i, c in enumerate(a) if c), start=ZERO)


def rank(x: Pair, scheme: str, a: frozenset[int]) -> Fraction:
    """r(A) = min over B ⊆ A of P(A∖B) + P(S meets B): the most that can be accepted in A."""
    law = set_law(x, scheme)
    return min(
        x.P(a - b) + sum((w for s, w in law.items() if s & b), start=ZERO) for b in subsets(x.V) if b <= a
    )


def by_value(x: Pair, scheme: str, value: list[Fraction]) -> list[Fraction]:
    """a_i = r(A_i ∪ i) − r(A_i), A_i the tokens of larger value."""
    a, above = [ZERO] * x.V, frozenset[int]()
    for i in sorted(range(x.V), key=lambda i: -value[i]):
        a[i] = rank(x, scheme, above | {i}) - rank(x, scheme, above)
        above |= {i}
    return a


def most_value(x: Pair, scheme: str, value: list[Fraction]) -> float:
    """max Σ v_i c(S, i) over the transport program, by linear programming."""
    from scipy.optimize import linprog

    cells = [(s, i) for s in set_law(x, scheme) for i in s]
    sets = list(set_law(x, scheme))
    rows = [[float(t == s) for t, _ in cells] for s in sets]
    columns = [[float(j == i) for _, j in cells] for i in range(x.V)]
    limits = [float(set_law(x, scheme)[s]) for s in sets] + [float(p) for p in x.p]
    gain = [-float(value[i]) for _, i in cells]
    found = linprog(gain, A_ub=rows + columns, b_ub=limits, method="highs")
    return -float(np.float64(found.fun))


def some_values(x: Pair) -> list[Fraction]:
    """Values of no special kind."""
    return [Fraction(1 + (3 * i) % 4, 2) for i in range(x.V)]


def random_chains(rng: np.random.Generator, times: int, shapes: tuple[tuple[int, int], ...]) -> Sample:
    """Random Markov models for every rule; shapes are pairs (V, depth), n = 1 or 2."""
    items = []
    for (scheme, rule), (v, depth), _ in product(RULES, shapes, range(times)):
        n = int(rng.integers(1, 3))
        p, q = (tuple(random_vector(rng, v, 6, k) for _ in range(v + 1)) for k in (1, n))
        items.append(Chain(p, q, n, depth, scheme, rule))
    listed = ", ".join(f"V = {v} with depth {depth}" for v, depth in shapes)
    return Sample(Kind.RANDOM, f"{len(RULES)} rules, {listed}, n ≤ 2", items)


def every_chain(root: int, below: int) -> Sample:
    """Two tokens: every small p and q at the root, over every p and q after token 0 and after 1."""
    items = []
    for (scheme, rule), n, depth in product(RULES, (1, 2), (1, 2)):
        support = 1 if scheme == "with_replacement" else n
        rows = list(labelled(below, support)) or [((Fraction(1, 2),) * 2,) * 2]
        after = list(product(rows, repeat=2)) if depth == 2 else [(rows[0], rows[-1])]
        for (p, q), ((a, b), (c, d)) in product(labelled(root, support), after):
            items.append(Chain((p, a, c), (q, b, d), n, depth, scheme, rule))
    scope = f"{len(RULES)} rules, V = 2, D ≤ {root} at the root and {below} below, depth ≤ 2, n ≤ 2"
    return Sample(Kind.GRID, scope, items)


def labelled(largest: int, support: int) -> Iterator[tuple[Vector, Vector]]:
    """Yield every p and q over two tokens of common denominator up to D, not only up to relabelling."""
    for p, q in grid_pairs(2, largest):
        for order in sorted({(p, q), (p[::-1], q[::-1])}):
            if sum(v > 0 for v in q) >= support:
                yield order


def one_law(x: Chain) -> Chain:
    """The same target and draft after every token."""
    return x._replace(p=(x.p[0],) * len(x.p), q=(x.q[0],) * len(x.q))


def power_sum(x: Chain) -> Fraction:
    """1 + α + … + α^depth."""
    alpha = sum(accepted(x, ()), start=ZERO)
    return sum((alpha**k for k in range(x.depth + 1)), start=ZERO)


def tree_findings(chains: Sample) -> list[Finding]:
    """Theorems 13.a to 13.c."""

    def adapted(x: Chain) -> list[Fraction]:
        return continued(x, emitted(x, lambda y: grown(y, adaptive)))

    return [
        equal("13.a the walk emits the target", chains, lambda x: continued(x, emitted(x)), targets),
        equal("13.b a tree grown by what was drawn before", chains, adapted, targets),
        equal("13.c E tokens = Σ over nodes of Π a", chains, count, block_efficiency),
    ]


def two_level_findings(twos: Sample) -> list[Finding]:
    """Branches that share their drafts, and one law at every node."""

    def same_below(x: Chain) -> Chain:
        return x._replace(depth=2, q=(x.q[0], *(x.q[1],) * (len(x.q) - 1)))

    return [
        equal(
            "13.a drafts shared between branches do no harm",
            twos,
            lambda x: continued(same_below(x), emitted(same_below(x), sharing)),
            lambda x: targets(same_below(x)),
        ),
        equal(
            "13.c one law at every node: 1 + α + … + α^depth",
            twos,
            lambda x: block_efficiency(one_law(x)),
            lambda x: power_sum(one_law(x)),
        ),
    ]


def value_findings(pairs: Sample, distinct: Sample) -> list[Finding]:
    """Theorem 13.d."""
    found = []
    for scheme, sample in (("with_replacement", pairs), ("without_replacement", distinct)):

        def greedy(x: Pair, scheme: str = scheme) -> list[Fraction]:
            return by_value(x, scheme, some_values(x))

        def best(x: Pair, scheme: str = scheme) -> float:
            return most_value(x, scheme, some_values(x))

        def worth(x: Pair, scheme: str = scheme) -> float:
            return float(sum(map(Fraction.__mul__, by_value(x, scheme, some_values(x)), some_values(x))))

        def total(x: Pair, scheme: str = scheme) -> Fraction:
            return sum(by_value(x, scheme, some_values(x)), start=ZERO)

        def optimal(x: Pair, scheme: str = scheme) -> Fraction:
            return optimum(x, scheme)

        floats = Sample(Kind.FLOATING, sample.scope, sample.items)
        found += [
            equal(f"13.d greedy by value has the largest value, {scheme}", floats, worth, best, tol=1e-9),
            equal(f"13.d and accepts α*, {scheme}", sample, total, optimal),
            at_least(f"13.d and no a_i < 0, {scheme}", sample, greedy, lambda x: [ZERO] * x.V),
        ]
    return found


def late_choice(x: Chain) -> list[Fraction]:
    """False: one draft a node; the root's verifier ignores it unless the draft below is token 0."""
    law: dict[Path, Fraction] = {}
    for tree, weight in grown(x):
        (first,) = tree[()]
        found = list(walk(x, tree))
        if tree[first,] != (0,):
            fresh = [(y, c) for y, c in enumerate(x.p[0]) if y != first]
            found = [(tokens, x.p[0][first] * c) for tokens, c in walk(x, tree, (first,))]
            found += [((y,), c) for y, c in fresh]
        for tokens, chance in found:
            law[tokens] = law.get(tokens, ZERO) + weight * chance
    return continued(x, law)


def chain(p: str, q: str, n: int, depth: int) -> Chain:
    """A model whose tokens are independent."""
    v = len(p.split())
    return Chain((vector(p),) * (v + 1), (vector(q),) * (v + 1), n, depth)


def forgetful(x: Pair) -> list[Fraction]:
    """Two drafts, each accepted with min(1, p/q), then (p − q)_+: the second forgets the first."""
    rule = [VERIFIERS["rrs"].conditional_law(x.p, x.q, (i,)) for i in range(x.V)]
    kept = [min(Fraction(1), p / q) for p, q in zip(x.p, x.q, strict=True)]
    law = [ZERO] * x.V
    for (i, q_i), (j, q_j) in product(enumerate(x.q), repeat=2):
        law[i] += q_i * q_j * kept[i]
        for k, chance in rule[j].items():
            law[k] += q_i * q_j * (1 - kept[i]) * chance
    return law


def neighbours() -> list[Finding]:
    """What is false nearby."""
    coin, uneven = chain("1/2 1/2", "1/2 1/2", 1, 2), chain("2/3 1/3", "2/3 1/3", 1, 1)
    twins = chain("2/3 1/3", "2/3 1/3", 2, 2)
    tied = Pair.of("1/2 1/2 0", "1/4 1/4 1/2", 2)

    def walked(trees: Growing) -> Callable[[Chain], list[Fraction]]:
        return lambda x: continued(x, emitted(x, trees))

    def tokens(x: Pair, order: list[Fraction]) -> Fraction:
        """1 + Σ a_i W(i), a greedy by the order, two more tokens after token 0 and one after 1."""
        after = [Fraction(2), Fraction(1), Fraction(1)]
        return 1 + sum(map(Fraction.__mul__, by_value(x, "with_replacement", order), after), start=ZERO)

    first, second = [Fraction(2), Fraction(1), ZERO], [Fraction(1), Fraction(2), ZERO]
    return [
        differs(
            "the second draft may be verified against p again",
            Pair.of("1/2 1/2", "3/4 1/4", 2),
            forgetful,
            lambda x: list(x.p),
        ),
        differs("drafts of the root may be used again below", coin, walked(repeating), targets),
        differs("the verifier may be chosen after the drafts below", coin, late_choice, targets),
        differs("sampled drafts may be pruned by draft probability", uneven, walked(pruned), targets),
        differs("the likelier of two twin subtrees may be kept", twins, walked(best_twin), targets),
        fails(
            "every optimal verifier is best for the block",
            tied,
            lambda x: tokens(x, second),
            lambda x: tokens(x, first),
        ),
    ]


def check(level: Level, rng: np.random.Generator) -> Evidence:
    """The walk is lossless, its block efficiency a sum over nodes, its optimum node by node."""
    shapes = ((2, 1), (2, 2), (3, 1), *level.pick((), ((3, 2),), ((3, 2),)))
    chains = random_chains(rng, level.pick(4, 30, 150), shapes)
    twos = random_chains(rng, level.pick(4, 30, 200), ((2, 2),))
    deep = random_chains(rng, level.pick(0, 2, 20), ((2, 3),))
    count, size = level.pick(25, 200, 2000), level.pick(3, 4, 5)
    numbers: dict[str, Any] = {"vocabulary": [2, 3, 4], "n": [1, 2, 3], "denominator": 12}
    pairs = random_pairs(rng, count, **numbers)
    distinct = random_pairs(rng, count, **numbers, distinct=True)
    return Evidence.of(
        *tree_findings(every_chain(*level.pick((2, 1), (3, 2), (6, 2)))),
        *tree_findings(chains),
        *(tree_findings(deep) if deep.total else []),
        *two_level_findings(twos),
        *value_findings(grid(3, size, n=(1, 2)), grid(3, size, n=(1, 2), distinct=True)),
        *value_findings(pairs, distinct),
        *neighbours(),
    )
