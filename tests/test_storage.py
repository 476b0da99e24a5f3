"""Full and read-only disks: one error in words, nothing unfinished left, and the same command goes on afterwards."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from command_line import ran
from dashboard_fixtures import FIRST_ID, make_survey, small_network

from gz2interp.errors import StorageError, storage_error
from gz2interp.stores.arrays import create_array, new_memmap, write_shard
from gz2interp.stores.checking import check_survey
from gz2interp.stores.files import atomic_folder, atomic_write, write_json
from gz2interp.stores.ratings import Rating, Ratings
from gz2interp.stores.tables import write_table
from gz2interp.workflows.analyse import analyse
from gz2interp.workflows.image_quality import quality
from gz2interp.workflows.study import Study

NETWORK = "network.keras"


@contextmanager
def mounted(folder: Path, size: str) -> Iterator[Path]:
    """A small disk of its own; only the superuser may mount one."""
    folder.mkdir()
    mount = shutil.which("mount")
    if os.geteuid() != 0 or mount is None:
        pytest.skip("only the superuser mounts a small disk")
    done = subprocess.run([mount, "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], check=False)
    if done.returncode:
        pytest.skip("no disk can be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with mounted(tmp_path / "disk", "12m") as folder:
        yield folder


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A survey with a network, images on disk, and a network to be imported."""
    folder = tmp_path_factory.mktemp("origin")
    make_survey(folder / "survey", 60, network=small_network())
    (folder / NETWORK).write_bytes(small_network())
    images, rng = folder / "images", np.random.default_rng(5)
    images.mkdir()
    for number in range(300):
        np.save(images / f"{FIRST_ID + number}.npy", rng.normal(0, 0.01, (5, 16, 16)).astype(np.float32))
    return folder


@pytest.fixture(scope="module")
def analysed(origin: Path) -> Path:
    """The same, its network analysed, for the verbs that go on from there."""
    survey = make_survey(origin / "analysed", 60, network=small_network(), analysed=False)
    analyse(Study(survey, survey.model()))
    quality(survey)
    return origin


def fill(disk: Path, left: int) -> Path:
    """Fill a disk but for so many bytes."""
    filler = disk / "filler"
    space = os.statvfs(disk)
    with filler.open("wb") as file:
        file.write(bytes(max(space.f_bavail * space.f_frsize - left, 0)))
    return filler


def unfinished(folder: Path) -> list[str]:
    """Files that a writer leaves when it is not careful; what an interrupted command goes on with is none of them."""
    names = [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]
    return [
        name
        for name in names
        if name.endswith((".partial", ".tmp")) or f".{os.getpid()}." in name or "being-made/cat" in name
    ]


VERBS = {
    "analyse": ("gz2interp.cli", ["analyse", "SURVEY", "--metric", "euclidean"]),
    "channels": ("gz2interp.cli", ["channels", "SURVEY"]),
    "features": ("gz2interp.cli", ["features", "SURVEY", "--kind", "class", "--steps", "2"]),
    "unusual": ("gz2interp.cli", ["unusual", "SURVEY"]),
    "clusters": ("gz2interp.cli", ["clusters", "SURVEY"]),
    "bands": ("gz2interp.cli", ["bands", "SURVEY", "--out", "DISK/bands.csv"]),
    "check": ("gz2interp.cli", ["check", "SURVEY", "--method", "gradient", "--galaxies", "4", "--few", "2"]),
    "explain": ("gz2interp.cli", ["explain", "SURVEY", str(FIRST_ID), "--out", "DISK/out"]),
    "figure": ("gz2interp.cli", ["figure", "SURVEY", str(FIRST_ID), "--out", "DISK/figure.pdf"]),
    "export": ("gz2interp.cli", ["export", "SURVEY", "--out", "DISK/out.fits"]),
    "export cutouts": ("gz2interp.cli", ["export", "SURVEY", "--out", "DISK/cutouts"]),
    "survey export": ("gz2interp.cli", ["survey", "export", "SURVEY", "--out", "DISK/out.csv"]),
    "import": (
        "gz2interp.cli",
        ["survey", "import", "SURVEY", "--model", "NETWORK", "--name", "other", "--classes", "a,b"],
    ),
    "card": ("gz2interp.cli", ["card", "SURVEY"]),
    "ratings": ("gz2interp.cli", ["ratings", "import", "SURVEY", "RATINGS"]),
    "ingest": ("trainer.__main__", ["ingest", "DISK/new", "--source", "folder", "--from", "IMAGES", "--size", "16"]),
    "paint": ("trainer.__main__", ["paint", "DISK/new", "--galaxies", "8"]),
}


def words_of(verb: str, disk: Path, origin: Path, folder: Path) -> tuple[list[str], str]:
    module, words = VERBS[verb]
    pd.DataFrame({"galaxy_id": [str(FIRST_ID)], "rating": ["3"]}).to_csv(folder / "ratings.csv", index=False)
    stands_for = {
        "SURVEY": disk / "survey",
        "NETWORK": origin / NETWORK,
        "IMAGES": origin / "images",
        "RATINGS": folder / "ratings.csv",
    }
    return [str(stands_for.get(word, word.replace("DISK", str(disk)))) for word in words], module


def _is_told_and_goes_on(origin: Path, name: str, disk: Path, folder: Path, verb: str, left: int) -> None:
    shutil.copytree(origin / name, disk / "survey")
    words, module = words_of(verb, disk, origin, folder)
    filler = fill(disk, left)
    done = ran(*words, module=module)
    assert done.returncode == 2, done
    assert "Traceback" not in done.stderr
    assert "the disk is full" in done.stderr, done
    assert "Free some space" in done.stderr
    assert unfinished(disk) == []
    filler.unlink()
    again = ran(*words, module=module)
    assert again.returncode == 0, again
    assert not any(finding.is_damage for finding in check_survey(disk / "survey"))


LIGHT = {"explain": 30_000, "export": 3_000, "export cutouts": 30_000, "survey export": 3_000}
LIGHT |= {"import": 30_000, "ratings": 3_000, "ingest": 30_000, "paint": 30_000}
"""Verbs that take a second, and a space left on the disk that is not enough for them."""


@pytest.mark.parametrize(
    ("verb", "left"),
    [
        *(pytest.param(verb, 0, marks=pytest.mark.long) for verb in LIGHT),
        *(pytest.param(*each, marks=() if each[0] != "explain" else pytest.mark.long) for each in LIGHT.items()),
    ],
)
def test_a_full_disk_is_told_and_the_same_command_goes_on(
    origin: Path, disk: Path, tmp_path: Path, verb: str, left: int
) -> None:
    _is_told_and_goes_on(origin, "survey", disk, tmp_path, verb, left)


@pytest.mark.long
@pytest.mark.parametrize("left", [0, 4_000])
@pytest.mark.parametrize("verb", [verb for verb in VERBS if verb not in LIGHT])
def test_a_full_disk_is_told_by_long_commands_too(
    analysed: Path, disk: Path, tmp_path: Path, verb: str, left: int
) -> None:
    _is_told_and_goes_on(analysed, "analysed", disk, tmp_path, verb, left)


def _write_array(folder: Path) -> None:
    shutil.rmtree(folder / "a.zarr", ignore_errors=True)
    array = create_array(folder / "a.zarr", (300, 64, 64), np.float32)
    write_shard(array, 0, np.ones((256, 64, 64), np.float32))


def _write_folder(folder: Path) -> None:
    with atomic_folder(folder / "whole", "a test") as aside:
        (aside / "a").write_bytes(bytes(1 << 20))


def _write_journal(folder: Path) -> None:
    Ratings(folder / "ratings.sqlite").add([Rating(number, 3, note="x" * 500) for number in range(2000)])


WRITERS: dict[str, Callable[[Path], object]] = {
    "json": lambda folder: write_json(folder / "a.json", list(range(100_000))),
    "csv": lambda folder: write_table(folder / "a.csv", TABLE),
    "parquet": lambda folder: write_table(folder / "a.parquet", TABLE),
    "fits": lambda folder: write_table(folder / "a.fits", TABLE),
    "vot": lambda folder: write_table(folder / "a.vot", TABLE),
    "memory map": lambda folder: new_memmap(folder / "a.npy", (1000, 100)),
    "zarr": _write_array,
    "folder": _write_folder,
    "sqlite": _write_journal,
}
TABLE = pd.DataFrame({"galaxy_id": np.arange(20_000), "x": np.random.default_rng(1).normal(size=20_000)})


@pytest.mark.parametrize("writer", WRITERS)
def test_every_writer_says_that_a_disk_is_full_and_leaves_nothing(disk: Path, writer: str) -> None:
    folder = disk / "here"
    folder.mkdir()
    filler = fill(disk, 20_000)
    with pytest.raises(StorageError, match=r"here.* cannot be written: the disk is full.*Free some space"):
        WRITERS[writer](folder)
    assert [
        path for path in folder.rglob("*") if path.is_file() and not path.name.startswith(("zarr.json", "ratings."))
    ] == []
    filler.unlink()
    WRITERS[writer](folder)


@pytest.mark.parametrize("writer", WRITERS)
def test_every_writer_says_that_a_disk_is_read_only(disk: Path, writer: str) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    with pytest.raises(StorageError, match=r"the disk is read-only.*Choose another place"):
        WRITERS[writer](disk / "here")


@pytest.mark.parametrize("writer", ["json", "csv", "parquet", "fits", "zarr", "memory map"])
def test_a_limit_of_file_sizes_is_told_too(tmp_path: Path, writer: str) -> None:
    """What anybody can try without a disk of one's own."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, before[1]))
        with pytest.raises(
            StorageError, match=r"cannot be written: (it would be larger than files may be here|the disk is full)"
        ):
            WRITERS[writer](tmp_path / "here")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert [path for path in tmp_path.rglob("*") if path.is_file() and path.suffix != ".json"] == []


@pytest.mark.parametrize("verb", ["export", "import", "ingest", "ratings"])
def test_a_read_only_disk_is_told_by_commands(origin: Path, disk: Path, tmp_path: Path, verb: str) -> None:
    shutil.copytree(origin / "survey", disk / "survey")
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    words, module = words_of(verb, disk, origin, tmp_path)
    done = ran(*words, module=module)
    assert done.returncode == 2, done
    assert "the disk is read-only" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_survey_on_a_read_only_disk_is_read(origin: Path, disk: Path, tmp_path: Path) -> None:
    shutil.copytree(origin / "survey", disk / "survey")
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    for words in (
        ["export", disk / "survey", "--out", tmp_path / "all.csv"],
        ["explain", disk / "survey", FIRST_ID, "--out", tmp_path / "maps"],
        ["neighbours", disk / "survey", FIRST_ID],
        ["survey", "check", disk / "survey"],
    ):
        done = ran(*words)
        assert done.returncode == 0, done


def test_a_table_that_is_piped_to_a_full_disk_is_told(origin: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-m", "gz2interp.cli", "methods"]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 2, done.stderr
    assert "the disk is full" in done.stderr
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


@pytest.mark.parametrize(
    "error",
    [
        OSError(28, "No space left on device"),
        OSError("[Errno 28] Error writing bytes to file. Detail: [errno 28] No space left on device"),
        OSError("Can't write data (file write failed: errno = 28, error message = 'No space left on device')"),
        OSError("Not enough space on disk: requested 100, available 10."),
        sqlite3.OperationalError("database or disk is full"),
        RuntimeError("; No space left on device"),
    ],
)
def test_whoever_says_it_a_full_disk_is_understood(error: Exception) -> None:
    known = storage_error(error, "/a/b")
    assert known is not None
    assert str(known).startswith("/a/b cannot be written: the disk is full.")


@pytest.mark.parametrize("error", [ValueError("no space left in the name"), KeyError("x"), FileNotFoundError(2, "no")])
def test_what_is_our_own_defect_keeps_its_traceback(error: Exception) -> None:
    assert storage_error(error) is None


def test_what_took_the_place_of_nothing_leaves_nothing(tmp_path: Path) -> None:
    def half() -> None:
        with atomic_write(tmp_path / "a.csv") as aside:
            aside.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        half()
    assert list(tmp_path.iterdir()) == []
