"""The transport program as a maximum flow, and the subset H as its minimum cut."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

from mdsd_theory.reference.check import Coupling
from mdsd_theory.reference.rounding import feasible_flow
from mdsd_theory.reference.solution import (
    ReferenceSolution,
    certified_solution,
    coupling_of,
)
from mdsd_theory.reference.transport import TransportProblem

SOURCE, SINK = "source", "sink"


def solve_max_flow(problem: TransportProblem) -> ReferenceSolution:
    """Return the optimum of the transport program by a maximum flow and a minimum cut.

    source → S with capacity w(S), S → i without limit for i ∈ S, i → sink with capacity p_i.
    A cut that separates source from sink is a subset H, the tokens on the source's side, and costs
    P(H) + 1 − Q(H).

    Parameters
    ----------
    problem : TransportProblem

    Returns
    -------
    ReferenceSolution
        In Fractions, exact, when the problem is; else in floats.

    Raises
    ------
    CertificationError
        When a witness fails or the two values differ.

    Notes
    -----
    Capacities are multiplied by their common denominator (a float is a dyadic fraction), so the
    flow is computed in integers: exact, and over after at most O(nodes · edges) shortest augmenting
    paths, whatever the numbers. Source: Hu et al. 2025 (arXiv 2502.18779), with max-flow min-cut
    (Ford and Fulkerson 1956).

    Examples
    --------
    >>> from fractions import Fraction
    >>> from mdsd_theory.reference import transport_problem
    >>> law = {frozenset({0}): Fraction(3, 4), frozenset({1}): Fraction(1, 4)}
    >>> solution = solve_max_flow(transport_problem([Fraction(1, 2)] * 2, law))
    >>> solution.value, solution.gap, sorted(solution.subset)
    (Fraction(3, 4), Fraction(0, 1), [0])
    """
    from networkx.algorithms.flow import shortest_augmenting_path

    graph, scale = _network(problem)
    residual = shortest_augmenting_path(graph, SOURCE, SINK)
    masses = (
        Fraction(residual[problem.sets[s]][i]["flow"], scale)
        for s, i in zip(problem.edge_set.tolist(), problem.edge_token.tolist(), strict=True)
    )
    coupling: Coupling
    if problem.exact:
        pairs = ((s, i) for s in problem.sets for i in sorted(s))
        coupling = {pair: x for pair, x in zip(pairs, masses, strict=True) if x > 0}
    else:
        flow = np.array([float(x) for x in masses])
        coupling = coupling_of(problem, feasible_flow(problem, flow))
    side = _source_side(residual)
    subset = frozenset(i for i in range(problem.V) if i in side)
    return certified_solution(problem, coupling, subset, status="optimal", route="max_flow")


def _network(problem: TransportProblem) -> tuple[Any, int]:
    """Return the flow network with integer capacities, and the denominator they were scaled by."""
    from networkx import DiGraph

    p, w, scale = problem.integer_masses()
    graph: Any = DiGraph()
    graph.add_nodes_from([SOURCE, SINK])
    for drafts, weight in zip(problem.sets, w, strict=True):
        graph.add_edge(SOURCE, drafts, capacity=weight)
        graph.add_edges_from((drafts, i) for i in sorted(drafts))
    for i, mass in enumerate(p):
        graph.add_edge(i, SINK, capacity=mass)
    return graph, scale


def _source_side(residual: Any) -> set[Any]:
    """Return the nodes that the source still reaches: its side of the smallest minimum cut."""
    seen, frontier = {SOURCE}, [SOURCE]
    while frontier:
        for node, edge in residual[frontier.pop()].items():
            if node not in seen and edge["flow"] < edge["capacity"]:
                seen.add(node)
                frontier.append(node)
    return seen
