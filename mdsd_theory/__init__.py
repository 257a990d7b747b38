"""Optimal acceptance rates, verifiers and certificates for multi-draft speculative decoding.

The front door is :func:`compare`; :data:`SCHEMES`, :data:`VERIFIERS` and :data:`ROUTES` list what
there is.
"""

from typing import TYPE_CHECKING, Any

from mdsd_theory.auditing import AuditReport, audit, audit_drafts
from mdsd_theory.certify import certify
from mdsd_theory.compare import compare
from mdsd_theory.comparison import Comparison
from mdsd_theory.errors import (
    CertificationError,
    DataFileError,
    InputError,
    InputTypeError,
    MdsdError,
    MissingDependencyError,
    MonteCarloWarning,
    RouteError,
    SizeError,
    SupportError,
    UnfinishedCaptureWarning,
)
from mdsd_theory.logits import from_logits
from mdsd_theory.optimal import optimal_acceptance
from mdsd_theory.optimal_logits import optimal_acceptance_from_logits
from mdsd_theory.rates import acceptance_rate
from mdsd_theory.results import Acceptance, AcceptanceBounds, Rate
from mdsd_theory.routes import ROUTES, Route
from mdsd_theory.routing import RouteWarning
from mdsd_theory.schemes import SCHEMES, Scheme
from mdsd_theory.verifiers import VERIFIERS, Verifier

if TYPE_CHECKING:
    from mdsd_theory.reference.certificate import Certificate
    from mdsd_theory.rigorous import Enclosure

__version__ = "0.1.0"

__all__ = [
    "ROUTES",
    "SCHEMES",
    "VERIFIERS",
    "Acceptance",
    "AcceptanceBounds",
    "AuditReport",
    "Certificate",
    "CertificationError",
    "Comparison",
    "DataFileError",
    "Enclosure",
    "InputError",
    "InputTypeError",
    "MdsdError",
    "MissingDependencyError",
    "MonteCarloWarning",
    "Rate",
    "Route",
    "RouteError",
    "RouteWarning",
    "Scheme",
    "SizeError",
    "SupportError",
    "UnfinishedCaptureWarning",
    "Verifier",
    "acceptance_rate",
    "audit",
    "audit_drafts",
    "certify",
    "compare",
    "from_logits",
    "optimal_acceptance",
    "optimal_acceptance_from_logits",
]


def __getattr__(name: str) -> Any:
    # The reference and the rigorous layer are loaded only when they are needed.
    if name == "Certificate":
        from mdsd_theory.reference.certificate import Certificate

        return Certificate
    if name == "Enclosure":
        from mdsd_theory.rigorous import Enclosure

        return Enclosure
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
