"""1 − Q(H) of any prefix in balls, drafts without replacement."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from mdsd_theory.rigorous.balls import Ball, between_zero_and, load_flint
from mdsd_theory.rigorous.heavy_tokens import node_weights
from mdsd_theory.rigorous.light_tokens import (
    LOG_LIGHTEST,
    elementary,
    odds_powers,
    powers_needed,
)
from mdsd_theory.rigorous.power_sums import PowerSums
from mdsd_theory.rigorous.prefixes import Prefixes
from mdsd_theory.rigorous.race_nodes import RaceNodes, race_nodes


@dataclass(frozen=True)
class NodeGroup:
    """Neighbouring nodes at which the same tokens are light.

    Attributes
    ----------
    threshold : int
        E: tokens of weight below 2^E are light.
    heavy : list of int
        Places of the others in the order of the prefixes.
    rates : list of balls
        t/total at each node, so that q_i·t is weight times rate.
    weights : list of lists of lists of balls, shape (nodes, heavy + 1, n)
        See :func:`~mdsd_theory.rigorous.heavy_tokens.node_weights`.
    """

    threshold: int
    heavy: list[int]
    rates: list[Ball]
    weights: list[list[list[Ball]]]


@dataclass(frozen=True)
class Race:
    r"""The race of one instance, made ready for all its prefixes.

    .. math:: 1 - Q(H) = b \int_0^\infty e^{-bt} P(N_H(t) < n)\,dt, \qquad b = q(\Sigma \setminus H)

    Its errors are those of :mod:`~mdsd_theory.rigorous.race_error`, of
    :mod:`~mdsd_theory.rigorous.light_tokens` and of
    :meth:`~mdsd_theory.rigorous.power_sums.PowerSums.error`; everything else is a ball operation.
    """

    n: int
    order: Prefixes
    sums: PowerSums
    odds: list[list[Ball]]
    nodes: RaceNodes
    groups: list[NodeGroup]

    @classmethod
    def of(cls, order: Prefixes, n: int) -> Race:
        """Prepare the race; q must have at least n ≥ 2 positive tokens.

        Notes
        -----
        Cost O(V·R) in integers and floats, and O(J·h·n) balls, h ≤ 8t heavy tokens and the largest n
        at each of J nodes.
        """
        arb = load_flint().arb
        slowest = order.q_total - sum(sorted(order.q)[-(n - 1) :])
        nodes = race_nodes(n, arb(slowest) / order.q_total)
        sums = PowerSums.of(order.q, powers_needed(n))
        return cls(n, order, sums, odds_powers(n, sums.error), nodes, _groups(order, nodes, n))

    def avoided(self, k: int) -> Ball:
        """Return 1 − Q(H_k); cost O(octaves·R) integer and O(J·(R + n)·n) ball operations."""
        arb, total = load_flint().arb, self.order.q_total
        outside = total - self.order.q_sums[k]
        if k == 0 or outside == 0:
            return arb(1 if k == 0 else 0)
        light = self.sums.inside(k, [group.threshold for group in self.groups])
        inner = sum((self._group(*pair, k) for pair in zip(self.groups, light, strict=True)), arb(0))
        b = arb(outside) / total
        return b * inner + self._ends(b)

    def _group(self, group: NodeGroup, light: list[Ball], k: int) -> Ball:
        """Return Σ over the nodes of a group of Σ_m e_m·Ω_m."""
        flint = load_flint()
        zero, one = flint.arb(0), flint.arb(1)
        passed = bisect_left(group.heavy, k)
        series = [
            flint.arb_poly([zero] + [c * x for c, x in zip(row[1:], light, strict=True)])
            for row in self.odds
        ]
        total = zero
        for rate, weights in zip(group.rates, group.weights, strict=True):
            chances = elementary([one_series(rate) for one_series in series], one)
            for chance, weight in zip(chances, weights[passed], strict=True):
                total += chance * weight
        return total

    def _ends(self, b: Ball) -> Ball:
        """Return the nodes below the first, with all three errors of the rule as radius."""
        nodes, arb = self.nodes, load_flint().arb
        below = load_flint().arb_poly(nodes.left)(b) + arb(0, nodes.left_rest.upper())
        loss = between_zero_and(b * (1 - b) ** self.n * nodes.loss)
        return b * below - loss + between_zero_and(nodes.tail) + arb(0, nodes.spacing.upper())


def _groups(order: Prefixes, nodes: RaceNodes, n: int) -> list[NodeGroup]:
    rates = [t / order.q_total for t in nodes.times]
    cuts = [light_threshold(rate) for rate in rates]
    return [
        _node_group(order, nodes, n, threshold, [j for j, _ in pairs])
        for threshold, pairs in groupby(enumerate(cuts), key=lambda pair: pair[1])
    ]


def _node_group(
    order: Prefixes, nodes: RaceNodes, n: int, threshold: int, indices: list[int]
) -> NodeGroup:
    heavy = [i for i, x in enumerate(order.q) if x.bit_length() > threshold]
    values, total = [order.q[i] for i in heavy], order.q_total
    chosen = [nodes.times[j] for j in indices]
    weights = [node_weights(t, nodes.step * t, values, total, n) for t in chosen]
    return NodeGroup(threshold, heavy, [t / total for t in chosen], weights)


def light_threshold(rate: Any) -> int:
    """Return the largest E ≥ 0, or nearly, with 2^E·rate ≤ 2⁻²: lighter weights are light there."""
    arb = load_flint().arb
    threshold = int(float((rate.log() / arb.const_log2()).lower()) // -1) - LOG_LIGHTEST
    while threshold > 0 and not arb((1, threshold + LOG_LIGHTEST)) * rate <= 1:
        threshold -= 1
    return max(threshold, 0)
