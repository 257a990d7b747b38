r"""Check captures: the orders of all rows, and at kept positions the fast layer against the reference.

::

    python experiments/check_positions.py runs/smollm2_skip/* --temperature 0.7

Every captured row has to keep naive ≤ rule ≤ optimal ≤ α* and the other orders of
:mod:`mdsd_theory.capture.orderings`, up to 10⁻⁶ and the errors that the columns state; how many rows need
the latter is told. Kept positions are cut to the likeliest tokens of p and q, so few
that the linear program can be written down; there every route of the fast layer has to give what it
gives: the certified enclosures have a number in common, and exact values differ by rounding alone.
Exit code 1 else.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import terminal
import typer
from kept_laws import Law, read_kept, truncated, whole_numbers
from rich.progress import track
from rich.table import Table

from mdsd_theory import ROUTES, SCHEMES, optimal_acceptance
from mdsd_theory.agreement import TOLERANCE
from mdsd_theory.capture.orderings import Row, excused, violations
from mdsd_theory.capture.shards import read_rows
from mdsd_theory.errors import InputError
from mdsd_theory.routing import Workload
from mdsd_theory.schemes import resolve_schemes
from mdsd_theory.tables import console
from mdsd_theory.verifiers import VERIFIERS

SHOWN = 20
"""Rows that break an order, and positions where routes disagree, that are told one by one."""

app = typer.Typer(add_completion=False, help=__doc__)


@dataclass
class Compared:
    """What was found of one route at all positions.

    Attributes
    ----------
    positions : int
    difference : float
        Largest |value − value of the reference|, of an exact route.
    width : float
        Largest upper − lower of the route.
    apart : list of str
        Positions where the two disagree.
    """

    positions: int = 0
    difference: float = 0.0
    width: float = 0.0
    apart: list[str] = field(default_factory=list)

    def add(self, fast: Any, slow: Any, where: str) -> None:
        """Compare two results of one instance."""
        off = abs(fast.value - slow.value) if fast.exact else 0.0
        disjoint = fast.lower > slow.upper or slow.lower > fast.upper
        if disjoint or not off <= TOLERANCE:
            self.apart.append(
                f"{where}: {fast.route} {fast.value!r} in [{fast.lower!r}, {fast.upper!r}], "
                f"{slow.route} {slow.value!r} in [{slow.lower!r}, {slow.upper!r}]"
            )
        self.positions += 1
        self.difference = max(self.difference, off)
        self.width = max(self.width, fast.gap)


@app.command()
def check(
    folders: Annotated[list[Path], typer.Argument(metavar="OUT...", help="Folders of mdsd capture.")],
    temperature: Annotated[float, typer.Option(min=0, help="Of the kept positions.")] = 0.7,
    positions: Annotated[int, typer.Option(min=0, help="Kept positions; 0: only the orders.")] = 200,
    vocabulary: Annotated[int, typer.Option(min=2, max=40, help="Most tokens they are cut to.")] = 40,
    n: Annotated[str, typer.Option("--n", help="Numbers of drafts, with commas.")] = "2,3",
    reference: Annotated[str, typer.Option(help="highs, max_flow, rational, ...")] = "highs",
) -> None:
    """Check the orders of all rows, and the fast layer against the reference at kept positions."""
    drafts = whole_numbers("--n", n)
    slow = [name for name, route in ROUTES.items() if route.layer == "reference"]
    if reference not in slow:
        raise InputError(f"--reference is {reference!r}; expected one of {', '.join(slow)}")
    kept = read_kept(folders, positions) if positions else []
    broken = [row for folder in folders for row in orders(folder)]
    found: dict[tuple[str, int, str], Compared] = {}
    for one in track(kept, "positions", console=console(stderr=True), transient=True):
        p, q = truncated(*one.laws(temperature), vocabulary)
        compare(p, q, drafts, reference, str(one), found)
    if kept:
        console().print(table_of(found, reference, f"T = {temperature:g}, V ≤ {vocabulary}"))
    apart = [text for compared in found.values() for text in compared.apart]
    for text in apart[:SHOWN]:
        terminal.say(f"  {text}")
    terminal.say(f"orders: {len(broken)} broken; routes: {len(apart)} disagreements")
    if broken or apart:
        raise typer.Exit(1)


def orders(folder: Path) -> list[Row]:
    """Return the rows of a capture that break an order, and tell what was looked at."""
    table = read_rows(folder)
    columns = {name: table[name] for name in table.column_names if name != "task"}
    arrays = {name: column.to_numpy() for name, column in columns.items()}
    arrays["scheme"] = arrays["scheme"].astype(str)
    broken = violations(arrays)
    places = table.select(["prompt", "turn", "position"]).group_by(["prompt", "turn", "position"])
    known = table.num_rows - table["alpha"].null_count
    rules = [name for name in VERIFIERS if name in columns]
    terminal.say(
        f"{folder}: {table.num_rows:,} rows of {places.aggregate([]).num_rows:,} positions, α* known in "
        f"{known:,}; rules: {', '.join(rules)}; orders broken: {len(broken) or 'none'}"
    )
    for name, x in excused(arrays).items():
        terminal.say(
            f"  within stated errors: {name} in {x['rows']:,} rows, by {x['largest']:.1e} at most"
        )
    for row in broken[:SHOWN]:
        terminal.say(f"  {row}")
    return broken


def compare(
    p: Law,
    q: Law,
    drafts: Sequence[int],
    reference: str,
    where: str,
    found: dict[tuple[str, int, str], Compared],
) -> None:
    """Solve an instance by the reference and by every route of the fast layer; add to what was found."""
    for scheme, n in instances(q, drafts):
        slow = optimal_acceptance(p, q, n=n, scheme=scheme, route=reference)
        for name in fast_routes(scheme, Workload(p.size, n=n)):
            fast = optimal_acceptance(p, q, n=n, scheme=scheme, route=name)
            found.setdefault((scheme, n, name), Compared()).add(fast, slow, f"{where}, {scheme}, n = {n}")


def instances(q: Law, drafts: Sequence[int]) -> Iterator[tuple[str, int]]:
    """Yield schemes and numbers of drafts for which q has enough tokens."""
    support = int((q > 0).sum())
    schemes = resolve_schemes("all")
    yield from ((x.name, n) for n in drafts for x in schemes if support >= x.support_needed(n))


def fast_routes(scheme: str, work: Workload) -> list[str]:
    """Return the routes of the fast layer that take such an instance here."""
    return [
        route.name
        for route in ROUTES.values()
        if route.layer == "dual"
        and route.serves(SCHEMES[scheme])
        and route.takes(work)
        and not (route.missing and route.missing())
    ]


def table_of(found: dict[tuple[str, int, str], Compared], reference: str, title: str) -> Table:
    """Return what was found as a table."""
    table = Table(title=f"fast layer against {reference}, {title}")
    for name in ("scheme", "n", "route", "positions", "largest difference", "widest enclosure", "apart"):
        table.add_column(name, justify="left" if name in ("scheme", "route") else "right")
    for (scheme, n, route), x in sorted(found.items()):
        difference = f"{x.difference:.1e}" if ROUTES[route].exact else "a bound"
        cells = (f"{x.positions:,}", difference, f"{x.width:.1e}", str(len(x.apart)))
        table.add_row(scheme, str(n), route, *cells)
    return table


def main() -> None:
    """Run the script."""
    terminal.run(app)


if __name__ == "__main__":
    main()
