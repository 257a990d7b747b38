"""Compiling loops with numba. Import the modules that do so only where they are needed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from numba import njit

Loop = TypeVar("Loop", bound=Callable[..., Any])

FAST = {"reassoc", "contract"}
"""Sums may be reordered and multiplications fused; infinities and NaN keep their meaning."""


def compiled(*, fast: bool = False, inline: bool = False) -> Callable[[Loop], Loop]:
    """Return a decorator that compiles a function of arrays and numbers at its first call.

    Parameters
    ----------
    fast : bool
        Allow :data:`FAST`.
    inline : bool
        Copy the function into its callers.

    Notes
    -----
    numba keeps machine code beside the source or in the user's cache folder, and does not notice when
    another compiled function that is called has changed: delete ``__pycache__`` after such an edit.
    Where nothing can be written, as in a read-only container, every process compiles anew.
    """
    options: dict[str, Any] = {"nogil": True} | ({"fastmath": FAST} if fast else {})
    if inline:
        options["inline"] = "always"

    def decorate(function: Loop) -> Loop:
        try:
            return cast(Loop, njit(cache=True, **options)(function))
        except RuntimeError:
            return cast(Loop, njit(**options)(function))

    return decorate
