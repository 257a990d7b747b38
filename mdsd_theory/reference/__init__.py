"""The reference layer: slow, obvious and certified. It shares no code with the fast layer.

Input is a target p and a *set law*, the probability w(S) of each set of distinct drafts.
"""

from __future__ import annotations

from mdsd_theory.reference.certificate import Certificate, certificate_from_law
from mdsd_theory.reference.check import certified, check_coupling, check_dual, subset_value
from mdsd_theory.reference.highs import solve_highs
from mdsd_theory.reference.lp import transport_dual, transport_primal
from mdsd_theory.reference.max_flow import solve_max_flow
from mdsd_theory.reference.rational import solve_rational
from mdsd_theory.reference.routes import SOLVERS, solve_transport
from mdsd_theory.reference.solution import ReferenceSolution
from mdsd_theory.reference.subsets import solve_subsets
from mdsd_theory.reference.transport import TransportProblem, transport_problem
from mdsd_theory.reference.unimodular import incidence_matrix, is_totally_unimodular

__all__ = [
    "SOLVERS",
    "Certificate",
    "ReferenceSolution",
    "TransportProblem",
    "certificate_from_law",
    "certified",
    "check_coupling",
    "check_dual",
    "incidence_matrix",
    "is_totally_unimodular",
    "solve_highs",
    "solve_max_flow",
    "solve_rational",
    "solve_subsets",
    "solve_transport",
    "subset_value",
    "transport_dual",
    "transport_primal",
    "transport_problem",
]
