r"""How far every rule for a tree of drafts is from the best one, on toy models.

::

    python experiments/tree_gaps.py --models 40 --seed 1 -o experiments/results/checks/tree_gaps.md

Target and draft are random Markov models over V tokens. The block efficiency of each rule is exact, in
fractions (``K-SEQ`` with a discount in floats); the best lossless rule for the whole tree is a linear
program whose value is enclosed to 1e-8 in fractions, mostly exactly; see
:mod:`mdsd_theory.reference.whole_tree`.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Annotated

import numpy as np
import terminal
import typer
from rich.progress import track

from mdsd_theory.errors import DataFileError
from mdsd_theory.schemes import resolve_scheme
from mdsd_theory.tables import console
from mdsd_theory.tree.best import best_tree_rule
from mdsd_theory.tree.block_efficiency import block_efficiency
from mdsd_theory.tree.language import NextToken, markov
from mdsd_theory.tree.topology import Tree, parse_tree
from mdsd_theory.verifiers import verifiers_of

SCHEMES = ("with_replacement", "without_replacement", "greedy", "top_k")

LEFT_OUT = ("khisti",)
"""Rules that are for n = 2 and take seconds on each node of a toy."""

REACHED = 1e-8
"""A rule within this of the optimum is said to reach it."""

PARTS = 60
"""Probabilities are multiples of 1/60."""

app = typer.Typer(add_completion=False, help=__doc__)


@dataclass
class Gaps:
    """What one rule lacks on each model, in tokens a step, and what the best one emits."""

    best: list[float] = field(default_factory=list)
    gap: list[float] = field(default_factory=list)

    def row(self) -> tuple[str, ...]:
        """Mean efficiency, mean gap in per cent, largest gap, share of models where there is none."""
        best, gap = np.array(self.best), np.array(self.gap)
        return (
            f"{(best - gap).mean():.4f}",
            f"{100 * (gap / best).mean():.2f}",
            f"{100 * (gap / best).max():.2f}",
            f"{100 * (gap < REACHED).mean():.0f}",
        )


def models(vocabulary: int, count: int, least: int, seed: int) -> Iterator[tuple[NextToken, NextToken]]:
    """Yield random pairs of Markov models; the draft is the target mixed with another model."""
    rng = np.random.default_rng([seed, vocabulary, least])

    def law(near: tuple[Fraction, ...] | None = None) -> tuple[Fraction, ...]:
        while True:
            counts = rng.multinomial(PARTS, rng.dirichlet(np.full(vocabulary, 0.7)))
            found = tuple(Fraction(int(x), PARTS) for x in counts)
            if near is not None:
                found = tuple((a + b) / 2 for a, b in zip(found, near, strict=True))
            if sum(x > 0 for x in found) >= least:
                return found

    for _ in range(count):
        p = [law() for _ in range(vocabulary + 1)]
        q = [law(row) for row in p]
        yield markov(p[0], p[1:]), markov(q[0], q[1:])


def rules_of(scheme: str, tree: Tree) -> list[str]:
    """Return the rules for a scheme and a tree."""
    found = [x.name for x in verifiers_of(scheme, tree.width) if x.name not in LEFT_OUT]
    return [*found, *(["block"] if tree.width == 1 else []), "traversal"]


def measure(
    name: str, vocabulary: int, count: int, seed: int, schemes: tuple[str, ...] = SCHEMES
) -> dict[tuple[str, str], Gaps]:
    """Return the gaps of every scheme and rule on one tree."""
    tree = parse_tree(name)
    found: dict[tuple[str, str], Gaps] = {}
    least = max(resolve_scheme(scheme).support_needed(tree.width) for scheme in schemes)
    pairs = list(models(vocabulary, count, least, seed))
    for target, draft in track(pairs, name, console=console(stderr=True), transient=True):
        for scheme in schemes:
            best = best_tree_rule(target, draft, tree, scheme=scheme)
            for rule in rules_of(scheme, tree):
                emitted = block_efficiency(target, draft, tree, scheme=scheme, rule=rule)
                gaps = found.setdefault((scheme, rule), Gaps())
                gaps.best.append(best.value)
                gaps.gap.append(max(0.0, float(best.upper - emitted)))
    return found


HEAD = (
    "tree",
    "scheme",
    "rule",
    "tokens a call",
    "gap, mean %",
    "gap, largest %",
    "reached, % of models",
)


@app.command()
def gaps(
    trees: Annotated[str, typer.Option(help="With commas between.")] = "chain:3,2x2,2x3",
    vocabulary: Annotated[int, typer.Option(min=2, max=4)] = 3,
    count: Annotated[int, typer.Option("--models", min=1, help="Pairs of models for each tree.")] = 40,
    seed: Annotated[int, typer.Option(min=0)] = 1,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write Markdown there.")] = None,
) -> None:
    """Make the table."""
    lines = [
        f"`python experiments/tree_gaps.py --trees {trees} --vocabulary {vocabulary} --models {count} "
        f"--seed {seed}`",
        "",
        f"V = {vocabulary}, {count} pairs of random Markov models for each tree. The optimum is that of "
        "the best lossless rule for the whole tree; a gap is what a rule emits less, in per cent of it.",
        "",
        "| " + " | ".join(HEAD) + " |",
        "| --- | --- | --- | ---: | ---: | ---: | ---: |",
    ]
    duels = []
    for name in trees.split(","):
        found = measure(name, vocabulary, count, seed)
        for scheme in SCHEMES:
            best = np.mean(found[scheme, "traversal"].best)
            lines.append(f"| {name} | {scheme} | **optimum** | **{best:.4f}** | | | |")
            for (other, rule), one in found.items():
                if other == scheme:
                    lines.append(f"| {name} | {scheme} | {rule} | " + " | ".join(one.row()) + " |")
            duels.append(_duel(name, scheme, found))
    text = "\n".join([*lines, "", *duels]) + "\n"
    terminal.say(text)
    if output is not None:
        try:
            output.write_text(text, encoding="utf-8")
        except OSError as error:
            raise DataFileError(f"cannot write {output}: {error.strerror}") from None


def _duel(name: str, scheme: str, found: dict[tuple[str, str], Gaps]) -> str:
    """Say how often traversal emits more than node-wise optimal verification, and the reverse."""
    whole, nodes = (np.array(found[scheme, rule].gap) for rule in ("traversal", "optimal"))
    more, less = int((whole < nodes - REACHED).sum()), int((nodes < whole - REACHED).sum())
    return (
        f"- {name}, {scheme}: traversal emits more than `optimal` at every node in {more} of "
        f"{len(whole)} models, less in {less}."
    )


if __name__ == "__main__":
    terminal.run(app)
