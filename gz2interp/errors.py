"""Errors with a message in three parts: the problem, what is expected, and a remedy."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import Final

__all__ = [
    "CutoutUnavailable",
    "Gz2interpError",
    "InputError",
    "LayerNotFound",
    "StorageError",
    "SurveyError",
    "SurveyLocked",
    "choices",
    "close_matches",
    "shorten",
    "storage_error",
]


_MOST_LETTERS = 4000
"""Of one sentence of an error."""


class Gz2interpError(Exception):
    """Base of every error whose message is for the user.

    Parameters
    ----------
    problem : str
        What was given or found.
    expected : str
        What would be right.
    remedy : str
        What to try next.

    Notes
    -----
    The command line and the dashboard print the message alone; any other exception is a defect of this package and
    keeps its traceback.
    """

    def __init__(self, problem: str, expected: str = "", remedy: str = "") -> None:
        self.problem, self.expected, self.remedy = problem, expected, remedy
        super().__init__(" ".join(_sentence(_printable(part)) for part in (problem, expected, remedy) if part))

    def __reduce__(self) -> tuple[type[Gz2interpError], tuple[str, str, str]]:
        return type(self), (self.problem, self.expected, self.remedy)


class InputError(Gz2interpError):
    """A file, a value or an option is not what it should be."""


class SurveyError(Gz2interpError):
    """A survey folder is missing, damaged, or lacks what was requested."""


class SurveyLocked(SurveyError):
    """Another process is writing the survey."""


class LayerNotFound(InputError):
    """The network has no layer of that name."""


class StorageError(Gz2interpError):
    """A disk is full or read-only, or a file or folder cannot be used for another reason that is not in its content."""


class CutoutUnavailable(Gz2interpError):
    """A source has no image of this galaxy.

    Parameters
    ----------
    status : str
        One of `gz2interp.schema.STATUSES` except ``"ok"``.
    reason : str
        Why, in plain words; stored in the status of the galaxy and displayed.
    """

    def __init__(self, status: str, reason: str) -> None:
        self.status, self.reason = status, _printable(reason)
        super().__init__(self.reason)

    def __reduce__(self) -> tuple[type[CutoutUnavailable], tuple[str, str]]:  # type: ignore[override]
        return type(self), (self.status, self.reason)


def choices(names: Iterable[object], most: int = 12, like: object = None) -> str:
    """A readable list of names, cut after `most` of them.

    Parameters
    ----------
    like : object, optional
        What was given instead: the names that resemble it come first, so that they are never cut.
    """
    listed = [str(name) for name in names]
    if not listed:
        return "none"
    if like is not None and len(listed) > most:
        close = close_matches(str(like), listed)
        listed = [*close, *(name for name in listed if name not in close)]
    text = ", ".join(listed[:most])
    return text if len(listed) <= most else f"{text}, ... ({len(listed)} in all)"


def shorten(text: str, most: int = 60) -> str:
    """The text, or its beginning, short enough for a message."""
    return text if len(text) <= most else text[: most - 3] + "..."


def close_matches(name: str, names: Iterable[str], most: int = 6) -> list[str]:
    """The names that resemble another one, the most similar first: misspelt, a part of it, or in another case."""
    text, candidates = name.casefold()[:200], list(dict.fromkeys(names))
    by_letters = {name.casefold(): name for name in reversed(candidates)}
    alike = [by_letters[match] for match in get_close_matches(text, by_letters, n=most, cutoff=0.6)]
    parts = [name for name in candidates if text and (text in name.casefold() or name.casefold() in text)]
    return list(dict.fromkeys([*alike, *parts]))[:most]


def _printable(text: str) -> str:
    """The text, which may come from a damaged file, without control characters and cut to a readable length."""
    plain = "".join(letter if letter.isprintable() or letter == "\n" else "?" for letter in text[: _MOST_LETTERS + 1])
    return plain if len(plain) <= _MOST_LETTERS else plain[: _MOST_LETTERS - 3] + "..."


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?", ":")) else text + "."


_WHY: Final = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EFBIG: "it would be larger than files may be here",
    errno.EROFS: "the disk is read-only",
    errno.EACCES: "permission is denied",
    errno.EPERM: "permission is denied",
    errno.EIO: "the disk reports an input/output error",
    errno.EMFILE: "too many files are open",
    errno.ENFILE: "too many files are open",
    errno.ENAMETOOLONG: "its name is too long",
    errno.EISDIR: "it is a folder",
    errno.ENOTDIR: "a part of its path is a file",
    errno.ENOTEMPTY: "there is a folder of that name",
    errno.ELOOP: "its symbolic links go in a circle",
    errno.ESTALE: "the network disk is gone",
    errno.ENODEV: "the disk is gone",
    errno.ENXIO: "the disk is gone",
}
"""Errors of a disk or a path, which are no defect of this package."""

_LITTLE: Final = 1 << 18
"""Free bytes below which a disk counts as full: SQLite needs files beside the database."""

_FULL: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)

_IN_WORDS: Final = {
    r"no space left|disk is full|not enough (free )?space|errno ?= ?28\b": errno.ENOSPC,
    r"[0-9]+ requested and [0-9]+ written": errno.ENOSPC,
    r"quota exceeded": errno.EDQUOT,
    r"file too large": errno.EFBIG,
    r"read-only file system|readonly database": errno.EROFS,
    r"permission denied|unable to open database file": errno.EACCES,
    r"disk i/o error|input/output error": errno.EIO,
}
"""The same errors in the messages of SQLite, HDF5, Arrow, CFITSIO and NumPy."""


def storage_error(error: BaseException, path: object = "") -> StorageError | None:
    """A `StorageError` for an error of another package that a disk or a path has caused; None for any other error.

    Parameters
    ----------
    error : exception
        It, or one of its causes, is an `OSError` or has the message of one.
    path : path, optional
        The file that was being written; by default that of the error.
    """
    for cause in _causes(error):
        number = _number_of(cause)
        if number is not None:
            number = _refine_error(number, path) if isinstance(path, str | os.PathLike) and path else number
            named = path or getattr(cause, "filename", None)
            return _unusable(os.fspath(named) if isinstance(named, str | os.PathLike) else "A file", number)
    return None


def _unusable(what: str, number: int) -> StorageError:
    if number in _FULL:
        return StorageError(
            f"{what} cannot be written: {_WHY[number]}",
            "What was written before is whole, and no unfinished file is left",
            "Free some space and give the same command again: it continues from there",
        )
    return StorageError(
        f"{what} cannot be opened or written: {_WHY[number]}",
        "A place that can be written; what was written before is whole",
        "Choose another place, or make this one writable, and give the same command again",
    )


def _refine_error(number: int, path: str | os.PathLike[str]) -> int:
    """Check the disk: SQLite reports a full disk as an input/output error and a read-only one as denied permission."""
    if number not in (errno.EIO, errno.EACCES) or not hasattr(os, "statvfs"):
        return number
    place = Path(path)
    try:
        disk = os.statvfs(next(folder for folder in (place, *place.absolute().parents) if folder.exists()))
    except OSError:
        return number
    if disk.f_flag & os.ST_RDONLY:
        return errno.EROFS
    return errno.ENOSPC if disk.f_bavail * disk.f_frsize < _LITTLE else number


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and its causes."""
    passed: set[int] = set()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in passed:
        passed.add(id(cause))
        yield cause
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)


def _number_of(error: BaseException) -> int | None:
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno if error.errno in _WHY else None
    if isinstance(error, ValueError | TypeError | KeyError | AttributeError | Gz2interpError):
        return None
    return next((number for words, number in _IN_WORDS.items() if re.search(words, str(error), re.IGNORECASE)), None)
