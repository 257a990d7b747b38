"""The plan of the optimal rule for i.i.d. drafts: the kernels of each row, and drawing from them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from mdsd_theory.arrays import Array
from mdsd_theory.verifiers.optimal.iid_row import IIDRow
from mdsd_theory.verifiers.optimal.iid_tables import IIDTables
from mdsd_theory.verifiers.plan import Plan, at_drafts

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, eq=False, repr=False)
class IIDPlan(Plan):
    """The kernels of each row, to draw from and to look at.

    Attributes
    ----------
    rows : list of IIDRow
        On the host, as NumPy arrays.

    Examples
    --------
    >>> from mdsd_theory import VERIFIERS
    >>> plan = VERIFIERS["optimal"].plan([0.5, 0.3, 0.2], [0.2, 0.3, 0.5], 2)
    >>> plan.rows[0]
    IIDRow(V = 3, n = 2: 3 atoms, c′ = 0.68, c = 1.8, acceptance = 0.860000)
    >>> plan.rows[0].intervals(1).round(2).tolist()
    [[0.0, 0.11], [0.61, 0.8]]
    """

    rows: list[IIDRow]

    @property
    def acceptance(self) -> Any:
        """Σ min(p, y) of each row, as a float or an array of the batch's shape: the drafts accepted."""
        return self.at_least([row.acceptance for row in self.rows])

    @property
    def optimum(self) -> Any:
        """α* of each row."""
        return self.at_least([row.optimum for row in self.rows])

    @property
    def loss(self) -> Any:
        """α* − Σ min(p, y) of each row: the buckets' cost, at most (16n units of rounding apart)."""
        return self.at_most([row.loss for row in self.rows])

    def plot(self, ax: Axes | None = None, row: int = 0) -> Axes:
        """Draw the kernels of a row (see :func:`mdsd_theory.plots.plot_plan`)."""
        from mdsd_theory.plots import plot_plan

        return plot_plan(self, row, ax)

    def __repr__(self) -> str:
        if self.pair.batch == ():
            return f"IIDPlan({self.rows[0]!r})"
        return f"IIDPlan(batch of shape {self.pair.batch}, V = {self.pair.vocabulary:,}, n = {self.n})"

    @cached_property
    def _tables(self) -> IIDTables:
        return IIDTables.of(self.pair.backend, self.pair.p, self.pair.q, self.rows)

    def _never_drawn(self, drafts: Array) -> Array:
        return at_drafts(self.pair.backend.xp, self.pair.q, drafts) == 0

    def _emit(self, drafts: Array, generator: Any) -> Array:
        u = self.uniforms(generator, drafts.shape[0], 3 * self.n + 2, drafts.shape[1])
        return self._tables.emit(drafts, u)
