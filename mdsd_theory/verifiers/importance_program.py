r"""The linear programme of importance selection: which of two drafted tokens is picked, how often.

For two i.i.d. drafts the pair {i, j} has mass m_ij = 2 q_i q_j. With x_ij the part of it in which i is
picked, the pick has the law

.. math:: y_i = c_i + \sum_{j > i} x_{ij} + \sum_{j < i} (m_{ji} - x_{ji}), \qquad 0 \le x_{ij} \le m_{ij}

over the s tokens of the programme, c_i the mass that i has anyway: both drafts are i, or the other one
is no token of the programme. It maximises Σ min(p, y), that is, minimises Σ t with t ≥ p − y, t ≥ 0.

Source: Khisti et al. 2025, arXiv 2410.18234, the programme of the truncated alphabet.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mdsd_theory.errors import CertificationError

Floats = NDArray[np.float64]

MASS_UNIT = 2.0**-20
"""Masses are passed in this unit, so that those near HiGHS' tolerance are not presolved away."""

OPTIONS = {"primal_feasibility_tolerance": 1e-9, "dual_feasibility_tolerance": 1e-9}


def pair_weights(p: Floats, q: Floats, rest: float) -> Floats:
    """Return the chance that i is picked from the pair {i, j}, for s tokens.

    Parameters
    ----------
    p, q : array of float64, shape (s,)
        Target and draft probabilities of the tokens of the programme.
    rest : float
        Mass of q on all other tokens, from which the tokens of the programme are always picked.

    Returns
    -------
    array of float64, shape (s, s)
        w with w_ij + w_ji = 1, and 1 on the diagonal.

    Raises
    ------
    CertificationError
        When HiGHS does not report an optimum.

    Notes
    -----
    s (s − 1)/2 + s variables, s rows; see :class:`~mdsd_theory.verifiers.khisti.Khisti` for times. Any
    weights give a lossless rule: an error of the solver costs acceptance alone.

    Examples
    --------
    >>> pair_weights(np.array([0.75, 0.25]), np.array([0.5, 0.5]), 0.0).tolist()
    [[1.0, 1.0], [0.0, 1.0]]
    """
    first, second = np.triu_indices(len(p), 1)
    mass = 2 * q[first] * q[second]
    picked = _solve(p, _certain(q, rest), first, second, mass) if len(mass) else mass
    share = np.divide(picked, mass, out=np.ones_like(mass), where=mass > 0).clip(0.0, 1.0)
    weights = np.eye(len(p))
    weights[first, second] = share
    weights[second, first] = 1 - share
    return weights


def _certain(q: Floats, rest: float) -> Floats:
    """Return c: what each token is picked with, whatever the weights."""
    return q * (q + 2 * rest)


def _solve(p: Floats, certain: Floats, first: Any, second: Any, mass: Floats) -> Floats:
    """Return x, the mass of each pair in which its first token is picked."""
    from scipy.optimize import linprog

    pairs, tokens = len(mass), len(p)
    solve: Any = linprog
    found = solve(
        np.concatenate([np.zeros(pairs), np.ones(tokens)]),
        A_ub=_rows(first, second, tokens),
        b_ub=(certain + np.bincount(second, mass, tokens) - p) / MASS_UNIT,
        bounds=np.stack(
            [np.zeros(pairs + tokens), np.concatenate([mass / MASS_UNIT, np.full(tokens, np.inf)])],
            axis=1,
        ),
        method="highs",
        options=OPTIONS,
    )
    if found.status != 0:
        raise CertificationError(
            f"HiGHS did not solve the selection programme over {tokens} tokens (status {found.status}: "
            f"{found.message}); try other tokens=…, or report the instance"
        )
    return np.asarray(found.x[:pairs]) * MASS_UNIT


def _rows(first: Any, second: Any, tokens: int) -> Any:
    """Return the sparse matrix of −t_i − y_i + c_i ≤ c_i − p_i over the columns (x, t)."""
    from scipy.sparse import csc_array

    pairs = np.arange(len(first))
    slack = np.arange(tokens)
    rows, columns = [first, second, slack], [pairs, pairs, len(pairs) + slack]
    signs = np.repeat([-1.0, 1.0, -1.0], [len(pairs), len(pairs), tokens])
    shape = (tokens, len(pairs) + tokens)
    return csc_array((signs, (np.concatenate(rows), np.concatenate(columns))), shape=shape)
