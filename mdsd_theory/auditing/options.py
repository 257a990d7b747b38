"""What an audit is asked for, checked."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from mdsd_theory.errors import InputError, InputTypeError
from mdsd_theory.schemes.checks import whole


@dataclass(frozen=True)
class Options:
    """What an audit was asked for, checked."""

    samples: int
    budget: float
    seed: int
    false_alarm: float
    confidence: float
    exact: bool


def checked_options(
    samples: Any, budget: Any, seed: Any, false_alarm: Any, confidence: Any, exact: bool
) -> Options:
    """Return the options, or say what is wrong with one."""
    whole(samples, "samples", 1, "the number of tokens to emit")
    whole(seed, "seed", 0, "a seed")
    check_share(budget, "budget", math.inf)
    check_share(false_alarm, "false_alarm")
    check_share(confidence, "confidence")
    return Options(int(samples), float(budget), int(seed), float(false_alarm), float(confidence), exact)


def check_share(x: Any, name: str, top: float = 1.0) -> None:
    """Raise unless x is a number strictly between 0 and ``top``."""
    if isinstance(x, bool) or not isinstance(x, int | float | np.number):
        raise InputTypeError(f"{name} is {x!r}; expected a number")
    if not 0 < x < top:
        raise InputError(
            f"{name} is {x}; expected a number > 0" + (f" and < {top:g}" if top == 1 else "")
        )
