r"""How far the trapezoid rule in log t is from the integral over the race, in balls.

With rates q_i of sum one, s = q(H), b = 1 − s, arrivals E_i ~ Exp(q_i) and N_H(t) of them in H by
time t, G(t) = P(N_H(t) < n) and u = log t,

.. math:: 1 - Q(H) = \int_{-\infty}^{\infty} F(u)\,du, \qquad F(u) = b\,t\,e^{-bt}\,G(t) .

The rule h Σ F(u_0 + jh) over all integers j, and its cut to 0 ≤ j < J, are off in three places.

*Spacing* (:func:`spacing_error`). Let t = τe^{iθ}, c = cos θ > 0. Along the ray from 0 to t,
|1 − e^{−qt}| = |∫ q e^{−qz} dz| ≤ ∫_0^τ q e^{−qcσ} dσ = (1 − e^{−qcτ})/c and |e^{−qt}| = e^{−qcτ}.
Each term of G is a product with fewer than n factors of the first kind, so |G(t)| ≤ c^{1−n} G(cτ), and

.. math:: \int |F(x + i\theta)|\,dx \le c^{1-n} \int_0^\infty b\,e^{-bc\tau}\,G(c\tau)\,d\tau
          = c^{-n}\,(1 - Q(H)) .

F is entire in u and, for b > 0, goes to zero at both ends of every strip |Im u| ≤ θ < π/2. Moving the
contour, its Fourier transform at ξ is at most e^{−θ|ξ|} c^{−n} (1 − Q(H)), and Poisson's sum over
ξ = 2πj/h, j ≠ 0, leaves 2 c^{−n} (1 − Q(H)) / (e^{2πθ/h} − 1), for any u_0.

*Left end* (:func:`left_end`). At t_j = t_0 e^{jh}, j < 0, G is replaced by 1, and the sum of
h·b·t_j·e^{−b·t_j} is a power series in b·t_0. As 1 − G(t) ≤ E binom(N_H(t), n) ≤ (st)^n/n!, what was
added is between 0 and b s^n h t_0^{n+1} / (n! (e^{h(n+1)} − 1)).

*Right end* (:func:`right_tail`). The nodes j ≥ J are left out, all of them positive. With
b·t·e^{−bt/2} ≤ 2/e and G decreasing, F ≤ (2/e) e^{−bt/2} G(t/2). The last product is the chance that by
t/2 nothing outside H and fewer than n of H have arrived: then fewer than n have arrived at all. The rate
of what remains after k < n arrivals is at least r, the mass of q outside its n−1 largest tokens, so
F ≤ (2/e) P(Γ_n > rt/2), Γ_n a Gamma(n) variable. This falls with t; the nodes after the last one, where
x = rt/2, sum to at most ∫_x^∞ (2/e) P(Γ_n > y) dy/y, and P(Γ_n > y) = e^{−y} Σ_{m<n} y^m/m! gives

.. math:: \frac{2}{e}\Bigl(\frac{e^{-x}}{x} + \sum_{m=1}^{n-1} \frac{P(\Gamma_m > x)}{m}\Bigr) .
"""

from __future__ import annotations

import math

import numpy as np

from mdsd_theory.rigorous.balls import Ball, load_flint


def best_angle(n: int, step: float) -> float:
    """Return the θ at which the spacing error is about least: a guess, any θ < π/2 is valid."""
    theta = np.linspace(0.05, 1.56, 303)
    bound = -n * np.log(np.cos(theta)) - 2 * math.pi * theta / step
    return float(theta[np.argmin(bound)])


def spacing_error(n: int, step: Ball, angle: float) -> Ball:
    """Return 2 cos^{−n} θ / (e^{2πθ/h} − 1), which bounds the spacing error relative to 1 − Q(H)."""
    arb = load_flint().arb
    theta = arb(angle)
    return 2 / (theta.cos() ** n * (2 * arb.pi() * theta / step).expm1())


def left_loss(n: int, step: Ball, first: Ball) -> Ball:
    """Return h t_0^{n+1} / (n! (e^{h(n+1)} − 1)); times b·s^n it bounds the loss at the left end."""
    return step * first ** (n + 1) / (math.factorial(n) * (step * (n + 1)).expm1())


def left_end(step: Ball, first: Ball, terms: int) -> tuple[list[Ball], Ball]:
    r"""Return the series in b of Σ_{i≥1} h t_i e^{−b t_i}, t_i = t_0 e^{−ih}, and a bound on the rest.

    .. math:: \sum_{i \ge 1} h\,t_i\,e^{-b t_i}
              = \sum_{r \ge 0} \frac{(-b)^r}{r!}\,\frac{h\,t_0^{r+1}}{e^{h(r+1)} - 1}

    Taylor's theorem bounds what follows the first terms by the first one left out, at b = 1.
    """
    sizes = [
        step * first ** (r + 1) / (math.factorial(r) * (step * (r + 1)).expm1()) for r in range(terms + 1)
    ]
    return [-x if r % 2 else x for r, x in enumerate(sizes[:-1])], sizes[-1]


def right_tail(n: int, x: Ball) -> Ball:
    """Return (2/e) (e^{−x}/x + Σ_{0<m<n} P(Γ_m > x)/m), which bounds the nodes beyond t = 2x/r."""
    arb = load_flint().arb
    decay, later, term, total = (-x).exp(), arb(0), arb(1), arb(0)
    for m in range(1, n):
        later += term  # Σ_{l<m} x^l/l!
        term = term * x / m
        total += later / m
    return 2 * decay * (1 / x + total) / arb(1).exp()
