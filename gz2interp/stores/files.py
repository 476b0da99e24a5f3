"""Files that are either whole or as they were: written aside, flushed to the disk, then put in place."""

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
from gz2interp.stores.reading import MOST_TEXT, DamagedFile, failing_as, reading

__all__ = [
    "digest_of_file",
    "is_gone",
    "locked",
    "read_json",
    "read_record",
    "replaced",
    "sync",
    "whole_folder",
    "write_json",
    "writing",
]

T = TypeVar("T")

_LOCK, _DIGEST = ".lock", ".digest"

_LEFTOVER_SECONDS = 24 * 3600

_HOST = hashlib.sha256(platform.node().encode()).hexdigest()[:8]
"""Of this machine: on a shared disk a process of another one cannot be looked for."""

_WRITER = re.compile(rf"\.(\d+)\.{_HOST}-\d+$")
"""The end of the name of a file written aside on this machine, with the process."""


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """A block that writes `path`, or in it: a disk that is full, read-only or gone becomes a `StorageError`.

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
        known = storage_error(error, path)
        if known is None:
            raise
        raise known from error


@contextmanager
def replaced(path: Path) -> Iterator[Path]:
    """A path beside `path` to write to; it takes the place of `path` when the block ends well, and is removed when not.

    The suffix stays last, because writers of tables and figures choose their format by it.

    Raises
    ------
    StorageError
        The disk is full or read-only, or `path` cannot be written for another reason.
    """
    aside = path.with_name(f".{path.stem}.{os.getpid()}.{_HOST}-{threading.get_ident()}{path.suffix}")
    with writing(path):
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
    """A block that one process at a time is in; when a process dies, the system lets go of its lock.

    Parameters
    ----------
    path : Path
        Of the lock's file, which stays, empty.
    doing : str
        What is done in the block, for the one who comes second: ``"training the model cnn"``.

    Raises
    ------
    SurveyLocked
        Another process is in the block.
    StorageError
    """
    lock = FileLock(path, timeout=0)
    with writing(path):
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
def whole_folder(folder: Path, making: str, *, replace: bool = False, resume: str = "") -> Iterator[Path]:
    """A folder beside `folder` to fill; it becomes `folder` when the block ends well.

    Parameters
    ----------
    making : str
        What is made, for who makes the same at the same time: ``"the survey demo"``.
    replace : bool
        Take the place of what is at `folder`, which stays as it is until then; else that is refused.
    resume : str
        A digest of what is to be made. The block then finds what an interrupted one of the same digest had written, and
        what it writes itself stays if it is interrupted. Without, the block begins with an empty folder.

    Raises
    ------
    SurveyLocked
        Another process is making it.
    SurveyError
        There is something else at `folder`.
    StorageError
    """
    aside = folder.with_name(f".{folder.name}.being-made")
    with writing(folder), locked(aside / _LOCK, f"making {making}"):
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
    """Empty it, unless what is in it belongs to the digest."""
    note = aside / _DIGEST
    if resume and note.is_file() and note.read_bytes() == resume.encode():
        return
    for left in aside.iterdir():
        if left.is_dir():
            shutil.rmtree(left)
        elif left.name != _LOCK:
            left.unlink()
    if resume:
        with replaced(note) as file:
            file.write_text(resume, encoding="utf-8")


def _put_in_place(aside: Path, folder: Path) -> None:
    """Rename it; its lock goes with it, so that nobody begins beside it meanwhile."""
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
    """Remove what writers of this file that were killed left beside it.

    Of a process of another machine nobody can tell whether it is at work: its files are removed after a day.
    """
    for leftover in path.parent.glob(glob.escape(f".{path.stem}.") + "*" + glob.escape(path.suffix)):
        writer = _WRITER.search(leftover.name.removesuffix(path.suffix))
        with suppress(OSError):
            if (writer and is_gone(int(writer[1]))) or time.time() - leftover.stat().st_mtime > _LEFTOVER_SECONDS:
                leftover.unlink()


def is_gone(process: int) -> bool:
    """Whether there is no such process; False where the system cannot be asked without harm, as Windows cannot.

    Parameters
    ----------
    process : int
        Its number, from a file that may hold anything.
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
    """Flush a file or a folder to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_json(path: Path, record: Any) -> None:
    """Write a JSON value so that a reader meets the old file or the new one, never a part."""
    with replaced(path) as aside:
        aside.write_text(json.dumps(record, indent=2, sort_keys=True, allow_nan=False) + "\n", encoding="utf-8")


def read_json(path: Path) -> Any:
    """Read a JSON file of ours: numbers are finite, and whole ones below 2^64.

    Raises
    ------
    SurveyError
        The file is absent or is not JSON.
    """
    return read_record(path, lambda value: value)


def read_record(path: Path, build: Callable[[Any], T]) -> T:
    """Read a JSON file of ours as what `build` makes of its value.

    Parameters
    ----------
    build : callable
        What it raises, whatever it is, means that the file is damaged.

    Raises
    ------
    SurveyError
        The file is absent, is not JSON, or holds something else.
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
    with failing_as(SurveyError, path.name):
        if not stat.S_ISREG(path.stat().st_mode):  # a pipe would be waited for, and a device may have no end
            raise DamagedFile("it is a folder, a pipe or a device, and no file")
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()[:16]
