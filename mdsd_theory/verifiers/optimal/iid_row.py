"""One target and draft made ready for the optimal rule, to draw from and to look at."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from mdsd_theory.verifiers.optimal.buckets import bucketed
from mdsd_theory.verifiers.optimal.ladder import exact_groups
from mdsd_theory.verifiers.optimal.winning_groups import ratio_order

Array = np.ndarray[Any, Any]

BLOCK = 256
"""Tokens to a block of the residual: a draw finds the block, then the token in it."""


@dataclass(frozen=True, eq=False, repr=False)
class IIDRow:
    r"""The kernels of one row: which stretches of [0, 1] each atom takes, and what follows from them.

    An *atom* is a token, or what shares a density: tokens clipped to c′, those clipped to c, those of one
    bucket, and what counts as one rung of a ladder. Its priority is a level k of [0, 1], drawn from its
    stretches.

    **Rounding does not bias the output.** The chances are kept as multiples of 2^−bits, which the
    sampler draws exactly. From them, and not from what was planned, the masses of the levels, their
    running sums S_k and the law y of the pick are computed:

    .. math:: y_i = q_i \sum_k K(i, k) \frac{S_k^n - S_{k-1}^n}{S_k - S_{k-1}} .

    Acceptance min(1, p/y) and the residual (p − y)_+ use this y, so that a stretch that is too long
    or too short costs acceptance, and never the law. What is left is the rounding of y and of the
    sums S_k and Σ (p − y)_+, which carry what they lose (those of the residual between blocks; pairwise
    within): n·1e-16 or so in total variation. The chance with which a token counts as the next group is
    free of rounding (:mod:`mdsd_theory.verifiers.optimal.ladder`).

    Attributes
    ----------
    n : int
        Number of drafts.
    buckets : int or None
        The number asked for; None when every token counts alone.
    p, q : array, shape (V,)
    floor, ceiling : float
        The plateaus c′ and c: ``y = q·clip(p/q, floor, ceiling)`` without buckets. 0 and infinity where
        they bind nowhere.
    label : array of int, shape (V,)
        Token → group; of no meaning where q = 0.
    foot, step : array, shape (groups,)
        A token counts as the next group with chance (p/q − foot)·step, for each draft anew.
    atom : array of int, shape (groups + 1,)
        Group → atom, in ascending order of f.
    base, slope : array, shape (groups + 1,) and (groups,)
        y = q·base + (p − q·foot)·slope.
    mass, density : array, shape (K,)
        q and f = y/q of the atoms.
    first : array of int, shape (K + 1,)
        Where each atom's pieces begin.
    level, start : array, shape (pieces,)
        Level and left end of each piece.
    keys : array of int, shape (pieces,)
        (atom + chance of its pieces so far)·2^bits.
    bits : int
    residual : array, shape (⌈V/256⌉,)
        Running sums of (p − kept·y)_+ over blocks of 256 tokens.
    kept : float
        1; 0 where p and y are equal but for rounding.
    acceptance : float
        Σ min(p, y): P(Y ∈ S) without buckets; with them a draw from the residual can be a draft too.
    """

    n: int
    buckets: int | None
    p: Array
    q: Array
    floor: float
    ceiling: float
    label: Array
    foot: Array
    step: Array
    atom: Array
    base: Array
    slope: Array
    mass: Array
    density: Array
    first: Array
    level: Array
    start: Array
    keys: Array
    bits: int
    residual: Array
    kept: float
    acceptance: float

    @cached_property
    def y(self) -> Array:
        """The law of the pick, shape (V,)."""
        g = self.label
        y: Array = self.q * self.base[g] + (self.p - self.q * self.foot[g]) * self.slope[g]
        return y

    @cached_property
    def tokens(self) -> Array:
        """Tokens of positive q by p/q ascending."""
        return ratio_order(self.p, self.q)

    @cached_property
    def chance(self) -> Array:
        """Running sums of the chances of each atom's pieces."""
        atom = np.repeat(np.arange(self.mass.size), np.diff(self.first))
        chance: Array = (self.keys - (atom << self.bits)) * 0.5**self.bits
        return chance

    @cached_property
    def width(self) -> Array:
        """Length of each piece."""
        chance = np.diff(self.keys, prepend=0) * 0.5**self.bits
        width: Array = chance * np.repeat(self.mass, np.diff(self.first))
        return width

    @cached_property
    def cuts(self) -> Array:
        """The ends 0 = Q_0 … Q_K of the levels: running sums of the atoms' masses."""
        return np.concatenate([[0.0], np.cumsum(self.mass)])

    @cached_property
    def optimum(self) -> float:
        """α* of this row; sorts the tokens."""
        from mdsd_theory.verifiers.optimal.winning_loop import clip_levels

        return float(clip_levels(self.p[self.tokens], self.q[self.tokens], self.n).optimum)

    @property
    def loss(self) -> float:
        """α* − Σ min(p, y), what buckets cost; rounding alone without them."""
        return max(self.optimum - self.acceptance, 0.0)

    def members(self, atom: int) -> Array:
        """Return the tokens that count as an atom, always or at times."""
        always, drawn = self.atom[self.label], self.step[self.label] > 0
        at_times = drawn & (self.atom[1:][self.label] == atom)
        return np.nonzero(((always == atom) | at_times) & (self.q > 0))[0]

    def intervals(self, atom: int) -> Array:
        """Return what an atom takes of [0, 1], as rows (left end, right end) in ascending order."""
        pieces = slice(self.first[atom], self.first[atom + 1])
        start, width = self.start[pieces], self.width[pieces]
        seen = np.nonzero(width > 1e-12 * self.mass[atom])[0]
        order = seen[np.argsort(start[seen], kind="stable")]
        start, stop = start[order], start[order] + width[order]
        new = np.append(True, start[1:] > stop[:-1] + 1e-14)
        return np.stack([start[new], stop[np.append(new[1:], True)]], axis=-1)

    def __repr__(self) -> str:
        kind, loss = "", ""
        if self.buckets is not None:
            kind, loss = f", {self.buckets:,} buckets", f", loss = {self.loss:.1e}"
        return (
            f"IIDRow(V = {self.p.size:,}, n = {self.n}{kind}: {self.mass.size:,} atoms, "
            f"c′ = {self.floor:.4g}, c = {self.ceiling:.4g}, acceptance = {self.acceptance:.6f}{loss})"
        )


def iid_rows(p: Array, q: Array, n: int, buckets: int | None = None) -> list[IIDRow]:
    """Return the kernels for each row of p and q, shape (rows, V); their labels lie in one array."""
    label = np.empty(p.shape, np.int32)
    return [iid_row(p[r], q[r], n, buckets, label[r]) for r in range(p.shape[0])]


def iid_row(p: Array, q: Array, n: int, buckets: int | None = None, label: Array | None = None) -> IIDRow:
    """Return the kernels for one target and draft.

    Parameters
    ----------
    p, q : array of float64, shape (V,)
    n : int
        Number of drafts.
    buckets : int, optional
        Number of buckets of p/q; every token counts alone when left out.
    label : array of int32, shape (V,), optional
        Where to put the labels.

    Returns
    -------
    IIDRow

    Notes
    -----
    Cost O(V), three passes; of large vocabularies few tokens are sorted.
    """
    from mdsd_theory.verifiers.optimal.curtain_levels import levels_of
    from mdsd_theory.verifiers.optimal.curtain_loop import left_curtain
    from mdsd_theory.verifiers.optimal.iid_loop import keys_of, pick_and_residual, picked_density
    from mdsd_theory.verifiers.optimal.winning_loop import atoms_of

    label = np.empty(p.size, np.int32) if label is None else label
    if buckets is None:
        groups = exact_groups(p, q, n, label)
    else:
        groups = bucketed(p, q, n, buckets, label)
    clip = groups.clip
    place, mass, density = atoms_of(groups.p, groups.q, clip)
    atom = place[groups.rank]
    first, level, width, start = left_curtain(mass, density, *levels_of(mass, n), n)
    bits = min(52, 62 - mass.size.bit_length())
    keys = keys_of(first, width, bits)
    density = picked_density(mass, first, level, keys, bits, n)
    base = density[atom]
    slope = np.diff(base) * groups.step
    residual, kept, value = pick_and_residual(p, q, groups.label, groups.foot, base, slope, BLOCK)
    return IIDRow(
        n=n,
        buckets=buckets,
        p=p,
        q=q,
        floor=clip.floor,
        ceiling=clip.ceiling,
        label=groups.label,
        foot=groups.foot,
        step=groups.step,
        atom=atom,
        base=base,
        slope=slope,
        mass=mass,
        density=density,
        first=first,
        level=level,
        start=start,
        keys=keys,
        bits=bits,
        residual=residual,
        kept=kept,
        acceptance=min(value, 1.0),
    )
