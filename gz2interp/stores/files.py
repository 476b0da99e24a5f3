"""Files that are either whole or as they were: written aside, flushed to the disk, then put in place."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from gz2interp.errors import SurveyError

__all__ = ["digest_of_file", "read_json", "replaced", "sync", "write_json"]

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
    """Read a JSON file of ours.

    Raises
    ------
    SurveyError
        The file is absent or is not JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SurveyError(f"There is no {path.name} in {path.parent}") from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise SurveyError(
            f"{path} is not the JSON file that it should be ({error})",
            remedy="Put back a copy of the file; the images beside it are not affected",
        ) from None


def digest_of_file(path: Path) -> str:
    """SHA-256 of a file, as sixteen hexadecimal digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()[:16]
