"""Atomic writing of files and folders (written aside, flushed, renamed), locks, JSON and digests."""

from __future__ import annotations

import glob
import hashlib
import json
import math
import os
import platform
import re
import shutil
import stat
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from filelock import FileLock, Timeout

from gz2interp.errors import Gz2interpError, SurveyError, SurveyLocked, storage_error
from gz2interp.stores.reading import MOST_TEXT, DamagedFile, errors_as, reading

__all__ = [
    "atomic_folder",
    "atomic_write",
    "digest_of_file",
    "is_gone",
    "locked",
    "read_json",
    "read_record",
    "storage_errors",
    "sync",
    "write_json",
]

T = TypeVar("T")

_LOCK, _DIGEST = ".lock", ".digest"

_LEFTOVER_SECONDS = 24 * 3600

_HOST = hashlib.sha256(platform.node().encode()).hexdigest()[:8]
"""Hash of this machine's name: on a shared disk, processes of other machines are not visible."""

_WRITER = re.compile(rf"\.(\d+)\.{_HOST}-\d+$")
"""End of the name of a file written aside on this machine, with the process id."""


@contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """A block that writes `path`, or in it; errors of the disk become a `StorageError`.

    Raises
    ------
    StorageError
        See `gz2interp.errors.storage_error`; other errors pass unchanged.
    """
    try:
        yield
    except Gz2interpError:
        raise
    except Exception as error:
        storage = storage_error(error, path)
        if storage is None:
            raise
        raise storage from error


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """A path beside `path` to write to, which replaces `path` when the block ends without an exception.

    It has the suffix of `path`, by which writers of tables and figures choose their format.

    Raises
    ------
    StorageError
        The disk is full or read-only, or `path` cannot be written for another reason.
    """
    aside = path.with_name(f".{path.stem}.{os.getpid()}.{_HOST}-{threading.get_ident()}{path.suffix}")
    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove_leftovers(path)
        try:
            yield aside
            sync(aside)
            aside.replace(path)
            sync(path.parent)
        finally:
            with suppress(OSError):
                aside.unlink(missing_ok=True)


@contextmanager
def locked(path: Path, doing: str) -> Iterator[None]:
    """A block that one process at a time executes; the system releases the lock of a killed process.

    Parameters
    ----------
    path : Path
        Of the lock file, which is not removed.
    doing : str
        What is done in the block, for the message: ``"training the model cnn"``.

    Raises
    ------
    SurveyLocked
        Another process executes the block.
    StorageError
    """
    lock = FileLock(path, timeout=0)
    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire()
        except Timeout:
            raise SurveyLocked(
                f"Another process is {doing}", "One at a time", "Wait until it ends, then give the command again"
            ) from None
    try:
        yield
    finally:
        lock.release()


@contextmanager
def atomic_folder(folder: Path, making: str, *, replace: bool = False, resume: str = "") -> Iterator[Path]:
    """A folder beside `folder` to fill, which becomes `folder` when the block ends without an exception.

    Parameters
    ----------
    making : str
        What is made, for the message of `SurveyLocked`: ``"the survey demo"``.
    replace : bool
        Replace an existing folder at the end; otherwise that is refused.
    resume : str
        Digest of what is made. The block continues with the files of an interrupted one of the same digest; without a
        digest it begins with an empty folder.

    Raises
    ------
    SurveyLocked
        Another process is making it.
    SurveyError
        `folder` exists, and `replace` is False.
    StorageError
    """
    aside = folder.with_name(f".{folder.name}.being-made")
    with storage_errors(folder), locked(aside / _LOCK, f"making {making}"):
        try:
            if not replace:
                _refuse_other(folder)
            _prepare(aside, resume)
            yield aside
            if not replace:
                _refuse_other(folder)
            _put_in_place(aside, folder)
        except BaseException:
            if not resume:
                shutil.rmtree(aside, ignore_errors=True)
            raise


def _refuse_other(folder: Path) -> None:
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise SurveyError(f"{folder} exists already", "A folder that is new or empty", "Choose another name")


def _prepare(aside: Path, resume: str) -> None:
    """Empty the folder, unless its files belong to the digest."""
    note = aside / _DIGEST
    if resume and note.is_file() and note.read_bytes() == resume.encode():
        return
    for left in aside.iterdir():
        if left.is_dir():
            shutil.rmtree(left)
        elif left.name != _LOCK:
            left.unlink()
    if resume:
        with atomic_write(note) as file:
            file.write_text(resume, encoding="utf-8")


def _put_in_place(aside: Path, folder: Path) -> None:
    """Rename the folder with its lock, so that no other process can begin meanwhile."""
    (aside / _DIGEST).unlink(missing_ok=True)
    before = folder.with_name(f".{folder.name}.before")
    shutil.rmtree(before, ignore_errors=True)
    if folder.exists():
        folder.rename(before)
    aside.rename(folder)
    sync(folder.parent)
    shutil.rmtree(before, ignore_errors=True)
    (folder / _LOCK).unlink(missing_ok=True)


def _remove_leftovers(path: Path) -> None:
    """Remove what killed writers of this file left beside it; of other machines' processes, files older than a day."""
    for leftover in path.parent.glob(glob.escape(f".{path.stem}.") + "*" + glob.escape(path.suffix)):
        writer = _WRITER.search(leftover.name.removesuffix(path.suffix))
        with suppress(OSError):
            if (writer and is_gone(int(writer[1]))) or time.time() - leftover.stat().st_mtime > _LEFTOVER_SECONDS:
                leftover.unlink()


def is_gone(process: int) -> bool:
    """Whether no such process exists; False on systems without POSIX signals.

    Parameters
    ----------
    process : int
        Its id, from a file that may be damaged.
    """
    if os.name != "posix" or process <= 0:
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):
        return False
    return False


def sync(path: Path) -> None:
    """Flush a file or a folder to disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_json(path: Path, record: Any) -> None:
    """Write a JSON file atomically."""
    with atomic_write(path) as aside:
        aside.write_text(json.dumps(record, indent=2, sort_keys=True, allow_nan=False) + "\n", encoding="utf-8")


def read_json(path: Path) -> Any:
    """Read a JSON file of this package: numbers must be finite, and whole ones below 2^64.

    Raises
    ------
    SurveyError
        The file is absent or is not JSON.
    """
    return read_record(path, lambda value: value)


def read_record(path: Path, build: Callable[[Any], T]) -> T:
    """Read a JSON file of this package, and convert its value with `build`.

    Parameters
    ----------
    build : callable
        Any exception that it raises means that the file is damaged.

    Raises
    ------
    SurveyError
        The file is absent, is not JSON, or has other content.
    """
    with reading(path, SurveyError, remedy="Put back a copy of it; other files are not affected", most=MOST_TEXT):
        text = path.read_text(encoding="utf-8")
        value = json.loads(text, parse_float=_finite, parse_int=_short, parse_constant=_finite)
        return build(value)


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"it holds the number {text[:20]}")
    return number


def _short(text: str) -> int:
    if len(text) > 20 or abs(number := int(text)) >= 2**64:
        raise ValueError(f"it holds the number {text[:20]}...")
    return number


def digest_of_file(path: Path) -> str:
    """SHA-256 of a file, as sixteen hexadecimal digits.

    Raises
    ------
    SurveyError
        It is absent, or is no file.
    """
    with errors_as(SurveyError, path.name):
        if not stat.S_ISREG(path.stat().st_mode):  # a pipe or a device may have no end
            raise DamagedFile("it is a folder, a pipe or a device, and no file")
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()[:16]
