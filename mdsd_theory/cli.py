"""The command ``mdsd``: whatever goes wrong is one line on standard error.

The commands are in :mod:`mdsd_theory.cli_commands`. Nothing but the standard library is imported before
:func:`main` guards against errors and interrupts.
"""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import sys
import warnings
from collections.abc import Iterator
from typing import Any

DEBUG = "--debug"
"""Accepted anywhere on the command line: errors come with their traceback."""

WRITING = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}


def main() -> None:
    """Run the command.

    Exit codes: 0; 1 when ``verify`` finds a disagreement, ``audit`` refutes the verifier or
    ``check-certificate`` refuses the file; 2 after an error; 130 when interrupted. A reader that closes
    the pipe is no error.
    """
    arguments = [argument for argument in sys.argv[1:] if argument != DEBUG]
    try:
        with _warnings_on_one_line():
            code = _run(arguments)
    except SystemExit as error:
        # rich leaves with code 1 when the reader of a pipe has gone.
        if not _stems_from(error, BrokenPipeError):
            raise
        code = 0
    except BrokenPipeError:
        code = 0
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt) or _stems_from(error, KeyboardInterrupt):
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            code = _say("interrupted", 130)
        elif DEBUG in sys.argv and not hasattr(error, "format_message"):
            raise
        else:
            code = _say(_message(error), 2)
    _settle_stdout()
    raise SystemExit(code)


def _run(arguments: list[str]) -> int:
    """Parse and run; unlike typer's own entry, leave broken pipes and interrupts to the caller."""
    from typer import Abort, Exit
    from typer.main import get_command

    from mdsd_theory import (  # noqa: F401 - each adds its commands to the app
        cli_audit,
        cli_capture,
        cli_certificate,
        cli_prove,
        cli_study,
        cli_tree,
    )
    from mdsd_theory.cli_commands import app

    if hasattr(sys.stdout, "reconfigure"):
        # Where the encoding lacks α, a question mark is better than no table.
        sys.stdout.reconfigure(errors="replace")
    command = get_command(app)
    try:
        with command.make_context("mdsd", arguments) as context:
            command.invoke(context)
        if sys.stdout is not None:
            sys.stdout.flush()
    except Exit as stop:
        return stop.exit_code
    except Abort:
        raise KeyboardInterrupt from None
    return 0


@contextlib.contextmanager
def _warnings_on_one_line() -> Iterator[None]:
    """Write warnings of ours as errors are written; those of libraries stay as they are."""
    with warnings.catch_warnings():
        as_it_was = warnings.showwarning

        def show(message: Any, category: type[Warning], *rest: Any, **more: Any) -> None:
            if category.__module__.partition(".")[0] == __name__.partition(".")[0]:
                _say(f"warning: {message}", 0)
            else:
                as_it_was(message, category, *rest, **more)

        warnings.showwarning = show
        yield


def _message(error: BaseException) -> str:
    from mdsd_theory.errors import MdsdError

    if isinstance(error, MdsdError):
        return str(error)
    # Usage errors come from click or from typer's own copy of it, by version.
    if hasattr(error, "format_message"):
        return str(error.format_message())
    if isinstance(error, OSError) and error.filename is None and error.errno in WRITING:
        return f"cannot write the output: {error.strerror}"
    if isinstance(error, MemoryError):
        return f"out of memory: {error}" if str(error) else "out of memory"
    what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return f"unexpected error: {what} (this is a bug; run with {DEBUG} for the traceback)"


def _say(message: str, code: int) -> int:
    """Write one line on standard error, if there is one, and return the exit code."""
    with contextlib.suppress(OSError):
        if sys.stderr is not None:
            print(f"mdsd: {' '.join(message.split())}", file=sys.stderr, flush=True)
    return code


def _stems_from(error: BaseException, kind: type[BaseException]) -> bool:
    """Tell whether an error came up while one of another kind was being handled."""
    seen: BaseException | None = error
    while seen is not None and not isinstance(seen, kind):
        seen = seen.__cause__ or seen.__context__
    return seen is not None


def _settle_stdout() -> None:
    """Flush standard output, or drop what cannot be written, so that Python's exit is quiet."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError:
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    main()
