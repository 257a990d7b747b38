"""What a capture did, in a few lines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from mdsd_theory.capture.job import Outcome

PARTS = {
    "models": ("generation", "scoring"),
    "α* and verifiers": ("measures",),
    "output": ("output",),
}


def lines(out: Path, outcome: Outcome) -> Iterator[str]:
    """Yield the lines of a summary: what the folder holds, what this run took, what is amiss."""
    totals = outcome.totals
    yield (
        f"{out}: {totals['rows']:,} rows of {totals['positions']:,} positions in "
        f"{totals['responses']:,} responses to {totals['prompts']:,} prompts"
    )
    if totals["kept"]:
        yield f"  the logits of {totals['kept']:,} positions are in {out / 'kept.safetensors'}"
    yield f"  {_run(outcome)}"
    if outcome.blocks:
        yield f"  time: {_shares(outcome.seconds)}"
    for message in outcome.damaged:
        yield f"  measured again: {message}"
    for reason, count in Counter(_general(x["reason"]) for x in totals["skipped"]).most_common(3):
        yield f"  skipped: {count:,} turns: {reason}"
    if totals["undefined"]:
        few = "the draft can draw fewer tokens than the scheme has to"
        yield f"  no α* in {totals['undefined']:,} rows: {few}"
    yield from _violations(outcome)
    yield from _excused(outcome)


def _run(outcome: Outcome) -> str:
    if not outcome.blocks:
        return "all of it was there already"
    speed = outcome.positions / outcome.wall
    there = outcome.totals["blocks"] - outcome.blocks
    before = f" ({there:,} of {outcome.totals['blocks']:,} blocks were there already)" if there else ""
    busy = outcome.positions / (sum(outcome.seconds.values()) or 1.0)
    return (
        f"{outcome.positions:,} positions in {outcome.wall:,.1f} s: {speed:,.1f} positions/s, "
        f"{busy:,.1f} a worker without loading{before}"
    )


def _shares(seconds: dict[str, float]) -> str:
    """Return the share of each part, and of each stage where a part has several."""
    whole = sum(seconds.values()) or 1.0
    found = []
    for name, stages in PARTS.items():
        share = sum(seconds.get(stage, 0.0) for stage in stages) / whole
        detail = ", ".join(f"{stage} {seconds.get(stage, 0.0) / whole:.0%}" for stage in stages)
        found.append(f"{name} {share:.0%}" + (f" ({detail})" if len(stages) > 1 else ""))
    return ", ".join(found)


def _general(reason: str) -> str:
    """Return a reason without its first number, so that like reasons count together."""
    first, _, rest = reason.partition(" ")
    return rest if first.isdigit() else reason


def _violations(outcome: Outcome) -> Iterator[str]:
    broken = outcome.totals["violations"]
    if not broken:
        yield "  violations: none"
        return
    counts = ", ".join(f"{name} in {count:,} rows" for name, count in broken.items())
    yield f"  violations: {counts}; examples are in the manifest"


def _excused(outcome: Outcome) -> Iterator[str]:
    for name, x in outcome.totals["excused"].items():
        yield f"  within stated errors: {name} in {x['rows']:,} rows, by up to {x['largest']:.1e}"
