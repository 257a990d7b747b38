"""Errors: each says what was got, what was expected and what to do."""

from __future__ import annotations


class MdsdError(Exception):
    """Base class of every error that the package raises on purpose."""


class InputError(MdsdError, ValueError):
    """A value is outside its domain: not a distribution, a wrong shape, an unknown name."""


class InputTypeError(MdsdError, TypeError):
    """An argument is of a type that cannot be used: complex numbers, strings, mixed libraries."""


class SupportError(InputError):
    """The draft has fewer tokens of positive probability than the scheme must draw."""


class RouteError(MdsdError, ValueError):
    """The route asked for cannot solve this scheme, vocabulary size or number of drafts."""


class SizeError(RouteError):
    """The instance is too large for an enumeration; the message names the limit."""


class CertificationError(MdsdError, RuntimeError):
    """A solver's answer failed the independent check of its witnesses."""


class MissingDependencyError(MdsdError, ImportError):
    """An optional package is needed; the message names the extra that brings it."""


class DataFileError(MdsdError, OSError):
    """A file is missing, unreadable or does not hold what was expected."""


class MonteCarloWarning(UserWarning):
    """A plain number was asked for and only an estimate with a standard error exists."""


class UnfinishedCaptureWarning(UserWarning):
    """A capture that was cut short is read: its rows are of its first prompts only."""
