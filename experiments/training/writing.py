"""Conversations that a target writes, both sides of them, without a host round trip per token."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from training.corpus import Corpus
from training.decoding import Decoder

NEVER = 2**15 - 1
"""Where the answer of a sequence starts as long as its question is being written."""


@dataclass(frozen=True)
class Order:
    """What is to be written.

    Attributes
    ----------
    openings : tuple of tuple of int
        How each sequence of the batch begins; one for each.
    bridge : tuple of int
        Put between question and answer. Empty where the openings hold the question: answers only.
    stop : frozenset of int
        Tokens that end a turn.
    temperatures : tuple of float
        Of the answers, in turn over the batch.
    asking_temperature : float
        Of the questions.
    length, asking_length : int
        Most tokens of a conversation, and of a question; longer ones are cut.
    seed : int
    """

    openings: tuple[tuple[int, ...], ...]
    bridge: tuple[int, ...]
    stop: frozenset[int]
    temperatures: tuple[float, ...] = (0.7, 1.0)
    asking_temperature: float = 1.0
    length: int = 384
    asking_length: int = 128
    seed: int = 0


class Writer:
    """Sequences being written; one that ends begins anew from its opening, whose keys are still there."""

    def __init__(self, model: Any, order: Order, steps: int) -> None:
        batch, device = len(order.openings), model.device
        whole = {"dtype": torch.long, "device": device}
        self.order, self.decoder = order, Decoder(model, batch, order.length)
        widest = max(map(len, order.openings))
        script = [list(opening) + [0] * (widest - len(opening)) for opening in order.openings]
        self.script = torch.tensor(script, **whole)
        self.given = torch.tensor([len(opening) for opening in order.openings], **whole)
        self.bridge = torch.tensor(order.bridge or (0,), **whole)
        self.stop = torch.tensor(sorted(order.stop), **whole)
        cycle = [order.temperatures[i % len(order.temperatures)] for i in range(batch)]
        self.answering = torch.tensor(cycle, device=device)
        self.asking = torch.full_like(self.answering, order.asking_temperature)
        self.first = torch.full_like(self.given, NEVER) if order.bridge else self.given.clone()
        self.token, self.place, self.start = (
            self.script[:, 0].clone(),
            torch.zeros_like(self.given),
            self.first.clone(),
        )
        self.said = torch.zeros(steps, batch, dtype=torch.int32, device=device)
        self.at, self.starts = (torch.zeros_like(self.said, dtype=torch.int16) for _ in range(2))
        self.clock = torch.zeros(1, **whole)

    def reset(self) -> None:
        """Go back to the beginning."""
        self.token.copy_(self.script[:, 0])
        self.place.zero_()
        self.start.copy_(self.first)
        self.clock.zero_()

    @torch.no_grad()
    def step(self) -> None:
        """Write one token of each sequence, all on the device."""
        asking = self.start == NEVER
        drawn = self._draw(self.decoder.step(self.token, self.place), asking)
        after = self.place + 1
        given = after < self.given
        ends = (drawn[:, None] == self.stop).any(1) & ~given
        long = after - self.given >= self.order.asking_length
        closes = asking & ~given & (ends | long)
        start = torch.where(closes, after + len(self.order.bridge), self.start)
        into = after - start + len(self.order.bridge)
        bridging = ~given & (into >= 0) & (after < start)
        token = torch.where(bridging, self.bridge[into.clamp(0, len(self.bridge) - 1)], drawn)
        scripted = self.script.gather(1, after.clamp(max=self.script.shape[1] - 1)[:, None])[:, 0]
        token = torch.where(given, scripted, token)
        self._note(token, after, start)
        over = (ends & (after >= start)) | (after >= self.order.length - 1)
        back = self.given - 1
        self.place.copy_(torch.where(over, back, after))
        self.token.copy_(torch.where(over, self.script.gather(1, back[:, None])[:, 0], token))
        self.start.copy_(torch.where(over, self.first, start))

    def _draw(self, logits: torch.Tensor, asking: torch.Tensor) -> torch.Tensor:
        temperature = torch.where(asking, self.asking, self.answering)
        scaled = logits.float() / temperature[:, None]
        # The largest of log-weights less logs of exponentials is a draw from their softmax (Gumbel).
        return (scaled - torch.empty_like(scaled).exponential_().log()).argmax(-1)

    def _note(self, token: torch.Tensor, after: torch.Tensor, start: torch.Tensor) -> None:
        for log, row in ((self.said, token), (self.at, after), (self.starts, start)):
            log.index_copy_(0, self.clock, row[None].to(log.dtype))
        self.clock += 1


def write(
    model: Any, order: Order, steps: int, progress: Callable[[int, float], None] = lambda *_: None
) -> Corpus:
    """Write for some steps and return the conversations, those cut off by the last step included.

    Parameters
    ----------
    model : transformers.LlamaForCausalLM
    order : Order
    steps : int
        Tokens of each sequence of the batch; short conversations make room for others.
    progress : function
        Told steps and seconds now and then.

    Returns
    -------
    Corpus

    Notes
    -----
    On CUDA a step is one graph launch.
    """
    torch.manual_seed(order.seed)
    writer = Writer(model, order, steps)
    step = _captured(writer) if model.device.type == "cuda" else writer.step
    torch.manual_seed(order.seed)
    began = time.perf_counter()
    for done in range(1, steps + 1):
        step()
        if done % 256 == 0 or done == steps:
            int(writer.clock)  # waits for the device
            progress(done, time.perf_counter() - began)
    return collect(writer)


def collect(writer: Writer) -> Corpus:
    """Return the conversations in a writer's log that have got as far as an answer."""
    said, at, starts = (x.T.cpu().numpy() for x in (writer.said, writer.at, writer.starts))
    temperatures = writer.answering.tolist()  # at once: the device is not asked for each conversation
    tokens, answers, heat = [], [], []
    for row, opening in enumerate(writer.order.openings):
        begins = np.flatnonzero(at[row] == len(opening))
        for begin, end in zip(begins, [*begins[1:], at.shape[1]], strict=True):
            start = int(starts[row, end - 1])
            if start < len(opening) + end - begin:
                tokens.append(np.concatenate([np.array(opening, np.int32), said[row, begin:end]]))
                answers.append(start)
                heat.append(temperatures[row])
    return Corpus.of(tokens, answers, heat)


def _captured(writer: Writer) -> Callable[[], None]:
    aside = torch.cuda.Stream()
    aside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(aside):
        for _ in range(3):
            writer.step()
    torch.cuda.current_stream().wait_stream(aside)
    writer.reset()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        writer.step()
    writer.reset()
    return graph.replay
