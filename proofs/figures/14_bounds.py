"""Bounds of page 14 on the shipped positions: the table and the figure.

python proofs/figures/14_bounds.py
"""

from pathlib import Path
from typing import Any

import matplotlib
import numpy as np

from mdsd_theory import optimal_acceptance
from mdsd_theory.demo_data import load_demo_data

matplotlib.use("svg")
matplotlib.rcParams["svg.hashsalt"] = "14_bounds"
import matplotlib.pyplot as plt  # noqa: E402

Array = np.ndarray[Any, Any]

LINES = {
    "Σ min(p, n q)": ("#d55e00", ":"),
    "Σ min(p, π)": ("#d55e00", "--"),
    "cut at H₀": ("#d55e00", "-"),
    "α*": ("black", "-"),
    "one pass": ("#0072b2", "-"),
    "β_n Σ min(p, n q)": ("#0072b2", "--"),
    "1 − TV": ("#0072b2", ":"),
}


def drawn(q: Array, n: int) -> Array:
    """π = 1 − (1 − q)^n."""
    chances: Array = -np.expm1(n * np.log1p(-np.minimum(q, 1 - 1e-16)))
    return chances


def one_pass(p: Array, q: Array, n: int) -> Array:
    """Σ min(p, (1 − a)^n − (1 − a − q)^n) with a = q of the tokens of larger p/q, row by row."""
    bounds = []
    for target, draft in zip(p, q, strict=True):
        with np.errstate(divide="ignore"):
            order = np.argsort(-target / draft)
        after = np.append(np.cumsum(draft[order][::-1])[::-1], 0.0)
        bounds.append(np.minimum(target[order], after[:-1] ** n - after[1:] ** n).sum())
    return np.array(bounds)


def cut(p: Array, q: Array, n: int) -> Array:
    """P(H₀) + 1 − q(H₀)^n, H₀ = {p ≤ π}."""
    inside = p <= drawn(q, n)
    value: Array = (p * inside).sum(axis=1) + 1 - (q * inside).sum(axis=1) ** n
    return value


def bounds(p: Array, q: Array, n: int) -> dict[str, Array]:
    """Every bound, and α*, for i.i.d. drafts; each of shape (positions,)."""
    beta = 1 - (1 - 1 / n) ** n
    n_times = np.minimum(p, n * q).sum(axis=1)
    return {
        "Σ min(p, n q)": n_times,
        "Σ min(p, π)": np.minimum(p, drawn(q, n)).sum(axis=1),
        "cut at H₀": cut(p, q, n),
        "α*": optimal_acceptance(p, q, n=n, scheme="with_replacement").value,
        "one pass": one_pass(p, q, n),
        "β_n Σ min(p, n q)": beta * n_times,
        "1 − TV": np.minimum(p, q).sum(axis=1),
    }


def table() -> None:
    """Print bound/α*: mean over the positions and, in brackets, the worst."""
    print(
        "| bound / α* | " + " | ".join(f"T = {t}, n = {n}" for t in (0.7, 1.0) for n in (2, 4, 8)) + " |"
    )
    print("| --- |" + " --- |" * 6)
    found = []
    for t in (0.7, 1.0):
        data = load_demo_data(t)
        found += [bounds(data.p, data.q, n) for n in (2, 4, 8)]
    for name in LINES:
        if name == "α*":
            means = " | ".join(f"{f[name].mean():.3f}" for f in found)
            print(f"| α* itself, mean | {means} |")
            continue
        cells = []
        for f in found:
            ratio = f[name] / f["α*"]
            worst = ratio.max() if list(LINES).index(name) < 3 else ratio.min()
            cells.append(f"{ratio.mean():.3f} ({worst:.3f})")
        print(f"| {name} | " + " | ".join(cells) + " |")


def draw() -> None:
    """Draw the means over the positions against n."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.4), sharey=True)
    drafts = range(1, 9)
    for axes, t in ((left, 0.7), (right, 1.0)):
        data = load_demo_data(t)
        found = [bounds(data.p, data.q, n) for n in drafts]
        for name, (colour, style) in LINES.items():
            width = 2.2 if name == "α*" else 1.4
            axes.plot(drafts, [f[name].mean() for f in found], style, color=colour, lw=width, label=name)
        axes.set(title=f"temperature {t}", xlabel="drafts n", ylim=(0.45, 1.0))
        axes.grid(alpha=0.3)
    left.set_ylabel("acceptance, mean of 24 positions")
    figure.tight_layout(rect=(0, 0, 0.8, 1))
    figure.legend(*right.get_legend_handles_labels(), fontsize=9, loc="center right")
    path = Path(__file__).with_suffix(".svg")
    figure.savefig(path, metadata={"Date": None})
    print(f"\n{path.name} drawn")


if __name__ == "__main__":
    table()
    draw()
