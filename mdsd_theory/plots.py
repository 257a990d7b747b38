"""Plots: one function each, returning axes. No mathematics."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mdsd_theory.errors import DataFileError, InputError, InputTypeError, MissingDependencyError
from mdsd_theory.export import mean
from mdsd_theory.schemes.checks import whole
from mdsd_theory.verifiers.optimal import IIDPlan
from mdsd_theory.verifiers.plan import Plan

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from mdsd_theory.comparison import Comparison, Row
    from mdsd_theory.tree.topology import Tree
    from mdsd_theory.verifiers.optimal.iid_row import IIDRow

BAR = "#0072B2"
BOUND = "#D55E00"
"""Two colours of Okabe and Ito's palette, apart for every eye and in grey."""

MOST = 10
"""Atoms of a plan that are drawn one by one; the others share a grey."""


def plot_rates(comparison: Comparison, ax: Axes | None = None) -> Axes:
    """Draw a bar for each verifier and a line for the bound α* of its scheme.

    For a batch everything is a mean over positions. Where α* is only enclosed, the bound is a band
    from ``lower`` to ``upper``; a Monte Carlo rate has its standard error beside it.

    Parameters
    ----------
    comparison : Comparison
    ax : matplotlib axes, optional
        A new figure is made when none is given.

    Returns
    -------
    matplotlib axes

    Raises
    ------
    InputError
        For a batch without rows.
    MissingDependencyError
        Without matplotlib.
    """
    if any(np.prod(optimum.subset.shape[:-1]) == 0 for optimum in comparison.optimal.values()):
        raise InputError("nothing to plot: the batch has no rows")
    ax = _axes(ax, 0.9 + 0.27 * len(comparison.rows))
    labels: dict[float, str] = {}
    schemes: list[int] = []
    y = 0.0
    for scheme, optimum in comparison.optimal.items():
        bound = mean(optimum.upper)
        labels[y] = scheme
        schemes.append(len(labels) - 1)
        sign = "=" if optimum.exact else "≤"
        ax.text(1.02, y, f"α* {sign} {bound:.3f}", va="center", fontsize=8, color=BOUND)
        rows = [row for row in comparison.rows if row.scheme == scheme and row.rate is not None]
        _bound(ax, y - 0.45, y + len(rows) + 0.45, optimum)
        for row in rows:
            y += 1
            labels[y] = str(row.verifier)
            ax.barh(y, mean(row.acceptance), 0.72, color=BAR)
            ax.text(1.02, y, _shown(row), va="center", fontsize=8)
        y += 1.4
    ax.set_yticks(list(labels), list(labels.values()), fontsize=8, parse_math=False)
    for index in schemes:
        ax.get_yticklabels()[index].set_fontweight("bold")
    ax.invert_yaxis()
    ax.set_xlim(0, 1)
    ax.set_xlabel("acceptance rate P(Y ∈ S)")
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def plot_plan(plan: Plan, row: int = 0, ax: Axes | None = None) -> Axes:
    """Draw which stretches of [0, 1] each token draws its priority from.

    The curve is n t^{n−1}, the density of the largest of n priorities; the steps are its means on the
    levels. Below them lie the stretches of each atom, in one colour. The bar of that colour is the
    atom's density f = y/q: the mean of the steps over its stretches. Shades mark the plateaus, below c′
    and above c. Of more than ten atoms the ten of largest mass are drawn, the others in grey.

    Parameters
    ----------
    plan : IIDPlan
        Of the verifier ``optimal`` for drafts with replacement.
    row : int
        Which row of a batch.
    ax : matplotlib axes, optional
        A new figure is made when none is given.

    Returns
    -------
    matplotlib axes

    Raises
    ------
    InputError, InputTypeError
        When the plan has no such row, or is of another rule.
    MissingDependencyError
        Without matplotlib.
    """
    if not isinstance(plan, IIDPlan):
        raise InputTypeError(
            f"plan is of type {type(plan).__name__}; expected the plan of 'optimal' for drafts with "
            "replacement, whose priorities are drawn"
        )
    row = whole(row, "row", 0, "a row of the plan")
    if row >= len(plan.rows):
        raise InputError(f"row is {row}; the plan has {len(plan.rows)} of them, counted from 0")
    ax, shown = _axes(ax, 4.2), plan.rows[row]
    top = 1.08 * max(shown.n, float(shown.density[-1]))
    ax.set(xlim=(0, 1), ylim=(0, top), xlabel="priority t", ylabel="density")
    _plateaus(ax, shown, top)
    _steps(ax, shown)
    atoms = np.sort(np.argsort(-shown.mass, kind="stable")[:MOST])
    for place, atom in enumerate(atoms):
        _stretches(ax, shown, int(atom), (place + 0.5) / len(atoms))
    if len(atoms) < shown.mass.size:
        rest = shown.mass.size - len(atoms)
        ax.fill_between([], [], [], color="0.85", label=f"{rest:,} others, q = {_rest(shown, atoms):.2g}")
    ax.legend(
        fontsize=8, loc="upper left", edgecolor="none", framealpha=0.9, handlelength=1.2
    ).set_zorder(9)
    ax.spines[["top", "right"]].set_visible(False)
    ax.set_title(f"n = {shown.n}, acceptance {shown.acceptance:.4f}", fontsize=10)
    return ax


def plot_tree(tree: Tree, reached: Sequence[float] | None = None, ax: Axes | None = None) -> Axes:
    """Draw a tree of drafts, the root on the left, drafts of a node from the first one down.

    Parameters
    ----------
    tree : Tree
    reached : sequence of float, optional
        Chance that each node is accepted, the root's first: ``AcceptanceTable.reached`` gives it. Edges
        are then as wide as that, and labelled where there is room.
    ax : matplotlib axes, optional

    Returns
    -------
    matplotlib axes

    Raises
    ------
    InputError
        When there is not one chance for each node.
    MissingDependencyError
        Without matplotlib.
    """
    if reached is not None and len(reached) != tree.drafts + 1:
        raise InputError(f"reached has {len(reached)} chances; expected {tree.drafts + 1}, one a node")
    leaves = [node for node, below in enumerate(tree.children) if not below]
    ax = _axes(ax, min(8.0, 0.8 + 0.24 * len(leaves)))
    height: dict[int, float] = {node: -float(place) for place, node in enumerate(_by_path(tree, leaves))}
    for node in reversed(range(tree.drafts + 1)):
        if tree.children[node]:
            height[node] = float(np.mean([height[child] for child in tree.children[node]]))
    few = len(leaves) <= 24
    for node, parent in enumerate(tree.parents, 1):
        x, y = tree.depths[parent], height[parent]
        chance = 0.35 if reached is None else reached[node]
        ax.plot(
            [x, x + 1],
            [y, height[node]],
            color=BAR,
            lw=0.6 + 4 * chance,
            zorder=1,
            solid_capstyle="round",
        )
        if few and reached is not None:
            at = (x + 0.72, y + 0.72 * (height[node] - y))
            ax.annotate(f"{chance:.2f}", at, ha="center", va="center", fontsize=7, bbox=_LABEL)
    size = 36 if few else 10
    ax.scatter(tree.depths, [height[k] for k in range(tree.drafts + 1)], s=size, color="black", zorder=2)
    ax.set_xticks(range(tree.depth + 1))
    ax.set_xlabel("depth")
    ax.set_yticks([])
    ax.spines[["left", "right", "top"]].set_visible(False)
    expected = "" if reached is None else f", {sum(reached):.2f} tokens a call"
    ax.set_title(f"{tree.drafts} drafts{expected}", fontsize=10)
    return ax


_LABEL = {"boxstyle": "round,pad=0.1", "fc": "white", "ec": "none"}


def _by_path(tree: Tree, nodes: Sequence[int]) -> list[int]:
    return sorted(nodes, key=lambda node: tree.paths[node])


def save(ax: Axes, path: str) -> None:
    """Write the figure of some axes to a file whose ending names the format.

    Raises
    ------
    DataFileError
        When it cannot be written, or matplotlib does not know the ending.
    """
    try:
        figure: Any = ax.figure
        figure.savefig(path, bbox_inches="tight", dpi=200)
    except (OSError, ValueError) as error:
        raise DataFileError(f"cannot write {path}: {error}") from None


def _plateaus(ax: Axes, row: IIDRow, top: float) -> None:
    for level, edge, name in ((row.floor, 0.0, "c′"), (row.ceiling, top, "c")):
        if 0 < level < top:
            ax.axhspan(min(level, edge), max(level, edge), color="0.95", zorder=0)
            ax.axhline(level, color="0.45", lw=0.8, ls=":", zorder=1)
            ax.text(1.005, level, f"{name} = {level:.3g}", fontsize=8, va="center")


def _steps(ax: Axes, row: IIDRow) -> None:
    """Draw the curve and, over grey, the means of the levels, thinned where they are too close to see."""
    t = np.linspace(0, 1, 401)
    ax.plot(t, row.n * t ** (row.n - 1), color="0.2", lw=1, zorder=4, label=_power(row.n))
    keep = np.unique(np.searchsorted(row.cuts, np.linspace(0, row.cuts[-1], 1500), side="right") - 1)
    cuts = np.append(row.cuts[keep[keep < row.mass.size]], row.cuts[-1])
    means = np.diff(cuts**row.n) / np.maximum(np.diff(cuts), 1e-300)
    ax.stairs(means, cuts, color="0.85", fill=True, zorder=2)
    ax.stairs(means, cuts, color="0.35", lw=0.6, zorder=4)


def _power(n: int) -> str:
    return {1: "1", 2: "2t"}.get(n, f"{n}t" + "".join("⁰¹²³⁴⁵⁶⁷⁸⁹"[int(x)] for x in str(n - 1)))


def _stretches(ax: Axes, row: IIDRow, atom: int, shade: float) -> None:
    """Fill an atom's stretches below the steps, and draw its density as a bar over them."""
    from matplotlib import colormaps

    colour, f = colormaps["viridis"](shade), row.density[atom]
    pieces = _joined(row.intervals(atom), 1e-3)
    for place, (start, stop) in enumerate(pieces):
        inside = row.cuts[(row.cuts > start) & (row.cuts < stop)]
        x = np.concatenate([[start], inside, [stop]])
        level = np.clip(np.searchsorted(row.cuts, (x[1:] + x[:-1]) / 2) - 1, 0, row.mass.size - 1)
        low, high = row.cuts[level], row.cuts[level + 1]
        height = sum(high**j * low ** (row.n - 1 - j) for j in range(row.n))
        ax.stairs(height, x, color=colour, fill=True, zorder=3)
        ax.vlines(start, 0, height[0], color="white", lw=0.6, zorder=3.5)
        ax.plot([start, stop], [f, f], color="white", lw=4.5, zorder=5, solid_capstyle="butt")
        label = _name(row, atom) if place == 0 else None
        ax.plot([start, stop], [f, f], color=colour, lw=3, zorder=6, solid_capstyle="butt", label=label)
        middle = (start + stop) / 2
        tall = height[np.searchsorted(x, middle) - 1] > 0.08 * ax.get_ylim()[1]
        name = ", ".join(map(str, row.members(atom)))
        if tall and stop - start > 0.014 * (len(name) + 1):
            ink = "white" if shade < 0.6 else "black"
            ax.text(middle, 0.0, name, color=ink, fontsize=8, ha="center", va="bottom", zorder=7)


def _joined(pieces: np.ndarray[Any, Any], gap: float) -> np.ndarray[Any, Any]:
    """Return the stretches with gaps too small to see closed."""
    new = np.append(True, pieces[1:, 0] > pieces[:-1, 1] + gap)
    return np.stack([pieces[new, 0], pieces[np.append(new[1:], True), 1]], axis=-1)


def _name(row: IIDRow, atom: int) -> str:
    members = row.members(atom)
    if members.size > 3:
        return f"{members.size:,} tokens, f = {row.density[atom]:.3g}"
    tokens = ", ".join(map(str, members))
    return f"token{'s' if members.size > 1 else ''} {tokens}, f = {row.density[atom]:.3g}"


def _rest(row: IIDRow, atoms: np.ndarray[Any, Any]) -> float:
    return float(row.mass.sum() - row.mass[atoms].sum())


def _axes(ax: Axes | None, height: float) -> Axes:
    if ax is not None:
        return ax
    try:
        import matplotlib.pyplot as plt
    except ImportError:
        raise MissingDependencyError("plots need matplotlib: pip install 'mdsd-theory[plot]'") from None
    _, new = plt.subplots(figsize=(6.0, height), layout="constrained")
    return new


def _shown(row: Row) -> str:
    shown = f"{mean(row.acceptance):.3f}"
    return shown if row.standard_error is None else f"{shown} ± {mean(row.standard_error):.1e}"


def _bound(ax: Axes, top: float, bottom: float, optimum: Any) -> None:
    lower, upper = mean(optimum.lower), mean(optimum.upper)
    ax.plot([upper, upper], [top, bottom], color=BOUND, lw=2, zorder=3, solid_capstyle="butt")
    if not optimum.exact:
        ax.fill_betweenx([top, bottom], lower, upper, color=BOUND, alpha=0.3, zorder=2)
