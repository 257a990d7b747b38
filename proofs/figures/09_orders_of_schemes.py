"""Draw 09_orders_of_schemes.svg: ``python proofs/figures/09_orders_of_schemes.py``."""

from pathlib import Path

import matplotlib.pyplot as plt

from mdsd_theory import optimal_acceptance

Q = [0.26, 0.20, 0.16, 0.14, 0.12, 0.12]
TARGETS = {
    "p sharper than q": [0.62, 0.20, 0.08, 0.05, 0.03, 0.02],
    "p on the unlikely tokens": [0.02, 0.02, 0.04, 0.06, 0.26, 0.60],
}
STYLES = {
    "with_replacement": ("o", "-", "#0072b2"),
    "without_replacement": ("s", "-", "#d55e00"),
    "greedy": ("^", "--", "#009e73"),
    "top_k": ("x", ":", "black"),
}


def main():
    """Draw α* against the number of drafts for two targets."""
    plt.rcParams.update({"svg.hashsalt": "mdsd", "font.size": 9, "svg.fonttype": "none"})
    figure, axes = plt.subplots(1, 2, figsize=(7.4, 3.1), sharey=True)
    n = range(1, len(Q) + 1)
    for axis, (title, p) in zip(axes, TARGETS.items(), strict=True):
        for scheme, (marker, line, colour) in STYLES.items():
            values = [optimal_acceptance(p, Q, n=k, scheme=scheme).value for k in n]
            label = scheme.replace("_", " ")
            axis.plot(n, values, marker=marker, ls=line, color=colour, ms=4.5, label=label)
        axis.set(title=title, xlabel="number of drafts n")
        axis.spines[["top", "right"]].set_visible(False)
    axes[0].set_ylabel("α*")
    axes[0].legend(frameon=False, fontsize=8, loc="lower right")
    figure.tight_layout()
    figure.savefig(Path(__file__).with_suffix(".svg"), metadata={"Date": None})


if __name__ == "__main__":
    main()
