"""Disk cache of downloaded files with a size limit."""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from gz2interp.stores.files import atomic_write

__all__ = ["FrameCache"]


class FrameCache:
    """Cache of groups of files that are fetched, used and removed together.

    Parameters
    ----------
    most_bytes : int
        Size limit; groups in use are never removed.

    Notes
    -----
    File names are never taken from an answer. The least recently used groups are removed first. Several processes may
    share the folder: a file that another process removed is fetched again.
    """

    def __init__(self, folder: Path, most_bytes: int) -> None:
        self._folder, self._most = folder, most_bytes
        self._in_use = Counter[str]()
        self._locks: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()

    @contextmanager
    def group(self, name: str, files: dict[str, Callable[[], bytes]]) -> Iterator[dict[str, Path]]:
        """The files of a group, fetched if missing, and protected from removal within the context.

        Parameters
        ----------
        files : dict
            File name to the function that fetches its content. One thread at a time fetches for a group.
        """
        with self._lock:
            self._in_use[name] += 1
            lock = self._locks.setdefault(name, threading.Lock())
        try:
            with lock:
                paths = {file: self._file(name, file, fetch) for file, fetch in files.items()}
            yield paths
        finally:
            with self._lock:
                self._in_use[name] -= 1
                if not self._in_use[name]:
                    del self._in_use[name], self._locks[name]
                self._shrink()

    def _file(self, name: str, file: str, fetch: Callable[[], bytes]) -> Path:
        path = self._folder / name / file
        if path.exists():
            with suppress(FileNotFoundError):
                os.utime(path)
                return path
        content = fetch()
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(path) as aside:
            aside.write_bytes(content)
        return path

    def _shrink(self) -> None:
        groups = []
        for folder in self._folder.iterdir() if self._folder.exists() else ():
            with suppress(FileNotFoundError):
                states = [file.stat() for file in folder.iterdir()]
                if states:
                    groups.append((max(s.st_mtime for s in states), sum(s.st_size for s in states), folder))
        size = sum(group[1] for group in groups)
        for _, share, folder in sorted(groups):
            if size <= self._most:
                return
            if folder.name not in self._in_use:
                for file in folder.iterdir():
                    file.unlink(missing_ok=True)
                with suppress(OSError):
                    folder.rmdir()
                size -= share
