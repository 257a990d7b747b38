"""A folder that one process writes at a time, of files that are there whole or not at all."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mdsd_theory.errors import DataFileError, MissingDependencyError

LOCK = ".lock"
TEMPORARY = ".tmp"
GOES_ON = "what is finished is kept; mend this and run the same command again"


@contextmanager
def locked(out: Path) -> Iterator[None]:
    """Make the folder and hold its lock; the system lets go of it when the process ends, however it ends.

    Raises
    ------
    DataFileError
        When the folder cannot be made or written, or another process holds the lock.
    MissingDependencyError
    """
    try:
        from filelock import FileLock, Timeout
    except ImportError:
        raise MissingDependencyError(
            "capture needs filelock: pip install 'mdsd-theory[models]'"
        ) from None
    try:
        out.mkdir(parents=True, exist_ok=True)
        lock = FileLock(out / LOCK)
        lock.acquire(timeout=0)
    except Timeout:
        raise DataFileError(
            f"{out} is being written by another process; wait for it, or choose another folder"
        ) from None
    except FileExistsError:
        raise DataFileError(f"{out} is a file; expected a folder to write to") from None
    except OSError as error:
        raise DataFileError(f"{out} cannot be written: {error.strerror or error}") from None
    try:
        yield
    finally:
        lock.release()


def write(path: Path, data: bytes | memoryview) -> None:
    """Put bytes in a file so that a reader, or a machine that stops, finds all of them or none.

    Raises
    ------
    DataFileError
        When the disk is full or the folder is gone; nothing is left behind then.
    """
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}{TEMPORARY}")
    try:
        try:
            with temporary.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
            _settle(path.parent)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise DataFileError(f"{path} cannot be written: {error.strerror}; {GOES_ON}") from error


def sweep(out: Path) -> None:
    """Remove what processes that were killed had begun to write."""
    for path in out.glob(f".*{TEMPORARY}"):
        path.unlink(missing_ok=True)


def _settle(folder: Path) -> None:
    """Have the new name on the disk too, where the system lets a folder be opened."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
