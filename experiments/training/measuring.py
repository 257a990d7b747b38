"""How often drafts are accepted: Σ min(p, q), and α* of several drafts."""

from typing import Any

import numpy as np
import torch

from mdsd_theory.models.base import Draft, Scope, Target
from mdsd_theory.models.scoring import score_target
from mdsd_theory.optimal_logits import optimal_acceptance_from_logits
from training.corpus import Corpus, Dealer
from training.learners import Learner
from training.loss import TEMPERATURES

DRAFTS = 3

Figures = dict[str, float]


def measure(target: torch.Tensor, draft: torch.Tensor, some: slice) -> dict[str, Any]:
    """Return figures of rows of logits: acceptances of all, and α* of some of them."""
    figures: dict[str, Any] = {}
    for temperature in TEMPERATURES:
        p, q = ((x.float() / temperature).softmax(-1) for x in (target, draft))
        figures[f"acceptance_{temperature:g}"] = torch.minimum(p, q).sum(-1).cpu().numpy()
        p, q = target[some].float(), draft[some].float()
        if len(p):
            best = optimal_acceptance_from_logits(
                p, q, temperature=temperature, n=DRAFTS, scheme="with_replacement"
            )
            figures[f"alpha_{temperature:g}"] = torch.as_tensor(best.value).cpu().numpy()
    return figures


def average(figures: list[dict[str, Any]]) -> Figures:
    """Return the means over all rows of several measurements."""
    names = dict.fromkeys(name for one in figures for name in one)
    return {
        name: round(float(np.concatenate([one[name] for one in figures if name in one]).mean()), 4)
        for name in names
    }


@torch.no_grad()
def measure_learner(
    target: Target, learner: Learner, corpus: Corpus, *, tokens: int, optimal: int, chunk: int = 1024
) -> Figures:
    """Return the figures of a draft in training at every answer position of a corpus.

    Parameters
    ----------
    target : Target
    learner : Learner
    corpus : Corpus
    tokens : int
        Of a batch.
    optimal : int
        Most positions of which α* is worked out, evenly spread over the answers.
    chunk : int
        Rows of logits at a time.
    """
    dealer, spread, found = Dealer(corpus, tokens, target.device), Spread(corpus, optimal), []
    output = target.model.get_output_embeddings().weight
    for which in dealer.epoch(0, 0):
        batch = dealer.deal(which)
        hidden = target.model.model(batch.tokens, use_cache=False).last_hidden_state
        with autocast(target):
            states = learner.states(batch.tokens, hidden)
        wise, own = (x.flatten(0, 1)[batch.rows].to(output.dtype) for x in (hidden, states))
        for w, s in zip(wise.split(chunk), own.split(chunk), strict=True):
            logits = w @ output.T, s @ learner.output.to(output.dtype).T
            found.append(measure(*logits, spread.next(len(w))))
    return average(found)


def measure_draft(target: Target, draft: Draft, corpus: Corpus, *, tokens: int, optimal: int) -> Figures:
    """Return the figures of a draft as the package loads it, scored as captures score it."""
    dealer, spread, found = Dealer(corpus, tokens, target.device), Spread(corpus, optimal), []
    for which in dealer.epoch(0, 0):
        batch = dealer.deal(which)
        lengths = torch.from_numpy(corpus.lengths[which]).to(target.device)
        mask = torch.arange(batch.tokens.shape[1], device=target.device) < lengths[:, None]
        wanted = torch.zeros_like(mask).flatten()
        wanted[batch.rows] = True
        scope = Scope(batch.tokens, mask, wanted.view_as(mask))
        scores = score_target(target, scope)
        logits = draft.logits(scope, scores.hidden)
        found.append(measure(scores.logits, logits, spread.next(len(logits))))
    return average(found)


class Spread:
    """Every so many rows of all that pass by: batches are of one length each, so the first are no sample.

    Parameters
    ----------
    corpus : Corpus
        Whose answers pass by.
    most : int
        Rows to be chosen, or fewer.
    """

    def __init__(self, corpus: Corpus, most: int) -> None:
        self.step, self.passed = -(-corpus.answered // most) if most else 0, 0

    def next(self, rows: int) -> slice:
        """Return which of the next rows are chosen."""
        first, self.passed = -self.passed % self.step if self.step else rows, self.passed + rows
        return slice(first, rows, self.step or None)


def autocast(target: Target) -> Any:
    """Products in the target's dtype: bfloat16 where it is so."""
    dtype = target.model.dtype
    return torch.autocast(target.device.type, dtype, enabled=dtype == torch.bfloat16)
