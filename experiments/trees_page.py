"""Tables of ``results/trees/README.md``, from the files beside it; cog writes them into the page.

::

    cog -r experiments/results/trees/README.md
"""

from collections.abc import Callable

import pandas as pd
from results_page import RESULTS, rows

from mdsd_theory.study.labels import scheme_label, verifier_label

TREES = ("2x4", "4x3", "sparse")


def read(name: str) -> pd.DataFrame:
    """Return a file of the page's folder."""
    return pd.read_csv(RESULTS / "trees" / f"{name}.csv")


def rule(scheme: str, verifier: str) -> str:
    """Return what the page calls a scheme with a verifier."""
    if scheme == "-":
        return verifier
    if scheme == verifier:
        return scheme_label(scheme)
    if verifier.endswith("_without_replacement"):
        return verifier_label(verifier) + " replacement"
    return f"{verifier_label(verifier)}, {scheme_label(scheme)}"


def by_tree(name: str, shown: Callable[[pd.Series], str]) -> str:
    """Return a table with a line for each temperature and rule, and a column for each tree."""
    lines = []
    for (heat, scheme, verifier), of in read(name).groupby(["T", "scheme", "verifier"], sort=False):
        cells = {row["tree"]: shown(row) for _, row in of.iterrows()}
        if set(cells) & set(TREES):
            lines.append((f"{heat:g}", rule(scheme, verifier), *(cells.get(x, "–") for x in TREES)))
    return rows(["T", "scheme and verifier", *TREES], lines)


def tokens() -> str:
    """Return tokens per call of the target."""
    return by_tree("count", lambda x: f"{x['tokens_per_call']:.3f} ± {x['error']:.3f}")


def overhead() -> str:
    """Return the time of verification in per cent of a call of the target."""
    return by_tree("overhead", lambda x: f"{x['verify_ms']:.2f} ms, {x['verify_per_cent']:.1f} %")


def speed(draft: str) -> str:
    """Return tokens a second and speed-up with one draft."""
    frame = read("speed")
    frame = frame[frame["draft"] == draft]
    lines = [
        (
            f"{x['T']:g}",
            x["tree"].replace("-", "–"),
            rule(x["scheme"], x["verifier"]),
            f"{x['tokens_per_second']:.1f}",
            f"{x['speed_up']:.2f}" + (f" ± {x['error']:.2f}" if x["error"] else ""),
        )
        for _, x in frame.iterrows()
    ]
    return rows(["T", "tree", "scheme and verifier", "tokens a second", "speed-up"], lines)


def chosen() -> str:
    """Return predicted and measured tokens per call, of fixed trees and of those chosen instead."""
    lines = []
    for (heat, scheme, verifier), of in read("choose").groupby(["T", "scheme", "verifier"], sort=False):
        of = of.set_index("tree")
        for tree in TREES:
            if tree not in of.index:
                continue
            drafts = of.loc[tree, "drafts"]
            cells = [
                cell
                for x in (tree, f"chosen for {drafts}")
                for cell in (
                    (
                        f"{of.loc[x, 'predicted']:.2f}",
                        f"{of.loc[x, 'measured']:.2f} ± {of.loc[x, 'error']:.2f}",
                    )
                    if x in of.index
                    else ("–", "–")
                )
            ]
            lines.append((f"{heat:g}", rule(scheme, verifier), f"{tree}, {drafts} drafts", *cells))
    heads = ["predicted", "measured", "chosen: predicted", "chosen: measured"]
    return rows(["T", "scheme and verifier", "tree", *heads], lines)


def prediction() -> str:
    """Return how far predictions are from measurements, fixed trees and chosen ones apart."""
    frame = read("choose")
    off = frame["predicted"] / frame["measured"] - 1
    scores = (frame["predicted"] - frame["measured"]) / frame["error"]
    lines = []
    for name, some in (("fixed", frame["tree"].isin(TREES)), ("chosen", ~frame["tree"].isin(TREES))):
        lines.append(
            (
                f"{name} trees",
                f"{some.sum()}",
                f"{100 * off[some].mean():+.1f} %",
                f"{100 * off[some].abs().mean():.1f} %",
                f"{100 * off[some].abs().max():.1f} %",
                f"{(scores[some].abs() <= 2).sum()}",
            )
        )
    heads = ["number", "mean of predicted − measured", "mean size", "largest", "within 2 standard errors"]
    return rows(["", *heads], lines)
