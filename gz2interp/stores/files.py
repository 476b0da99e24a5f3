"""Files that are either whole or as they were: written aside, flushed to the disk, then put in place."""

from __future__ import annotations

import hashlib
import json
import math
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from gz2interp.errors import SurveyError
from gz2interp.stores.reading import MOST_TEXT, reading

__all__ = ["digest_of_file", "read_json", "read_record", "replaced", "sync", "write_json"]

T = TypeVar("T")

_LEFTOVER_SECONDS = 24 * 3600


@contextmanager
def replaced(path: Path) -> Iterator[Path]:
    """A path beside `path` to write to; it takes the place of `path` when the block ends well, and is removed when not.

    The suffix stays last, because writers of tables and figures choose their format by it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove_leftovers(path)
    aside = path.with_name(f".{path.stem}.{os.getpid()}{path.suffix}")
    try:
        yield aside
        sync(aside)
        aside.replace(path)
        sync(path.parent)
    finally:
        aside.unlink(missing_ok=True)


def _remove_leftovers(path: Path) -> None:
    """Remove what writers of this file that were killed left beside it; younger ones may still be at work."""
    for leftover in path.parent.glob(f".{path.stem}.*{path.suffix}"):
        with suppress(FileNotFoundError):
            if time.time() - leftover.stat().st_mtime > _LEFTOVER_SECONDS:
                leftover.unlink()


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
    path : Path
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
    """SHA-256 of a file, as sixteen hexadecimal digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()[:16]
