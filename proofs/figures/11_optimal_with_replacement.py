"""Figure of page 11: the clipped ratio, and what each token takes of [0, 1]."""

from fractions import Fraction
from itertools import accumulate, pairwise
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mdsd_theory.proving import Pair
from mdsd_theory.proving.pages import page

EXAMPLE = Pair.of("1/12 2/12 3/12 6/12", "1/4 1/4 1/4 1/4", 2)
COLOURS = ["#0072B2", "#A6D5F2", "#E69F00", "#B24A00"]
"""Two hues, each light and dark; numbered in the figure, for readers in grey."""


def clipping(ax: Axes, x: Pair) -> None:
    """Draw ρ as outlines, f as bars, c′ and c as lines."""
    check = page(11).module
    (b,) = check.minimisers(x)
    y, low, high = check.clipped(x, b), check.floor_level(x, b), check.ceiling_level(x, b)
    for i in range(x.V):
        ratio, f = x.p[i] / x.q[i], y[i] / x.q[i]
        ax.bar(i + 1, float(f), 0.7, color=COLOURS[i])
        ax.bar(i + 1, float(ratio), 0.7, fill=False, edgecolor="black", linewidth=1.3)
    for value, name in ((low, "c′"), (high, "c")):
        ax.axhline(float(value), color="0.35", linewidth=1, linestyle="--")
        ax.text(0.42, float(value) + 0.03, f"{name} = {value}", fontsize=9)
    ax.axvline(b + 0.5, color="0.6", linewidth=0.8)
    ax.text(b + 0.44, 2.1, "H", ha="right", fontsize=10)
    ax.set(xlim=(0.4, 4.6), ylim=(0, 2.25), xticks=range(1, 5), xlabel="token", ylabel="density")
    ax.set_title("outline: ρ = p/q,  bar: f = clip(ρ, c′, c)", fontsize=9.5)


def filling(ax: Axes, x: Pair) -> None:
    """Draw the steps h with the stretches of each token under them, and n t^{n−1}."""
    check = page(11).module
    cuts = [Fraction(0), *accumulate(x.q)]
    h = check.heights(cuts, x.n)
    for i, row in enumerate(check.shipped_curtain(x).pieces):
        for a, b in row:
            for k, (left, right) in enumerate(pairwise(cuts)):
                start, end = max(a, left), min(b, right)
                if start < end:
                    width, height = float(end - start), float(h[k])
                    ax.bar(float(start), height, width, align="edge", color=COLOURS[i])
            ax.text(float(a + b) / 2, -0.1, str(i + 1), ha="center", va="center", fontsize=9)
            for end in (a, b):
                ax.plot([float(end)] * 2, [-0.19, 0], color="black", linewidth=0.8, clip_on=False)
    ax.stairs(list(map(float, h)), list(map(float, cuts)), color="black", linewidth=1.3)
    t = np.linspace(0, 1, 50)
    ax.plot(t, x.n * t ** (x.n - 1), color="0.35", linewidth=1, linestyle="--")
    ax.text(0.70, 1.62, "n t$^{n-1}$", ha="right", fontsize=9)
    ax.set(xlim=(0, 1), ylim=(-0.19, 2.25), xlabel="priority", xticks=[0, 0.25, 0.5, 0.75, 1])
    ax.set_title("steps h, and the tokens that draw each stretch", fontsize=9.5)


def main() -> None:
    """Write the figure beside this file."""
    mpl.rcParams.update({"svg.hashsalt": "11", "font.size": 9})
    figure = Figure(figsize=(8.2, 3.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    clipping(left, EXAMPLE)
    filling(right, EXAMPLE)
    for ax in (left, right):
        ax.spines[["top", "right"]].set_visible(False)
    figure.savefig(Path(__file__).with_suffix(".svg"), metadata={"Date": None})


if __name__ == "__main__":
    main()
