r"""Which orders to mix: the point of least norm in a base polytope, by Wolfe's algorithm.

The laws that "emit the highest ranked draft" can have over all orders are the corners of the base
polytope {y ≥ 0: y(A) ≤ P(S ∩ A ≠ ∅) for all A, y(Σ) = 1}, and the corner that favours given gains is
the order that sorts them (Edmonds 1970). The y in it that minimises Σ (y_i − p_i)² / w_i has
Σ min(p, y) = α*, for any weights w > 0 (Fujishige 1980). Wolfe (1976) walks there from corner to
corner, holding y as a mixture of the few met so far; any mixture on the way is a lossless verifier.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

SMALLEST_WEIGHT = 1e-12
"""Orders of less weight leave the mixture."""


@dataclass(frozen=True)
class Mixture:
    """Orders with weights, and how far they are from the optimum.

    Attributes
    ----------
    orders : list of int arrays, shape (M,)
        Lowest rank first.
    weights : array
        Positive, summing to one.
    shortfall : float
        upper − Σ min(p, y).
    upper : float
        The smallest bound P(H) + 1 − Q(H) known: the one given, or a prefix of an order met.
    steps : int
        Orders tried.
    """

    orders: list[np.ndarray]
    weights: np.ndarray
    shortfall: float
    upper: float
    steps: int


def mix_orders(
    p: np.ndarray,
    weight: np.ndarray,
    law_of_top: Callable[[np.ndarray], np.ndarray],
    first: np.ndarray,
    upper: float,
    tol: float,
    most_steps: int,
) -> Mixture:
    """Return the best mixture met until its shortfall is at most ``tol``.

    Parameters
    ----------
    p : array, shape (M,)
        Target masses.
    weight : array, shape (M,)
        w, positive.
    law_of_top : callable
        From an order to the law y of the highest ranked draft, shape (M,).
    first : array of int, shape (M,)
        The order to start from.
    upper : float
        A bound on Σ min(p, y).
    tol : float
    most_steps : int
        Orders tried at most.

    Notes
    -----
    Cost a step: one call of ``law_of_top``, and O(K³ + K M) for K orders in the mixture.
    """
    walk = _Walk(p, np.sqrt(weight), law_of_top)
    walk.add(first)
    best = Mixture(walk.orders, walk.weights, np.inf, upper, 0)
    for step in range(1, most_steps + 1):
        offset = np.einsum("k,km->m", walk.weights, walk.points)
        upper = min(upper, walk.upper)
        shortfall = upper - float(np.minimum(p, p + offset * walk.scale).sum())
        if shortfall < best.shortfall:
            best = Mixture(list(walk.orders), walk.weights, shortfall, upper, step)
        if shortfall <= tol or not walk.descend(offset):
            break
    return best


class _Walk:
    """The state of Wolfe's algorithm: points (y − p)/√w of the orders in the mixture."""

    def __init__(
        self, p: np.ndarray, scale: np.ndarray, law_of_top: Callable[[np.ndarray], np.ndarray]
    ) -> None:
        self.p, self.scale, self.law_of_top = p, scale, law_of_top
        self.orders: list[np.ndarray] = []
        self.points = np.zeros((0, p.shape[0]))
        self.gram = np.zeros((0, 0))
        self.weights = np.zeros(0)
        self.upper = np.inf

    def add(self, order: np.ndarray) -> np.ndarray:
        """Take an order into the mixture, with weight zero unless it is the first."""
        from mdsd_theory.verifiers.optimal.min_norm_loop import inner_products

        y = self.law_of_top(order)
        self.upper = min(1.0, 1.0 + float(np.cumsum((self.p - y)[order]).min()))
        point: np.ndarray = (y - self.p) / self.scale
        self.points = np.vstack([self.points, point])
        products = inner_products(self.points, point)
        self.gram = np.block([[self.gram, products[:-1, None]], [products[None, :]]])
        self.weights = np.append(self.weights, 0.0 if self.orders else 1.0)
        self.orders.append(order)
        return point

    def descend(self, offset: np.ndarray) -> bool:
        """Add the order that the slope at ``offset`` asks for, and move; False at the optimum."""
        point = self.add(np.argsort(-offset / self.scale, kind="stable"))
        if float(offset @ (offset - point)) <= 1e-15:
            return False
        self._move()
        return True

    def _move(self) -> None:
        """Go to the least norm over the mixture; orders whose weight would turn negative leave."""
        from mdsd_theory.verifiers.optimal.min_norm_loop import affine_weights

        while True:
            aim = affine_weights(self.gram)
            falls = aim <= SMALLEST_WEIGHT
            if not falls.any():
                self.weights = aim
                return
            gap = np.maximum(self.weights[falls] - aim[falls], 1e-300)
            step = min(1.0, float((self.weights[falls] / gap).min()))
            moved = (1 - step) * self.weights + step * aim
            keep = moved > SMALLEST_WEIGHT
            if keep.all():
                keep[np.argmin(np.where(falls, moved, np.inf))] = False
            self._keep(keep, moved)

    def _keep(self, keep: np.ndarray, weights: np.ndarray) -> None:
        self.points, self.gram = self.points[keep], self.gram[np.ix_(keep, keep)]
        self.orders = [order for order, stays in zip(self.orders, keep, strict=True) if stays]
        self.weights = weights[keep] / weights[keep].sum()
