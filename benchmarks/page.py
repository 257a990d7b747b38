"""The tables of the performance page, written between its markers from the files of ``results/``."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from gpu_aims import AIMS, ROWS, TRAFFIC, Time, milliseconds, read_times, verdict
from records import EXPONENTS, Record, curves, exponent_rows, number, read_csv
from records import crossings as crossings_of

import mdsd_theory as mdsd

PAGE = Path(__file__).parent / "README.md"
UNMEASURED = (
    "Not measured yet: no GPU was at hand since the kernels were written. `python benchmarks/gpu.py` "
    "checks, then times, and writes a log named after the device."
)


def markdown(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def routes(results: Path) -> str:
    """Return the routes to α* as ``mdsd_theory.ROUTES`` has them."""
    rows = []
    for route in mdsd.ROUTES.values():
        price = route.prices.get("cpu")
        kinds = "α\\*" if route.exact else "enclosure"
        rows.append(
            [
                f"`{route.name}`",
                route.layer,
                "every" if route.schemes is None else ", ".join(route.schemes),
                kinds + ("" if route.largest is None else f", V ≤ {route.largest}"),
                "any" if route.devices is None else ", ".join(route.devices),
                route.cost.replace("|", "\\|"),
                "" if price is None else charge(price),
            ]
        )
    header = ("route", "layer", "schemes", "gives", "device", "cost of a row", "price on the CPU, µs")
    return markdown(header, rows)


def charge(price: mdsd.routing.Cost) -> str:
    """Return a price as a formula in microseconds."""
    inner = [f"{price.token:g}"] if price.token else []
    inner += [f"{price.sorting:g} log₂ V"] if price.sorting else []
    inner += [f"{price.drafts:g} n²"] if price.drafts else []
    return f"{price.call:g} + B ({price.row:g} + V ({' + '.join(inner)}) / 1000)"


def cpu(results: Path) -> str:
    """Return the aims for the CPU."""
    with (results / "aims_cpu.csv").open(newline="", encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    machine = f"{lines[0]['machine']}, one thread, one row, V = 151,936, n = 3."
    rows = []
    for x in lines:
        unit = " ms" if x["of"] == "ms" else f" × {x['of']}"
        aim = f"≤ {x['aim']}{unit}"
        rows.append([x["what"], x["rows"], x["dtype"], x["ms"], x["reached"] + unit, aim, x["met"]])
    header = ("what", "rows", "dtype", "ms", "reached", "aim", "met")
    return f"{machine}\n\n{markdown(header, rows)}"


def gpu(results: Path) -> str:
    """Return the aims for the GPU, by each device measured."""
    parts = []
    for path in sorted(results.glob("gpu_*.csv")):
        times = read_times(path)
        rows = [verdict(aim, times) for aim in AIMS]
        name = path.stem.removeprefix("gpu_").replace("_", " ")
        table = markdown(("what", "B", "ms", "compared with", "ratio", "aim", "met"), rows)
        parts.append(
            f"Measured on {name} ([log](results/{path.stem}.log)):\n\n{table}\n\n{memory(times)}"
        )
    return "\n\n".join(parts) or UNMEASURED


def memory(times: Sequence[Time]) -> str:
    """Return peak memory beside inputs, in tensors of float32 of shape (B, V), at the largest B."""
    most = max(x.rows for x in times)
    rows = [[x.what, f"{x.memory:.3f}"] for x in times if x.rows == most]
    return markdown((f"B = {most:,}", "peak memory beside the inputs, [B, V] float32 = 1"), rows)


def traffic(results: Path) -> str:
    """Return what the bytes alone take at the bandwidth of a copy, and what calls took."""
    measured = {
        x.what: f"{x.replayed / 1000:.3f}"
        for path in sorted(results.glob("gpu_*.csv"))
        for x in read_times(path)
        if x.rows == ROWS
    }
    rows = [
        [x.what, x.traffic, f"{x.pairs:g}", f"{milliseconds(x.pairs):.3f}", measured.get(x.what, "")]
        for x in TRAFFIC
    ]
    return markdown(("what", "traffic", "in float32 pairs", "ms at 3.0 TB/s", "ms measured"), rows)


def fits(results: Path) -> str:
    """Return fitted exponents: a row for each curve, a column for each size."""
    parts = []
    for path in sorted(results.glob("scaling_*.csv")):
        records = read_csv(path)
        sizes = "; ".join(span(records, axis) for axis in ("V", "n", "B"))
        table = markdown(EXPONENTS, exponent_rows(records))
        parts.append(f"{records[0].machine}, {records[0].dtype}. {sizes}.\n\n{table}")
    return "\n\n".join(parts)


def span(records: Sequence[Record], axis: str) -> str:
    """Return the range of a size, and where the others stay."""
    some = [r for key, points in curves(records).items() if key[-1] == axis for r in points]
    sizes = sorted({r.size for r in some})
    rest = ", ".join(f"{x} = {getattr(some[0], x):,}" for x in ("V", "B", "n") if x != axis)
    return f"{axis} from {sizes[0]:,} to {sizes[-1]:,} at {rest}"


def crossings(results: Path) -> str:
    """Return where routes cross."""
    header = (
        "device",
        "library",
        "scheme",
        "from",
        "to",
        "V measured",
        "V by prices",
        "auto takes it from",
    )
    rows = []
    for path in sorted(results.glob("scaling_*.csv")):
        records = read_csv(path)
        for x in crossings_of(records):
            names = f"`{x.first}`", f"`{x.second}`"
            least = min(r.V for r in records if r.axis == "V")
            below = "≤ " if x.measured is not None and x.measured <= least else ""
            cells = below + number(x.measured), number(x.priced), number(x.auto)
            rows.append([records[0].device, x.library, x.scheme, *names, *cells])
    return markdown(header, rows)


TABLES: dict[str, Callable[[Path], str]] = {
    "cpu": cpu,
    "gpu": gpu,
    "traffic": traffic,
    "fits": fits,
    "crossings": crossings,
    "routes": routes,
}


def filled(text: str, results: Path) -> str:
    """Return a page with its tables written anew between ``<!-- begin: NAME -->`` and its end."""
    for name, table in TABLES.items():
        begin, end = f"<!-- begin: {name} -->", f"<!-- end: {name} -->"
        pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
        if not pattern.search(text):
            raise ValueError(f"the page has no place for the table {name!r}: {begin} … {end}")
        block = f"{begin}\n\n{table(results)}\n\n{end}"
        text = pattern.sub(lambda _, block=block: block, text)
    return text


def write_page(results: Path) -> None:
    """Write the tables of ``benchmarks/README.md``."""
    PAGE.write_text(filled(PAGE.read_text(encoding="utf-8"), results), encoding="utf-8")
