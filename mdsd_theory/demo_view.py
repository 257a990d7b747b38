"""What ``mdsd demo`` prints. No mathematics."""

from __future__ import annotations

from typing import Any

import numpy as np
from rich.table import Table
from rich.text import Text

from mdsd_theory.comparison import Comparison
from mdsd_theory.demo_data import DemoData
from mdsd_theory.tables import console


def show_demo(data: DemoData, average: Comparison, single: Comparison, position: int) -> None:
    """Print the averages over all positions, then one position with its likeliest tokens."""
    out = console()
    target = data.manifest["target"]["name"]
    removed = ", ".join(map(str, data.manifest["draft"]["removed_layers"]))
    draft = f"the same without layers {removed}"
    models = ("target ", (target, "bold"), ", draft ", (draft, "bold"))
    out.print(Text.assemble(*models, f", temperature {data.temperature:g}"))
    out.print(average)
    record = data.manifest["positions"][position]
    out.print()
    place = ((f"Position {position}", "bold"), f" ({record['task']}), after: …{record['context']!r}")
    out.print(Text.assemble(*place, overflow="fold"))
    out.print(_token_table(data, single, position))
    out.print(single)


def _token_table(data: DemoData, single: Comparison, position: int) -> Any:
    """Return the eight likeliest tokens of the target and the draft, with the subsets H."""
    p, q = data.p[position], data.q[position]
    text = data.manifest["positions"][position]["top_tokens"]
    table = Table()
    table.add_column("token", overflow="fold")
    for name in ("p", "q"):
        table.add_column(name, justify="right", no_wrap=True, min_width=6)
    table.add_column("in the subset H of", overflow="fold")
    likeliest = np.argsort(-np.maximum(p, q), kind="stable")[:8]
    for token in likeliest:
        shown = repr(text.get(str(token), f"#{token}"))
        names = _members({name: bool(result.subset[token]) for name, result in single.optimal.items()})
        table.add_row(Text(shown), f"{p[token]:.4f}", f"{q[token]:.4f}", Text(names))
    return table


def _members(inside: dict[str, bool]) -> str:
    """Return the names that hold, in few words."""
    names = [name for name, holds in inside.items() if holds]
    others = [name for name, holds in inside.items() if not holds]
    if len(names) > 1 and len(others) < 2:
        return f"all but {others[0]}" if others else "all"
    return ", ".join(names) or "none"
