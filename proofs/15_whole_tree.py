"""Check of page 15: the best lossless rule for a whole tree of drafts."""

from collections.abc import Iterator
from fractions import Fraction
from itertools import product
from typing import NamedTuple

import numpy as np

from mdsd_theory.proving import Evidence, Finding, Kind, Level, Sample, at_least, equal, fails
from mdsd_theory.proving.instances import Vector, shown, vector
from mdsd_theory.proving.samples import random_vector
from mdsd_theory.schemes import resolve_scheme
from mdsd_theory.tree.best import BestRule, best_tree_rule, drafted_tree
from mdsd_theory.tree.block_efficiency import block_efficiency
from mdsd_theory.tree.language import NextToken, markov
from mdsd_theory.tree.rules import NodeWise, Setting, TreeRule, resolve_rule, setting_of
from mdsd_theory.tree.topology import parse_tree
from mdsd_theory.tree.walk import completed_law, emitted_law, string_chance

ZERO = Fraction(0)
Path = tuple[int, ...]

SCHEMES = ("with_replacement", "without_replacement", "greedy", "top_k")


class Toy(NamedTuple):
    """Target and draft as Markov models (first token, then the row of the last), a tree and a scheme."""

    p: tuple[Vector, ...]
    q: tuple[Vector, ...]
    tree: str
    scheme: str

    @property
    def target(self) -> NextToken:
        """p(·|u)."""
        return markov(self.p[0], self.p[1:])

    @property
    def draft(self) -> NextToken:
        """q(·|u)."""
        return markov(self.q[0], self.q[1:])

    @property
    def setting(self) -> Setting:
        """What rules go down on."""
        return setting_of(self.target, self.draft, self.tree, self.scheme, NodeWise("naive"))

    def __str__(self) -> str:
        rows = [f"p = {shown(p)}, q = {shown(q)}" for p, q in zip(self.p, self.q, strict=True)]
        return f"{'; '.join(rows)}; {self.tree}, {self.scheme}"


def trees_of(x: Toy) -> dict[frozenset[Path], Fraction]:
    """Every set of drafted paths with its probability."""
    setting = x.setting

    def grown(todo: list[tuple[int, Path]]) -> Iterator[tuple[frozenset[Path], Fraction]]:
        if not todo:
            yield frozenset(), Fraction(1)
            return
        (node, u), *rest = todo
        for drafts, weight in setting.law(node, u).items():
            below = [(setting.tree.children[node][j], (*u, i)) for j, i in enumerate(drafts)]
            for paths, chance in grown([*rest, *below]):
                yield paths | {path for _, path in below}, weight * chance

    law: dict[frozenset[Path], Fraction] = {}
    for paths, weight in grown([(0, ())]):
        law[paths] = law.get(paths, ZERO) + weight
    return law


def by_listing(x: Toy) -> float:
    """The largest expected number of tokens: one variable for each tree and string it may emit."""
    from scipy.optimize import linprog

    law, target = trees_of(x), x.target
    v, length = len(x.p[0]), parse_tree(x.tree).depth + 1
    cells = [(t, (*u, y)) for t, paths in enumerate(law) for u in [(), *paths] for y in range(v)]
    strings = list(product(range(v), repeat=length))
    rows = np.zeros((len(law) + len(strings), len(cells)))
    for k, (t, w) in enumerate(cells):
        rows[t, k] = 1
        for s, z in enumerate(strings):
            if z[: len(w)] == w:
                rows[len(law) + s, k] = float(string_chance(target, z, len(w)))
    right = [float(c) for c in law.values()] + [float(string_chance(target, z)) for z in strings]
    found = linprog([-float(len(w)) for _, w in cells], A_eq=rows, b_eq=right, method="highs")
    return -float(np.float64(found.fun))


def optimum(x: Toy) -> float:
    """The value of 15.b."""
    return best_tree_rule(x.target, x.draft, x.tree, scheme=x.scheme).value


def output(x: Toy, rule: TreeRule | str) -> list[Fraction]:
    """The law of depth + 1 tokens, the missing ones drawn from the target."""
    law = emitted_law(x.target, x.draft, x.tree, scheme=x.scheme, rule=rule)
    return list(completed_law(law, x.target, parse_tree(x.tree).depth + 1).values())


def targets(x: Toy) -> list[Fraction]:
    """The target's law of depth + 1 tokens."""
    strings = product(range(len(x.p[0])), repeat=parse_tree(x.tree).depth + 1)
    return [string_chance(x.target, w) for w in strings]


def tokens(x: Toy, rule: TreeRule | str) -> Fraction:
    """Expected number of emitted tokens, by enumeration."""
    return Fraction(block_efficiency(x.target, x.draft, x.tree, scheme=x.scheme, rule=rule))


def visits(x: Toy, rule: TreeRule | str) -> dict[Path, Fraction]:
    """R(u), by enumeration."""
    found: dict[Path, Fraction] = {}
    law = emitted_law(x.target, x.draft, x.tree, scheme=x.scheme, rule=rule)
    for w, chance in law.items():
        for k in range(len(w)):
            found[w[:k]] = found.get(w[:k], ZERO) + chance
    return found


def exact_emissions(x: Toy, rule: TreeRule | str) -> list[Fraction]:
    """e(uy) + R(uy) − R(u) p(y|u) for every u that is visited: zero if the rule is lossless."""
    law = emitted_law(x.target, x.draft, x.tree, scheme=x.scheme, rule=rule)
    reach = visits(x, rule)
    return [
        law.get((*u, y), ZERO) + reach.get((*u, y), ZERO) - r * x.target(u)[y]
        for u, r in reach.items()
        for y in range(len(x.p[0]))
    ]


def slack(x: Toy, rule: TreeRule | str) -> list[Fraction]:
    """f(A) − σ(A) for sets A of one and two paths and for all paths but the root."""
    reach, drafted = visits(x, rule), drafted_tree(x.setting)
    paths = [u for u in drafted.paths if u]
    last = {
        u: reach.get(u, ZERO) - sum((reach.get((*u, y), ZERO) for y in range(len(x.p[0]))), ZERO)
        for u in paths
    }
    sets = [{u} for u in paths] + [{u, w} for u in paths for w in paths if u < w] + [set(paths)]
    return [drafted.meets(a) - sum((last[u] for u in a), ZERO) for a in sets]


def chain_visits(x: Toy) -> dict[Path, Fraction]:
    """R(uy) = min(P(uy is drafted), R(u) p(y|u))."""
    found: dict[Path, Fraction] = {(): Fraction(1)}
    for u in drafted_tree(x.setting).paths[1:]:
        found[u] = min(string_chance(x.draft, u), found[u[:-1]] * x.target(u[:-1])[u[-1]])
    return found


def random_toys(rng: np.random.Generator, times: int, shapes: tuple[tuple[str, int], ...]) -> Sample:
    """Random Markov models over V tokens for each tree and scheme."""
    items = []
    for (tree, v), scheme, _ in product(shapes, SCHEMES, range(times)):
        n = parse_tree(tree).width
        least = min(n, v) if resolve_scheme(scheme).support_needed(n) > 1 else 1
        p, q = (tuple(random_vector(rng, v, 6, k) for _ in range(v + 1)) for k in (1, least))
        items.append(Toy(p, q, tree, scheme))
    listed = ", ".join(f"{tree} with V = {v}" for tree, v in shapes)
    return Sample(Kind.RANDOM, f"{len(SCHEMES)} schemes; {listed}", items)


def program_findings(toys: Sample) -> list[Finding]:
    """Theorems 15.a to 15.c."""

    def best(x: Toy) -> BestRule:
        return BestRule(best_tree_rule(x.target, x.draft, x.tree, scheme=x.scheme))

    floats = Sample(Kind.FLOATING, toys.scope, toys.items)
    return [
        equal("15.b the program = one with every tree", floats, optimum, by_listing, tol=1e-7),
        equal("15.b its rule is lossless", toys, lambda x: output(x, best(x)), targets),
        equal(
            "15.b and emits Σ R tokens",
            toys,
            lambda x: tokens(x, best(x)),
            lambda x: best(x).optimum.lower,
        ),
        at_least(
            "15.b σ(A) ≤ f(A), best rule",
            toys,
            lambda x: slack(x, best(x)),
            lambda x: [ZERO] * len(slack(x, best(x))),
        ),
        at_least(
            "15.c prices bound it", toys, lambda x: best(x).optimum.upper, lambda x: best(x).optimum.lower
        ),
    ]


def rule_findings(toys: Sample) -> list[Finding]:
    """Theorems 15.a and 15.d, for the rules that are known."""

    def none(x: Toy, rule: str) -> list[Fraction]:
        return [ZERO] * len(exact_emissions(x, rule))

    def upper(x: Toy) -> Fraction:
        return best_tree_rule(x.target, x.draft, x.tree, scheme=x.scheme).upper

    found = [equal("15.d traversal is lossless", toys, lambda x: output(x, "traversal"), targets)]
    for rule in ("traversal", "optimal"):

        def emissions(x: Toy, rule: str = rule) -> list[Fraction]:
            return exact_emissions(x, rule)

        def zeros(x: Toy, rule: str = rule) -> list[Fraction]:
            return none(x, rule)

        def emitted(x: Toy, rule: str = rule) -> Fraction:
            return tokens(x, rule)

        found += [
            equal(f"15.a e = R p − R, {rule}", toys, emissions, zeros),
            at_least(f"15.b no more than the optimum, {rule}", toys, upper, emitted),
        ]
    return found


def chain_findings(chains: Sample) -> list[Finding]:
    """Theorem 15.e."""

    def difference(x: Toy) -> list[Fraction]:
        reach = visits(x, "block")
        return [reach.get(u, ZERO) for u in chain_visits(x)]

    return [
        equal(
            "15.e block = traversal",
            chains,
            lambda x: output(x, "block"),
            lambda x: output(x, "traversal"),
        ),
        equal(
            "15.e R(uy) = min(b(uy), R(u) p(y|u))",
            chains,
            difference,
            lambda x: list(chain_visits(x).values()),
        ),
        equal(
            "15.e which is the optimum",
            Sample(Kind.FLOATING, chains.scope, chains.items),
            lambda x: float(tokens(x, "block")),
            optimum,
            tol=1e-8,
        ),
    ]


def toy(p: str, q: str, tree: str) -> Toy:
    """Independent tokens, i.i.d. drafts."""
    v = len(p.split())
    return Toy((vector(p),) * (v + 1), (vector(q),) * (v + 1), tree, "with_replacement")


def neighbours() -> list[Finding]:
    """What is false nearby."""
    chain, pair = toy("1/3 2/3", "2/3 1/3", "chain:2"), toy("1/3 2/3", "2/3 1/3", "2x1")
    twins = toy("0 1", "1/2 1/2", "2x2")

    def known(x: Toy) -> Fraction:
        return max(tokens(x, resolve_rule(rule)) for rule in ("optimal", "traversal"))

    return [
        fails(
            "node by node is best",
            chain,
            lambda x: tokens(x, "optimal"),
            lambda x: tokens(x, "traversal"),
        ),
        fails(
            "traversal ≥ node by node",
            pair,
            lambda x: tokens(x, "traversal"),
            lambda x: tokens(x, "optimal"),
        ),
        fails(
            "the better of the two is best",
            twins,
            known,
            lambda x: best_tree_rule(x.target, x.draft, x.tree, scheme=x.scheme).lower,
        ),
    ]


def check(level: Level, rng: np.random.Generator) -> Evidence:
    """The program over visits, rules that reach it or do not, and block verification on chains."""
    small: tuple[tuple[str, int], ...] = (("2x1", 2), ("2x1", 3), ("chain:2", 2), ("2x2", 2))
    larger = (*small, ("chain:3", 2), ("2x1", 4), ("chain:2", 3))
    wide = (("2x2", 3), ("2x3", 2), *level.pick((), (("2x3", 3),), (("2x3", 3), ("3x2", 3))))
    iid = random_toys(rng, level.pick(3, 20, 100), (("chain:1", 3), ("chain:2", 3), ("chain:3", 2)))
    chains = Sample(iid.kind, iid.scope, [x for x in iid.items if x.scheme == "with_replacement"])
    return Evidence.of(
        *program_findings(random_toys(rng, level.pick(2, 10, 50), level.pick(small, larger, larger))),
        *rule_findings(random_toys(rng, level.pick(2, 10, 50), wide)),
        *chain_findings(chains),
        *neighbours(),
    )
