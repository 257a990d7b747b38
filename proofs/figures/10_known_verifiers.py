"""Draw RRS and K-SEQ on one curve, and their sure share: python proofs/figures/10_known_verifiers.py"""

from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np

P, Q, N = np.array([4, 5]) / 9, np.array([2, 1]) / 3, 2
BLUE, ORANGE, GREY = "#0072B2", "#D55E00", "#555555"


def overlap(t):
    """F(t) = Σ min(p, t q)."""
    return np.minimum(P, np.multiply.outer(t, Q)).sum(-1)


def curve(axes):
    """F, K-SEQ's A(γ) = 1 − (1 − F(γ)/γ)^n, the clock of RRS, and where each rule stops."""
    t = np.array([0, 2 / 3, 5 / 3, 1.9])
    gamma = np.linspace(1, 1.9, 19)
    axes.plot(t, overlap(t), color="black", label="$F(t)$")
    axes.plot(
        gamma, 1 - (1 - overlap(gamma) / gamma) ** N, "--", color=BLUE, label=r"$A(\gamma)$ of K-SEQ"
    )
    clock = [0.0, 1.0, 2 - overlap(1.0)]
    axes.plot(clock, overlap(np.array(clock)), "o", color=ORANGE, label="RRS")
    axes.plot([4 / 3], [8 / 9], "s", color=BLUE, label="K-SEQ")
    axes.axhline(1, color=GREY, lw=1, ls=":")
    axes.annotate("α* = 1", (0.03, 1), (0.03, 1.02), color=GREY)
    axes.annotate("23/27", (clock[2], 23 / 27), (1.24, 0.75), color=ORANGE)
    axes.annotate("8/9", (4 / 3, 8 / 9), (1.4, 0.8), color=BLUE)
    axes.set(xlabel="$t$, $\\gamma$", ylim=(0, 1.12), yticks=[0, 0.5, 1], title="n = 2")
    axes.legend(loc="lower right", frameon=False)


def share_k_seq(n):
    """c_n = 1 − w^{−n}, by bisection."""
    low, high, top = 1.0, 4.0, n * (n / (n - 1)) ** (n - 1)
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if sum(middle**k for k in range(n)) > top else (middle, high)
    return 1 - high**-n


def shares(axes):
    """c_n, d_n and SpecTr's constant."""
    n = np.arange(2, 13)
    share = 1 - (n - 1) / (2 * n - 1) * (n / (2 * n - 1)) ** (n / (n - 1))
    axes.plot(n, [share_k_seq(int(k)) for k in n], "s-", color=BLUE, label="K-SEQ: $c_n$, sharp")
    axes.plot(n, share, "o-", color=ORANGE, label="RRS: $d_n$, sharp")
    axes.plot(n, 1 - (1 - 1 / n) ** n, "^:", color=GREY, label="$1-(1-1/n)^n$")
    axes.set(xlabel="drafts $n$", ylim=(0.6, 1.02), yticks=[0.6, 0.7, 0.8, 0.9], title="sure share of α*")
    axes.legend(loc="upper right", frameon=False)


def main():
    mpl.rcParams["svg.hashsalt"] = "10_known_verifiers"
    figure, (left, right) = plt.subplots(1, 2, figsize=(8.4, 3.4), layout="constrained")
    curve(left)
    shares(right)
    figure.savefig(Path(__file__).with_suffix(".svg"), metadata={"Date": None})


if __name__ == "__main__":
    main()
