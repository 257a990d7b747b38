"""The same blocks on Ray Data: actors that each have their own models and write their own shards."""

from __future__ import annotations

import json
import logging
import pickle
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from mdsd_theory.capture.block import Watch, capture_block, memory_told
from mdsd_theory.capture.job import Block, Work, ready
from mdsd_theory.capture.positions import Prompt
from mdsd_theory.capture.shards import Facts, facts_from
from mdsd_theory.capture.stages import Stages
from mdsd_theory.capture.storage import TEMPORARY
from mdsd_theory.errors import DataFileError, InputError, MdsdError, MissingDependencyError

Batch = dict[str, Any]
"""Columns ``block`` (number) and ``prompts`` (pickled); then ``facts`` (JSON) or ``error`` (pickled)."""

TRIES = 4
"""How many workers a block may take down: Ray starts a dead actor again without end."""


@dataclass(frozen=True)
class RayEngine:
    """Measures blocks on a Ray cluster, the one that runs here already or a new one of this machine.

    A worker that is killed is started again, and its block with it; a block that is measured twice writes
    the same shard twice. The folder has to be one that all workers see.

    Parameters
    ----------
    workers : int or None
        Actors; left out, one for each GPU, or one if there are none.
    address : str or None
        Of a cluster; left out, as Ray finds it.
    """

    workers: int | None = None
    address: str | None = None

    def __call__(self, work: Work, todo: Sequence[Block], watch: Watch) -> Iterator[Facts]:
        """Yield the facts of blocks as they are written."""
        ray, data = _ray()
        work = replace(work, plan=replace(work.plan, out=work.plan.out.resolve()))
        with _cluster(ray, self.address):
            gpus = int(ray.cluster_resources().get("GPU", 0))
            workers = self.workers or max(1, gpus)
            if gpus and workers > gpus:
                raise InputError(f"{workers} workers on {gpus} GPUs; expected at most one a GPU")
            items = [{"block": number, "prompts": pickle.dumps(each)} for number, each in todo]
            found = data.from_items(items, override_num_blocks=len(items)).map_batches(
                _Worker,
                fn_constructor_kwargs={"work": work},
                batch_size=1,
                compute=data.ActorPoolStrategy(
                    size=min(workers, len(items)), max_tasks_in_flight_per_actor=1
                ),
                num_gpus=1 if gpus else 0,
            )
            for batch in found.iter_batches(batch_size=1, prefetch_batches=0):
                if error := batch["error"][0]:
                    raise pickle.loads(error)
                facts = facts_from(json.loads(str(batch["facts"][0])))
                watch(len(facts.prompts), facts.positions)
                yield facts


class _Worker:
    """An actor: loads the models with its first block, then measures block after block.

    What it raises on purpose it returns, for Ray would wrap it, and pass on no more than its text.
    """

    def __init__(self, work: Work) -> None:
        self._work = work

    def __call__(self, batch: Batch) -> Batch:
        """Write the shard of a block and return its facts: figures stay where they were measured."""
        told, error = "", b""
        try:
            facts = self._capture(int(batch["block"][0]), pickle.loads(batch["prompts"][0]))
            told = json.dumps(asdict(facts))
        except MdsdError as raised:
            error = pickle.dumps(raised)
        return {"facts": np.array([told]), "error": np.array([error], dtype=object)}

    def _capture(self, number: int, prompts: Sequence[Prompt]) -> Facts:
        stages, plan = self._stages, self._work.plan
        with memory_told(number), _tried(plan.out, number):
            return capture_block(stages, plan, number, prompts, lambda *done: None)

    @cached_property
    def _stages(self) -> Stages:
        return ready(self._work)


@contextmanager
def _tried(out: Path, number: int) -> Iterator[None]:
    """Count the times that a block is begun in the size of a file that goes when the block is done.

    Raises
    ------
    DataFileError
        When it was begun too often.
    """
    path = out / f".block-{number:06d}.tries{TEMPORARY}"
    with path.open("ab") as file:
        tries = file.tell()
        if tries >= TRIES:
            raise DataFileError(
                f"block {number} took down {tries} workers; give them more memory, or make --batch "
                "or --block smaller, and run the same command again"
            )
        file.write(b".")
    yield
    path.unlink(missing_ok=True)


def _ray() -> tuple[Any, Any]:
    try:
        import ray
        import ray.data
    except ImportError:
        raise MissingDependencyError("--engine ray needs Ray: pip install 'mdsd-theory[ray]'") from None
    return ray, ray.data


@contextmanager
def _cluster(ray: Any, address: str | None) -> Iterator[None]:
    """Join a cluster, quietly; leave it again if it was joined here."""
    joined = not ray.is_initialized()
    if joined:
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    ray.data.DataContext.get_current().enable_progress_bars = False
    try:
        yield
    finally:
        if joined:
            ray.shutdown()
