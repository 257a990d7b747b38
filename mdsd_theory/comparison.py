"""What :func:`mdsd_theory.compare` returns: optima, verifiers' rates, gaps, and ways to show them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mdsd_theory.results import Acceptance, Rate

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from rich.table import Table


class PerScheme(dict[str, Acceptance]):
    """Scheme name → :class:`~mdsd_theory.results.Acceptance`.

    With a single scheme the fields of its result can be read directly: ``comparison.optimal.value``.
    """

    def __getattr__(self, field: str) -> Any:
        if field.startswith("__") or len(self) != 1:
            raise AttributeError(
                f"several schemes were compared; read optimal[scheme].{field} with scheme one of "
                f"{', '.join(self)}"
            )
        return getattr(next(iter(self.values())), field)


@dataclass(frozen=True)
class Row:
    """One verifier under one scheme; ``verifier`` is None in a scheme's row for the optimum itself."""

    scheme: str
    verifier: str | None
    optimal: Acceptance
    rate: Rate | None

    @property
    def acceptance(self) -> Any:
        """The verifier's acceptance, or α*."""
        return self.optimal.value if self.rate is None else self.rate.value

    @property
    def standard_error(self) -> Any:
        """Of a Monte Carlo acceptance, else None."""
        return None if self.rate is None else self.rate.standard_error

    @property
    def error_bound(self) -> Any:
        """Proven error of an enclosed acceptance, else None."""
        return None if self.rate is None else self.rate.error_bound

    @property
    def gap(self) -> Any:
        """α* − acceptance (from the upper bound where α* is only enclosed); None for the optimum."""
        return None if self.rate is None else self.optimal.value - self.rate.value

    @property
    def route(self) -> str:
        """How the acceptance was computed."""
        return self.optimal.route if self.rate is None else self.rate.route


@dataclass(frozen=True, eq=False, repr=False)
class Comparison:
    """The optimal acceptance rate of each scheme beside what its verifiers reach.

    Attributes
    ----------
    optimal : mapping of str to Acceptance
        One result a scheme; with a single scheme its fields can be read directly.
    details : dict of str to Rate
        Verifier → :class:`~mdsd_theory.results.Rate`, with standard errors and routes. A verifier
        that serves several of the schemes compared appears as ``"verifier:scheme"``.
    """

    optimal: PerScheme
    details: dict[str, Rate]

    @property
    def rates(self) -> dict[str, Any]:
        """Verifier → acceptance, P(Y ∈ S)."""
        return {key: rate.value for key, rate in self.details.items()}

    @property
    def gaps(self) -> dict[str, Any]:
        """Verifier → α* of its scheme − its acceptance."""
        return {k: self.optimal[r.scheme].value - r.value for k, r in self.details.items()}

    @property
    def rows(self) -> list[Row]:
        """The table: each scheme's optimum, followed by its verifiers."""
        return list(self._rows())

    def _rows(self) -> Iterator[Row]:
        for scheme, optimum in self.optimal.items():
            yield Row(scheme, None, optimum, None)
            for rate in self.details.values():
                if rate.scheme == scheme:
                    yield Row(scheme, rate.verifier, optimum, rate)

    def to_dict(self) -> dict[str, Any]:
        """Return plain numbers, lists and strings: what :meth:`to_json` writes.

        For one distribution H is given by ``subset_size`` and the list ``subset`` of its tokens, or
        ``subset_complement`` where most of many tokens are inside; for a batch it is left out.
        """
        from mdsd_theory.export import comparison_dict

        return comparison_dict(self)

    def to_json(self, **options: Any) -> str:
        """Return :meth:`to_dict` as JSON; ``options`` go to :func:`json.dumps`."""
        import json

        return json.dumps(self.to_dict(), **options)

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each position, scheme and verifier, as a pandas frame.

        ``verifier`` is ``"bound"`` in the rows of α*; ``position`` counts through the batch.
        """
        from mdsd_theory.export import comparison_frame

        return comparison_frame(self)

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw bars of the verifiers against the bound; see :func:`mdsd_theory.plots.plot_rates`."""
        from mdsd_theory.plots import plot_rates

        return plot_rates(self, ax=ax)

    def __rich__(self) -> Table:
        from mdsd_theory.tables import rich_table

        return rich_table(self)

    def __str__(self) -> str:
        from mdsd_theory.tables import text_table

        return text_table(self)

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        from mdsd_theory.tables import html_table

        return html_table(self)
