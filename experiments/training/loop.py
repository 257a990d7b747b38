"""The training loop: steps, learning rate, log, checkpoints."""

import json
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from mdsd_theory.errors import DataFileError, InputError
from mdsd_theory.models.base import Target
from training.corpus import Batch, Corpus, Dealer
from training.learners import Learner
from training.loss import Distillation, pieces
from training.measuring import autocast, measure_learner
from training.remembered import HiddenStates, room_for_states

STATE, LOG = "state.pt", "log.jsonl"


@dataclass(frozen=True)
class Recipe:
    """How a draft is trained.

    Attributes
    ----------
    steps : int
    tokens : int
        Of a batch, padding included.
    rate : float
        Largest learning rate: warm-up over ``warm`` of the steps, then a cosine to zero.
    warm : float
    cross_entropy : float
        Share of the steps on cross-entropy alone; after it ``mix``.
    mix : tuple of float
        Weights of cross-entropy and of one less the acceptance at each of ``TEMPERATURES``.
    decay : float
        Of AdamW, for matrices.
    clip : float
        Largest norm of the gradient.
    every : int
        Steps between lines of the log; ten times that between measurements and checkpoints.
    optimal : int
        Positions of which α* is worked out at a measurement.
    seed : int
    compiled : bool
        Compile the loss (torch.compile).
    """

    steps: int = 3600
    tokens: int = 16_384
    rate: float = 1e-3
    warm: float = 0.05
    cross_entropy: float = 0.3
    mix: tuple[float, ...] = (0.1, 1.0, 0.5)
    decay: float = 0.01
    clip: float = 1.0
    every: int = 100
    optimal: int = 64
    seed: int = 0
    compiled: bool = False

    def rate_at(self, step: int) -> float:
        """Learning rate of a step, from 0."""
        warm = max(1, round(self.warm * self.steps))
        if step < warm:
            return self.rate * (step + 1) / warm
        return self.rate * 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, self.steps - warm)))

    def early(self, step: int) -> bool:
        """Whether a step is on cross-entropy alone."""
        return step < self.cross_entropy * self.steps


def train(
    target: Target,
    learner: Learner,
    corpus: Corpus,
    held_out: dict[str, Corpus],
    recipe: Recipe,
    folder: Path,
    report: Callable[[str], None] = lambda _: None,
) -> list[dict[str, Any]]:
    """Train a draft, going on from a checkpoint in the folder if there is one; return the log.

    Parameters
    ----------
    target : Target
    learner : Learner
    corpus : Corpus
    held_out : dict of str to Corpus
        Measured on the way.
    recipe : Recipe
    folder : Path
        Gets ``log.jsonl`` and ``state.pt``.
    report : function
        Told the lines of the log.

    Returns
    -------
    list of dict
        Lines of the log: ``step``, ``seconds`` of training, and either what the steps since the last line
        averaged or what was measured.
    """
    dealer = Dealer(corpus, recipe.tokens, target.device)
    began = time.perf_counter()
    hidden = HiddenStates.of(target, dealer, room_for_states(target.device))
    run = _Run(target, hidden, learner, recipe, folder, report)
    run.resume()
    run.seconds += time.perf_counter() - began
    batches = dealer.endless(recipe.seed, run.step)
    while run.step < recipe.steps:
        run.go(batches, min(recipe.every - run.step % recipe.every, recipe.steps - run.step))
        if run.step % (10 * recipe.every) == 0 or run.step == recipe.steps:
            for name, other in held_out.items():
                figures = measure_learner(
                    target, learner, other, tokens=recipe.tokens, optimal=recipe.optimal
                )
                run.note({"on": name, **figures})
            run.keep()
    return run.lines


class _Run:
    def __init__(
        self,
        target: Target,
        hidden: HiddenStates,
        learner: Learner,
        recipe: Recipe,
        folder: Path,
        report: Callable[[str], None],
    ) -> None:
        self.target, self.hidden, self.learner, self.recipe = target, hidden, learner, recipe
        self.folder, self.report = folder, report
        self.step, self.seconds = 0, 0.0
        self.lines: list[dict[str, Any]] = []
        self.weights = [x for x in learner.module.parameters() if x.requires_grad]
        groups = [
            {"params": [x for x in self.weights if x.ndim > 1], "weight_decay": recipe.decay},
            {"params": [x for x in self.weights if x.ndim < 2], "weight_decay": 0.0},
        ]
        fused = target.device.type == "cuda"
        self.optimizer = torch.optim.AdamW(groups, lr=recipe.rate, betas=(0.9, 0.95), fused=fused)
        made = torch.compile(pieces, dynamic=True) if recipe.compiled else pieces
        self.loss = Distillation(made)
        alone = (1.0, *[0.0] * (len(recipe.mix) - 1))
        # Made once: a tensor sent to the device at each step would wait for it.
        self.mixes = [torch.tensor(mix, device=target.device) for mix in (recipe.mix, alone)]
        folder.mkdir(parents=True, exist_ok=True)

    def go(self, batches: Iterator[Batch], steps: int) -> None:
        """Take some steps and log their averages."""
        began, tokens = time.perf_counter(), 0
        total = torch.zeros(2 + len(self.recipe.mix), device=self.target.device)
        for _ in range(steps):
            batch = next(batches)
            total += self._one(batch)
            tokens += len(batch.rows)
            self.step += 1
        means = [round(x, 5) for x in (total / steps).tolist()]  # waits for the device
        took = time.perf_counter() - began
        self.seconds += took
        names = ("loss", "gradient", "cross_entropy", "acceptance_0.7", "acceptance_1")
        rate = self.recipe.rate_at(self.step - 1)
        self.note(
            dict(zip(names, means, strict=True)) | {"rate": rate, "positions_per_second": tokens / took}
        )

    def note(self, figures: dict[str, Any]) -> None:
        """Add a line to the log."""
        self.lines.append({"step": self.step, "seconds": round(self.seconds, 2), **figures})
        with (self.folder / LOG).open("a", encoding="utf-8") as log:
            log.write(json.dumps(self.lines[-1]) + "\n")
        self.report(json.dumps(self.lines[-1]))

    def keep(self) -> None:
        """Write a checkpoint; a reader sees the old one or the new one."""
        aside = self.folder / (STATE + ".part")
        content = {
            "step": self.step,
            "seconds": self.seconds,
            "recipe": asdict(self.recipe),
            "lines": self.lines,
        }
        content["recipe"]["mix"] = list(self.recipe.mix)
        content |= {"weights": self.learner.module.state_dict(), "optimizer": self.optimizer.state_dict()}
        torch.save(content, aside)
        aside.replace(self.folder / STATE)

    def resume(self) -> None:
        """Go on from a checkpoint of the same recipe."""
        path = self.folder / STATE
        if not path.is_file():
            (self.folder / LOG).unlink(missing_ok=True)
            return
        try:
            content = torch.load(path, map_location=self.target.device, weights_only=True)
        except Exception as error:
            raise DataFileError(f"{path} cannot be read: {error}; delete it to start again") from None
        if content["recipe"] != asdict(self.recipe) | {"mix": list(self.recipe.mix)}:
            raise InputError(f"{path} is of another recipe; choose another folder or delete it")
        self.learner.module.load_state_dict(content["weights"])
        self.optimizer.load_state_dict(content["optimizer"])
        self.step, self.seconds, self.lines = content["step"], content["seconds"], content["lines"]
        text = "".join(json.dumps(line) + "\n" for line in self.lines)
        (self.folder / LOG).write_text(text, encoding="utf-8")

    def _one(self, batch: Batch) -> torch.Tensor:
        """Take a step; return loss, norm of the gradient and parts, on the device."""
        early = int(self.recipe.early(self.step))
        for group in self.optimizer.param_groups:
            group["lr"] = self.recipe.rate_at(self.step)
        hidden = self.hidden(batch)
        with autocast(self.target):
            states = self.learner.states(batch.tokens, hidden)
        own, wise = (x.flatten(0, 1)[batch.rows] for x in (states, hidden))
        output = self.target.model.get_output_embeddings().weight
        loss, parts = self.loss(own, self.learner.output, wise, output, self.mixes[early])
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(self.weights, self.recipe.clip)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        return torch.cat([torch.stack([loss.detach(), norm]), parts])
