"""One block of prompts through all stages, and its shard."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from mdsd_theory.capture.clock import Clock
from mdsd_theory.capture.kept import Sample, limit
from mdsd_theory.capture.orderings import excused, violations
from mdsd_theory.capture.positions import Columns, Positions, Prompt, Questions
from mdsd_theory.capture.shards import Facts, tabulate, write_shard
from mdsd_theory.capture.stages import Stages
from mdsd_theory.errors import InputError

SHOWN = 5
"""Broken orders that a shard tells with their keys; the others it counts."""

Watch = Callable[[int, int], None]
"""Called with the prompts and the positions that are done since the last call."""


@dataclass(frozen=True)
class Plan:
    """What every block needs to know.

    Attributes
    ----------
    out : Path
    questions : Questions
    keep : int
        Positions whose distributions are kept, of all blocks together.
    seed : int
        Of the choice of those.
    """

    out: Path
    questions: Questions
    keep: int = 0
    seed: int = 0


@contextmanager
def memory_told(block: int) -> Iterator[None]:
    """Say in one line that a device's memory ran out.

    Raises
    ------
    InputError
    """
    try:
        yield
    except RuntimeError as error:
        if type(error).__name__ != "OutOfMemoryError":
            raise
        raise InputError(
            f"the device's memory ran out in block {block}; make --batch or --generation-batch smaller "
            "and run the same command again"
        ) from error


def capture_block(
    stages: Stages, plan: Plan, block: int, prompts: Sequence[Prompt], watch: Watch
) -> Facts:
    """Take prompts through the stages and write their shard; done twice, it writes the same rows.

    The kept distributions are written first: where there is a shard, there is all of its block.
    """
    clock = Clock(stages.cuda)
    sample = Sample(plan.keep, plan.seed, limit(plan.out, plan.keep, plan.seed))
    with clock.of("generation"):
        responses, skipped = stages.generate(prompts)
    batches: list[Columns] = []
    counted = 0
    for positions in _timed(stages.score(responses), clock):
        with clock.of("measures"):
            batches.append(stages.measure(positions))
        with clock.of("output"):
            sample.offer(positions)
        counted += len(positions.prompt)
        watch(0, len(positions.prompt))
    with clock.of("output"):
        columns = _joined(batches)
        broken = violations(columns) if columns else []
        table = tabulate(columns, plan.questions, {each.number: each.task for each in prompts})
        sample.save(plan.out, block)
    facts = Facts(
        block=block,
        prompts=tuple(prompt.number for prompt in prompts),
        skipped=tuple(asdict(each) for each in skipped),
        responses=len(responses),
        positions=counted,
        rows=table.num_rows,
        seconds=clock.seconds(),
        undefined=table["alpha"].null_count,
        violations=dict(Counter(row["broken"] for row in broken)),
        examples=tuple(broken[:SHOWN]),
        excused=excused(columns) if columns else {},
        models=stages.models,
        device=stages.device,
    )
    with clock.of("output"):
        write_shard(plan.out, facts, table)
    watch(len(prompts), 0)
    return replace(facts, seconds=clock.seconds())


def _timed(batches: Iterator[Positions], clock: Clock) -> Iterator[Positions]:
    """Pass on batches, and count the time that each takes to come for scoring."""
    while True:
        with clock.of("scoring"):
            positions = next(batches, None)
        if positions is None:
            return
        yield positions
        del positions  # or two batches' logits are held while the next is scored


def _joined(batches: Sequence[Columns]) -> Columns:
    names = batches[0] if batches else ()
    return {name: np.concatenate([batch[name] for batch in batches]) for name in names}
