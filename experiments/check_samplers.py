r"""Check samplers at kept positions of captures: do they draw and accept as often as was computed?

::

    python experiments/check_samplers.py runs/smollm2_skip/* --draws 20000 --seed 1

At each position each scheme draws drafts from q, over the whole vocabulary. The first draft that is not
certain is compared with the law that the scheme claims for it (binomial for single tokens and groups of
rare ones, times their number: chi-square is too often small where few draws are expected). Every verifier
of the scheme then emits one token for each tuple of drafts, and how often that is a draft is compared
with the computed acceptance rate (binomial, both sides; and all positions together, normal). Something is
refuted when its chance is below ``--level`` divided by the number of tests (Bonferroni): all tests
together raise a false alarm at most that often. Exit code 1 then.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import numpy as np
import terminal
import typer
from kept_laws import Law, read_kept, whole_numbers
from numpy.typing import NDArray
from rich.box import SIMPLE_HEAD
from rich.progress import track
from rich.table import Table
from scipy.stats import binom, norm

from mdsd_theory import SCHEMES, Rate, Scheme, Verifier
from mdsd_theory.tables import console
from mdsd_theory.verifiers import verifiers_of

LEAST = 20.0
"""Draws that a token or group of tokens expects at least: of fewer, no number says much."""

ENOUGH = 10_000.0
"""Variance of a sum of hits from which its law is taken for normal, five deviations out."""

app = typer.Typer(add_completion=False, help=__doc__)


@dataclass
class Tests:
    """One thing that was tested, position by position.

    Attributes
    ----------
    chances : list of float
        p-values.
    claimed, seen : list of float
        Acceptance rates; empty for drafts.
    excess, variance : float
        Sums over positions: hits less expected ones, and the variance of that.
    """

    chances: list[float] = field(default_factory=list)
    claimed: list[float] = field(default_factory=list)
    seen: list[float] = field(default_factory=list)
    excess: float = 0.0
    variance: float = 0.0

    @property
    def pooled(self) -> float | None:
        """z of all positions together; None where the hits are too few or too many for one."""
        return self.excess / self.variance**0.5 if self.variance >= ENOUGH else None

    def all(self) -> list[float]:
        """Return the p-values, that of all positions together included."""
        pooled = self.pooled
        return self.chances + ([] if pooled is None else [2 * float(norm.sf(abs(pooled)))])


Key = tuple[str, int, str]
"""Scheme, n, and the verifier or what else is tested."""

DRAFTS = "drafts"
"""That they are drawn from q."""


@app.command()
def check(
    folders: Annotated[list[Path], typer.Argument(metavar="OUT...", help="Folders of mdsd capture.")],
    temperature: Annotated[float, typer.Option(min=0, help="Of both models.")] = 0.7,
    positions: Annotated[int, typer.Option(min=1, help="Kept positions.")] = 50,
    draws: Annotated[int, typer.Option(min=100, help="Tuples of drafts a position.")] = 20_000,
    n: Annotated[str, typer.Option("--n", help="Numbers of drafts, with commas.")] = "2,3",
    seed: Annotated[int, typer.Option(min=0)] = 0,
    level: Annotated[float, typer.Option(min=0, max=1, help="Chance of a false alarm in all.")] = 1e-3,
) -> None:
    """Compare drawn drafts with q, and measured acceptance with the computed rate."""
    drafts = whole_numbers("--n", n)
    found: dict[Key, Tests] = {}
    kept = read_kept(folders, positions)
    for place, one in enumerate(track(kept, "positions", console=console(stderr=True), transient=True)):
        p, q = one.laws(temperature)
        check_position(p, q, drafts, draws, np.random.default_rng([seed, place]), found)
    count = sum(len(tests.all()) for tests in found.values())
    console().print(
        table_of(found, count, f"T = {temperature:g}, {positions} positions, {draws:,} draws")
    )
    worst = min((chance for tests in found.values() for chance in tests.all()), default=1.0)
    refuted = worst * count < level
    terminal.say(
        f"{'refuted' if refuted else 'nothing refuted'}: the smallest of {count:,} chances is "
        f"{worst:.1e}, {min(1.0, worst * count):.2g} after Bonferroni; level {level:g}, seed {seed}"
    )
    if refuted:
        raise typer.Exit(1)


def check_position(
    p: Law,
    q: Law,
    drafts: Sequence[int],
    draws: int,
    generator: np.random.Generator,
    found: dict[Key, Tests],
) -> None:
    """Draw and verify at one position by every scheme, and add to what was found."""
    for scheme, n in instances(q, drafts):
        drawn = scheme.sample(q, n, generator, size=draws)
        found.setdefault((scheme.name, n, DRAFTS), Tests()).chances.append(as_claimed(scheme, q, drawn))
        for verifier in verifiers_of(scheme, n):
            tests = found.setdefault((scheme.name, n, verifier.name), Tests())
            accept(verifier, scheme, p, q, drawn, generator, tests)


def instances(q: Law, drafts: Sequence[int]) -> Iterator[tuple[Scheme, int]]:
    """Yield schemes that draw from one q, and n, where q has enough tokens and the scheme such an n."""
    support = int((q > 0).sum())
    for scheme in SCHEMES.values():
        for n in drafts if scheme.draft == "single" else ():
            if support >= scheme.support_needed(n) and n in (scheme.drafts or (n,)):
                yield scheme, n


def accept(
    verifier: Verifier,
    scheme: Scheme,
    p: Law,
    q: Law,
    drawn: NDArray[np.int64],
    generator: np.random.Generator,
    tests: Tests,
) -> None:
    """Verify the drafts, and compare how often one of them is emitted with the computed rate."""
    n, draws = drawn.shape[-1], len(drawn)
    emitted = verifier.plan(p, q, n, scheme=scheme).sample(drawn, generator)
    hits = int((emitted.index >= 0).sum())
    rate = verifier.acceptance_rate(p, q, n, scheme=scheme)
    nearest, error = allowed(rate, hits / draws)
    tests.chances.append(chance_of(hits, draws, nearest, error))
    tests.claimed.append(rate.value)
    tests.seen.append(hits / draws)
    tests.excess += hits - draws * nearest
    tests.variance += draws * nearest * (1 - nearest) + (draws * error) ** 2


def allowed(rate: Rate, seen: float) -> tuple[float, float]:
    """Return the rate within the proven enclosure that is nearest to what was seen, and its own error."""
    bound = rate.error_bound or 0.0
    nearest = min(max(seen, rate.value - bound), rate.value + bound)
    return min(max(nearest, 0.0), 1.0), rate.standard_error or 0.0


def chance_of(hits: int, draws: int, rate: float, error: float) -> float:
    """Return the p-value of so many hits: binomial, or normal where the rate is an estimate."""
    if error:
        deviation = (rate * (1 - rate) / draws + error**2) ** 0.5
        return 2 * float(norm.sf(abs(hits / draws - rate) / deviation))
    return float(two_sided(np.array(hits), draws, np.array(rate)))


def two_sided(hits: NDArray[np.int64], draws: int, rate: Law) -> Law:
    """Return binomial p-values: twice the smaller tail, at most 1."""
    return np.minimum(1.0, 2 * np.minimum(binom.cdf(hits, draws, rate), binom.sf(hits - 1, draws, rate)))


def as_claimed(scheme: Scheme, q: Law, drawn: NDArray[np.int64]) -> float:
    """Return the p-value of the first draft that is not certain; zero for drafts that cannot be."""
    sure, law = first_open(scheme, q, drawn.shape[-1])
    if (drawn[:, : len(sure)] != np.array(sure, dtype=np.int64)).any():
        return 0.0
    return 1.0 if law is None else fit_of(drawn[:, len(sure)], law)


def first_open(scheme: Scheme, q: Law, n: int) -> tuple[tuple[int, ...], Law | None]:
    """Return the drafts that are certain, and the law of the next; None where all n are certain."""
    sure: tuple[int, ...] = ()
    while len(sure) < n:
        chances = scheme.next_draft(q, n, sure)
        if len(chances) > 1:
            law = np.zeros_like(q)
            law[list(chances)] = list(chances.values())
            return sure, law / law.sum()
        sure += tuple(chances)
    return sure, None


def fit_of(tokens: NDArray[np.int64], law: Law) -> float:
    """Return the p-value of tokens against a law, cell by cell; zero for tokens it never draws."""
    counts = np.bincount(tokens, minlength=law.size)
    if counts[law == 0].any():
        return 0.0
    cell = cells(law * len(tokens))
    seen, mass = np.bincount(cell, counts).astype(np.int64), np.bincount(cell, law)
    return min(1.0, len(seen) * float(two_sided(seen, len(tokens), np.minimum(mass, 1.0)).min()))


def cells(expected: Law) -> NDArray[np.int64]:
    """Return a cell for each token: one of its own from LEAST expected draws, else one for many."""
    order = np.argsort(-expected, kind="stable")
    falling = expected[order]
    single = int((falling >= LEAST).sum())
    group = np.floor(np.cumsum(falling[single:]) / (2 * LEAST)).astype(np.int64)
    place = np.concatenate([np.arange(single), single + np.unique(group, return_inverse=True)[1]])
    last = place[-1]
    if last and falling[place == last].sum() < LEAST:
        place[place == last] = last - 1
    cell = np.empty_like(place)
    cell[order] = place
    return cell


def table_of(found: dict[Key, Tests], count: int, title: str) -> Table:
    """Return what was found as a table."""
    table = Table(title=f"samplers, {title}", box=SIMPLE_HEAD, collapse_padding=True, pad_edge=False)
    for name in (
        "scheme",
        "n",
        "tested",
        "positions",
        "rate",
        "seen",
        "max |z|",
        "pooled z",
        "p × tests",
    ):
        left = name in ("scheme", "tested")
        table.add_column(name, justify="left" if left else "right", no_wrap=True)
    for (scheme, n, what), tests in found.items():
        rates = ["" if not x else f"{np.mean(x):.4f}" for x in (tests.claimed, tests.seen)]
        pooled = "" if tests.pooled is None else f"{tests.pooled:+.2f}"
        found_here = (f"{norm.isf(min(tests.chances) / 2):.2f}", pooled)
        corrected = f"{min(1.0, count * min(tests.all())):.2g}"
        table.add_row(scheme, str(n), what, str(len(tests.chances)), *rates, *found_here, corrected)
    return table


def main() -> None:
    """Run the script."""
    terminal.run(app)


if __name__ == "__main__":
    main()
