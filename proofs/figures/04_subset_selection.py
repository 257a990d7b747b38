"""Draw the network of page 4 with its least cut: python proofs/figures/04_subset_selection.py"""

from fractions import Fraction
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mdsd_theory.proving import Pair
from mdsd_theory.proving.optima import best_subset, set_law

EXAMPLE = Pair.of("1/6 2/3 1/6", "1/2 1/4 1/4", 2)
CUT, KEPT, NEAR = "#b2182b", "#4d4d4d", "#d9e6f2"
"""Dark red and dark grey differ in width as well; the source's side is shaded."""

SHRINK = {2.0: 36, 4.0: 28, 6.0: 22}
"""Points that an arrow stops short of the middle of a node, by its column."""

Point = tuple[float, float]


def twelfths(x: Fraction) -> str:
    """The number as k/12."""
    return f"{int(12 * x)}/12"


def edge(axes: Axes, start: Point, end: Point, label: str, cut: bool) -> None:
    """An arrow between two nodes; one that is cut is broad, dashed and red."""
    style = {"color": CUT if cut else KEPT, "lw": 2.6 if cut else 1.1, "ls": "--" if cut else "-"}
    arrow = {"arrowstyle": "-|>", "shrinkA": 15, "shrinkB": SHRINK[end[0]], "mutation_scale": 11, **style}
    axes.annotate("", xy=end, xytext=start, arrowprops=arrow)
    middle = ((start[0] + end[0]) / 2, (start[1] + end[1]) / 2 + (0.14 if start[1] == end[1] else 0.27))
    box = {"facecolor": "white", "edgecolor": "none", "pad": 0.6, "alpha": 0.85}
    axes.text(*middle, label, ha="center", va="center", fontsize=9, color=style["color"], bbox=box)


def node(axes: Axes, at: Point, label: str, near: bool) -> None:
    """A node, shaded on the source's side."""
    box = {"boxstyle": "round,pad=0.45", "facecolor": NEAR if near else "white", "edgecolor": "black"}
    axes.text(*at, label, ha="center", va="center", fontsize=10, bbox=box, zorder=3)


def draw(x: Pair) -> Figure:
    """The network of the example, its least cut dashed."""
    law = set_law(x, "without_replacement")
    value, chosen = best_subset(x, "without_replacement")
    figure, axes = plt.subplots(figsize=(7.2, 3.3))
    source, sink = (0.0, 1.0), (6.0, 1.0)
    sets = {s: (2.0, 2.0 - k) for k, s in enumerate(sorted(law, key=sorted))}
    tokens = {i: (4.0, 2.0 - i) for i in range(x.V)}
    for s, at in sets.items():
        edge(axes, source, at, twelfths(law[s]), cut=not s <= chosen)
        for i in s:
            edge(axes, at, tokens[i], "", cut=False)
    for i, at in tokens.items():
        edge(axes, at, sink, twelfths(x.p[i]), cut=i in chosen)
    node(axes, source, "source", near=True)
    node(axes, sink, "sink", near=False)
    for s, at in sets.items():
        node(axes, at, "S = {" + ", ".join(map(str, sorted(s))) + "}", near=s <= chosen)
    for i, at in tokens.items():
        node(axes, at, f"token {i}", near=i in chosen)
    title = f"H = {{{', '.join(map(str, sorted(chosen)))}}}: P(H) + 1 − Q(H) = {value}"
    axes.set_title(title, fontsize=11)
    for place, label in ((1.0, "w(S)"), (5.0, "p")):
        axes.text(place, 2.55, label, ha="center", fontsize=10, style="italic")
    axes.set(xlim=(-0.6, 6.5), ylim=(-0.5, 2.8))
    axes.axis("off")
    figure.tight_layout()
    return figure


if __name__ == "__main__":
    mpl.rcParams["svg.hashsalt"] = "mdsd"
    path = Path(__file__).with_suffix(".svg")
    draw(EXAMPLE).savefig(path, metadata={"Date": None})
