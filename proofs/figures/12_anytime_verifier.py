"""Figure of page 12: the gap of the scaling, step by step, between the two bounds.

python proofs/figures/12_anytime_verifier.py
"""

from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from mdsd_theory.proving.pages import page

STEPS = 400
INSTANCES = 200
DRAWN = 25


def gaps() -> list[Any]:
    """Δ_0 … of random instances of four kinds, in floats."""
    check = page(12).module
    items = check.random_sets(np.random.default_rng(12), INSTANCES // 4, 5).items
    return [np.array(check.deltas(check.floats(x), STEPS, check.best(x))) for x in items]


def along(tokens: int) -> Any:
    """Δ_k of the path of so many tokens, at H = ∅; that of two tokens is the one of rate 1/k."""
    check = page(12).module
    return np.array(check.deltas(check.floats(check.path(tokens)), STEPS, frozenset()))


def figure(found: list[Any]) -> Figure:
    """Draw the gaps against the step, both axes logarithmic."""
    k = np.arange(1, STEPS + 1)
    result = Figure(figsize=(6, 3.6))
    ax = result.add_subplot()
    for gap in found[:: max(1, len(found) // DRAWN)]:
        seen = gap > 1e-6
        ax.plot(k[seen], gap[seen], color="0.6", linewidth=0.8)
    ax.plot(
        k, np.sqrt(2 * np.log(3) / k), color="#D55E00", linestyle="--", label="√(2 log n / (k+1)), n = 3"
    )
    ax.plot(k, along(16), color="#009E73", linestyle="-.", linewidth=2, label="path of 16 tokens")
    ax.plot(k, along(2), color="#0072B2", linewidth=2, label="path of 2 tokens")
    ax.plot(k, 1 / (2 * k + 2), color="black", linestyle=":", label="1/(2k+4)")
    ax.set(xscale="log", yscale="log", ylim=(1e-6, 3), xlabel="step k + 1", ylabel="gap Δ")
    ax.legend(fontsize=8, loc="lower left")
    result.tight_layout()
    return result


if __name__ == "__main__":
    mpl.rcParams["svg.hashsalt"] = "12_anytime_verifier"
    found = gaps()
    largest = max(float((gap * np.arange(1, STEPS + 1)).max()) for gap in found)
    print(f"largest (k + 1) Δ_k over {len(found)} random instances, {STEPS} steps: {largest:.3f}")
    figure(found).savefig(Path(__file__).with_suffix(".svg"), metadata={"Date": None})
