"""Stages without models: rows that follow from prompt, turn and position, as those of real ones do."""

from __future__ import annotations

import itertools
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from mdsd_theory.capture.block import Plan
from mdsd_theory.capture.chat import Skipped
from mdsd_theory.capture.job import capture
from mdsd_theory.capture.measures_columns import column_names
from mdsd_theory.capture.positions import Positions, Prompt, Questions, Response
from mdsd_theory.capture.shards import read_rows
from mdsd_theory.capture.stages import Stages
from mdsd_theory.errors import DataFileError

QUESTIONS = Questions(
    temperatures=(0.7, 1.0),
    drafts=(2, 3),
    schemes=("with_replacement", "greedy"),
    verifiers=("naive", "rrs"),
)
SETTINGS = {"target": "fake", "draft": "fake"}
VOCABULARY = 8


def prompts_of(count):
    return [
        Prompt(i, (f"prompt {i}", "and?")[: 1 + i % 2], ("chat", "maths")[i % 2]) for i in range(count)
    ]


def generate(prompts):
    """One to six tokens a turn; prompts 5, 12, 19 ... are too long."""
    responses, skipped = [], []
    for prompt in prompts:
        if prompt.number % 7 == 5:
            skipped.append(Skipped(prompt.number, 0, 9999, "too long"))
            continue
        for turn in range(len(prompt.turns)):
            count = 1 + (prompt.number * 5 + turn * 3) % 6
            tokens = [(prompt.number + turn + k) % VOCABULARY for k in range(count)]
            responses.append(Response(prompt.number, turn, (0, *tokens), 1))
    return responses, skipped


def score(responses, dtype=torch.float32):
    """Two responses a batch, the longest first."""
    ordered = sorted(responses, key=lambda x: (-len(x.tokens), x.prompt, x.turn))
    for first in range(0, len(ordered), 2):
        batch = ordered[first : first + 2]
        keys = [(x.prompt, x.turn, k) for x in batch for k in range(len(x.tokens) - x.start)]
        prompt, turn, position = np.array(keys, dtype=np.int64).T
        token = np.array([t for x in batch for t in x.tokens[x.start :]], dtype=np.int64)
        seed = torch.tensor(prompt * 10_007 + turn * 101 + position)[:, None].double()
        wave = torch.arange(1, VOCABULARY + 1).double()
        yield Positions(
            prompt,
            turn,
            position,
            token,
            torch.sin(seed * wave).to(dtype),
            torch.cos(seed * wave).to(dtype),
        )


def measure(positions, questions=QUESTIONS):
    """Figures in the promised order, NaN for ``rrs`` where drafts are greedy."""
    keys = list(itertools.product(questions.temperatures, questions.drafts, questions.schemes))
    rows, each = len(positions.prompt), len(keys)
    temperature, n, scheme = zip(*keys, strict=True)
    found = {
        name: np.repeat(getattr(positions, name), each)
        for name in ("prompt", "turn", "position", "token")
    }
    found["temperature"] = np.tile(np.array(temperature), rows)
    found["n"] = np.tile(np.array(n), rows)
    found["scheme"] = np.tile(np.array(scheme), rows)
    base = torch.sigmoid(positions.target[:, 0]).double().numpy().repeat(each) / found["n"]
    for name in ("target_entropy", "draft_entropy", "total_variation", "alpha", "lower", "upper"):
        found[name] = base.copy()
    found["naive"], found["rrs"] = base / 2, np.where(found["scheme"] == "greedy", np.nan, base * 0.75)
    assert set(found) == set(column_names(questions))
    return found


@dataclass(frozen=True)
class Recipe:
    """Makes the fakes, and has them dawdle, die or count, as a test wishes.

    Attributes
    ----------
    pause : float
        Seconds a batch takes.
    log : Path or None
        A file that gets a line with the first prompt of each block that is generated.
    kill : Path or None
        A file: whoever meets prompt 9 and finds it missing writes it and kills the process.
    fail : int or None
        Number of a prompt that cannot be answered.
    name : str
        Of the target.
    """

    pause: float = 0.0
    log: Path | None = None
    kill: Path | None = None
    fail: int | None = None
    name: str = "fake"

    def __call__(self):
        return Stages(
            self.generate, self.score, measure, {"target": {"name": self.name}, "draft": {"name": "fake"}}
        )

    def generate(self, prompts):
        if self.log:
            with self.log.open("a") as file:
                file.write(f"{prompts[0].number}\n")
        if self.kill and any(x.number == 9 for x in prompts) and not self.kill.exists():
            self.kill.write_text("")
            os.kill(os.getpid(), signal.SIGKILL)
        if self.fail is not None and any(x.number == self.fail for x in prompts):
            raise DataFileError(f"generation failed: {self.fail}")
        return generate(prompts)

    def score(self, responses):
        for positions in score(responses):
            time.sleep(self.pause)
            yield positions


def plain_rows(out):
    """The rows with names spelt out: their numbers in a file depend on what else is in it."""
    table = read_rows(out)
    for place, name in ((table.schema.get_field_index(x), x) for x in ("scheme", "task")):
        table = table.set_column(place, name, table[name].cast("string"))
    return table


def run(out, count=20, block=3, recipe=None, keep=0, **options):
    """Capture with the fakes."""
    plan = Plan(Path(out), QUESTIONS, keep=keep, seed=3)
    return capture(plan, recipe or Recipe(), prompts_of(count), SETTINGS, block=block, **options)
