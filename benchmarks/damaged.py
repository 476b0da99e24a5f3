"""Damaged files through every reader: what is refused in a sentence, and what is not.

    python -m benchmarks.damaged --files 20000 --folder FOLDER [--seed 1] [--only catalogue]

Each kind of file is made valid, damaged in a seeded way, and read by the public function that reads it. Counted are
tracebacks (an error that is not of this package), crashes and hangs of the process, files that took more than 2 s of
processor time or 500 MB, and files that were accepted with other values than the undamaged one although the format has
a checksum of what was damaged. A format without checksums cannot notice that 0.31 became 0.81; such files are counted
by themselves. The records stand in FOLDER: interrupted, the same command goes on.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import pickle
import queue
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import is_dataclass
from multiprocessing.pool import ThreadPool
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from benchmarks.damage import damaged, in_its_place, remove
from benchmarks.damaged_files import Subject, make_files, subjects

SECONDS, MEGABYTES, PATIENCE = 2.0, 500, 30.0
"""Allowed for a file: processor time, memory; the process is taken for hung after so many seconds."""
OUTCOMES: Final = ("refused", "same", "unnoticeable", "other", "traceback", "crash", "hang", "slow", "memory")
BAD: Final = OUTCOMES[3:]
_ROOM: Final = 4 << 30
"""Of address space for a process that reads damaged files [bytes], beyond what it has before."""
_ANSWERS: Final = ("http/", "answer/")
"""Groups of what comes from a server, where nothing else can stand in the place of a file."""


# -- the same values --------------------------------------------------------------------------------------------------


def digest(value: Any) -> str:
    """Of anything that a reader gives."""
    seen = hashlib.sha256()
    _digest(value, seen)
    return seen.hexdigest()


def _digest(value: Any, seen: Any) -> None:
    if isinstance(value, pd.DataFrame | pd.Series):
        seen.update(pickle.dumps(value.to_dict("list" if isinstance(value, pd.DataFrame) else "dict")))
    elif isinstance(value, np.ndarray):
        seen.update(f"{value.shape}{value.dtype.kind}".encode())
        plain = value.dtype.newbyteorder("=") if value.dtype.names is None else value.dtype
        seen.update(
            pickle.dumps(value.tolist()) if value.dtype.hasobject else np.ascontiguousarray(value, plain).tobytes()
        )
    elif is_dataclass(value) and not isinstance(value, type):
        for name in value.__dataclass_fields__:
            seen.update(name.encode())
            _digest(getattr(value, name), seen)
    elif isinstance(value, dict):
        for key in sorted(value, key=str):
            seen.update(str(key).encode())
            _digest(value[key], seen)
    elif isinstance(value, list | tuple):
        for each in value:
            _digest(each, seen)
    elif hasattr(value, "to_header"):  # a WCS
        seen.update(value.to_header_string().encode())
    else:
        seen.update(repr(value).encode())


# -- running ----------------------------------------------------------------------------------------------------------


def work(at: Path, seed: int, heavy: bool) -> None:
    """A process that reads one damaged file for each line of its standard input, ``NAME NUMBER``."""
    os.environ["GZ2INTERP_SURVEYS"] = str(at / "surveys")
    make_files(at, heavy)
    kinds = {subject.name: subject for subject in subjects(heavy)}
    right = {}
    for subject in kinds.values():
        right[subject.name] = digest(subject.read(at))
        assert right[subject.name] == digest(subject.read(at)), subject.name
    if not heavy:
        with Path("/proc/self/statm").open() as file:
            now = int(file.read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (now + _ROOM, resource.RLIM_INFINITY))
    print("ready", flush=True)
    for line in sys.stdin:
        name, number = line.rstrip("\n").rsplit(" ", 1)
        print(json.dumps(_read_one(kinds[name], at, seed, int(number), right[name])), flush=True)


def _read_one(subject: Subject, at: Path, seed: int, number: int, right: str) -> dict[str, Any]:
    """Damage one file, read it, and put back the valid one."""
    path = subject.path(at)
    good = path.read_bytes()
    rng = np.random.default_rng([seed, number, *subject.name.encode()])
    if rng.random() < 0.03 and not subject.name.startswith(_ANSWERS):
        in_its_place(path, rng)
        how = "made"
    else:
        content, how = damaged(good, subject.kind, rng)
        if content == good:
            return {"outcome": "same", "seconds": 0.0, "mb": 0.0, "words": "unchanged"}
        path.write_bytes(content)
    (at / "last").write_text(f"{subject.name} {number}")
    before = _forget_peak()
    began = time.process_time()
    try:
        outcome, words = _outcome(subject, at, right, how)
    finally:
        remove(path)
        path.write_bytes(good)
    seconds, megabytes = time.process_time() - began, _resident("VmHWM") - before
    if seconds > SECONDS:
        outcome = "slow"
    if megabytes > MEGABYTES:
        outcome = "memory"
    return {"outcome": outcome, "seconds": round(seconds, 3), "mb": round(megabytes), "words": words}


def _outcome(subject: Subject, at: Path, right: str, how: str) -> tuple[str, str]:
    from gz2interp.errors import Gz2interpError

    try:
        value = digest(subject.read(at))
    except Gz2interpError as error:
        words = str(error)
        if not words.replace("\n", "").isprintable() or len(words) > 12_000:
            return "traceback", f"an error that is no sentence: {words[:200]!r}"
        return "refused", words
    except BaseException as error:
        return "traceback", "".join(traceback.format_exception(error)[-12:])
    if value == right:
        return "same", ""
    return "other" if subject.checked and how == "bytes" else "unnoticeable", ""


def _forget_peak() -> float:
    """Let Linux measure the highest memory anew (proc(5), clear_refs); returns what is counted from [MB].

    Where that is not permitted, only growth beyond the highest memory so far is seen.
    """
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return _resident("VmHWM")
    return _resident("VmRSS")


def _resident(field: str) -> float:
    """``VmRSS``, the memory now, or ``VmHWM``, its highest value [MB]."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{field}:")) / 1024


class Worker:
    """A process that reads damaged files, replaced when it broke."""

    def __init__(self, seed: int, heavy: bool) -> None:
        self.heavy, self._seed, self._process = heavy, seed, None

    def _start(self) -> None:
        self.close()
        self._folder = tempfile.mkdtemp()
        command = [sys.executable, "-m", "benchmarks.damaged", "--worker", self._folder, "--seed", str(self._seed)]
        root = Path(__file__).resolve().parents[1]
        paths = [str(root), str(root / "tests"), *filter(None, [os.environ.get("PYTHONPATH")])]
        self._process = subprocess.Popen(
            [*command, *["--heavy"] * self.heavy],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        )
        self._lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._listen, args=(self._process.stdout, self._lines), daemon=True).start()
        if self._lines.get(timeout=600) != "ready\n":
            raise RuntimeError("The valid files could not be made and read")

    @staticmethod
    def _listen(stream: Any, lines: queue.Queue[str]) -> None:
        for line in stream:
            lines.put(line)
        lines.put("")

    def read(self, name: str, number: int) -> dict[str, Any]:
        """What becomes of one damaged file."""
        if self._process is None:
            self._start()
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(f"{name} {number}\n")
        self._process.stdin.flush()
        try:
            line = self._lines.get(timeout=PATIENCE)
        except queue.Empty:
            self.close()
            return {"outcome": "hang", "seconds": PATIENCE, "mb": 0, "words": ""}
        if not line:
            code = self._process.wait()
            self.close()
            return {"outcome": "crash", "seconds": 0, "mb": 0, "words": f"exit status {code}"}
        record: dict[str, Any] = json.loads(line)
        return record

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            for stream in (self._process.stdin, self._process.stdout):
                with suppress(OSError):
                    stream.close()
            shutil.rmtree(self._folder, ignore_errors=True)
        self._process = None


def run(files: int, seed: int, only: str, folder: Path, processes: int = 1) -> Iterator[dict[str, Any]]:
    """All damaged files, and what became of each; those that are in `folder` already are not read again."""
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / f"damaged-{seed}.jsonl"
    done = [json.loads(line) for line in log.read_text().splitlines()] if log.is_file() else []
    yield from done
    there = {(record["name"], record["number"]) for record in done}
    plan = [(subject.name, heavy) for heavy in (True, False) for subject in subjects(heavy)]
    share = max(1, files // len(plan))
    workers: dict[bool, queue.SimpleQueue[Worker]] = {True: queue.SimpleQueue(), False: queue.SimpleQueue()}
    every = [Worker(seed, heavy) for heavy in [True, *[False] * processes]]
    for worker in every:
        workers[worker.heavy].put(worker)

    def read_kind(name: str, heavy: bool) -> list[dict[str, Any]]:
        worker = workers[heavy].get()
        numbers = [number for number in range(share) if (name, number) not in there]
        records = [{"name": name, "number": number, **worker.read(name, number)} for number in numbers]
        workers[heavy].put(worker)
        return records

    try:
        with log.open("a") as out, ThreadPool(processes) as pool:
            for records in pool.imap(lambda each: read_kind(*each), [each for each in plan if only in each[0]]):
                out.writelines(json.dumps(record) + "\n" for record in records)
                out.flush()
                yield from records
    finally:
        for worker in every:
            worker.close()


def table_of(records: list[dict[str, Any]]) -> str:
    """Counts of outcomes by groups of readers, as a Markdown table."""
    counts: dict[str, Counter[str]] = {}
    for record in records:
        counts.setdefault(record["name"].split("/")[0], Counter())[record["outcome"]] += 1
    counts["**all**"] = sum(counts.values(), Counter())
    lines = ["| files | damaged | refused | same values | other values, unnoticeable | " + " | ".join(BAD) + " |"]
    lines.append("|---" * (5 + len(BAD)) + "|")
    for name, found in counts.items():
        cells = [name, f"{found.total():,}", *(f"{found[outcome]:,}" for outcome in OUTCOMES)]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> int:
    """Run, print the table and every bad outcome; exit status 1 if there is one."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="kinds of files whose name holds this")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "gz2interp-damaged")
    parser.add_argument("--processes", type=int, default=1, help="that read files beside each other")
    parser.add_argument("--worker", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--heavy", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.worker:
        warnings.simplefilter("ignore")
        with open(os.dup(1), "w", buffering=1) as lines:  # noqa: PTH123 - only answers go to the standard output
            os.dup2(2, 1)
            sys.stdout = lines
            work(given.worker, given.seed, given.heavy)
        return 0
    records = []
    for record in run(given.files, given.seed, given.only, given.folder, given.processes):
        records.append(record)
        if record["outcome"] in BAD:
            print(f"{record['name']} {record['number']}: {record['outcome']} {record['seconds']} s {record['mb']} MB")
            print(record["words"], flush=True)
    print(table_of(records))
    print(f"most time {max(r['seconds'] for r in records)} s, most memory {max(r['mb'] for r in records)} MB")
    return int(any(record["outcome"] in BAD for record in records))


if __name__ == "__main__":
    sys.exit(main())
