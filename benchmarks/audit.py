"""The audit on wrong and on correct verifiers, and how often it raises a false alarm.

Run: ``python benchmarks/audit.py`` from the repository root (about fifteen minutes; ``--audits 100``
makes the first part short). Exits 1 if a mutant passes or a correct rule is refuted.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console
from rich.table import Table
from scipy.stats import beta, chisquare

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import mdsd_theory as mdsd
from mdsd_theory.auditing.e_process import EProcess
from mdsd_theory.auditing.options import Options
from mdsd_theory.auditing.rules import rule_of
from mdsd_theory.auditing.search import search
from mdsd_theory.auditing.selection import select
from mdsd_theory.verifiers import verifiers_of
from tests.audit.correct import CORRECT
from tests.audit.mutants import MUTANTS, half_precision_race

console = Console(width=130)
failures: list[str] = []


def table(title: str, *columns: str) -> Table:
    """Return an empty table whose first column is text."""
    found = Table(title=title, title_justify="left")
    for k, name in enumerate(columns):
        found.add_column(name, justify="left" if k == 0 else "right")
    return found


def mutants(seeds: int) -> None:
    """Print what the default audit says of each mutant, over several seeds."""
    title = f"mutants, default options, {seeds} seeds: refuted, then median and worst"
    shown = table(
        title, "mutant", "refuted", "tokens", "worst", "seconds", "worst", "TV ≥", "shown by", "V"
    )
    for name, mutant in MUTANTS.items():
        audits = [
            mdsd.audit(mutant.verifier, scheme=mutant.scheme, n=mutant.n, seed=seed, **mutant.options)
            for seed in range(seeds)
        ]
        found = [report for report in audits if report.refuted]
        if len(found) < seeds:
            failures.append(name)
        first = audits[0].counterexample
        shown.add_row(
            f"{mutant.number}. {name}",
            f"{len(found)} of {seeds}",
            *spread([report.samples for report in audits], ",.0f"),
            *spread([report.seconds for report in audits], ".1f"),
            f"{np.median([report.total_variation for report in audits]):.2g}",
            first.how if first else "",
            str(len(first.p)) if first else "",
        )
    shown.add_row(*race(seeds))
    console.print(shown)


def spread(values: list[float], form: str) -> tuple[str, str]:
    """Return median and maximum as text."""
    return format(float(np.median(values)), form), format(float(max(values)), form)


def race(seeds: int) -> list[str]:
    """Return the row of mutant 9, a sampler of drafts, at V = 32,000."""
    q = 1 / np.arange(1, 32_001)
    audits = [
        mdsd.audit_drafts(half_precision_race, q / q.sum(), "without_replacement", 3, seed=seed)
        for seed in range(seeds)
    ]
    found = sum(report.refuted for report in audits)
    if found < seeds:
        failures.append("half-precision race")
    tokens, seconds = ([getattr(r, name) for r in audits] for name in ("samples", "seconds"))
    bound = f"{np.median([report.total_variation for report in audits]):.2g}"
    cells = [f"{found} of {seeds}", *spread(tokens, ",.0f"), *spread(seconds, ".1f")]
    return ["9. half-precision race", *cells, bound, "draft frequencies", "32,000"]


def correct_rules() -> Iterator[tuple[str, Any, str, int]]:
    """Yield name, verifier, scheme and n of every correct rule."""
    for scheme in mdsd.SCHEMES:
        for n in (2, 3):
            for verifier in verifiers_of(scheme):
                yield f"{verifier.name}, {scheme}, n = {n}", verifier, scheme, n
    for name, (function, scheme) in CORRECT.items():
        yield f"textbook {name}, {scheme}, n = 3", function, scheme, 3


def correct() -> None:
    """Print what the default audit says of each correct rule."""
    shown = table(
        "correct rules, default options", "rule", "verdict", "tokens", "seconds", "largest log E"
    )
    for name, verifier, scheme, n in correct_rules():
        try:
            report = mdsd.audit(verifier, scheme=scheme, n=n)
        except mdsd.InputError:
            continue  # the rule or the scheme is for another number of drafts
        if report.refuted:
            failures.append(name)
        highest = max(tried.log_e for tried in report.instances)
        shown.add_row(
            name, report.verdict, f"{report.samples:,}", f"{report.seconds:.1f}", f"{highest:.1f}"
        )
    for scheme in ("with_replacement", "without_replacement", "greedy", "top_k"):
        q = 1 / np.arange(1, 32_001)
        drafts = mdsd.audit_drafts(scheme, q / q.sum(), scheme, 3)
        if drafts.refuted:
            failures.append(f"drafts {scheme}")
        cells = (f"{drafts.samples:,}", f"{drafts.seconds:.1f}", f"{drafts.log_e:.1f}")
        shown.add_row(f"drafts {scheme}, V = 32,000", drafts.verdict, *cells)
    console.print(shown)


def audits_in_short(audits: int, false_alarm: float) -> int:
    """Return how many of many short searches on correct rules refute."""
    rules = [(rule_of(CORRECT[name][0]), CORRECT[name][1]) for name in ("rrs", "rrs_without", "greedy")]
    rules += [(rule_of("rrs"), "with_replacement"), (rule_of("optimal"), "with_replacement")]
    alarms = 0
    for seed in range(audits):
        rule, scheme = rules[seed % len(rules)]
        options = Options(2000, 60.0, seed, false_alarm, 0.999, False)
        tried = select(rule, mdsd.SCHEMES[scheme], 3, options, False, None)
        result = search(
            rule,
            tried,
            samples=3000,
            deadline=time.perf_counter() + 60,
            false_alarm=false_alarm,
            seed=seed,
        )
        alarms += result.refuted is not None
    return alarms


def one_test(runs: int, level: float, tokens: int = 3000, looks: int = 50) -> tuple[int, int]:
    """Return how often one e-process, and chi-square looked at as often, refute a true p."""
    rng = np.random.default_rng(7)
    p = np.array([0.4, 0.3, 0.2, 0.1])
    alarms, peeked = 0, 0
    for _ in range(runs):
        evidence, crossed, small = EProcess(p), False, False
        for batch in np.split(rng.choice(4, tokens, p=p), looks):
            evidence.add(batch)
            crossed = crossed or evidence.log_e >= -np.log(level)
            small = small or chisquare(evidence.counts, p * evidence.samples).pvalue < level
        alarms, peeked = alarms + crossed, peeked + small
    return alarms, peeked


def false_alarms(audits: int) -> None:
    """Print false alarms with Clopper–Pearson limits."""
    shown = table("false alarms", "what", "stated rate", "alarms", "of", "95 % limits of the rate")
    for rate in (1e-6, 0.05):
        add(shown, "short audits of correct rules", rate, audits_in_short(audits, rate), audits)
    alarms, peeked = one_test(audits, 0.05)
    add(shown, "one e-process, 50 looks", 0.05, alarms, audits)
    add(shown, "chi-square, 50 looks (for comparison)", 0.05, peeked, audits, judged=False)
    console.print(shown)


def add(shown: Table, what: str, rate: float, alarms: int, runs: int, judged: bool = True) -> None:
    """Add a row; a lower limit above the stated rate is a failure."""
    low = float(beta.ppf(0.025, alarms, runs - alarms + 1)) if alarms else 0.0
    high = float(beta.ppf(0.975, alarms + 1, runs - alarms)) if alarms < runs else 1.0
    if judged and low > rate:
        failures.append(f"{what} at {rate:g}")
    shown.add_row(what, f"{rate:g}", str(alarms), str(runs), f"{low:.4f} … {high:.4f}")


def main(
    seeds: Annotated[int, typer.Option(help="Seeds a mutant is audited with.")] = 3,
    audits: Annotated[int, typer.Option(help="Short audits of correct rules.")] = 1000,
) -> None:
    """Print the tables."""
    false_alarms(audits)
    mutants(seeds)
    correct()
    if failures:
        console.print(f"FAILED: {', '.join(failures)}")
        raise typer.Exit(1)


if __name__ == "__main__":
    typer.run(main)
