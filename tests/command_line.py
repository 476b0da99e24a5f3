"""A command line as a shell sees it, without a process of its own: Python and TensorFlow take seconds to start."""

from __future__ import annotations

import contextlib
import importlib
import io
import signal
from dataclasses import dataclass
from unittest import mock

from gz2interp.console import run

__all__ = ["Done", "ran"]

PROGRAMS = {"gz2interp.cli": "gz2interp", "trainer.__main__": "python -m trainer"}


@dataclass(frozen=True)
class Done:
    """How a command ended, with the names of `subprocess.CompletedProcess`."""

    returncode: int
    stdout: str
    stderr: str


def ran(*words: object, module: str = "gz2interp.cli") -> Done:
    """Run a command line whose words are given; a user's mistake ends in words and an exit code, as in a shell."""
    app = importlib.import_module(module).app
    out, err, code = io.StringIO(), io.StringIO(), 0
    handler = signal.getsignal(signal.SIGINT)
    try:
        with (
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
            mock.patch("sys.argv", [PROGRAMS[module], *map(str, words)]),
        ):
            run(app, PROGRAMS[module])
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    finally:
        signal.signal(signal.SIGINT, handler)
    return Done(code, out.getvalue(), err.getvalue())
