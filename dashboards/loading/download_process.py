"""The process that writes a download's report, where it is one of this machine and this user."""

from __future__ import annotations

import os
import signal
from pathlib import Path

__all__ = ["interrupt", "is_downloading"]


def is_downloading(survey: Path, pid: int) -> bool:
    """Whether a process is a download into a survey that we may stop.

    Numbers of processes are given again, and those of a report may be of another machine: so the command line must
    name this survey. Where no ``/proc`` shows it, the answer is no.
    """
    process = Path("/proc") / str(pid)
    try:
        ours = pid > 0 and process.stat().st_uid == os.getuid()
        words = (process / "cmdline").read_bytes().decode(errors="replace").split("\0")
        where = (process / "cwd").resolve(strict=True)
    except (OSError, AttributeError):
        return False
    if not ours or "trainer" not in " ".join(words) or "download" not in words:
        return False
    folder = survey.resolve()
    return any((where / word).resolve() == folder for word in words[words.index("download") + 1 :] if word)


def interrupt(survey: Path, pid: int) -> bool:
    """Do what Ctrl+C does to a download; whether there was one."""
    try:
        held = os.pidfd_open(pid)  # from here on the number cannot become another process
    except (OSError, AttributeError):
        return False
    try:
        if not is_downloading(survey, pid):
            return False
        signal.pidfd_send_signal(held, signal.SIGINT)
    except OSError:
        return False
    finally:
        os.close(held)
    return True
