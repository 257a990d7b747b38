"""What a draft is trained on, cross-entropy and the acceptance itself, and its gradient written out."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

TEMPERATURES = (0.7, 1.0)
"""At which acceptance is measured and learnt."""

Pieces = Callable[[torch.Tensor, torch.Tensor, torch.Tensor], tuple[torch.Tensor, torch.Tensor]]


def pieces(z: torch.Tensor, y: torch.Tensor, mix: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    r"""Return the gradient of the loss in the draft's logits z, and the sums of its parts over the rows.

    .. math:: w_0 \Bigl(-\sum_i p_i \log q_i\Bigr) + \sum_T w_T \Bigl(1 - \sum_i \min(p_i^T, q_i^T)\Bigr),
              \qquad q^T = \mathrm{softmax}(z / T), \quad p^T = \mathrm{softmax}(y / T)

    .. math:: \partial_{z_i} \sum_j \min(p_j, q_j)
              = \frac{q_i}{T} \Bigl(1[q_i < p_i] - \sum_{j: q_j < p_j} q_j\Bigr)

    Parameters
    ----------
    z, y : tensor of float32, shape (rows, V)
        Logits of draft and target.
    mix : tensor, shape (1 + temperatures,)
        The weights :math:`w`.

    Returns
    -------
    gradient : tensor of float32, shape (rows, V)
    parts : tensor, shape (1 + temperatures,)
        Cross-entropy at temperature 1, and acceptances.
    """
    log_q = z.log_softmax(-1)
    at_one = y.softmax(-1), log_q.exp()
    gradient = mix[0] * (at_one[1] - at_one[0])
    parts = [-(at_one[0] * log_q).sum()]
    for weight, temperature in zip(mix[1:], TEMPERATURES, strict=True):
        p, q = at_one
        if temperature != 1:
            p, q = (y / temperature).softmax(-1), (z / temperature).softmax(-1)
        less = q * (q < p)
        gradient = gradient - weight / temperature * (less - q * less.sum(-1, keepdim=True))
        parts.append(torch.minimum(p, q).sum())
    return gradient, torch.stack(parts)


@dataclass(frozen=True)
class Distillation:
    """The loss of a draft's states against a target's, through output layers, a few rows at a time.

    Logits of all rows never exist together: 32,768 rows of 49,152 are 6 GB in float32, several times.

    Attributes
    ----------
    pieces : function
        :func:`pieces`, or what a compiler made of it.
    chunk : int
        Rows at a time.
    """

    pieces: Pieces = pieces
    chunk: int = 4096

    def __call__(
        self,
        states: torch.Tensor,
        output: torch.Tensor,
        wise: torch.Tensor,
        target_output: torch.Tensor,
        mix: torch.Tensor,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the mean loss, which has a gradient, and the means of its parts, which have none.

        Parameters
        ----------
        states, wise : tensor, shape (rows, width)
            Of draft and target, as their output layers read them.
        output, target_output : tensor, shape (V, width)
            Weights of these; products are in the dtype of the target's.
        mix : tensor
            See :func:`pieces`.
        """
        loss, parts = _Distil.apply(states, output, wise, target_output, mix, self)
        return loss, parts


class _Distil(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        states: torch.Tensor,
        output: torch.Tensor,
        wise: torch.Tensor,
        target_output: torch.Tensor,
        mix: torch.Tensor,
        how: Distillation,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        rows, dtype = states.shape[0], target_output.dtype
        read, speak = states.to(dtype), output.to(dtype)
        of_states = torch.empty_like(read)
        of_output = torch.zeros_like(output) if ctx.needs_input_grad[1] else None
        parts = torch.zeros_like(mix)
        for own, other, grad in zip(*(x.split(how.chunk) for x in (read, wise, of_states)), strict=True):
            slope, part = how.pieces((own @ speak.T).float(), (other @ target_output.T).float(), mix)
            slope = (slope / rows).to(dtype)
            grad.copy_(slope @ speak)
            parts += part / rows
            if of_output is not None:
                of_output += slope.T @ own
        ctx.save_for_backward(of_states.to(states.dtype), of_output)
        loss = mix[0] * parts[0] + (mix[1:] * (1 - parts[1:])).sum()
        ctx.mark_non_differentiable(parts)
        return loss, parts

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> Any:
        of_states, of_output = ctx.saved_tensors
        return grads[0] * of_states, None if of_output is None else grads[0] * of_output, *[None] * 4
