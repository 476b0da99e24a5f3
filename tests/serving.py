"""A folder behind an HTTP server on this machine, as an archive would serve it."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

__all__ = ["Served", "served"]


class Served:
    """What the server was asked, and how it is to behave."""

    def __init__(self) -> None:
        self.url = ""
        self.asked: list[tuple[str, str]] = []
        self.answers_ranges = True
        self.lists = True
        self.fails: str | None = None
        """Answer 500 to every path that contains this."""

    def bytes_asked(self, part: str) -> list[str]:
        return [ranges for path, ranges in self.asked if part in path]


class _Handler(SimpleHTTPRequestHandler):
    """Python's own server gives files only whole; this one gives parts of them too."""

    def __init__(self, *args: Any, served: Served, **options: Any) -> None:
        self._served = served
        super().__init__(*args, **options)

    def do_GET(self) -> None:
        ranges = self.headers.get("Range", "")
        self._served.asked.append((self.path, ranges))
        if self._served.fails is not None and self._served.fails in self.path:
            self.send_error(HTTPStatus.INTERNAL_SERVER_ERROR)
            return
        file = Path(self.translate_path(self.path))
        if file.is_dir() and not self._served.lists:
            self.send_error(HTTPStatus.FORBIDDEN)
            return
        found = re.fullmatch(r"bytes=(\d*)-(\d*)", ranges)
        if not (found and file.is_file() and self._served.answers_ranges):
            super().do_GET()
            return
        content = file.read_bytes()
        if found[1]:
            first, last = int(found[1]), min(int(found[2] or len(content) - 1), len(content) - 1)
        else:
            first, last = max(len(content) - int(found[2]), 0), len(content) - 1
        self.send_response(HTTPStatus.PARTIAL_CONTENT)
        self.send_header("Content-Range", f"bytes {first}-{last}/{len(content)}")
        self.send_header("Content-Length", str(last - first + 1))
        self.end_headers()
        self.wfile.write(content[first : last + 1])

    def do_HEAD(self) -> None:
        if self._served.fails is not None and self._served.fails in self.path:
            self.send_error(HTTPStatus.INTERNAL_SERVER_ERROR)
            return
        super().do_HEAD()

    def log_message(self, *words: Any) -> None:
        pass


@contextmanager
def served(folder: Path) -> Iterator[Served]:
    known = Served()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, served=known, directory=str(folder)))
    server.daemon_threads = True
    known.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield known
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
