"""How far a check has come: statements report, whoever runs the check may listen."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

T = TypeVar("T")

Listener = Callable[[str, int, int | None], None]
"""Called with a claim, the instances tried, and how many there are if that is known."""

INTERVAL = 0.2
"""Seconds between two reports of one claim."""

_listener: ContextVar[Listener | None] = ContextVar("_listener", default=None)


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Send the progress of every claim in this block to a listener."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)


def announce(claim: str) -> None:
    """Report that a claim without instances is being worked on."""
    if listener := _listener.get():
        listener(claim, 0, None)


def tracked(claim: str, items: Iterable[T], total: int | None) -> Iterator[T]:
    """Yield the items, reporting now and then."""
    listener = _listener.get()
    if listener is None:
        yield from items
        return
    due = 0.0
    for done, item in enumerate(items):
        if (now := time.monotonic()) >= due:
            due = now + INTERVAL
            listener(claim, done, total)
        yield item
