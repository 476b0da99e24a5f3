"""Run a command line in a process that ends itself with SIGKILL at the n-th time that it writes in a folder.

``python killing.py FOLDER N MODULE WORD...``; with N = 0 it is left alone, and prints last how often it wrote.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np

__all__ = ["contents", "differing", "killed_again_and_again"]

_ONE_THREAD = ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "NUMBA_NUM_THREADS")
_EVENTS = ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate", "sqlite3.connect")


def contents(folder: Path) -> dict[str, str]:
    """Digests of the files in a folder; without locks, and without SQLite's, in which the time stands.

    What a killed process was writing aside stays too, hidden by a dot, until a later writer finds it a day old.
    """
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
        if not path.name.startswith(".") and not path.name.endswith(".lock") and ".sqlite" not in path.name
    }


def differing(one: dict[str, str], other: dict[str, str]) -> list[str]:
    """Names of files that are not in both, or not the same."""
    return sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))


def killed_again_and_again(
    origin: Path, work: Path, module: str, words: list[str], seed: int, kills: int
) -> tuple[dict[str, str], dict[str, str], int]:
    """Run a command on a copy of a folder, killed at random moments, each time going on with what there is.

    Parameters
    ----------
    origin : Path
        The folder; it is copied.
    work : Path
        For the copies: ``undisturbed`` and ``killed``.
    module, words
        The command; FOLDER among the words stands for the copy.
    seed : int
        Of the moments.
    kills : int

    Returns
    -------
    (dict, dict, int)
        What an undisturbed run left, what the killed one left in the end, and how often it was killed.
    """
    alone, killed = work / "undisturbed" / "s", work / "killed" / "s"
    shutil.copytree(origin, alone)
    writes = int(_ran(alone, 0, module, words).stdout.splitlines()[-1])
    moments = np.random.default_rng(seed).integers(1, writes, endpoint=True, size=kills)
    wanted, count = contents(alone), 0
    shutil.copytree(origin, killed)
    for moment in moments:
        done = _ran(killed, int(moment), module, words)
        count += done.returncode == -signal.SIGKILL
        if done.returncode == 0:  # what was left had fewer writes: the next begins anew
            assert not differing(contents(killed), wanted), differing(contents(killed), wanted)
            shutil.rmtree(killed)
            shutil.copytree(origin, killed)
        else:
            assert done.returncode == -signal.SIGKILL, done.stderr
            lost = {name for name, digest in contents(origin).items() if contents(killed).get(name) != digest}
            assert not {name for name in lost if not name.endswith(("survey.json",))}, lost
    done = _ran(killed, 0, module, words)
    assert done.returncode == 0, done.stderr
    return wanted, contents(killed), count


def _ran(folder: Path, moment: int, module: str, words: list[str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, __file__, str(folder), str(moment), module]
    command += [str(folder) if word == "FOLDER" else word for word in words]
    path = os.pathsep.join([str(Path(__file__).parent.parent), os.environ.get("PYTHONPATH", "")])
    environment = os.environ | {"PYTHONPATH": path} | dict.fromkeys(_ONE_THREAD, "1")
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def _main() -> None:
    folder, moment, module, *words = sys.argv[1:]
    writes = 0

    def watch(event: str, args: tuple[object, ...]) -> None:
        nonlocal writes
        if event == "open":
            flags = args[2] if len(args) > 2 and isinstance(args[2], int) else 0
            if not flags & (os.O_WRONLY | os.O_RDWR):
                return
        elif event not in _EVENTS:
            return
        if str(args[0]).startswith(folder):
            writes += 1
            if writes == int(moment):
                os.kill(os.getpid(), signal.SIGKILL)

    import importlib

    from gz2interp.console import run

    sys.argv = [module, *words]
    sys.addaudithook(watch)
    try:
        run(importlib.import_module(module).app, module)
    except SystemExit as end:
        if end.code:
            raise
    sys.stdout.write(f"{writes}\n")


if __name__ == "__main__":
    _main()
