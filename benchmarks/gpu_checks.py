"""Does every kernel agree with the CPU? Instances of six kinds, shipped distributions, logits, draws."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from timing import llm_like

import mdsd_theory as mdsd
from mdsd_theory.cuda.iid_emit import iid_emit
from mdsd_theory.cuda.iid_plan import iid_plan
from mdsd_theory.cuda.inputs import Rows
from mdsd_theory.cuda.launching import Launcher
from mdsd_theory.cuda.race_buckets import race_optimum
from mdsd_theory.cuda.ratio_buckets import bucket_bounds, bucket_optimum
from mdsd_theory.demo_data import load_demo_data
from mdsd_theory.instances import KINDS, random_pair
from mdsd_theory.optimal_logits import optimal_acceptance_from_logits
from mdsd_theory.routing import Workload

Tensor = torch.Tensor

TOLERANCE = {torch.float64: 1e-9, torch.float32: 1e-4, torch.float16: 0.05, torch.bfloat16: 0.05}
"""How far a rounded row's sum may be from one, for the kernels."""

SMALL_REST = 1e-13
"""Mass outside the n − 1 likeliest drafts from which the kernels must serve a row."""

SMALL = 6
"""Tokens up to which sets of drafts are enumerated."""

GOAL = 1e-6
"""What float32 and more may cost in α*."""

LOSS = 1e-4
"""What the bucketed plan may accept less than α*."""

LOSS_OF_ONE = 1e-3
"""How much too low the acceptance of one draft may be stated: the rule itself loses nothing."""

SMALL_PLANS = (2, 3, 17)
"""Vocabularies of many small plans: a fault of a compiler showed on one row in seventy there."""

RATES = (
    ("with_replacement", "rrs"),
    ("with_replacement", "k_seq"),
    ("without_replacement", "naive"),
    ("without_replacement", "rrs_without_replacement"),
)
"""Verifiers whose rates have kernels."""


@dataclass(frozen=True)
class Scope:
    """How much is checked.

    Attributes
    ----------
    device : str
    vocabularies : tuple of int
        Of the random instances; up to six tokens the truth is in exact fractions.
    drafts : tuple of int
    dtypes : tuple of dtype
    positions : int
        How many shipped positions.
    temperatures : tuple of float
    draws : int
        Tokens drawn from one position.
    longest : int
        V of one row of float32 and float64; 0 for none.
    seeds : int
        How many small plans of each kind.
    """

    device: str = "cuda"
    vocabularies: tuple[int, ...] = (1, 2, 5, 300, 4101)
    drafts: tuple[int, ...] = (1, 2, 3, 4, 8, 16)
    dtypes: tuple[torch.dtype, ...] = tuple(TOLERANCE)
    positions: int = 24
    temperatures: tuple[float, ...] = (0.3, 0.7, 1.0)
    draws: int = 1_000_000
    longest: int = 1_000_000
    seeds: int = 40


@dataclass
class Line:
    """What was compared under one name.

    Attributes
    ----------
    cases : int
    difference, allowed : float
        Of the case nearest to, or furthest beyond, what is allowed.
    """

    cases: int = 0
    difference: float = 0.0
    allowed: float = math.inf

    def add(self, difference: Tensor, allowed: Tensor | float) -> None:
        """Count a batch of differences; NaN is beyond everything."""
        difference = torch.nan_to_num(difference.double().cpu().reshape(-1), nan=math.inf)
        limit = torch.as_tensor(allowed, dtype=torch.float64).cpu().expand_as(difference)
        self.cases += difference.numel()
        for found, most in zip(difference.tolist(), limit.tolist(), strict=True):
            if self.allowed == math.inf or found / most > self.difference / self.allowed:
                self.difference, self.allowed = found, most

    @property
    def agrees(self) -> bool:
        """Whether something was compared, and nothing is too far off."""
        return self.cases > 0 and self.difference <= self.allowed


@dataclass
class Checks:
    """Kernels started by a launcher, held against the CPU's routes in float64."""

    launcher: Launcher
    scope: Scope
    lines: dict[str, Line] = field(default_factory=dict)

    def line(self, name: str) -> Line:
        """Return the line of that name."""
        return self.lines.setdefault(name, Line())

    def run(self) -> dict[str, Line]:
        """Check everything in the scope."""
        for vocabulary in self.scope.vocabularies:
            self.probabilities(f"V = {vocabulary:,}", *instances(vocabulary))
            self.rates(f"V = {vocabulary:,}", *instances(vocabulary))
        for temperature in self.scope.temperatures:
            p, q = shipped(temperature, self.scope.positions)
            self.probabilities(f"shipped, T = {temperature}", p, q)
            self.rates(f"shipped, T = {temperature}", p, q)
        for temperature in self.scope.temperatures:
            self.logits(temperature)
        for vocabulary in SMALL_PLANS:
            self.small_plans(vocabulary)
        if self.scope.longest:
            self.one_long_row()
        self.front_doors()
        self.draws()
        return self.lines

    def probabilities(self, where: str, p: Tensor, q: Tensor) -> None:
        """Check rows of every dtype for every number of drafts."""
        for dtype in self.scope.dtypes:
            for n in self.scope.drafts:
                self.pair(where, p.to(dtype), q.to(dtype), n)

    def rates(self, where: str, p: Tensor, q: Tensor) -> None:
        """Compare rates of verifiers on the device with the CPU's, in float64."""
        most = min(4, q.shape[1])
        enough = (q > 0).sum(-1) >= most
        law = normalised(p[enough]), normalised(q[enough])
        there = [x.to(self.scope.device) for x in law]
        for scheme, verifier in RATES if len(law[0]) else ():
            for n in range(2, most + 1):
                mine, theirs = (
                    mdsd.acceptance_rate(*x, n=n, scheme=scheme, verifier=verifier, detail=True)
                    for x in (there, law)
                )
                allowed: Any = 1e-12
                if mine.standard_error is not None:
                    continue  # the two draw other paths
                if mine.error_bound is not None:
                    allowed = mine.error_bound.cpu() + theirs.error_bound + 1e-12
                self.line(f"{where}, {verifier}").add((mine.value.cpu() - theirs.value).abs(), allowed)

    def small_plans(self, vocabulary: int) -> None:
        """Check plans of many small rows, which the kernel calls bad if the picks' chances miss one."""
        pairs = [instances(vocabulary, seed) for seed in range(self.scope.seeds)]
        p, q = (torch.cat(x) for x in zip(*pairs, strict=True))
        for dtype in self.scope.dtypes:
            rows = Rows(*(x.to(dtype).to(self.scope.device) for x in (p, q)))
            law = normalised(rows.p), normalised(rows.q)
            for n in self.scope.drafts:
                truth = true_value(*law, n, "with_replacement", few=False)
                self.plan(f"small, V = {vocabulary}, {name_of(dtype)}", rows, truth, n)

    def one_long_row(self) -> None:
        """Check a row of as many tokens as any vocabulary has."""
        row = llm_like(1, self.scope.longest, "float64", np.random.default_rng(1))
        for dtype in (torch.float64, torch.float32):
            self.pair(f"V = {self.scope.longest:,}", *(torch.tensor(x, dtype=dtype) for x in row), 3)

    def pair(self, where: str, p: Tensor, q: Tensor, n: int) -> None:
        """Check all that is there for probabilities."""
        name = f"{where}, {name_of(p.dtype)}"
        rows = Rows(p.to(self.scope.device), q.to(self.scope.device))
        law = normalised(p), normalised(q)
        self.with_replacement(name, rows, law, n)
        if 2 <= n <= p.shape[1] and (p.dtype == torch.float32 or n == 3):
            self.without_replacement(name, rows, law, n)

    def logits(self, temperature: float) -> None:
        """Check logits of half precision and float32."""
        p, q = shipped(1.0, self.scope.positions)
        for dtype in self.scope.dtypes:
            if dtype == torch.float64:
                continue
            a, b = (x.log().to(dtype).to(self.scope.device) for x in (p, q))
            rows = Rows.of_logits(a, b, temperature)
            law = tuple((x.double().cpu() / temperature).softmax(-1) for x in (a, b))
            name = f"logits, T = {temperature}, {name_of(dtype)}"
            self.with_replacement(name, rows, law, 3)
            self.without_replacement(name, Rows.of_logits(a, b, temperature), law, 3)

    def with_replacement(self, name: str, rows: Rows, law: tuple[Tensor, ...], n: int) -> None:
        """Compare an enclosure, the best prefix, its mask, and the verifier's plan with α*."""
        truth, tolerance = true_value(*law, n, "with_replacement"), tolerance_of(rows)
        bounds = bucket_bounds(self.launcher, rows, n, tolerance)
        self.encloses(f"cuda_bounds: {name}", bounds, rows, truth)
        found = bucket_optimum(self.launcher, rows, n, tolerance)
        self.encloses(f"cuda_buckets: {name}", found, rows, truth)
        line = self.line(f"cuda_buckets, value and subset: {name}")
        line.add((found.value.cpu() - truth).abs(), goal(found.error, rows))
        for each in (found, bounds):
            inside = each.subset().cpu()
            value = (law[0] * inside).sum(-1) + 1 - (law[1] * inside).sum(-1) ** n
            line.add((value - each.value.cpu()).abs(), each.error + rounding(rows))
        self.plan(name, rows, truth, n)

    def plan(self, name: str, rows: Rows, truth: Tensor, n: int) -> None:
        """Compare what the verifier's plan promises with α*."""
        plan = iid_plan(self.launcher, rows, n, tolerance_of(rows))
        value, best, room = plan.acceptance.cpu(), plan.optimum.cpu(), plan.error + rounding(rows)
        line = self.line(f"iid plan: {name}")
        line.add(plan.bad.cpu().double(), 0.5)
        line.add((value - truth).clamp(min=0.0), room)
        line.add((truth - best).clamp(min=0.0), room)
        self.line(f"iid plan, acceptance lost: {name}").add(
            truth - value, (LOSS if n > 1 else LOSS_OF_ONE) + room
        )

    def without_replacement(self, name: str, rows: Rows, law: tuple[Tensor, ...], n: int) -> None:
        """Compare the race with α* on rows that it must serve."""
        largest = law[1].sort(-1, descending=True).values
        must = (largest[:, n - 1] > 0) & (largest[:, n - 1 :].sum(-1) > SMALL_REST)
        if not must.any():
            return
        found = race_optimum(self.launcher, rows, n, tolerance_of(rows))
        line = self.line(f"without replacement: {name}")
        line.add(found.bad.cpu()[must].double(), 0.5)
        truth = true_value(*(x[must] for x in law), n, "without_replacement")
        value, lower = found.value.cpu()[must], found.lower.cpu()[must]
        off = torch.maximum(lower - truth, truth - value).clamp(min=0.0)
        line.add(off, found.error + rounding(rows))
        line.add((value - truth).abs(), goal(GOAL + found.error, rows))
        if rows.vocabulary <= SMALL:
            p, q, inside = law[0][must], law[1][must], found.subset().cpu()[must]
            drawn = [set_law(x, inside[row], n) for row, x in enumerate(q)]
            own = (p * inside).sum(-1) + 1 - torch.tensor(drawn, dtype=torch.float64)
            line.add((own - value).abs(), found.error + rounding(rows))

    def encloses(self, name: str, found: Any, rows: Rows, truth: Tensor) -> None:
        """Check that α* lies between ``lower`` and ``value``, errors apart, the CPU's too.

        In float64 these are the larger: in fractions, kernels were right to 1e-15 where the sort was
        off by 2e-12.
        """
        line = self.line(name)
        line.add(found.bad.cpu().double(), 0.5)
        off = torch.maximum(found.lower.cpu() - truth, truth - found.value.cpu())
        line.add(off.clamp(min=0.0), found.error + rounding(rows))

    def front_doors(self) -> None:
        """Check every route of the table that is for CUDA only, and where its results are."""
        positions = self.scope.positions
        p, q = shipped(0.7, positions) if positions else instances(40)
        routes = [route for route in mdsd.ROUTES.values() if route.devices == ("cuda",)]
        for route, scheme in ((r, s) for r in routes for s in r.schemes or ()):
            for dtype in self.scope.dtypes:
                if not route.takes(Workload(p.shape[1], p.shape[0], 3, "cuda", name_of(dtype))):
                    continue
                name = f"front door: {route.name}, {name_of(dtype)}"
                a, b = (x.to(dtype).to(self.scope.device) for x in (p, q))
                result = mdsd.optimal_acceptance(a, b, n=3, scheme=scheme, route=route.name)
                self.returned(name, result, a, true_value(normalised(a), normalised(b), 3, scheme))
                if route.logits is None or dtype == torch.float64:
                    continue
                a, b = (x.log().to(dtype).to(self.scope.device) for x in (p, q))
                result = optimal_acceptance_from_logits(
                    a, b, temperature=0.7, scheme=scheme, route=route.name
                )
                law = ((x.double().cpu() / 0.7).softmax(-1) for x in (a, b))
                self.returned(f"{name} logits", result, a, true_value(*law, 3, scheme))

    def returned(self, name: str, result: mdsd.Acceptance, given: Tensor, truth: Tensor) -> None:
        """Check the place, the dtype and the enclosure of a result."""
        value, line = result.value, self.line(name)
        line.add(torch.tensor(float(value.device != given.device or value.dtype != given.dtype)), 0.5)
        off = torch.maximum(result.lower.double().cpu() - truth, truth - result.upper.double().cpu())
        line.add(off.clamp(min=0.0), 1e-12)

    def draws(self) -> None:
        """Check the law of what the device's verifier emits, and how often that is a draft."""
        rng, n, count = np.random.default_rng(7), 3, self.scope.draws
        for kind in KINDS:
            p, q = (torch.tensor(x)[None] for x in random_pair(kind, 12, n, rng))
            plan = iid_plan(
                self.launcher, Rows(p.to(self.scope.device), q.to(self.scope.device)), n, 1e-9
            )
            drafts = rng.choice(12, size=(1, count, n), p=q[0].numpy() / q.sum().item())
            uniforms = rng.random((1, 3 * n + 2, count))
            given = (torch.tensor(x).to(self.scope.device) for x in (drafts, uniforms))
            emission = iid_emit(self.launcher, plan, *given)
            token, index = emission.token.cpu()[0], emission.index.cpu()[0]
            line = self.line(f"verifier's draws, {kind}: standard deviations")
            line.add(emission.refused.cpu().double(), 0.5)
            line.add(torch.tensor(deviation(torch.bincount(token, minlength=12), p[0], count)), 5.0)
            rate = float(plan.acceptance[0])
            spread = math.sqrt(max(rate * (1 - rate), 1e-9) / count)
            line.add(((index >= 0).double().mean() - rate).abs() / spread, 5.0)


def instances(vocabulary: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Return a pair of each kind."""
    rng = np.random.default_rng([vocabulary, seed])
    pairs = [random_pair(kind, vocabulary, min(3, vocabulary), rng) for kind in KINDS]
    p, q = (torch.tensor(np.stack(x)) for x in zip(*pairs, strict=True))
    return p, q


@lru_cache
def shipped(temperature: float, positions: int) -> tuple[Tensor, Tensor]:
    """Return some shipped positions, as far apart as can be."""
    data = load_demo_data(temperature=temperature)
    step = max(1, len(data.p) // positions)
    return torch.tensor(data.p[::step][:positions]), torch.tensor(data.q[::step][:positions])


def normalised(x: Tensor) -> Tensor:
    """Return rows as they are after rounding, on the CPU, divided by their sums."""
    x = x.double().cpu()
    return x / x.sum(-1, keepdim=True)


def true_value(p: Tensor, q: Tensor, n: int, scheme: str, *, few: bool = True) -> Tensor:
    """Return α* by a route of the CPU: fractions for few tokens and rows, else a sort in float64."""
    small = few and p.shape[1] <= SMALL and n <= 4
    sort = {"with_replacement": "sorted_prefix", "without_replacement": "race_prefix"}[scheme]
    solve = mdsd.optimal_acceptance
    return solve(p, q, n=n, scheme=scheme, route="rational" if small else sort).value


def set_law(q: Tensor, inside: Tensor, n: int) -> float:
    """Return Q(H) without replacement: how likely all drafts lie in H."""
    law = mdsd.SCHEMES["without_replacement"].set_law(q.tolist(), n)
    return sum(weight for drafts, weight in law.items() if all(inside[i] for i in drafts))


def tolerance_of(rows: Rows) -> float:
    """Return how far a row's sum may be from one."""
    return 1e-3 if rows.temperature is not None else TOLERANCE[rows.p.dtype]


def rounding(rows: Rows) -> float:
    """Return what float64 sums over a row may have lost on the CPU's side."""
    return 64 * rows.vocabulary * 2.0**-53


def goal(error: float, rows: Rows) -> float:
    """Return what a value may be off: no more than the aim where p and q are float32 or wider."""
    wide = rows.temperature is None and rows.p.dtype in (torch.float32, torch.float64)
    return min(error + rounding(rows), GOAL if wide else math.inf)


def name_of(dtype: torch.dtype) -> str:
    """Return a dtype's name."""
    return str(dtype).removeprefix("torch.")


def deviation(seen: Tensor, law: Tensor, count: int) -> float:
    """Return (χ² − k) / √(2k) of counts against a law; infinite if what cannot be was seen."""
    if bool((seen[law == 0] > 0).any()):
        return math.inf
    expected = law[law > 0] * count
    freedom = expected.numel() - 1
    if not freedom:
        return 0.0
    square = float(((seen[law > 0] - expected) ** 2 / expected).sum())
    return max(0.0, (square - freedom) / math.sqrt(2 * freedom))


def failures(lines: dict[str, Line]) -> Iterator[str]:
    """Yield what disagrees."""
    for name, line in lines.items():
        if not line.agrees:
            yield f"{name}: {line.difference:.2e}, allowed {line.allowed:.2e}"
