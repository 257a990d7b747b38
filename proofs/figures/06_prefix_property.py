"""Draw 06_prefix_property.svg: ``python proofs/figures/06_prefix_property.py``."""

from itertools import combinations
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from mdsd_theory import SCHEMES

P = [0.02, 0.05, 0.05, 0.14, 0.20, 0.54]
Q = [0.20, 0.22, 0.15, 0.18, 0.15, 0.10]
N = 3


def points(scheme):
    """Return (q(H), P(H), Q(H)) of all sets, and those of the prefixes of the ratio order."""
    law = SCHEMES[scheme].set_law(Q, N)
    sets = [frozenset(c) for k in range(len(P) + 1) for c in combinations(range(len(P)), k)]
    row = {
        h: (sum(Q[i] for i in h), sum(P[i] for i in h), sum(w for s, w in law.items() if s <= h))
        for h in sets
    }
    order = sorted(range(len(P)), key=lambda i: P[i] / Q[i])
    prefixes = [frozenset(order[:k]) for k in range(len(P) + 1)]
    return np.array([row[h] for h in sets]), np.array([row[h] for h in prefixes])


def main():
    """Draw both schemes side by side."""
    plt.rcParams.update({"svg.hashsalt": "mdsd", "font.size": 9, "svg.fonttype": "none"})
    figure, axes = plt.subplots(1, 2, figsize=(7.4, 3.5), sharey=True)
    for axis, scheme in zip(axes, ("with_replacement", "without_replacement"), strict=True):
        cloud, chain = points(scheme)
        axis.plot(cloud[:, 0], cloud[:, 1], "o", color="0.72", ms=3, label="P(H), every set")
        axis.plot(cloud[:, 0], cloud[:, 2], "x", color="#c9a26b", ms=4, label="Q(H), every set")
        axis.plot(chain[:, 0], chain[:, 1], "o-", color="#0072b2", ms=4.5, label="P, prefixes")
        axis.plot(chain[:, 0], chain[:, 2], "s--", color="#d55e00", ms=4, label="Q, prefixes")
        s, low, high = chain[(chain[:, 1] - chain[:, 2]).argmin()]
        axis.annotate("", (s, low), (s, high), arrowprops={"arrowstyle": "<->", "lw": 1.2})
        axis.text(0.98, 0.05, f"1 − α* = {high - low:.3f}", ha="right", transform=axis.transAxes)
        axis.set(title=f"{scheme.replace('_', ' ')}, n = {N}", xlabel="q(H)")
        axis.spines[["top", "right"]].set_visible(False)
    axes[0].legend(frameon=False, fontsize=8, loc="upper left")
    figure.tight_layout()
    figure.savefig(Path(__file__).with_suffix(".svg"), metadata={"Date": None})


if __name__ == "__main__":
    main()
