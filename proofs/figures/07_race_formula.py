"""Figure of page 7: the error of the trapezoid rule and its bound, against nodes per unit of log t."""

from fractions import Fraction
from pathlib import Path
from types import ModuleType

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from mdsd_theory.proving.pages import page

STYLES = ((1, "#0072B2", "o", "-"), (3, "#D55E00", "s", "--"), (8, "#009E73", "^", ":"))
"""n, a colour of Okabe and Ito's palette, a marker and a line for readers in grey."""


def worst(check: ModuleType, n: int, step: Fraction) -> float:
    """Return the largest relative error of four shifts: twelve equal tokens, H all but one."""
    q, h = (Fraction(1, 12),) * 12, frozenset(range(1, 12))
    rules = [check.Trapezoid(q, h, n, step, Fraction(k, 4)) for k in range(4)]
    return max(float(abs(rule.error() / rule.exact)) for rule in rules)


def main() -> None:
    """Write 07_race_formula.svg beside this file."""
    check = page(7).module
    mpl.rcParams.update({"svg.hashsalt": "07_race_formula", "font.size": 9})
    figure = Figure(figsize=(5.6, 3.2), layout="constrained")
    ax = figure.add_subplot()
    density, fine = [Fraction(k, 4) for k in range(2, 21)], np.linspace(0.5, 5, 91)
    with check.flint().ctx.workprec(check.BITS):
        for n, colour, marker, line in STYLES:
            errors = [worst(check, n, 1 / d) for d in density]
            bound = [float(check.spacing_bound(n, check.ball(1 / d))) for d in fine]
            ax.semilogy(fine, bound, line, color=colour, lw=1.3, label=f"bound, n = {n}")
            ax.semilogy([float(d) for d in density], errors, marker, color=colour, ms=3.5)
    ax.set(xlabel="1/h, nodes per unit of log t", ylabel="relative error of 1 − Q(H)")
    ax.legend(frameon=False, loc="upper right", title="markers: the worst of four shifts")
    ax.spines[["top", "right"]].set_visible(False)
    figure.savefig(Path(__file__).with_suffix(".svg"), metadata={"Date": None})


if __name__ == "__main__":
    main()
