"""A key-value cache with room for a tree: what is accepted stays, the rest is written over."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from transformers import Cache
from transformers.cache_utils import CacheLayerMixin

from mdsd_theory.errors import InputError


class Room(Cache):
    """Keys and values of all layers in one tensor, (layers, 2, rows, heads, columns, width).

    Row b holds its committed tokens in columns 0 … ``lengths[b]`` − 1. What has been read since then is
    in the ``loose`` columns from ``fill`` = max(lengths) on, the same for all rows; :meth:`commit` moves
    some of them to the end of their row and forgets the others.

    Parameters
    ----------
    layers : int
    rows : int
    columns : int
        Most tokens of a row, those of a tree included.
    """

    def __init__(self, layers: int, rows: int, columns: int) -> None:
        self.lengths = [0] * rows
        self.loose = 0
        self.columns = columns
        self.store: torch.Tensor | None = None
        super().__init__(layers=[_Layer(self, i) for i in range(layers)])

    @property
    def fill(self) -> int:
        """First column that holds nothing committed, of the longest row."""
        return max(self.lengths)

    def write(self, layer: int, keys: torch.Tensor, values: torch.Tensor) -> Any:
        """Store what a layer has read; return all that it may look at."""
        if self.store is None:
            rows, heads, _, width = keys.shape
            shape = (len(self.layers), 2, rows, heads, self.columns, width)
            self.store = torch.zeros(shape, dtype=keys.dtype, device=keys.device)
        if keys.shape[1] != self.store.shape[3] or keys.shape[-1] != self.store.shape[-1]:
            raise InputError(
                f"layer {layer} has keys of shape {tuple(keys.shape)}, unlike the layers before it; "
                "models whose layers differ in heads or width are not served"
            )
        first = self.fill + self.loose
        last = first + keys.shape[2]
        self.store[layer, 0, :, :, first:last] = keys
        self.store[layer, 1, :, :, first:last] = values
        return self.store[layer, 0, :, :, :last], self.store[layer, 1, :, :, :last]

    def visible(self, seen: torch.Tensor, rows: int) -> torch.Tensor:
        """Return which columns each token sees: what is committed, and some loose ones.

        Parameters
        ----------
        seen : tensor of bool, shape (1 or rows, count, loose)
            Which loose columns, those of the tokens themselves last.
        rows : int

        Returns
        -------
        tensor of bool, shape (rows, 1, count, columns)
        """
        count = seen.shape[1]
        if min(self.lengths) == self.fill:
            committed = seen.new_ones(1, 1, self.fill)
        else:
            lengths = torch.tensor(self.lengths, device=seen.device)
            committed = torch.arange(self.fill, device=seen.device) < lengths[:, None, None]
        parts = [committed.expand(rows, count, -1), seen.expand(rows, count, -1)]
        return torch.cat(parts, -1)[:, None]

    def mask(self, seen: torch.Tensor, states: torch.Tensor) -> torch.Tensor:
        """Return :meth:`visible` as what is added to the scores of states (rows, count, width)."""
        return additive(self.visible(seen, states.shape[0]), states.dtype)

    def commit(self, picked: Sequence[Sequence[int]]) -> None:
        """Keep some loose columns of each row, by number, and forget the others.

        Parameters
        ----------
        picked : sequence of sequence of int, one a row
            In rising order.
        """
        most = max(map(len, picked))
        in_place = all(
            list(x) == list(range(len(x))) and length == self.fill
            for x, length in zip(picked, self.lengths, strict=True)
            if x
        )
        if most and not in_place and self.store is not None:
            self._move(picked, most)
        self.lengths = [a + len(x) for a, x in zip(self.lengths, picked, strict=True)]
        self.loose = 0

    def _move(self, picked: Sequence[Sequence[int]], most: int) -> None:
        """Copy the picked columns to the ends of their rows; shorter rows copy their last one again."""
        assert self.store is not None
        fill = self.fill
        source, goal = [], []
        for length, x in zip(self.lengths, picked, strict=True):
            padded = [*x, *[x[-1] if x else 0] * (most - len(x))]
            source.append([fill + k for k in padded])
            goal.append([length + min(j, max(len(x) - 1, 0)) for j in range(most)])
        store = self.store
        where = torch.tensor([source, goal], device=store.device)
        shape = (*store.shape[:2], len(picked), store.shape[3], most, store.shape[5])
        taken, put = (x[None, None, :, None, :, None].expand(shape) for x in where)
        if all(not x for x in picked):
            return
        kept = store.gather(4, taken)
        empty = [b for b, x in enumerate(picked) if not x]
        if empty:  # nothing of these rows may change: their own column is written back
            kept[:, :, empty] = store.gather(4, put)[:, :, empty]
        store.scatter_(4, put, kept)

    def keep(self, rows: Sequence[int]) -> None:
        """Drop the other rows."""
        self.lengths = [self.lengths[b] for b in rows]
        if self.store is not None:
            self.store = self.store.index_select(2, torch.tensor(rows, device=self.store.device))


def additive(mask: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """Return zero where a mask is true, the least number of the dtype elsewhere."""
    zeros = torch.zeros(mask.shape, dtype=dtype, device=mask.device)
    return zeros.masked_fill_(~mask, torch.finfo(dtype).min)


class _Layer(CacheLayerMixin):  # type: ignore[no-untyped-call]
    """One layer's share of a room, as transformers sees it."""

    def __init__(self, room: Room, index: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._room, self._index = room, index

    def lazy_initialization(self, key_states: torch.Tensor, value_states: torch.Tensor) -> None:
        """Nothing to do: the room makes its tensor at the first write."""

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        found: tuple[torch.Tensor, torch.Tensor] = self._room.write(self._index, key_states, value_states)
        return found

    def get_seq_length(self, *args: Any) -> int:
        return self._room.fill + self._room.loose

    def get_mask_sizes(self, query_length: Any) -> tuple[int, int]:
        count = query_length if isinstance(query_length, int) else len(query_length)
        return self.get_seq_length() + count, 0

    def get_max_length(self) -> int:
        return self._room.columns

    def get_max_cache_shape(self) -> int:
        """Return the same; the name in earlier releases of transformers."""
        return self._room.columns
