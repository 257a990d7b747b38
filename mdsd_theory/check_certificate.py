"""Check a certificate of α* in integers: ``python check_certificate.py FILE``. Standard library only.

α* is the largest probability with which a lossless verifier emits one of the n drafts. The file states
its value for p, q and a scheme; w(S), the law of the set of drafts, is computed here from q. Two
witnesses prove the value, each equal to it exactly. Masses c(S, i) ≥ 0, i ∈ S, with
Σ_i c(S, i) ≤ w(S) and Σ_S c(S, i) ≤ p_i: to emit i after drafts S that often, and otherwise what p still
lacks, is lossless, so α* ≥ Σ c(S, i). A set H of tokens: if the emitted token is in S, then it is in H
or S is not inside H, so α* ≤ P(H) + 1 − Q(H), with 1 − Q(H) the sum of w(S) over the S not inside H.
"""

from __future__ import annotations

import json
import re
import sys
from math import lcm
from pathlib import Path
from typing import Any

Ratio = tuple[int, int]  # (a, b) stands for a over b, b > 0
SetLaw = dict[frozenset[int], Ratio]
Coupling = dict[tuple[frozenset[int], int], Ratio]

FORMAT = "mdsd-certificate", 1  # name and version
FIELDS = {"format", "version", "scheme", "n", "p", "q", "value", "H", "coupling"}
SINGLE = ("with_replacement", "without_replacement", "greedy", "top_k", "spechub")
SCHEMES = (*SINGLE, "independent", "joint", "law")

# Most bytes of a file, digits of an integer, sets of drafts, and work (3 to 15 ns a unit, 2 GB in all).
BYTES, DIGITS, SETS, WORK = 2**24, 4300, 500_000, 2 * 10**9


class RefusedError(ValueError):
    """The file proves nothing; the message says why, in one line."""


def require(condition: bool, otherwise: str) -> None:
    if not condition:
        raise RefusedError(otherwise)


class Work:
    """Integer arithmetic that stops when it has cost more than a limit."""

    left = WORK

    def spend(self, units: int) -> None:
        self.left -= units
        require(self.left >= 0, f"it takes more than {WORK:,} units of arithmetic, the limit")

    def times(self, x: int, y: int, divisor: int = 1) -> int:  # of the division that gave y
        self.spend((max(x, divisor).bit_length() // 64 + 10) * (y.bit_length() // 64 + 10))
        return x * y

    def shared(self, ratios: list[Ratio]) -> tuple[list[int], int]:
        """Return the numerators over one denominator, and that denominator."""
        bottom = 1
        for b in {b for _, b in ratios}:
            self.spend(100 + bottom.bit_length() * b.bit_length() // 500)
            bottom = lcm(bottom, b)
        return [self.times(a, bottom // b, b) for a, b in ratios], bottom

    def sums(self, parts: dict[frozenset[int], list[Ratio]]) -> SetLaw:
        shared = {drafts: self.shared(ratios) for drafts, ratios in parts.items()}
        return {drafts: (sum(tops), bottom) for drafts, (tops, bottom) in shared.items() if any(tops)}


def set_law(do: Work, scheme: str, n: int, q: list[list[Ratio]]) -> SetLaw:
    """Return w(S), draft by draft, for one q or n; of tokens of equal q the lowest index comes first."""
    weights, wholes = zip(*map(do.shared, q), strict=True)
    require([sum(x) for x in weights] == list(wholes), "q does not sum to 1")
    order = sorted(range(len(weights[0])), key=lambda i: (-weights[0][i], i))
    repeats = scheme in ("with_replacement", "independent")
    require(repeats or sum(map(bool, weights[0])) >= n, f"q has fewer than n = {n} positive tokens")

    def next_draft(k: int, drawn: frozenset[int]) -> dict[int, int]:  # up to a factor
        if scheme == "top_k" or (scheme == "greedy" and k < n - 1):
            return {order[k]: 1}
        if scheme == "spechub" and k == 1 and order[0] not in drawn:
            return {order[0]: 1}
        return {i: x for i, x in enumerate(weights[k % len(q)]) if x and (repeats or i not in drawn)}

    law: SetLaw = {frozenset(): (1, 1)}
    for k in range(n):
        longer: dict[frozenset[int], list[Ratio]] = {}
        for drawn, (a, b) in law.items():
            chances = next_draft(k, drawn)
            do.spend(20 * len(order) + 100 * len(drawn) * len(chances))
            whole = do.times(b, sum(chances.values()))
            for i, x in chances.items():
                longer.setdefault(drawn | {i}, []).append((do.times(a, x), whole))
            require(len(longer) <= SETS, f"there are more than {SETS:,} sets of drafts, the limit")
        law = do.sums(longer)
    return law


def prove(do: Work, p: list[Ratio], law: SetLaw, coupling: Coupling, H: set[int], value: Ratio) -> None:
    """Refuse unless the coupling is feasible and both witnesses equal the value."""
    tops, one = do.shared([value, *p, *law.values(), *coupling.values()])
    claim, room, masses = tops[0], tops[1 : 1 + len(p)], tops[1 + len(p) + len(law) :]
    weight = dict(zip(law, tops[1 + len(p) :], strict=False))
    require(sum(room) == one == sum(weight.values()), "p or the law of the drafts does not sum to 1")
    bound = sum(room[i] for i in H) + sum(w for drafts, w in weight.items() if not drafts <= H)
    for (drafts, i), mass in zip(coupling, masses, strict=True):
        require(i in drafts and drafts in weight, "the coupling emits outside S, or S is never drafted")
        weight[drafts] -= mass
        room[i] -= mass
    require(min(*weight.values(), *room) >= 0, "the coupling exceeds p of a token or w(S) of a set S")
    require(sum(masses) == claim, "the coupling does not sum to the value")
    require(bound == claim, "P(H) + 1 - Q(H) is not the value")


def index(digits: str) -> int:
    require(re.fullmatch("[0-9]{1,9}", digits) is not None, "a number outside strings is no index")
    return int(digits)


def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    require(len(dict(pairs)) == len(pairs), "a field is there twice")
    return dict(pairs)


def ratio(x: Any, what: str) -> Ratio:
    part = f"(?!0[0-9])[0-9]{{1,{DIGITS}}}"
    match = re.fullmatch(f"({part})(?:/({part}))?", x) if type(x) is str else None
    if not match or match[2] == "0":
        raise RefusedError(f'{what} is not in fractions such as "1/3" of at most {DIGITS:,} digits')
    return int(match[1]), int(match[2] or 1)


def rows(x: Any, what: str, width: int = 0) -> list[Any]:
    fits = type(x) is list and all(not width or (type(y) is list and len(y) == width) for y in x)
    require(fits, f"{what} is no list" + (f" of lists of {width}" if width else ""))
    return list(x)


def tokens(x: Any, what: str, V: int, rising: bool = True) -> tuple[int, ...]:
    fits = type(x) is list and all(type(i) is int and i < V for i in x)
    require(fits and (not rising or x == sorted(set(x))), f"{what} has no tokens below V in rising order")
    return tuple(x)


def law_of(do: Work, scheme: str, n: int, V: int, q: Any) -> SetLaw:
    """Return w(S) from the q of a file."""
    if scheme not in ("joint", "law"):
        lists = [q] if scheme in SINGLE else rows(q, "q")
        found = [[ratio(x, "q") for x in rows(one, "q")] for one in lists]
        fits = all(len(one) == V for one in found) and (scheme in SINGLE or len(found) == n)
        require(fits, "q does not have the length of p, or does not hold n drafters")
        return set_law(do, scheme, n, found)
    parts: dict[frozenset[int], list[Ratio]] = {}
    drawn = [tokens(drafts, "q", V, rising=scheme == "law") for drafts, _ in rows(q, "q", 2)]
    sizes = all(len(drafts) in (range(1, n + 1) if scheme == "law" else [n]) for drafts in drawn)
    require(sizes and len(set(drawn)) == len(drawn), "q has drafts twice, or not n of them")
    for drafts, (_, weight) in zip(drawn, q, strict=True):
        parts.setdefault(frozenset(drafts), []).append(ratio(weight, "q"))
    return do.sums(parts)


def check(content: bytes) -> tuple[str, SetLaw]:
    """Return what a file proves, in words, and w(S); or raise RefusedError."""
    require(len(content) <= BYTES, f"it is longer than {BYTES:,} bytes, the limit")
    hooks: dict[str, Any] = dict.fromkeys(("parse_int", "parse_float", "parse_constant"), index)
    try:
        x = json.loads(content.decode(), object_pairs_hook=once, **hooks)
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RefusedError(f"it is no JSON that can be read ({type(error).__name__})") from None
    require(type(x) is dict and set(x) == FIELDS, f"its fields are not {', '.join(sorted(FIELDS))}")
    scheme, n, version = x["scheme"], x["n"], x["version"]
    require(type(version) is int and (x["format"], version) == FORMAT, f"it is not {FORMAT}")
    require(type(scheme) is str and scheme in SCHEMES, f"the scheme is none of {', '.join(SCHEMES)}")
    require(type(n) is int and n > 0 and (scheme != "spechub" or n == 2), "n is no number of drafts")
    p, value, do = [ratio(y, "p") for y in rows(x["p"], "p")], ratio(x["value"], "value"), Work()
    law, coupling = law_of(do, scheme, n, len(p), x["q"]), Coupling()
    for drafts, token, mass in rows(x["coupling"], "coupling", 3):
        pair = frozenset(tokens(drafts, "coupling", len(p))), tokens([token], "coupling", len(p))[0]
        require(pair not in coupling, "the coupling has a set and token twice")
        coupling[pair] = ratio(mass, "coupling")
    prove(do, p, law, coupling, set(tokens(x["H"], "H", len(p))), value)
    exact = (
        x["value"] if len(x["value"]) < 50 else f"about {10**9 * value[0] // value[1]}e-9 (in full there)"
    )
    note = " (q is the law of the set of drafts)" if scheme == "law" else ""
    return f"verified: alpha* is {exact} for its p and q, V = {len(p)}, n = {n}, {scheme}{note}", law


def main(arguments: list[str]) -> int:
    """Print one line; return 0 if the file proves what it states, else 1."""
    try:
        with Path(*arguments[:1]).open("rb") as file:
            print(check(file.read(BYTES + 1))[0])
    except (ValueError, OSError, MemoryError) as error:
        print(f"refused: {error or 'out of memory'}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
