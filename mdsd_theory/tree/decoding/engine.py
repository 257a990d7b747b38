"""Steps of multi-draft decoding: draw a tree, one call of the target, verify, keep what is accepted."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch

from mdsd_theory.models.base import Draft, Target
from mdsd_theory.schemes.base import Scheme
from mdsd_theory.tree.decoding.drafters import drafter_of
from mdsd_theory.tree.decoding.drafting import draw_tree
from mdsd_theory.tree.decoding.laws import Warp
from mdsd_theory.tree.decoding.layout import Layout, cut, layout_of
from mdsd_theory.tree.decoding.reader import Reader
from mdsd_theory.tree.decoding.verifying import Trees, Verdict, Verification
from mdsd_theory.tree.topology import Tree


@dataclass(frozen=True)
class Settings:
    """How texts are continued.

    Attributes
    ----------
    tree : Tree
    scheme : Scheme
    verification : Verification
    draft : Warp
        Of the draft's logits.
    stop : frozenset of int
    """

    tree: Tree
    scheme: Scheme
    verification: Verification
    draft: Warp
    stop: frozenset[int]


@dataclass
class Row:
    """One text.

    Attributes
    ----------
    number : int
        Of the prompt.
    prompt : list of int
    limit : int
        Most new tokens.
    tokens : list of int
        New ones.
    reason : str
        Why it has ended; empty while it goes on.
    """

    number: int
    prompt: list[int]
    limit: int
    context: bool
    tokens: list[int] = field(default_factory=list)
    reason: str = ""

    def add(self, emitted: Sequence[int], stop: frozenset[int]) -> list[int]:
        """Add tokens up to the first stop token or the limit; return those added."""
        added: list[int] = []
        for token in emitted:
            added.append(token)
            if token in stop:
                self.reason = "stop"
            elif len(self.tokens) + len(added) == self.limit:
                self.reason = "context" if self.context else "length"
            if self.reason:
                break
        self.tokens += added
        return added


@dataclass(frozen=True)
class Step:
    """What one step did to one text.

    Attributes
    ----------
    number : int
        Of the prompt.
    tokens : list of int
        Added to the text.
    verdict : Verdict
    reason : str
        Why the text has ended, or empty.
    """

    number: int
    tokens: list[int]
    verdict: Verdict
    reason: str


PARTS = ("draft", "target", "verify", "commit")
"""Parts of a step that are timed."""


class Engine:
    """Texts that are continued side by side.

    Parameters
    ----------
    target : Target
    draft : Draft
    rows : list of Row
    settings : Settings
    generator : torch.Generator
        On the target's device.
    timed : bool
        Wait for the device after each part of a step and note its seconds in :attr:`seconds`.
    """

    def __init__(
        self,
        target: Target,
        draft: Draft,
        rows: list[Row],
        settings: Settings,
        generator: torch.Generator,
        *,
        timed: bool = False,
    ) -> None:
        self.settings, self.generator, self.timed = settings, generator, timed
        self.rows = rows
        self.device = target.device
        self.context = target.context
        self.seconds: dict[str, list[float]] = {part: [] for part in PARTS}
        self.calls = 0
        room = max(len(x.prompt) + x.limit for x in rows) + settings.tree.drafts + 2
        self.reader = Reader(target.model, len(rows), room)
        self.drafter = drafter_of(draft, len(rows), room)
        self._start()

    def run(self) -> Iterator[list[Step]]:
        """Yield what each step did, until every text has ended."""
        while self.rows:
            yield self._step()

    @torch.inference_mode()
    def _start(self) -> None:
        """Read all prompts but their last tokens."""
        prompts = [x.prompt for x in self.rows]
        most = max(map(len, prompts)) - 1
        hidden = torch.empty(len(prompts), 0, 0)
        if most:
            padded = [[*x[:-1], *[0] * (most + 1 - len(x))] for x in prompts]
            tokens = torch.tensor(padded, device=self.device)
            places = torch.arange(most, device=self.device).expand(len(prompts), -1)
            seen = torch.ones(most, most, dtype=torch.bool, device=self.device).tril_()
            hidden = self.reader.read(tokens, places, seen[None], slice(0, 0)).hidden
            self.reader.commit([list(range(len(x) - 1)) for x in prompts])
        self.drafter.start(prompts, hidden)
        if self.timed and self.device.type == "cuda":
            torch.cuda.synchronize(self.device)

    @torch.inference_mode()
    def _step(self) -> list[Step]:
        most = max(x.limit - len(x.tokens) for x in self.rows)
        layout = layout_of(cut(self.settings.tree, most - 1), self.device)
        with self._part("draft"):
            drafted = draw_tree(
                self.drafter,
                layout,
                self.settings.scheme,
                self.settings.draft,
                len(self.rows),
                self.generator,
            )
        with self._part("target"):
            tokens = drafted.tokens.clamp(min=0)
            last = [(x.tokens or x.prompt)[-1] for x in self.rows]
            tokens[:, 0] = torch.tensor(last, device=self.device)
            lengths = torch.tensor(self.reader.room.lengths, device=self.device)
            places = (lengths[:, None] + layout.depths).clamp(max=self.context - 1)
            read = self.reader.read(tokens, places, layout.seen)
            self.calls += 1
        with self._part("verify"):
            verdicts = self.settings.verification(Trees(layout, drafted, read.logits), self.generator)
        with self._part("commit"):
            return self._commit(layout, drafted.tokens.tolist(), verdicts, read.hidden)

    def _commit(
        self, layout: Layout, drafts: list[list[int]], verdicts: list[Verdict], hidden: torch.Tensor
    ) -> list[Step]:
        """Keep what is accepted in both caches, add it to the texts, and drop those that have ended."""
        emitted, steps = [], []
        for row, verdict, tokens in zip(self.rows, verdicts, drafts, strict=True):
            emitted.append([*(tokens[node] for node in verdict.path), verdict.token])
            added = row.add(emitted[-1], self.settings.stop)
            steps.append(Step(row.number, added, verdict, row.reason))
        self.reader.commit([[0, *x.path] for x in verdicts])
        self.drafter.accept(
            emitted,
            [[layout.loose[node] for node in x.path if node in layout.loose] for x in verdicts],
            states_before(hidden, [[0, *x.path] for x in verdicts]),
        )
        going = [b for b, row in enumerate(self.rows) if not row.reason]
        if going and len(going) < len(self.rows):
            self.reader.keep(going)
            self.drafter.keep(going)
        self.rows = [self.rows[b] for b in going]
        return steps

    @contextmanager
    def _part(self, name: str) -> Iterator[None]:
        if not self.timed:
            yield
            return
        start = time.perf_counter()
        yield
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        self.seconds[name].append(time.perf_counter() - start)


def states_before(hidden: torch.Tensor, nodes: list[list[int]]) -> torch.Tensor:
    """Return the states at some nodes of each row, shape (rows, most of them, width), padded."""
    most = max(map(len, nodes))
    where = torch.tensor([[*x, *[0] * (most - len(x))] for x in nodes], device=hidden.device)
    return hidden.gather(1, where[..., None].expand(-1, -1, hidden.shape[-1]))
