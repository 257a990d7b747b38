"""What is looked at before anything is measured: logits that are none, and a share of the positions."""

from __future__ import annotations

import itertools
import math

import numpy as np
from numpy.typing import NDArray

from mdsd_theory.capture.positions import Positions, Questions
from mdsd_theory.errors import InputError


def chosen_positions(positions: Positions, share: float) -> NDArray[np.bool_]:
    """Return which positions are in a share, by a hash of prompt, turn and place (SplitMix64)."""
    x = np.zeros(len(positions.prompt), dtype=np.uint64)
    for key in (positions.prompt, positions.turn, positions.position):
        x = (x ^ key.astype(np.uint64)) + np.uint64(0x9E3779B97F4A7C15)
        for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
            x = (x ^ (x >> np.uint64(shift))) * np.uint64(factor)
        x ^= x >> np.uint64(31)
    return np.asarray((x >> np.uint64(11)) * 2.0**-53 < share)


def check(positions: Positions, questions: Questions, share: float) -> None:
    """Raise where logits are no logits, and say at which position."""
    import torch

    if not questions.temperatures or not questions.drafts or not 0 <= share <= 1:
        raise InputError(
            f"temperatures are {questions.temperatures}, numbers of drafts {questions.drafts}, and "
            f"program_share is {share}; expected at least one of each, and a share from 0 to 1"
        )
    shapes = tuple(positions.target.shape), tuple(positions.draft.shape)
    if shapes[0] != shapes[1] or len(shapes[0]) != 2 or shapes[0][0] != len(positions.prompt):
        raise InputError(
            f"target and draft logits have shapes {shapes[0]} and {shapes[1]} for "
            f"{len(positions.prompt)} positions; expected (positions, V) of the same tokens"
        )
    if not shapes[0][0]:
        return
    largest = (
        torch.stack([x.amax(-1).double() for x in (positions.target, positions.draft)]).cpu().numpy()
    )
    for who, row in itertools.product((0, 1), np.flatnonzero(~np.isfinite(largest).all(axis=0))):
        if not math.isfinite(largest[who, row]):
            raise InputError(
                f"{('target', 'draft')[who]} logits of prompt {positions.prompt[row]}, turn "
                f"{positions.turn[row]}, position {positions.position[row]} have the maximum "
                f"{largest[who, row]}; expected finite numbers, or -inf for tokens that cannot be drawn"
            )
