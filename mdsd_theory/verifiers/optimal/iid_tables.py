r"""What the kernels of many rows are drawn from, in flat arrays: no step here takes a row at a time.

A draft finds its group, its atom, one of the atom's pieces by a search between two places, and the
piece's level. Its pick is accepted by the law y, computed where it is needed; what is left of p is drawn
by block, then within the block. On an accelerator each is a thread's work, but the last, a warp's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from mdsd_theory.arrays import Array, Backend
from mdsd_theory.verifiers.optimal.iid_row import BLOCK, IIDRow

CHUNK = 4096
"""Blocks summed at once: a few arrays of a million floats."""


@dataclass(frozen=True, eq=False)
class IIDTables:
    """The tables of all rows, one after the other, on the caller's device.

    Attributes
    ----------
    backend : Backend
    p, q : array, shape (rows, V)
    label : array of int32, shape (rows, V)
        Token → group, counted within the row.
    groups : array of int, shape (rows,)
        Where each row's groups begin.
    foot, step, base, slope : array, shape (groups of all rows,)
        See :class:`~.iid_row.IIDRow`; a group more for each row, so that the last has a next.
    atom : array of int, shape (groups of all rows,)
        Group → atom, counted over all rows.
    first : array of int, shape (atoms of all rows + 1,)
        Where each atom's pieces begin.
    chance : array, shape (pieces of all rows,)
        Running sums of the chances of an atom's pieces; the last is 1.
    level : array of int, shape (pieces of all rows,)
    residual : array, shape (rows · blocks,)
        Running sums of (p − kept·y)_+ over blocks of tokens.
    kept : array, shape (rows,)
    steps, blocks : int
        Steps of a search among an atom's pieces, at most; blocks to a row.
    """

    backend: Backend
    p: Array
    q: Array
    label: Array
    groups: Array
    foot: Array
    step: Array
    base: Array
    slope: Array
    atom: Array
    first: Array
    chance: Array
    level: Array
    residual: Array
    kept: Array
    steps: int
    blocks: int

    @classmethod
    def of(cls, backend: Backend, p: Array, q: Array, rows: list[IIDRow]) -> IIDTables:
        """Put the tables of the rows one after the other; the large one, of labels, is not copied.

        Parameters
        ----------
        p, q : array, shape (rows, V)
            On the device.
        """

        groups, atoms, pieces = (
            _starts([x.size for x in parts])
            for parts in ([r.base for r in rows], [r.mass for r in rows], [r.keys for r in rows])
        )
        labels = together([row.label for row in rows])

        def floats(parts: list[Any]) -> Array:
            return backend.array(np.concatenate(parts))

        def padded(name: str) -> Array:
            return floats([np.append(getattr(row, name), 0.0) for row in rows])

        def counted(parts: list[Any], starts: Any) -> Array:
            joined = np.concatenate([x + k for x, k in zip(parts, starts, strict=True)])
            return backend.integers(joined, "table")

        return cls(
            backend=backend,
            p=p,
            q=q,
            label=labels
            if backend.library == "numpy"
            else backend.xp.asarray(labels, device=backend.device),
            groups=backend.integers(groups[:-1], "table"),
            foot=padded("foot"),
            step=padded("step"),
            base=floats([row.base for row in rows]),
            slope=padded("slope"),
            atom=counted([row.atom for row in rows], atoms[:-1]),
            first=counted([*(row.first[:-1] for row in rows), np.zeros(1, np.int64)], pieces),
            chance=floats([row.chance for row in rows]),
            level=counted([row.level for row in rows], 0 * groups[:-1]),
            residual=floats([row.residual for row in rows]),
            kept=backend.array([row.kept for row in rows]),
            steps=max(int(np.diff(row.first).max()) for row in rows).bit_length(),
            blocks=rows[0].residual.size,
        )

    def emit(self, drafts: Array, u: Array) -> Array:
        """Return tokens (rows, count) for drafts (rows, count, n) and uniforms (rows, 3n + 2, count)."""
        xp, n = self.backend.xp, drafts.shape[-1]
        u = xp.permute_dims(u, (0, 2, 1))
        row = self.backend.arange(drafts.shape[0])[:, None]
        levels = self.levels(row[..., None], drafts, u[..., :n], u[..., 2 * n : 3 * n])
        # The second uniform number orders drafts within a level.
        winner = xp.argmax(xp.astype(levels, self.backend.work) + u[..., n : 2 * n], axis=-1)
        pick = xp.take_along_axis(drafts, winner[..., None], axis=-1)[..., 0]
        place = xp.nonzero(~(u[..., 3 * n] * self.y(row, pick) < self.p[row, pick]))
        if place[0].shape[0]:
            pick[place] = self.spares(place[0], u[..., 3 * n + 1][place])
        return pick

    def levels(self, row: Array, token: Array, u: Array, way: Array) -> Array:
        """Return the level that each token draws, by two uniform numbers; all of one shape."""
        xp = self.backend.xp
        group = self.group(row, token)
        chance = (self.p[row, token] / self.q[row, token] - self.foot[group]) * self.step[group]
        atom = self.atom[group + xp.astype(way < chance, xp.int64)]
        return self.level[
            first_above(xp, self.chance, self.first[atom], self.first[atom + 1], u, self.steps)
        ]

    def group(self, row: Array, token: Array) -> Array:
        """Return the groups of tokens, counted over all rows."""
        return self.groups[row] + self.label[row, token]

    def y(self, row: Array, token: Array) -> Array:
        """Return the law of the pick at tokens."""
        group, q = self.group(row, token), self.q[row, token]
        return q * self.base[group] + (self.p[row, token] - q * self.foot[group]) * self.slope[group]

    def spares(self, row: Array, u: Array) -> Array:
        """Return a token drawn from (p − y)_+ of each of these rows, by one uniform number each."""
        size = row.shape[0]
        if size > CHUNK:
            parts = (slice(k, k + CHUNK) for k in range(0, size, CHUNK))
            return self.backend.xp.concat([self.spares(row[part], u[part]) for part in parts])
        xp, first = self.backend.xp, row * self.blocks
        aim = u * self.residual[first + self.blocks - 1]
        steps = self.blocks.bit_length()
        block = first_above(xp, self.residual, first, first + self.blocks, aim, steps)
        before = xp.where(block > first, self.residual[xp.where(block > first, block - 1, block)], 0.0)
        token = (block - first)[:, None] * BLOCK + self.backend.arange(BLOCK)[None, :]
        inside = token < self.p.shape[1]
        token, row = xp.where(inside, token, 0), row[:, None]
        excess = xp.clip(self.p[row, token] - self.kept[row] * self.y(row, token), 0.0, None)
        excess = xp.where(inside, excess, 0.0)
        sums = xp.cumulative_sum(excess, axis=-1)
        place = xp.sum(xp.astype(sums <= (aim - before)[:, None], xp.int64), axis=-1)
        # By rounding the sum may end short of the block's: the last token that has a share.
        last = BLOCK - 1 - xp.argmax(xp.astype(xp.flip(excess > 0, axis=-1), xp.int64), axis=-1)
        return token[self.backend.arange(size), xp.minimum(place, last)]


def together(parts: list[Any]) -> Any:
    """Return rows of one array as that array, others stacked."""
    whole = parts[0].base
    if whole is not None and whole.shape == (len(parts), parts[0].size):
        pairs = zip(whole, parts, strict=True)
        if all(a.__array_interface__ == b.__array_interface__ for a, b in pairs):
            return whole
    return np.stack(parts)


def first_above(xp: Any, ascending: Array, low: Array, high: Array, aim: Array, steps: int) -> Array:
    """Return the first place from low on with ``ascending[place] > aim``; it is below high.

    Parameters
    ----------
    ascending : array, shape (size,)
        Ascending between low and high, the last of them above the aim.
    low, high : array of int
    aim : array
    steps : int
        high − low < 2^steps.
    """
    high = high - 1
    for _ in range(steps):
        middle = (low + high) // 2
        right = ascending[middle] <= aim
        low, high = xp.where(right, middle + 1, low), xp.where(right, high, middle)
    return low


def _starts(sizes: list[int]) -> Any:
    """Return 0 and the running sums of the sizes."""
    return np.concatenate([[0], np.cumsum(sizes)])
