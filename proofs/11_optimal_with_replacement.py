"""Check of page 11: the optimal verifier for i.i.d. drafts."""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from functools import lru_cache, partial
from itertools import accumulate, pairwise, product
from math import prod
from typing import Any, NamedTuple

import numpy as np

from mdsd_theory import VERIFIERS
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
    holds,
    identity,
    impossible,
    random_pairs,
    simplex,
    total,
)
from mdsd_theory.proving.optima import optimum, set_law, solved, subsets
from mdsd_theory.proving.symbolic import sympy, z3
from mdsd_theory.verifiers.optimal.buckets import bucketed
from mdsd_theory.verifiers.optimal.curtain import Curtain, left_curtain
from mdsd_theory.verifiers.optimal.iid import Priorities, priorities, winning_chances
from mdsd_theory.verifiers.optimal.iid_row import iid_row
from mdsd_theory.verifiers.optimal.iid_rule import OptimalIID
from mdsd_theory.verifiers.optimal.ladder import on_a_ladder
from mdsd_theory.verifiers.single_draft import single_draft_law

Vector = list[Fraction]
Row = dict[int, Fraction]
"""What a token takes of each level."""
Group = list[int]
ZERO, ONE = Fraction(0), Fraction(1)
SCHEME = "with_replacement"
TWO_BUCKETS = OptimalIID(buckets=2)
INTERVALS = "1/6 5/12 1/16 1/6 5/12 9/16 0 1/16 9/16 3/4 3/4 1"
"""What tokens 1, 2, 3 and 4 of the page's example take."""


# a. What a pick can be


def in_base(y: Sequence[Fraction], q: Sequence[Fraction], n: int) -> bool:
    """y(A) ≤ 1 − (1 − q(A))^n for all A."""
    cuts = ((total(y[i] for i in a), total(q[i] for i in a)) for a in subsets(len(q)))
    return all(mass <= 1 - (1 - length) ** n for mass, length in cuts)


def is_majorised(y: Sequence[Fraction], q: Sequence[Fraction], n: int) -> bool:
    """F(s_k) ≥ s_k^n at every cut s_k, tokens by f = y/q; and y = 0 where q = 0."""
    order = by_ratio(y, q)
    lengths, masses = accumulate(q[i] for i in order), accumulate(y[i] for i in order)
    off = any(y[i] for i in range(len(q)) if not q[i])
    return not off and all(mass >= s**n for s, mass in zip(lengths, masses, strict=True))


def by_ratio(p: Sequence[Fraction], q: Sequence[Fraction]) -> list[int]:
    """The tokens of positive q by p/q ascending."""
    return sorted((i for i in range(len(q)) if q[i]), key=lambda i: p[i] / q[i])


def four_agree(x: Pair) -> bool:
    """y = p: a flow from drafts to tokens, all subsets, the cuts, and the curtain say the same."""
    flow = solved(x.p, set_law(x, SCHEME)) == 1
    order = by_ratio(x.p, x.q)
    rows = curtain([x.q[i] for i in order], [x.p[i] / x.q[i] for i in order], x.n)
    built = total(x.p[i] for i in order) == 1 and winner(rows, x.n) == [x.p[i] for i in order]
    return flow == in_base(x.p, x.q, x.n) == is_majorised(x.p, x.q, x.n) == built


# b. The clipped ratio


def minimisers(x: Pair) -> list[int]:
    """Every k for which H = the first k tokens by p/q minimises P(H) − q(H)^n among prefixes."""
    order = by_ratio(x.p, x.q)
    values = [x.P(order[:k]) - x.q_mass(order[:k]) ** x.n for k in range(len(order) + 1)]
    return [k for k, value in enumerate(values) if value == min(values)]


def floor_level(x: Pair, b: int) -> Fraction:
    """c′ = min over 1 ≤ j ≤ b of (q(H)^n − P(H∖H_j)) / q(H_j); 0 for empty H."""
    order = by_ratio(x.p, x.q)
    mass = x.q_mass(order[:b]) ** x.n
    found = [(mass - x.P(order[j:b])) / x.q_mass(order[:j]) for j in range(1, b + 1)]
    return min(found, default=ZERO)


def ceiling_level(x: Pair, b: int) -> Fraction | None:
    """c = max over b ≤ j < m of (1 − q(H)^n − P(H_j∖H)) / q(Σ∖H_j); none for full H."""
    order = by_ratio(x.p, x.q)
    mass = 1 - x.q_mass(order[:b]) ** x.n
    found = [(mass - x.P(order[b:j])) / x.q_mass(order[j:]) for j in range(b, len(order))]
    return max(found, default=None)


@lru_cache(maxsize=20_000)
def clipped(x: Pair, b: int) -> Vector:
    """y = q·clip(p/q, c′, c), and 0 where q = 0."""
    low, high = floor_level(x, b), ceiling_level(x, b)
    y = [max(p, low * q) if q else ZERO for p, q in zip(x.p, x.q, strict=True)]
    return y if high is None else [min(a, high * q) for a, q in zip(y, x.q, strict=True)]


def laws(x: Pair) -> list[Vector]:
    """The clipped law of every minimising prefix."""
    return [clipped(x, b) for b in minimisers(x)]


def overlap(p: Sequence[Fraction], y: Sequence[Fraction]) -> Fraction:
    """Σ min(p, y)."""
    return total(map(min, p, y))


def on_its_side(x: Pair) -> bool:
    """y ≥ p and y(H) = q(H)^n on H, y ≤ p off it; c′ ≤ q(H)^{n−1} and 1 + … + q(H)^{n−1} ≤ c."""
    order = by_ratio(x.p, x.q)
    for b, y in zip(minimisers(x), laws(x), strict=True):
        s, high = x.q_mass(order[:b]), ceiling_level(x, b)
        sides = [y[i] >= x.p[i] for i in order[:b]] + [y[i] <= x.p[i] for i in order[b:]]
        masses = [total(y[i] for i in order[:b]) == s**x.n, total(y) == 1]
        levels = [floor_level(x, b) <= s ** (x.n - 1) or b == 0]
        levels += [high is None or high >= total(s**k for k in range(x.n))]
        if not all(sides + masses + levels):
            return False
    return True


def parts_and_leftmost(x: Pair) -> tuple[Vector, Vector]:
    """p(A) and F(q(A)) for every set A of tokens of positive q, F made of p."""
    sets = [a for a in subsets(x.V) if all(x.q[i] for i in a)]
    return [x.P(a) for a in sets], [lorenz(x.p, x.q, x.q_mass(a)) for a in sets]


def above_power(x: Pair) -> Vector:
    """F(t) − t^n of the clipped laws, at cuts and between them."""
    times = [Fraction(k, 7) for k in range(8)]
    return [lorenz(y, x.q, t) - t**x.n for y in laws(x) for t in times]


def lorenz(y: Sequence[Fraction], q: Sequence[Fraction], length: Fraction) -> Fraction:
    """F(t), the least mass of y on a part of length t."""
    mass = ZERO
    for i in by_ratio(y, q):
        part = min(q[i], length)
        mass, length = mass + part * y[i] / q[i], length - part
    return mass


def rivals(x: Pair, b: int) -> Iterator[Vector]:
    """Other laws with y ≥ p on H, y ≤ p off H and the same y(H): the surplus goes to one token."""
    order = by_ratio(x.p, x.q)
    surplus = x.q_mass(order[:b]) ** x.n - x.P(order[:b])
    kept = (1 - x.q_mass(order[:b]) ** x.n) / x.P(order[b:]) if b < len(order) else ZERO
    for j in order[:b] or [-1]:
        yield [
            ZERO if not x.q[i] else x.p[i] + surplus * (i == j) if i in order[:b] else x.p[i] * kept
            for i in range(x.V)
        ]


def flatter(x: Pair) -> tuple[Vector, Vector]:
    """F of the clipped law and of its rivals at the cuts of the ratio order."""
    cuts = list(accumulate(x.q[i] for i in by_ratio(x.p, x.q)))
    pairs = [(clipped(x, b), y, t) for b in minimisers(x) for y in rivals(x, b) for t in cuts]
    return [lorenz(a, x.q, t) for a, _, t in pairs], [lorenz(y, x.q, t) for _, y, t in pairs]


# c. The curtain on levels


def heights(cuts: Sequence[Fraction], n: int) -> Vector:
    """h_k = (s_k^n − s_{k−1}^n) / (s_k − s_{k−1}), the mean of n t^{n−1} on a level."""
    return [(b**n - a**n) / (b - a) for a, b in pairwise(cuts)]


def curtain(q: Vector, f: Vector, n: int) -> list[Row]:
    """Token after token, f ascending, the window of length q_i and mean f_i of what is left."""
    level = heights([ZERO, *accumulate(q)], n)
    free = list(enumerate(q))
    rows = []
    for length, mean in zip(q, f, strict=True):
        start = window(free, level, length, length * mean)
        taken = stretch(free, start, start + length)
        end = total(width for _, width in free)
        free = stretch(free, ZERO, start) + stretch(free, start + length, end)
        rows.append({k: total(w for j, w in taken if j == k) for k, _ in taken})
    return rows


def stretch(free: list[tuple[int, Fraction]], a: Fraction, b: Fraction) -> list[tuple[int, Fraction]]:
    """The pieces (level, width) between a and b, the gaps glued."""
    ends = pairwise(accumulate((width for _, width in free), initial=ZERO))
    cut = [(k, min(r, b) - max(s, a)) for (k, _), (s, r) in zip(free, ends, strict=True)]
    return [(k, width) for k, width in cut if width > 0]


def window(free: list[tuple[int, Fraction]], h: Vector, length: Fraction, mass: Fraction) -> Fraction:
    """The leftmost start of a window of this length and mass: linear interpolation between cuts."""
    ends = list(accumulate((width for _, width in free), initial=ZERO))
    starts = sorted({s for e in ends for s in (e, e - length) if 0 <= s <= ends[-1] - length})
    masses = [total(w * h[k] for k, w in stretch(free, s, s + length)) for s in starts]
    if masses[0] == mass:
        return starts[0]
    for (a, b), (low, high) in zip(pairwise(starts), pairwise(masses), strict=True):
        if low < mass <= high:
            return a + (b - a) * (mass - low) / (high - low)
    return starts[-1]  # there is none: the law cannot be had


def winner(rows: Sequence[Row], n: int) -> Vector:
    """P(token i has the largest priority) = Σ_k (what it takes of level k) · h_k, for any kernel."""
    used = sorted({k for row in rows for k, width in row.items() if width})
    cuts = [ZERO, *accumulate(total(row.get(k, ZERO) for row in rows) for k in used)]
    h = dict(zip(used, heights(cuts, n), strict=True))
    return [total(width * h[k] for k, width in row.items() if width) for row in rows]


def picks(take: dict[int, Row], n: int) -> Iterator[tuple[Fraction, int, set[int]]]:
    """Draft by draft: the chance of it, the pick and the set of drafts; a level is shared evenly."""
    cells = [(i, k, width) for i, row in take.items() for k, width in row.items() if width]
    for drafts in product(cells, repeat=n):
        top = max(k for _, k, _ in drafts)
        leaders = [i for i, k, _ in drafts if k == top]
        chance = prod((width for _, _, width in drafts), start=ONE) / len(leaders)
        for i in leaders:
            yield chance, i, {j for j, _, _ in drafts}


def some_kernel(x: Pair) -> dict[int, Row]:
    """Token i draws level k with chance p_{i+k}, cyclically: priorities that are not uniform."""
    return {i: {k: x.q[i] * x.p[(i + k) % x.V] for k in range(x.V)} for i in range(x.V)}


def picked(x: Pair) -> Vector:
    """The law of the pick under that kernel, draft by draft."""
    law = [ZERO] * x.V
    for chance, i, _ in picks(some_kernel(x), x.n):
        law[i] += chance
    return law


def curtain_of(x: Pair, y: Vector) -> tuple[list[int], list[Row]]:
    """The tokens by p/q, so by y/q too, and what each takes."""
    order = by_ratio(x.p, x.q)
    return order, curtain([x.q[i] for i in order], [y[i] / x.q[i] for i in order], x.n)


def marginals(x: Pair) -> Vector:
    """What tokens take, what levels give, and who wins, minus what each should be: zeros."""
    out: Vector = []
    for y in laws(x):
        order, rows = curtain_of(x, y)
        q = [x.q[i] for i in order]
        out += [total(row.values()) - a for row, a in zip(rows, q, strict=True)]
        out += [total(row.get(k, ZERO) for row in rows) - a for k, a in enumerate(q)]
        out += [w - y[i] for i, w in zip(order, winner(rows, x.n), strict=True)]
    return out


def stays_below(x: Pair) -> bool:
    """The tokens of H take exactly the levels of H."""
    for b, y in zip(minimisers(x), laws(x), strict=True):
        order, rows = curtain_of(x, y)
        inside = set(by_ratio(x.p, x.q)[:b])
        if any((k < b) != (i in inside) for i, row in zip(order, rows, strict=True) for k in row):
            return False
    return True


def shipped_curtain(x: Pair) -> Curtain:
    """``left_curtain`` of the same tokens."""
    y, order = laws(x)[0], by_ratio(x.p, x.q)
    return left_curtain([x.q[i] for i in order], [y[i] / x.q[i] for i in order], x.n)


def is_a_stack(x: Pair) -> bool:
    """Each token's stretch reaches the last gap, has whole gaps inside, and there are < 2m intervals."""
    pieces, frontier = shipped_curtain(x).pieces, ZERO
    for k, row in enumerate(pieces):
        left, right = min(a for a, _ in row), max(b for _, b in row)
        inside = [(a, b) for earlier in pieces[: k + 1] for a, b in earlier if a < right and b > left]
        whole = total(b - a for a, b in inside) == right - left
        if not whole or right < frontier or any(a < left or b > right for a, b in inside):
            return False
        frontier = max(frontier, right)
    return total(map(len, pieces)) < 2 * len(pieces)


# d. The verifier, draft by draft


def emission(x: Pair, b: int) -> tuple[Vector, Fraction, Fraction]:
    """The law of Y, P(Y ∈ S) and P(a pick is accepted), over all drafts and levels."""
    y = clipped(x, b)
    order, rows = curtain_of(x, y)
    return emitted(x, y, dict(zip(order, rows, strict=True)))


def emitted(x: Pair, y: Vector, take: dict[int, Row]) -> tuple[Vector, Fraction, Fraction]:
    """The same for any law y of the pick and the levels that give it."""
    rest = [max(p - a, ZERO) for p, a in zip(x.p, y, strict=True)]
    residual = [r / total(rest) if total(rest) else r for r in rest]
    law, hit, accepted = [ZERO] * x.V, ZERO, ZERO
    for chance, i, s in picks(take, x.n):
        kept = chance * min(x.p[i], y[i]) / y[i]
        accepted, law[i] = accepted + kept, law[i] + kept
        law = [a + (chance - kept) * r for a, r in zip(law, residual, strict=True)]
        hit += kept + (chance - kept) * total(residual[j] for j in s)
    return law, hit, accepted


def shipped_acceptance(x: Pair, rule: Any = VERIFIERS["optimal"]) -> Fraction:
    """P(Y ∈ S) of a shipped rule, draft by draft."""
    hit, tokens = ZERO, [i for i in range(x.V) if x.q[i]]
    for drafts in product(tokens, repeat=x.n):
        law = rule.conditional_law(x.p, x.q, drafts, scheme=SCHEME)
        chance = prod((x.q[i] for i in drafts), start=ONE)
        hit += chance * total(law.get(i, ZERO) for i in set(drafts))
    return hit


def planned(x: Pair) -> list[float]:
    """The law of the pick of the compiled plan, from the chances that it really draws with."""
    p, q = map(np.array, floats(x))
    y: list[float] = iid_row(p, q, x.n).y.tolist()
    return y


# e. Buckets


def partitions(tokens: Group) -> Iterator[list[Group]]:
    """Every way to put tokens into buckets."""
    if not tokens:
        yield []
        return
    first, rest = tokens[0], tokens[1:]
    for groups in partitions(rest):
        yield [[first], *groups]
        for k, group in enumerate(groups):
            yield [*groups[:k], [first, *group], *groups[k + 1 :]]


def buckets(x: Pair) -> list[list[Group]]:
    """Every way to put the tokens of positive q into buckets."""
    return list(partitions([i for i in range(x.V) if x.q[i]]))


def averaged(x: Pair, y: Vector, groups: list[Group]) -> Vector:
    """ȳ_i = q_i y(B) / q(B)."""
    out = [ZERO] * x.V
    for group in groups:
        for i in group:
            out[i] = x.q[i] * total(y[j] for j in group) / x.q_mass(group)
    return out


def half_distance(y: Vector, z: Vector) -> Fraction:
    """½ Σ |y − z|."""
    return total(abs(a - b) for a, b in zip(y, z, strict=True)) / 2


def regrouped(x: Pair, groups: list[Group]) -> tuple[Vector, Fraction]:
    """The law of the pick when every bucket counts as one token, and its Σ min(p(B), y(B))."""
    rest = [i for i in range(x.V) if not x.q[i]]
    merged = [*groups, rest] if rest else groups
    coarse = Pair(tuple(map(x.P, merged)), tuple(map(x.q_mass, merged)), x.n)
    y, out = laws(coarse)[0], [ZERO] * x.V
    for group, mass in zip(groups, y, strict=False):
        for i in group:
            out[i] = mass * x.q[i] / x.q_mass(group)
    return out, overlap(coarse.p, y)


def bucket_loss(x: Pair, y: Vector, groups: list[Group]) -> Fraction:
    """Σ over buckets of Σ (p_i − q_i p(B)/q(B))_+, without buckets all on one side of y."""
    loss = ZERO
    for group in groups:
        sides = {x.p[i] > y[i] for i in group if x.p[i] != y[i]}
        ratio = x.P(group) / x.q_mass(group)
        if len(sides) == 2:
            loss += total(max(x.p[i] - x.q[i] * ratio, ZERO) for i in group)
    return loss


def shipped_buckets(x: Pair) -> tuple[Fraction, Fraction, Fraction]:
    """Σ min(p, y) of the shipped rule with two buckets, α* less its bound, and α*."""
    y = [Fraction(a) for a in priorities(x.p, x.q, x.n, 2).y]
    p, q = map(np.array, floats(x))
    label = bucketed(p, q, x.n, 2).label
    groups = [[i for i in range(x.V) if x.q[i] and label[i] == k] for k in set(label.tolist())]
    loss, best = bucket_loss(x, y, [g for g in groups if g]), optimum(x, SCHEME)
    return overlap(x.p, y), best - loss, best


def spread(x: Pair) -> tuple[Fraction, Fraction]:
    """max ρ / min ρ, and ((1 + t)/(1 − t))² with t = Σ (p − q)_+: one bucket of everything."""
    ratios = [a / b for a, b in zip(x.p, x.q, strict=True)]
    t = total(max(a - b, ZERO) for a, b in zip(x.p, x.q, strict=True))
    return max(ratios) / min(ratios), ((1 + t) / (1 - t)) ** 2


# f. The ladder


class Ladder(NamedTuple):
    """Atoms by ratio ascending, what each token draws of them, and the gaps that are spread."""

    p: Vector
    q: Vector
    share: dict[int, Row]
    rungs: Vector
    spread: list[int]

    def atoms(self, x: Pair) -> Pair:
        """The atoms as tokens, and one of q = 0 that holds what is never drafted."""
        return Pair((*self.p, 1 - total(self.p)), (*self.q, ZERO), x.n)

    def onto(self, x: Pair, density: Sequence[Fraction]) -> Vector:
        """y_i = q_i Σ (chance of the atom) · (its density)."""
        out = [ZERO] * x.V
        for i, row in self.share.items():
            out[i] = x.q[i] * total(chance * density[a] for a, chance in row.items())
        return out


def gap_of(rho: Fraction, rungs: Vector) -> int | None:
    """k with r_k ≤ ρ < r_{k+1}; none beyond the last rung."""
    return next((k for k, (a, b) in enumerate(pairwise(rungs)) if a <= rho < b), None)


def ladder(x: Pair, rungs: Vector, spread: Sequence[int]) -> Ladder:
    """Tokens in the gaps ``spread`` on two rungs, the upper with chance (ρ − r_k)/(r_{k+1} − r_k)."""
    parts: dict[int, list[tuple[tuple[Fraction, int], Fraction]]] = {}
    for i in by_ratio(x.p, x.q):
        rho = x.p[i] / x.q[i]
        k = gap_of(rho, rungs)
        if k in spread and k is not None:
            up = (rho - rungs[k]) / (rungs[k + 1] - rungs[k])
            parts[i] = [((rungs[k], -1), 1 - up), ((rungs[k + 1], -1), up)]
        else:
            parts[i] = [((rho, i), ONE)]
    places = sorted({place for row in parts.values() for place, chance in row if chance})
    number = {place: a for a, place in enumerate(places)}
    share = {i: {number[at]: c for at, c in row if c} for i, row in parts.items()}
    q = [total(x.q[i] * row.get(a, ZERO) for i, row in share.items()) for a in range(len(places))]
    p = [rho * mass for (rho, _), mass in zip(places, q, strict=True)]
    return Ladder(p, q, share, rungs, list(spread))


def ladders(x: Pair) -> list[Ladder]:
    """Rungs every third up to n or every one, with all gaps spread and with every other gap."""
    found = []
    for steps in (3, 1):
        rungs = [Fraction(k, steps) for k in range(x.n * steps + 1)]
        gaps = range(len(rungs) - 1)
        found += [ladder(x, rungs, gaps), ladder(x, rungs, gaps[::2])]
    return found


def below(x: Pair, rungs: Vector, k: int) -> list[int]:
    """The tokens of ratio below r_k."""
    return [i for i in by_ratio(x.p, x.q) if x.p[i] < rungs[k] * x.q[i]]


def edge_values(x: Pair, rungs: Vector) -> Vector:
    """P − q^n of the tokens below each rung, and of all of them."""
    sets = [below(x, rungs, k) for k in range(len(rungs))] + [by_ratio(x.p, x.q)]
    return [x.P(h) - x.q_mass(h) ** x.n for h in sets]


def corner(x: Pair, rungs: Vector, k: int) -> Fraction:
    """P + r_k d − (q + d)^n, with P and q below r_k, and d what the gap puts on its lower rung."""
    inner = below(x, rungs, k)
    gap = [i for i in below(x, rungs, k + 1) if i not in inner]
    down = (rungs[k + 1] * x.q_mass(gap) - x.P(gap)) / (rungs[k + 1] - rungs[k])
    return x.P(inner) + rungs[k] * down - (x.q_mass(inner) + down) ** x.n


def lowest(x: Pair) -> Fraction:
    """m = min P(H) − q(H)^n, over prefixes."""
    order = by_ratio(x.p, x.q)
    return min(x.P(order[:k]) - x.q_mass(order[:k]) ** x.n for k in range(len(order) + 1))


def density_of(x: Pair, found: Ladder) -> Vector:
    """The densities of 11.b for the atoms."""
    y = laws(found.atoms(x))[0]
    return [a / b for a, b in zip(y, found.q, strict=False)]


def on_ladder(x: Pair, found: Ladder) -> tuple[Vector, dict[int, Row]]:
    """The law of the pick, and what every token takes of the levels: the kernels of its rungs, mixed."""
    atoms = found.atoms(x)
    order, rows = curtain_of(atoms, laws(atoms)[0])
    kernel = {a: {k: w / found.q[a] for k, w in row.items()} for a, row in zip(order, rows, strict=True)}
    take = {
        i: {
            k: x.q[i] * total(c * kernel[a].get(k, ZERO) for a, c in row.items())
            for k in range(len(order))
        }
        for i, row in found.share.items()
    }
    return found.onto(x, density_of(x, found)), take


def mixed_rule(x: Pair, found: Ladder) -> Priorities:
    """The package's tables for the atoms; a token's levels are mixed from those of its rungs."""
    atoms = found.atoms(x)
    rule = priorities(atoms.p, atoms.q, x.n)
    levels: list[list[tuple[int, Any]]] = []
    for row in found.share.values():
        mixed: Row = {}
        for a, chance in row.items():
            for k, weight in rule.levels[rule.atom[a]]:
                mixed[k] = mixed.get(k, ZERO) + chance * Fraction(weight)
        levels.append(list(mixed.items()))
    density = [Fraction(a) / b for a, b in zip(rule.y, found.q, strict=False)]
    atom = {i: k for k, i in enumerate(found.share)}
    return Priorities([*found.onto(x, density)], atom, levels, rule.curtain)


def emits(x: Pair, rule: Priorities) -> tuple[Vector, Fraction]:
    """The law of Y, and P(Y ∈ S), of the package's rule with these tables, over all drafts."""
    law, hit = [ZERO] * x.V, ZERO
    for drafts in product(rule.atom, repeat=x.n):
        picks: dict[int, Any] = {}
        for i, chance in zip(drafts, winning_chances(rule, drafts), strict=True):
            picks[i] = picks.get(i, ZERO) + chance
        weight = prod((x.q[i] for i in drafts), start=ONE)
        for i, chance in single_draft_law(x.p, rule.y, picks).items():
            law[i] += weight * chance
            hit += weight * chance * (i in drafts)
    return law, hit


def safe(x: Pair, rungs: Vector) -> Ladder:
    """The gaps spread whose corner is no lower than the lowest edge."""
    edge = min(edge_values(x, rungs))
    return ladder(x, rungs, [k for k in range(len(rungs) - 1) if corner(x, rungs, k) >= edge])


def safe_ladders(x: Pair) -> list[Ladder]:
    """By this test, with rungs every third and every one."""
    return [safe(x, [Fraction(k, s) for k in range(x.n * s + 1)]) for s in (3, 1)]


def merged(x: Pair, rungs: Vector) -> Vector:
    """Rungs left when gaps are joined from the left as long as no corner is below all there were."""
    corners = [corner(x, rungs, k) for k in range(len(rungs) - 1)]
    least = min([*corners, *edge_values(x, rungs)])
    kept = [rungs[0]]
    for k in range(1, len(rungs)):
        joined = [*kept[:-1], kept[-1], rungs[k]]
        if len(kept) > 1 and corner(x, [*kept[:-1], rungs[k]], len(kept) - 2) >= least:
            kept[-1] = rungs[k]
        else:
            kept = joined
    return kept


def after_merging(x: Pair) -> tuple[Fraction, Fraction]:
    """Σ min(p, y) of the atoms with all gaps spread, before and after gaps were joined."""
    rungs = [Fraction(k, 6) for k in range(6 * x.n + 1)]
    before, after = (ladder(x, r, range(len(r) - 1)).atoms(x) for r in (rungs, merged(x, rungs)))
    return overlap(before.p, laws(before)[0]), overlap(after.p, laws(after)[0])


def is_clipped(x: Pair) -> bool:
    """y = q·clip(p/q, c′, c), levels of the atoms, where neither is strictly inside a spread gap."""
    for found in ladders(x):
        atoms = found.atoms(x)
        b = minimisers(atoms)[0]
        low, high = floor_level(atoms, b), ceiling_level(atoms, b)
        if any(
            gap_of(c, found.rungs) in found.spread and c not in found.rungs for c in (low, high or low)
        ):
            continue
        clip = [max(low * q, p) for p, q in zip(x.p, x.q, strict=True)]
        if high is not None:
            clip = [min(a, high * q) for a, q in zip(clip, x.q, strict=True)]
        y = found.onto(x, density_of(x, found))
        if any(q and a != b for a, b, q in zip(y, clip, x.q, strict=True)):
            return False
    return True


def nearest(x: Pair, rungs: Vector) -> Fraction:
    """Σ min(p, y) when every token counts as the nearest rung, and rungs are buckets."""
    groups: dict[Fraction, Group] = {}
    for i in by_ratio(x.p, x.q):
        near = min(rungs, key=lambda r: abs(r - x.p[i] / x.q[i]))
        groups.setdefault(near, []).append(i)
    return overlap(x.p, regrouped(x, list(groups.values()))[0])


def one_draw(x: Pair, found: Ladder) -> Vector:
    """The law of Y when one uniform number u draws the rungs of all drafts; y as if each drew anew."""
    y, _ = on_ladder(x, found)
    atoms = found.atoms(x)
    order, rows = curtain_of(atoms, laws(atoms)[0])
    kernel = {a: {k: w / found.q[a] for k, w in row.items()} for a, row in zip(order, rows, strict=True)}
    cuts = sorted({ZERO, ONE, *(found.share[i][max(found.share[i])] for i in found.share)})
    law = [ZERO] * x.V
    for u, v in pairwise(cuts):
        take = {}
        for i, row in found.share.items():
            a = max(row) if u < row[max(row)] else min(row)
            take[i] = {k: x.q[i] * w for k, w in kernel[a].items()}
        law = [c + (v - u) * d for c, d in zip(law, emitted(x, y, take)[0], strict=True)]
    return law


# For all real p and q


def two_tokens(n: int) -> list[tuple[Any, Any]]:
    """V = 2: token 0 draws the upper level with chance x/s; who wins, over all 4^n cases."""
    algebra = sympy()
    s, y = algebra.symbols("s y", positive=True)
    x = (1 - s) * (y - s**n) / (1 - s ** (n - 1))
    mass = {(0, 0): s - x, (0, 1): x, (1, 0): x, (1, 1): 1 - s - x}
    wins = 0
    for drafts in product(mass, repeat=n):
        leaders = [i for i, k in drafts if k == max(k for _, k in drafts)]
        wins += prod(mass[d] for d in drafts) * algebra.Rational(leaders.count(0), len(leaders))
    return [(wins, y)]


def prefixes_suffice(n: int) -> list[Any]:
    """z3: V = 3, f ascending, F(s_k) ≥ s_k^n at the cuts, and some A with y(A) < q(A)^n."""
    logic = z3()
    q, q_is = simplex("q", 3)
    f = [logic.Real(f"f{i}") for i in range(3)]
    y = [a * b for a, b in zip(f, q, strict=True)]
    cuts = [sum(y[:k]) >= prod([sum(q[:k])] * n) for k in (1, 2)]
    low = [sum(y[i] for i in a) < prod([sum(q[i] for i in a)] * n) for a in subsets(3) if a]
    ascending = [f[0] >= 0, f[0] <= f[1], f[1] <= f[2], sum(y) == 1]
    return [*q_is, *ascending, *cuts, logic.Or(low)]


def clipped_too_low(n: int) -> list[Any]:
    """z3: V = 3, H a minimising prefix of any length b, and F(s_k) < s_k^n at a cut of y."""
    logic = z3()
    q, q_is = simplex("q", 3)
    r = [logic.Real(f"r{i}") for i in range(3)]
    p = [a * c for a, c in zip(r, q, strict=True)]
    low, high = logic.Reals("low high")
    powers = [prod([sum(q[:k])] * n) for k in range(3)] + [logic.RealVal(1)]
    ascending = [r[0] >= 0, r[0] <= r[1], r[1] <= r[2], sum(p) == 1, *(a > 0 for a in q)]
    cases = []
    for b in range(4):
        least = [sum(p[:b]) - powers[b] <= sum(p[:k]) - powers[k] for k in range(4)]
        raised = [logic.If(a > low * c, a, low * c) for a, c in zip(p[:b], q[:b], strict=True)]
        lowered = [logic.If(a < high * c, a, high * c) for a, c in zip(p[b:], q[b:], strict=True)]
        fixed = [sum(raised) == powers[b]] if b else []
        fixed += [sum(lowered) == 1 - powers[b]] if b < 3 else []
        y = raised + lowered
        below = logic.Or([sum(y[:k]) < powers[k] for k in (1, 2)])
        cases.append(logic.And([*least, *fixed, below]))
    return [*q_is, *ascending, logic.Or(cases)]


# The neighbours


def largest_ratio_wins(x: Pair) -> Fraction:
    """P(Y ∈ S) when the draft of the largest p/q is picked."""
    order = by_ratio(x.p, x.q)
    take = {i: {k: x.q[i]} for k, i in enumerate(order)}
    won = dict(zip(order, winner(list(take.values()), x.n), strict=True))
    return emitted(x, [won.get(i, ZERO) for i in range(x.V)], take)[1]


class Samples(NamedTuple):
    """The instances of all findings."""

    few: Sample
    many: Sample
    small: Sample
    inner: Sample
    rows: Sample


def samples(level: Level, rng: np.random.Generator) -> Samples:
    """Every small fraction; large p and q; those for sums over all drafts; those for all buckets."""
    return Samples(
        grid(3, level.pick(3, 5, 6), n=[1, 2, 3]),
        random_pairs(rng, level.pick(60, 600, 6000), range(2, 8), n=range(1, 6)),
        random_pairs(rng, level.pick(25, 200, 1000), (2, 3), n=(1, 2, 3), denominator=24),
        random_pairs(rng, level.pick(40, 300, 2000), (2, 3, 4), n=(1, 2, 3), denominator=12),
        clusters(rng, level.pick(5, 100, 1000)),
    )


def clusters(rng: np.random.Generator, count: int) -> Sample:
    """Rows of some hundred tokens whose ratios come in clusters: several tokens to a gap."""

    def one() -> tuple[Any, Any, int]:
        n, v = int(rng.integers(2, 6)), int(rng.integers(50, 300))
        centre = n * rng.random(12) ** 2
        ratio = centre[rng.integers(0, 12, v)] * (1 + 0.02 * rng.random(v))
        q = rng.dirichlet(np.full(v, float(rng.choice([0.1, 1.0]))))
        p = ratio * q
        return p / p.sum(), q, n

    return Sample(Kind.FLOATING, "V = 50–300, n = 2–5, ratios in clusters", [one() for _ in range(count)])


def check(level: Level, rng: np.random.Generator) -> Evidence:
    """The base polytope, the clipped ratio, the curtain on levels, losslessness, buckets."""
    tried = samples(level, rng)
    parts = of_the_polytope, of_the_law, of_the_curtain, of_the_rule, of_the_buckets, of_the_ladder
    findings = [
        finding for part in (*parts, neighbours, ladder_neighbours) for finding in part(level, tried)
    ]
    return Evidence.of(*findings)


def of_the_polytope(level: Level, tried: Samples) -> list[Finding]:
    """11.a."""
    agree = "y is reachable (flow) ⇔ y(A) ≤ g(q(A)) for all A ⇔ F(s_k) ≥ s_k^n at the cuts ⇔ the curtain"
    return [
        holds(agree, tried.few, four_agree),
        holds(agree, tried.inner, four_agree),
        at_least(
            "y(A) ≥ F(q(A)) for every A of positive q",
            tried.few,
            lambda x: parts_and_leftmost(x)[0],
            lambda x: parts_and_leftmost(x)[1],
        ),
        at_least(
            "F(t) ≥ t^n between the cuts too",
            tried.many,
            above_power,
            lambda x: [ZERO] * len(above_power(x)),
        ),
        impossible("the cuts suffice for all A", "V = 3, n = 2, all q, y", lambda: prefixes_suffice(2)),
    ]


def of_the_law(level: Level, tried: Samples) -> list[Finding]:
    """11.b."""

    def feasible(x: Pair) -> bool:
        return all(in_base(y, x.q, x.n) and min(y) >= 0 for y in laws(x))

    return [
        holds("y = q·clip(p/q, c′, c) is in the base polytope", tried.many, feasible),
        *(
            impossible(
                "its F(s_k) ≥ s_k^n at the cuts",
                f"V = 3, n = {n}, all p, all q > 0",
                partial(clipped_too_low, n),
            )
            for n in (2, 3)
        ),
        holds("y ≥ p on H, y ≤ p off H, c′ ≤ q(H)^{n−1}, c ≥ Σ q(H)^k", tried.many, on_its_side),
        equal(
            "Σ min(p, y) = α*",
            tried.few,
            lambda x: [overlap(x.p, y) for y in laws(x)],
            lambda x: [optimum(x, SCHEME)] * len(minimisers(x)),
        ),
        at_least(
            "no law on the same sides of p is flatter",
            tried.many,
            lambda x: flatter(x)[0],
            lambda x: flatter(x)[1],
        ),
        equal(
            "the law of the pick, as shipped",
            tried.many,
            lambda x: list(map(Fraction, priorities(x.p, x.q, x.n).y)),
            lambda x: laws(x)[0],
        ),
    ]


def of_the_curtain(level: Level, tried: Samples) -> list[Finding]:
    """11.c."""
    drafts = level.pick([2, 3], [2, 3, 4], [2, 3, 4, 5])
    return [
        identity(
            "token 0 wins with probability y₀",
            f"V = 2, n = {', '.join(map(str, drafts))}, all q, y",
            lambda: [pair for n in drafts for pair in two_tokens(n)],
        ),
        equal(
            "under any kernel token i wins with probability q_i Σ_k K(i, k) h_k",
            tried.few,
            picked,
            lambda x: winner(list(some_kernel(x).values()), x.n),
        ),
        equal(
            "the worked example takes the intervals of the page",
            one_instance("1/12 2/12 3/12 6/12", "1/4 1/4 1/4 1/4"),
            lambda x: [e for row in shipped_curtain(x).pieces for ab in sorted(row) for e in ab],
            lambda _: list(map(Fraction, INTERVALS.split())),
        ),
        equal("tokens take q, levels are used up, token i wins with y_i", tried.many, marginals, zeros),
        holds("the tokens of H take exactly the levels of H", tried.many, stays_below),
        holds(
            "left_curtain, as shipped, takes the same of every level",
            tried.many,
            lambda x: [dict(r) for r in shipped_curtain(x).kernel()] == curtain_of(x, laws(x)[0])[1],
        ),
        holds("its gaps are a stack, its intervals fewer than 2m", tried.many, is_a_stack),
    ]


def of_the_rule(level: Level, tried: Samples) -> list[Finding]:
    """11.d."""

    def acceptances(x: Pair) -> Vector:
        return [a for b in minimisers(x) for a in emission(x, b)[1:]]

    def best(x: Pair) -> Vector:
        return [optimum(x, SCHEME)] * 2 * len(minimisers(x))

    return [
        equal(
            "the rule emits p", tried.small, lambda x: emission(x, minimisers(x)[-1])[0], lambda x: x.p
        ),
        equal("P(Y ∈ S) = P(the pick is accepted) = α*", tried.small, acceptances, best),
        equal(
            "optimal, as shipped, emits p",
            tried.small,
            lambda x: VERIFIERS["optimal"].output_law(x.p, x.q, x.n, scheme=SCHEME),
            lambda x: x.p,
        ),
        equal(
            "its P(Y ∈ S) is α*",
            tried.small,
            shipped_acceptance,
            lambda x: optimum(x, SCHEME),
        ),
        equal(
            "its acceptance rate is α*",
            Sample(Kind.FLOATING, tried.few.scope, tried.few.items),
            lambda x: VERIFIERS["optimal"].acceptance_rate(*floats(x), x.n, scheme=SCHEME).value,
            lambda x: float(optimum(x, SCHEME)),
            tol=1e-14,
        ),
        equal(
            "the law of the pick of its compiled plan is y",
            Sample(Kind.FLOATING, tried.small.scope, tried.small.items),
            planned,
            lambda x: list(map(float, laws(x)[0])),
            tol=1e-14,
        ),
    ]


def of_the_buckets(level: Level, tried: Samples) -> list[Finding]:
    """11.e."""
    full = [x for x in grid(3, level.pick(5, 7, 10), n=[1]).items if min(x.q) > 0 and min(x.p) > 0]
    near = Pair.of("10/21 11/21", "11/21 10/21", 1)
    pairs = Sample(Kind.GRID, "V = 3, and one of V = 2; one bucket, p, q > 0", [*full, near])

    def means(x: Pair) -> list[tuple[Vector, Vector]]:
        return [(y, averaged(x, y, g)) for y in laws(x) for g in buckets(x)]

    def coarse(x: Pair) -> list[tuple[Vector, Fraction, Fraction]]:
        found = [(*regrouped(x, g), g) for g in buckets(x)]
        return [(y, value, bucket_loss(x, y, g)) for y, value, g in found]

    return [
        holds(
            "averages over buckets stay in the base polytope",
            tried.inner,
            lambda x: all(in_base(mean, x.q, x.n) for _, mean in means(x)),
        ),
        at_least(
            "they lose at most ½ Σ |y − ȳ|",
            tried.inner,
            lambda x: [overlap(x.p, z) + half_distance(y, z) for y, z in means(x)],
            lambda x: [overlap(x.p, y) for y, _ in means(x)],
        ),
        equal(
            "one half is reached, with one bucket",
            one_instance("1/4 3/4", "1/2 1/2"),
            lambda x: overlap(x.p, x.p) - overlap(x.p, averaged(x, list(x.p), [[0, 1]])),
            lambda x: half_distance(list(x.p), averaged(x, list(x.p), [[0, 1]])),
        ),
        holds(
            "buckets as tokens: the law is in the base polytope",
            tried.inner,
            lambda x: all(in_base(y, x.q, x.n) for y, _, _ in coarse(x)),
        ),
        at_least(
            "Σ min(p(B), y(B)) ≥ α*",
            tried.inner,
            lambda x: [value for _, value, _ in coarse(x)],
            lambda x: [optimum(x, SCHEME)] * len(coarse(x)),
        ),
        at_least(
            "their loss is at most Σ (p_i − q_i p(B)/q(B))_+ over the buckets that y divides",
            tried.inner,
            lambda x: [overlap(x.p, y) + loss for y, _, loss in coarse(x)],
            lambda x: [value for _, value, _ in coarse(x)],
        ),
        at_least(
            "((1 + t)/(1 − t))² ≤ max ρ / min ρ", pairs, lambda x: spread(x)[0], lambda x: spread(x)[1]
        ),
        equal(
            "with equality for two tokens",
            one_instance("1/3 2/3", "2/3 1/3"),
            lambda x: spread(x)[0],
            lambda x: spread(x)[1],
        ),
        at_least(
            "max ρ / min ρ ≥ 1 + 4t",
            pairs,
            lambda x: spread(x)[0] - 1,
            lambda x: 4 * half_distance(list(x.p), list(x.q)),
        ),
        equal(
            "two buckets, as shipped, emit p",
            tried.small,
            lambda x: TWO_BUCKETS.output_law(x.p, x.q, x.n, scheme=SCHEME),
            lambda x: x.p,
        ),
        at_least(
            "two buckets, as shipped: Σ min(p, y) ≤ P(Y ∈ S) ≤ α*",
            tried.small,
            lambda x: [shipped_acceptance(x, TWO_BUCKETS), optimum(x, SCHEME)],
            lambda x: [shipped_buckets(x)[0], shipped_acceptance(x, TWO_BUCKETS)],
        ),
        at_least(
            "two buckets, as shipped: α* − bound ≤ Σ min(p, y) ≤ α*",
            tried.inner,
            lambda x: [shipped_buckets(x)[0], shipped_buckets(x)[2]],
            lambda x: [shipped_buckets(x)[1], shipped_buckets(x)[0]],
        ),
    ]


def of_the_ladder(level: Level, tried: Samples) -> list[Finding]:
    """11.f."""
    some, few = (
        Sample(sample.kind, sample.scope, list(sample.items)[: level.pick(quick, 80 * k, 400 * k)])
        for k, (sample, quick) in enumerate(((tried.small, 5), (tried.inner, 20)), 1)
    )

    def kept(x: Pair) -> Vector:
        """Σ min(p, y) on tokens, of the law of 11.b and of another that comes from any kernel."""
        both = [(d, f) for f in ladders(x) for d in (density_of(x, f), other_density(x, f))]
        return [overlap(x.p, f.onto(x, d)) for d, f in both]

    def of_atoms(x: Pair) -> Vector:
        """Σ min(p, y) on atoms."""
        both = [(d, f) for f in ladders(x) for d in (density_of(x, f), other_density(x, f))]
        return [overlap(f.p, [a * b for a, b in zip(d, f.q, strict=True)]) for d, f in both]

    def corners(x: Pair) -> Vector:
        return [1 + min(lowest(x), *(corner(x, f.rungs, k) for k in f.spread)) for f in ladders(x)]

    def of_clipped(x: Pair) -> Vector:
        return [overlap(f.p, laws(f.atoms(x))[0]) for f in ladders(x)]

    def of_safe(x: Pair) -> Vector:
        return [overlap(x.p, f.onto(x, density_of(x, f))) for f in safe_ladders(x)]

    def certificate(x: Pair) -> Vector:
        """The lowest edge and the lowest corner, apart."""
        edges = (min(edge_values(x, f.rungs)) for f in ladders(x))
        return [1 + e - a for e, a in zip(edges, of_clipped(x), strict=True)]

    return [
        equal(
            "rungs as tokens: the rule emits p",
            some,
            lambda x: [a for f in ladders(x) for a in emitted(x, *on_ladder(x, f))[0]],
            lambda x: list(x.p) * 4,
        ),
        equal(
            "rungs as tokens: the package's tables, levels mixed, emit p",
            some,
            lambda x: [a for f in ladders(x) for a in emits(x, mixed_rule(x, f))[0]],
            lambda x: list(x.p) * 4,
        ),
        equal(
            "the pick has the law q_i ((1 − λ) g_k + λ g_{k+1})",
            some,
            lambda x: [a for f in ladders(x) for a in winner(list(on_ladder(x, f)[1].values()), x.n)],
            lambda x: [on_ladder(x, f)[0][i] for f in ladders(x) for i in f.share],
        ),
        at_least("Σ min(p, y) of tokens ≥ that of atoms, for any density", few, kept, of_atoms),
        equal("that of atoms is 1 + min(m, corners of spread gaps)", few, of_clipped, corners),
        equal(
            "gaps spread only where no corner is below the lowest edge: nothing is lost",
            few,
            of_safe,
            lambda x: [1 + lowest(x)] * 2,
        ),
        equal(
            "there the package's tables reach α* = P(Y ∈ S)",
            some,
            lambda x: [emits(x, mixed_rule(x, f))[1] for f in safe_ladders(x)],
            lambda x: [optimum(x, SCHEME)] * 2,
        ),
        at_least(
            "the loss is at most lowest edge − lowest corner",
            few,
            certificate,
            lambda x: [1 + lowest(x) - overlap(x.p, f.onto(x, density_of(x, f))) for f in ladders(x)],
        ),
        at_least(
            "gaps joined where no corner falls below the lowest one: no more is lost",
            few,
            lambda x: after_merging(x)[1],
            lambda x: after_merging(x)[0],
        ),
        holds("y = q·clip(p/q, c′, c) where no level is inside a spread gap", few, is_clipped),
        equal(
            "on_a_ladder, as shipped: Σ min(p, y) = α*",
            tried.rows,
            lambda x: shipped_ladder(x)[0],
            lambda x: shipped_ladder(x)[1],
            tol=1e-13,
        ),
        holds(
            "on_a_ladder, as shipped, spreads tokens: atoms are fewer",
            tried.rows,
            lambda x: shipped_ladder(x)[2] < x[1].size,
        ),
    ]


def other_density(x: Pair, found: Ladder) -> Vector:
    """The density of the pick of the atoms when atom a draws level k with chance p_{a+k}, cyclically."""
    v = len(found.q)
    weight = [Fraction(1 + (k * k) % 5) for k in range(v)]
    rows = [{k: found.q[a] * weight[(a + k) % v] / total(weight) for k in range(v)} for a in range(v)]
    return [y / q for y, q in zip(winner(rows, x.n), found.q, strict=True)]


def shipped_ladder(row: tuple[Any, Any, int]) -> tuple[float, float, int]:
    """Σ min(p, y) of tokens drawn from the shipped groups, α* from a sort, and the number of atoms."""
    p, q, n = row
    label = np.zeros(q.size, dtype=np.int32)
    g = on_a_ladder(p, q, n, label)
    density = np.append(np.clip(g.p / g.q, g.clip.floor, g.clip.ceiling), 0.0)
    up = np.where(g.step[label] > 0, (p / q - g.foot[label]) * g.step[label], 0.0)
    y = q * ((1 - up) * density[g.rank[label]] + up * density[g.rank[label + 1]])
    order = np.argsort(p / q)
    values = np.cumsum(p[order]) - np.cumsum(q[order]) ** n
    return float(np.minimum(p, y).sum()), 1 + min(0.0, float(values.min())), g.q.size


def ladder_neighbours(level: Level, tried: Samples) -> list[Finding]:
    """What is false near 11.f."""
    rungs = [ZERO, ONE, Fraction(2)]
    x, other = Pair.of("1/4 3/4", "1/2 1/2", 2), Pair.of("1/5 2/5 2/5", "1/5 1/5 3/5", 2)

    def of_all(x: Pair) -> Fraction:
        found = ladder(x, rungs, [0, 1])
        return overlap(x.p, found.onto(x, density_of(x, found)))

    return [
        fails(
            "a gap may be spread although the minimiser ends in it",
            x,
            of_all,
            lambda x: optimum(x, SCHEME),
            note="the loss, 1/16, is all that 11.f allows",
        ),
        differs(
            "one uniform number may draw the rungs of all drafts",
            x,
            lambda x: one_draw(x, ladder(x, rungs, [0, 1])),
            lambda x: list(x.p),
        ),
        fails(
            "tokens may count as the nearest rung where they may be spread",
            other,
            lambda x: nearest(x, rungs),
            lambda x: overlap(x.p, safe(x, rungs).onto(x, density_of(x, safe(x, rungs)))),
        ),
    ]


def zeros(x: Pair) -> Vector:
    """As many zeros as there are marginals."""
    return [ZERO] * (3 * sum(q > 0 for q in x.q) * len(minimisers(x)))


def one_instance(p: str, q: str) -> Sample:
    """One instance with n = 2."""
    return Sample(Kind.GRID, "one instance", [Pair.of(p, q, 2)])


def floats(x: Pair) -> tuple[list[float], list[float]]:
    """p and q rounded."""
    return list(map(float, x.p)), list(map(float, x.q))


def single_tokens(x: Pair) -> Fraction:
    """1 if p_i ≤ 1 − (1 − q_i)^n for every token: what a reachable law would score in the flow."""
    return ONE if all(p <= 1 - (1 - q) ** x.n for p, q in zip(x.p, x.q, strict=True)) else ZERO


def union_bound(x: Pair) -> Fraction:
    """1 if P(A) ≤ min(1, n q(A)) for every set A."""
    return ONE if all(x.P(a) <= min(ONE, x.n * x.q_mass(a)) for a in subsets(x.V)) else ZERO


def neighbours(level: Level, tried: Samples) -> list[Finding]:
    """What is false."""

    def best(x: Pair) -> Fraction:
        return optimum(x, SCHEME)

    largest = Pair.of("1/3 2/3", "1/2 1/2", 2)
    half, thirds = Pair.of("0 1", "1/2 1/2", 2), Pair.of("0 4/9 5/9", "1/3 1/3 1/3", 2)
    return [
        fails(
            "to pick the draft of largest p/q is optimal",
            largest,
            largest_ratio_wins,
            best,
        ),
        equal(
            "its acceptance there, a draft from the residual included, is 35/36",
            Sample(Kind.GRID, "one instance", [largest]),
            largest_ratio_wins,
            lambda _: Fraction(35, 36),
        ),
        fails("y(A) ≤ min(1, n q(A)) for all A suffices", half, best, union_bound),
        fails("y_i ≤ 1 − (1 − q_i)^n for every token suffices", thirds, best, single_tokens),
        fails(
            "levels may be cut in any order of the tokens: one is as low as the least y/q",
            Pair.of("1/16 15/16", "1/4 3/4", 2),
            lambda x: min(p / q for p, q in zip(x.p, x.q, strict=True)),
            lambda x: min(heights([ZERO, *accumulate(reversed(x.q))], x.n)),
        ),
    ]
