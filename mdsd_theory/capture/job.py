"""A whole capture: which blocks are missing, who measures them, and what came of it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from mdsd_theory.capture import kept
from mdsd_theory.capture.block import Plan, Watch, capture_block, memory_told
from mdsd_theory.capture.manifest import (
    NAME,
    Manifest,
    begin_run,
    digest,
    finish_run,
    open_manifest,
    require_same,
    write_manifest,
)
from mdsd_theory.capture.orderings import merged
from mdsd_theory.capture.positions import Prompt
from mdsd_theory.capture.shards import Facts, arrow, read_facts, shard_name, shards
from mdsd_theory.capture.stages import Recipe, Stages
from mdsd_theory.capture.storage import locked, sweep
from mdsd_theory.errors import DataFileError, InputError

Block = tuple[int, tuple[Prompt, ...]]
"""Number, and prompts in the order of their numbers."""

Engine = Callable[["Work", Sequence[Block], Watch], Iterator[Facts]]
"""Measures blocks in any order, writes their shards, and says so block by block."""

SHOWN = 20
"""Examples of violations that the manifest lists."""


@dataclass(frozen=True)
class Work:
    """What is to be done.

    Attributes
    ----------
    plan : Plan
    recipe : callable
        Makes the stages.
    models : dict
        What the folder's rows are known to be of; empty before the first block.
    """

    plan: Plan
    recipe: Recipe
    models: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """What a run did, and what the folder holds.

    Attributes
    ----------
    blocks, positions : int
        Measured by this run.
    seconds : dict
        Of this run by stage.
    wall : float
        Seconds of this run.
    damaged : tuple of str
        Shards that were found damaged, and measured again.
    totals : dict
        Of the folder, as in the manifest.
    """

    blocks: int
    positions: int
    seconds: dict[str, float]
    wall: float
    damaged: tuple[str, ...]
    totals: dict[str, Any]


def blocks_of(prompts: Sequence[Prompt], size: int) -> list[Block]:
    """Return the prompts in blocks, the same for the same prompts."""
    ordered = sorted(prompts, key=lambda prompt: prompt.number)
    return [
        (i, tuple(ordered[first : first + size])) for i, first in enumerate(range(0, len(ordered), size))
    ]


def capture(
    plan: Plan,
    recipe: Recipe,
    prompts: Sequence[Prompt],
    settings: Mapping[str, Any],
    *,
    block: int = 64,
    engine: Engine | None = None,
    facts: Mapping[str, Any] | None = None,
    restart: bool = False,
    watch: Watch = lambda prompts, positions: None,
) -> Outcome:
    """Measure all blocks that the folder lacks.

    However often it is killed and started again, the folder ends with the rows of a run that was not.

    Parameters
    ----------
    plan : Plan
    recipe : callable
        Makes the stages; not called if nothing is to be done.
    prompts : sequence of Prompt
    settings : dict
        What a later run in the same folder must repeat, beside prompts, questions and the size of blocks.
    block : int
        Prompts of a block: what a kill may cost.
    engine : callable, optional
        :func:`in_process` when left out.
    facts : dict, optional
        What else the manifest says of the run.
    restart : bool
        Remove what an earlier capture left in the folder.
    watch : callable

    Raises
    ------
    InputError
        When the folder was begun with other settings or models.
    DataFileError
        When the folder cannot be written, or another process writes it.
    MissingDependencyError
        Before any work is done.
    """
    arrow()
    with locked(plan.out):
        if restart:
            clear(plan.out)
        _no_orphans(plan.out)
        manifest = open_manifest(plan.out, {**settings, **_own_settings(plan, prompts, block)})
        sweep(plan.out)
        state = _look(plan.out, blocks_of(prompts, block))
        if not state.todo and manifest["finished"]:
            return Outcome(0, 0, {}, 0.0, (), manifest["totals"])
        begin_run(manifest, **(facts or {}))
        write_manifest(plan.out, manifest)
        work = Work(plan, recipe, manifest["models"] or state.models)
        return _finish(
            work, manifest, state, _measured(work, manifest, state, engine or in_process, watch)
        )


def _own_settings(plan: Plan, prompts: Sequence[Prompt], block: int) -> dict[str, Any]:
    return {
        "questions": asdict(plan.questions),
        "prompts": {"count": len(prompts), "sha256": digest(prompts)},
        "block": block,
        "keep": plan.keep,
        "keep_seed": plan.seed,
    }


@dataclass(frozen=True)
class _State:
    """What a folder holds: facts of whole shards, what damaged ones lack, blocks to be done."""

    done: tuple[Facts, ...]
    damaged: tuple[str, ...]
    todo: tuple[Block, ...]

    @property
    def models(self) -> dict[str, Any]:
        return self.done[0].models if self.done else {}


def _look(out: Path, blocks: Sequence[Block]) -> _State:
    done, damaged, todo = [], [], []
    for block in blocks:
        path = out / shard_name(block[0])
        try:
            if path.exists():
                done.append(read_facts(path))
                continue
        except DataFileError as error:
            damaged.append(str(error))
        todo.append(block)
    return _State(tuple(done), tuple(damaged), tuple(todo))


def _measured(
    work: Work, manifest: Manifest, state: _State, engine: Engine, watch: Watch
) -> Iterator[Facts]:
    """Pass on the facts of new blocks; the manifest learns of the models with the first."""
    watch(sum(len(facts.prompts) for facts in state.done), 0)
    for facts in engine(work, state.todo, watch) if state.todo else ():
        if "device" not in manifest["runs"][-1]:
            manifest["models"] = facts.models
            manifest["runs"][-1]["device"] = facts.device
            write_manifest(work.plan.out, manifest)
        yield facts


def _finish(work: Work, manifest: Manifest, state: _State, measured: Iterator[Facts]) -> Outcome:
    """Measure, put the kept positions together, and close the manifest."""
    out, started = work.plan.out, time.perf_counter()
    fresh = list(measured)
    totals = total([*state.done, *fresh])
    totals["kept"] = kept.merge(out, work.plan.keep, work.plan.seed)
    wall = time.perf_counter() - started
    part = total(fresh)
    told = {name: part[name] for name in ("blocks", "positions", "seconds")}
    manifest["models"] = manifest["models"] or state.models
    manifest["runs"][-1] |= told | {"wall_seconds": wall}
    finish_run(manifest, totals)
    write_manifest(out, manifest)
    return Outcome(**told, wall=wall, damaged=state.damaged, totals=totals)


def total(facts: Sequence[Facts]) -> dict[str, Any]:
    """Return what the shards hold together, for the manifest."""
    names = ("responses", "positions", "rows", "undefined")
    seconds = Counter[str]()
    broken = Counter[str]()
    facts = sorted(facts, key=lambda each: each.block)
    for each in facts:
        seconds.update(each.seconds)
        broken.update(each.violations)
    skipped = [turn for each in facts for turn in each.skipped]
    return {
        "blocks": len(facts),
        "prompts": sum(len(each.prompts) for each in facts),
        **{name: sum(getattr(each, name) for each in facts) for name in names},
        "seconds": dict(seconds),
        "skipped": skipped,
        "violations": dict(broken),
        "excused": merged(each.excused for each in facts),
        "examples": [example for each in facts for example in each.examples][:SHOWN],
    }


def in_process(work: Work, todo: Sequence[Block], watch: Watch) -> Iterator[Facts]:
    """Measure block after block here."""
    stages = ready(work)
    for number, prompts in todo:
        with memory_told(number):
            facts = capture_block(stages, work.plan, number, prompts, watch)
        yield facts


def ready(work: Work) -> Stages:
    """Make the stages, and see that the models are those of the rows that are there.

    Raises
    ------
    InputError
        When they are not.
    """
    stages = work.recipe()
    if work.models:
        require_same(work.models, stages.models, work.plan.out)
    return stages


def _no_orphans(out: Path) -> None:
    if not (out / NAME).exists() and (shards(out) or kept.files(out)):
        raise InputError(
            f"{out} holds rows without a {NAME}, so that nobody knows what of; choose another folder, or "
            "begin anew with --restart"
        )


def clear(out: Path) -> None:
    """Remove what an earlier capture left, and nothing else; the manifest, the guard, goes last."""
    for path in (*shards(out), *kept.files(out), out / NAME):
        path.unlink(missing_ok=True)
