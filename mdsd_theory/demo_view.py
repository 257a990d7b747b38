"""What ``mdsd demo`` prints. No mathematics."""

from __future__ import annotations

from typing import Any

import numpy as np

from mdsd_theory.comparison import Comparison
from mdsd_theory.demo_data import DemoData
from mdsd_theory.tables import console


def show_demo(data: DemoData, average: Comparison, single: Comparison, position: int) -> None:
    """Print the averages over all positions, then one position with its likeliest tokens."""
    out = console()
    target = data.manifest["target"]["name"]
    removed = ", ".join(map(str, data.manifest["draft"]["removed_layers"]))
    draft = f"the same without layers {removed}"
    out.print(f"target [bold]{target}[/], draft [bold]{draft}[/], temperature {data.temperature:g}")
    out.print(average)
    record = data.manifest["positions"][position]
    out.print()
    out.print(f"[bold]Position {position}[/] ({record['task']}), after: …{record['context']!r}")
    out.print(_token_table(data, single, position))
    out.print(single)


def _token_table(data: DemoData, single: Comparison, position: int) -> Any:
    """Return the eight likeliest tokens of the target and the draft, with the subsets H."""
    from rich.table import Table

    p, q = data.p[position], data.q[position]
    text = data.manifest["positions"][position]["top_tokens"]
    table = Table()
    table.add_column("token")
    for name in ("p", "q"):
        table.add_column(name, justify="right")
    for scheme in single.optimal:
        table.add_column(f"H {scheme}", justify="center")
    likeliest = np.argsort(-np.maximum(p, q), kind="stable")[:8]
    for token in likeliest:
        inside = ["●" if result.subset[token] else "" for result in single.optimal.values()]
        shown = repr(text.get(str(token), f"#{token}"))
        table.add_row(shown, f"{p[token]:.4f}", f"{q[token]:.4f}", *inside)
    return table
