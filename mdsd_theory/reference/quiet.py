"""HiGHS without its banner."""

from __future__ import annotations

from functools import cache
from typing import Any


@cache
def hush_highs() -> None:
    """Let HiGHS print its banner where nobody sees it; from version 1.16 on it does so once a process.

    The banner comes when callbacks are enabled, which is when a solver is made, before any option could
    forbid it. So one solver is made without them, told not to write to the console, and given them then.
    """
    import highspy

    base: Any = highspy.Highs

    class Late(base):  # type: ignore[misc]
        """A solver whose callbacks are not enabled at once."""

        def enableCallbacks(self) -> None:  # noqa: N802 - the name in highspy
            """Do nothing."""

    solver = Late()
    solver.setOptionValue("log_to_console", False)
    base.enableCallbacks(solver)
