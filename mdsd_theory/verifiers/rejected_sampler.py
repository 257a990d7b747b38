"""Draws of the next rejected token, given those rejected before."""

from __future__ import annotations

from dataclasses import dataclass

from mdsd_theory.arrays import Array, Backend, gather, mask_of_indices, top_indices
from mdsd_theory.verifiers.rejected_paths import rejected_weight
from mdsd_theory.verifiers.residual import Overlap, at_places, first_false


@dataclass(frozen=True)
class RejectedSampler:
    """Inverts the running sums of (t′ q − max(p, t q))_+ in the order of p/q.

    The n − 1 largest tokens, which can hold almost all of q, are weighed one by one; the running sums
    are over the others, the light ones.

    Attributes
    ----------
    overlap : Overlap
    place : array of int, shape (rows, V)
        Place of each token in the order of p/q.
    p_sums, q_sums : array, shape (rows, V + 1)
        Over the first k light tokens of that order.
    top : array of int, shape (rows, n − 1)
    p_top, q_top : array, shape (rows, n − 1)
        The largest tokens and their probabilities.
    """

    backend: Backend
    overlap: Overlap
    place: Array
    p_sums: Array
    q_sums: Array
    top: Array
    p_top: Array
    q_top: Array

    @classmethod
    def of(cls, backend: Backend, p: Array, q: Array, n: int) -> RejectedSampler:
        """Sort the tokens of each row and sum the light ones."""
        xp = backend.xp
        overlap = Overlap.of(backend, p, q)
        top = top_indices(backend, q, n - 1)
        heavy = mask_of_indices(backend, top, q.shape[-1])
        zero = backend.zeros((p.shape[0], 1))
        light = (gather(xp, xp.where(heavy, 0.0, x), overlap.order) for x in (p, q))
        p_sums, q_sums = (xp.concat([zero, xp.cumulative_sum(x, axis=-1)], axis=-1) for x in light)
        place = at_places(backend, overlap.order, backend.arange(p.shape[-1]))
        p_top, q_top = gather(xp, p, top), gather(xp, q, top)
        return cls(backend, overlap, place, p_sums, q_sums, top, p_top, q_top)

    def draw(self, uniform: Array, t: Array, reach: Array, rejected: Array) -> Array:
        """Return one token a path.

        Parameters
        ----------
        uniform : array, shape (paths,)
            Uniform on [0, 1), shared by the rows.
        t, reach : array, shape (rows, paths)
            t_k and t_{k+1}.
        rejected : array of int, shape (rows, paths, k)
            The tokens rejected so far.

        Returns
        -------
        array of int, shape (rows, paths)
        """
        xp = self.backend.xp
        top_sums = xp.cumulative_sum(self._top_weights(t, reach, rejected), axis=-1)
        by_top, count = top_sums[..., -1], self.top.shape[-1]
        light = _LightSums(self, t, reach)
        gaps = light.gaps(rejected)
        aim = uniform[None, :] * (by_top + light.total() - sum(width for _, width in gaps))
        slot = xp.sum(xp.astype(top_sums <= aim[..., None], xp.int64), axis=-1)
        from_top = gather(xp, self.top, xp.clip(slot, None, count - 1))
        return xp.where(slot < count, from_top, light.invert(aim - by_top, gaps))

    def _top_weights(self, t: Array, reach: Array, rejected: Array) -> Array:
        """Return the weights of the largest tokens, zero if rejected; (rows, paths, n − 1)."""
        xp = self.backend.xp
        p, q = self.p_top[:, None, :], self.q_top[:, None, :]
        weight = rejected_weight(self.backend, p, q, t[..., None], reach[..., None])
        gone = xp.any(rejected[..., None] == self.top[:, None, None, :], axis=-2)
        return xp.where(gone, 0.0, weight)


class _LightSums:
    """Running sums of the light tokens' weights, rejected ones included, for each path."""

    def __init__(self, sampler: RejectedSampler, t: Array, reach: Array) -> None:
        self.sampler, self.t, self.reach = sampler, t, reach
        self.xp = sampler.backend.xp
        self.first, self.last = sampler.overlap.count(t), sampler.overlap.count(reach)
        self.q_first = gather(self.xp, sampler.q_sums, self.first)
        self.p_first = gather(self.xp, sampler.p_sums, self.first)

    def upto(self, k: Array) -> Array:
        """Return the weight of the first k tokens: (t′ − t) q up to p = tq, then t′q − p."""
        xp, sums = self.xp, self.sampler
        below = (self.reach - self.t) * gather(xp, sums.q_sums, xp.minimum(k, self.first))
        k = xp.maximum(self.first, xp.minimum(k, self.last))
        between = self.reach * (gather(xp, sums.q_sums, k) - self.q_first)
        return below + between - (gather(xp, sums.p_sums, k) - self.p_first)

    def total(self) -> Array:
        """Return the weight of all light tokens."""
        return self.upto(self.last)

    def gaps(self, rejected: Array) -> list[tuple[Array, Array]]:
        """Return start and width of the rejected tokens in the running sum, in ascending order."""
        rows, paths, k = rejected.shape
        flat = gather(self.xp, self.sampler.place, self.xp.reshape(rejected, (rows, paths * k)))
        places = self.xp.sort(self.xp.reshape(flat, (rows, paths, k)), axis=-1)
        starts = [self.upto(places[..., j]) for j in range(k)]
        return [(start, self.upto(places[..., j] + 1) - start) for j, start in enumerate(starts)]

    def invert(self, aim: Array, gaps: list[tuple[Array, Array]]) -> Array:
        """Return the token at which the running sum without the gaps passes ``aim``."""
        for start, width in gaps:
            aim = aim + self.xp.where(aim >= start, width, 0.0)
        size = self.sampler.place.shape[-1]
        place = first_false(self.sampler.backend, lambda k: self.upto(k + 1) <= aim, size, aim)
        return gather(self.xp, self.sampler.overlap.order, self.xp.clip(place, None, size - 1))
