"""Where a head begins: sizes of what it reads, and the best linear guess of what it should say."""

from collections.abc import Iterator

import torch

from mdsd_theory.models.base import Target
from training.corpus import Corpus, Dealer
from training.learners import HeadLearner

SHRINKAGE = 0.03
"""Of the ridge regression, per position; features are of size one."""


@torch.no_grad()
def hidden_size(target: Target, corpus: Corpus, tokens: int = 16_384) -> float:
    """Return the root mean square of the target's hidden states before answer tokens."""
    rows = torch.cat([now for _, _, now in _seen(target, corpus, tokens, 4)])
    return float(rows.square().mean().sqrt())


@torch.no_grad()
def begin_linear(
    learner: HeadLearner, target: Target, corpus: Corpus, tokens: int = 16_384, batches: int = 16
) -> None:
    r"""Let a head begin as the ridge regression of :math:`h_t` on :math:`[e(x_t); h_{t-1}]`.

    The rest of the layer adds nothing at first, as its output matrices are zero. A random head's logits
    are so large that the first steps go to undoing them: for SmolLM2-135M it began at a cross-entropy
    of 39, where knowing nothing is 10.8, and went up from there.

    Parameters
    ----------
    learner : HeadLearner
        Changed in place.
    target : Target
    corpus : Corpus
    tokens, batches : int
        Size of a batch, and how many are read.
    """
    small, large = learner.units
    width = learner.module.fc.out_features
    features = 2 * width + 1
    gram = torch.zeros(features, features, dtype=torch.float64, device=target.device)
    cross = torch.zeros(features, width, dtype=torch.float64, device=target.device)
    for embedded, before, now in _seen(target, corpus, tokens, batches):
        x = torch.cat([embedded / small, before / large, torch.ones_like(now[:, :1])], 1)
        gram += (x.T @ x).double()
        cross += (x.T @ (now / large)).double()
    shrink = SHRINKAGE * gram[-1, -1] * torch.eye(features, dtype=gram.dtype, device=gram.device)
    shrink[-1, -1] = 0  # not the constant's
    solved = torch.linalg.solve(gram + shrink, cross).float()
    learner.module.fc.weight.copy_(solved[:-1].T)
    learner.module.fc.bias.copy_(solved[-1])
    learner.module.layers[0].self_attn.o_proj.weight.zero_()
    learner.module.layers[0].mlp.down_proj.weight.zero_()


def _seen(
    target: Target, corpus: Corpus, tokens: int, batches: int
) -> Iterator[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]:
    """Yield embeddings, hidden states before them and at them, in float32, at rows that are learnt."""
    dealer = Dealer(corpus, tokens, target.device)
    for which in dealer.epoch(0, 0)[:batches]:
        batch = dealer.deal(which)
        hidden = target.model.model(batch.tokens, use_cache=False).last_hidden_state
        embedded = target.model.get_input_embeddings()(batch.tokens)
        flat = hidden.flatten(0, 1).float()
        # A learnt row is never the first of a conversation, so that the one before it is of the same.
        yield embedded.flatten(0, 1)[batch.rows].float(), flat[batch.rows - 1], flat[batch.rows]
