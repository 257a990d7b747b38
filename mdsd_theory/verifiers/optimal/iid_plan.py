"""The plan of the optimal rule for i.i.d. drafts: the kernels of each row, and drawing from them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from mdsd_theory.arrays import Array, Backend, count_below, gather
from mdsd_theory.errors import InputError
from mdsd_theory.verifiers.optimal.iid_row import IIDRow
from mdsd_theory.verifiers.plan import Plan
from mdsd_theory.verifiers.single_draft import SingleDraft

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
    def _tables(self) -> list[_Tables]:
        return [_Tables.of(row, self.pair.backend) for row in self.rows]

    def _emit(self, drafts: Array, generator: Any) -> Array:
        xp, n = self.pair.backend.xp, self.n
        if any(bool(xp.any(gather(xp, self.pair.q, drafts[..., k]) == 0)) for k in range(n)):
            raise InputError("drafts hold a token of draft probability zero; draw them from q")
        u = self.uniforms(generator, drafts.shape[0], 2 * n + 2, drafts.shape[1])
        emitted = [self._emit_row(r, drafts[r, ...], u[r, ...]) for r in range(drafts.shape[0])]
        return xp.stack(emitted, axis=0)

    def _emit_row(self, r: int, drafts: Array, u: Array) -> Array:
        """Return the tokens of one row for drafts (count, n) and uniform numbers (2n + 2, count)."""
        backend, xp, n = self.pair.backend, self.pair.backend.xp, self.n
        table, p = self._tables[r], self.pair.p[r, ...]
        across = xp.permute_dims(drafts, (1, 0))
        # The second uniform number orders drafts within a level.
        priority = xp.astype(table.levels(backend, across, u[:n, :]), backend.work) + u[n : 2 * n, :]
        winner = xp.argmax(priority, axis=0)
        pick = gather(xp, drafts, winner[:, None])[:, 0]
        return SingleDraft(backend, p, table.y, table.residual).emit(pick, u[2 * n, :], u[2 * n + 1, :])


@dataclass(frozen=True, eq=False)
class _Tables:
    """What a row's kernels are drawn from, on the caller's device."""

    atom: Array
    keys: Array
    level: Array
    y: Array
    residual: Array
    bits: int

    @classmethod
    def of(cls, row: IIDRow, backend: Backend) -> _Tables:
        atom, keys, level = (backend.integers(x, "table") for x in (row.atom, row.keys, row.level))
        return cls(atom, keys, level, backend.array(row.y), backend.array(row.residual), row.bits)

    def levels(self, backend: Backend, tokens: Array, u: Array) -> Array:
        """Return the level that each token draws: one search among the keys."""
        xp, one = backend.xp, 2**self.bits
        aim = self.atom[tokens] * one + xp.astype(xp.floor(u * one), xp.int64)
        place = count_below(backend, self.keys[None, :], xp.reshape(aim, (1, -1)))
        return xp.reshape(self.level[place[0, :]], tuple(tokens.shape))
