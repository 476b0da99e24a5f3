"""Appending cutouts to a survey and replacing committed ones, safely against a process that is killed.

Cutouts are appended in the order pixels, journal, ``rows_committed``; what an interrupted writer left beyond
``rows_committed`` is removed by the next one. To replace committed cutouts, the new shard is first written completely
to a file of its own; from then on the change is carried out, if necessary by the next writer: every step may be
repeated.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from gz2interp.errors import CutoutUnavailable, InputError, StorageError, SurveyError, SurveyLocked
from gz2interp.records import record_from_json
from gz2interp.results import Cutout, digest_of
from gz2interp.schema import GALAXY_ID, STATUSES
from gz2interp.stores.arrays import SHARD_ROWS, drop_shards, open_array, read_npz, read_rows, write_shard
from gz2interp.stores.files import atomic_write, storage_errors, sync
from gz2interp.stores.header import Header
from gz2interp.stores.journal import CutoutStatus, StatusJournal, status_entry
from gz2interp.stores.reading import DamagedFile, errors_as
from gz2interp.stores.tables import read_parquet

__all__ = ["Replacement", "SurveyWriter", "digest_of_pixels"]


_FILE = "replacement.npz"


@dataclass(frozen=True, eq=False)
class Replacement:
    """New content of one shard.

    Attributes
    ----------
    images : float32 (m, y, x, band)
        All committed rows of the shard.
    valid : bool (m, y, x)
    entries : sequence of CutoutStatus
        The changed ones.
    """

    shard: int
    images: NDArray[np.float32]
    valid: NDArray[np.bool_]
    entries: Sequence[CutoutStatus]

    def write(self, survey: Path) -> None:
        """Write the file; from then on the change is carried out."""
        entries = json.dumps([asdict(entry) for entry in self.entries])
        with atomic_write(survey / _FILE) as aside:
            np.savez(aside, shard=self.shard, images=self.images, valid=self.valid, entries=np.array(entries))

    @classmethod
    def read(cls, survey: Path, rows: int, shape: tuple[int, ...]) -> Replacement | None:
        """The replacement of an interrupted writer; None where there is none.

        Parameters
        ----------
        rows : int
            Number of committed rows.
        shape : tuple of int
            Of an image of the survey (y, x, band).
        """
        if not (survey / _FILE).exists():
            return None
        file = read_npz(survey / _FILE, ("shard", "images", "valid", "entries"))
        with errors_as(
            SurveyError, str(survey / _FILE), remedy="Remove it: the galaxies in it are then requested again"
        ):
            entries = [record_from_json(CutoutStatus, record) for record in json.loads(str(file["entries"]))]
            replacement = cls(int(file["shard"]), file["images"], file["valid"], entries)
            replacement._check(rows, shape)
            return replacement

    def _check(self, rows: int, shape: tuple[int, ...]) -> None:
        """Compare it with the survey."""
        first = self.shard * SHARD_ROWS
        length = min(SHARD_ROWS, rows - first)
        if self.shard < 0 or self.images.shape != (length, *shape) or self.valid.shape != (length, *shape[:-1]):
            raise DamagedFile(f"its images are {self.images.shape} of shard {self.shard}, which the survey has not")
        if self.images.dtype != np.float32 or self.valid.dtype != np.bool_ or not np.isfinite(self.images).all():
            raise DamagedFile("its images are no finite float32 numbers")
        for entry in self.entries:
            if not first <= entry.row < first + length or entry.status not in STATUSES:
                raise DamagedFile(f"its row {entry.row} with the status {entry.status} is not of that shard")

    @staticmethod
    def remove(survey: Path) -> None:
        """Remove the file, when the change is complete."""
        (survey / _FILE).unlink(missing_ok=True)
        sync(survey)


class SurveyWriter:
    """The only writer of a survey, a context manager.

    Galaxies are staged until a shard is full or the block ends, also by an exception.

    Parameters
    ----------
    path : Path
        The survey's folder.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = FileLock(path / "writer.lock", timeout=0)
        self._shard, self._staged = 0, 0

    def __enter__(self) -> SurveyWriter:
        with storage_errors(self._path):
            try:
                self._lock.acquire()
            except Timeout:
                raise SurveyLocked(
                    f"Another process is writing {self._path}",
                    "One writer at a time",
                    "Wait until it ends; reading is possible meanwhile",
                ) from None
            try:
                self._begin()
            except BaseException:
                self._lock.release()
                raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._flush()
        except StorageError:
            if not isinstance(error, StorageError):  # which has reported it
                raise
        finally:
            self._lock.release()

    @property
    def rows_written(self) -> int:
        """Rows appended so far, with the staged ones: the index of the next row."""
        return self._shard * SHARD_ROWS + self._staged

    def append(self, outcome: Cutout | CutoutUnavailable, *, source: str = "", tries: int = 1) -> None:
        """Append the outcome of the next row.

        Parameters
        ----------
        source : str
            Name of the source, if there is no cutout, which has it.

        Raises
        ------
        InputError
            The cutout has another shape than the survey's, or holds NaN or infinity.
        SurveyError
            The survey is full.
        """
        row = self.rows_written
        if row >= self._header.rows:
            raise SurveyError(f"{self._path.name} has {row} cutouts already, one for each row of its catalogue")
        if isinstance(outcome, Cutout):
            self._check(outcome)
        self._images[self._staged], self._valid[self._staged] = _pixels_of(outcome)
        self._entries.append(status_entry(row, int(self._ids[row]), outcome, source, tries))
        self._staged += 1
        if self._staged == SHARD_ROWS:
            self._flush()
            self._shard, self._staged = self._shard + 1, 0

    def replace(self, outcomes: Mapping[int, tuple[Cutout | CutoutUnavailable, str, int]]) -> None:
        """Replace committed outcomes, shard by shard.

        Parameters
        ----------
        outcomes : mapping
            Row to (outcome, source, tries).

        Raises
        ------
        InputError
            A row is not committed, or a cutout does not fit.
        """
        self._flush()
        for row, (outcome, _, _) in outcomes.items():
            if not 0 <= row < self._header.rows_committed:
                raise InputError(f"Row {row} was given", f"One of the {self._header.rows_committed} that are committed")
            if isinstance(outcome, Cutout):
                self._check(outcome)
        for shard in sorted({row // SHARD_ROWS for row in outcomes}):
            changed = {row: outcome for row, outcome in outcomes.items() if row // SHARD_ROWS == shard}
            self._replacement(shard, changed).write(self._path)
            self._begin()

    # -- the steps ----------------------------------------------------------------------------------------------------

    def _begin(self) -> None:
        self._header = header = Header.read(self._path)
        self._journal = StatusJournal(self._path / "status.sqlite", header.bands)
        catalog = read_parquet(self._path / "catalog.parquet", [GALAXY_ID])
        self._ids: NDArray[np.int64] = catalog[GALAXY_ID].to_numpy()
        if len(self._ids) != header.rows:
            raise SurveyError(f"catalog.parquet of {self._path} has {len(self._ids)} rows, survey.json {header.rows}")
        shapes = {"images": (header.rows, *header.shape, len(header.bands)), "valid": (header.rows, *header.shape)}
        folder = self._path / "cutouts.zarr"
        self._arrays = [open_array(folder / name, writable=True, shape=shape) for name, shape in shapes.items()]
        self._shard, self._staged = divmod(header.rows_committed, SHARD_ROWS)
        self._images = np.zeros((SHARD_ROWS, *header.shape, len(header.bands)), np.float32)
        self._valid = np.zeros((SHARD_ROWS, *header.shape), np.bool_)
        self._entries: list[CutoutStatus] = []
        self._finish_replacement()
        self._digests = self._recover()

    def _replacement(
        self, shard: int, outcomes: Mapping[int, tuple[Cutout | CutoutUnavailable, str, int]]
    ) -> Replacement:
        first = shard * SHARD_ROWS
        rows = np.arange(first, min(first + SHARD_ROWS, self._header.rows_committed))
        images, valid = (read_rows(array, rows) for array in self._arrays)
        images, valid, entries = np.array(images), np.array(valid), []
        for row, (outcome, source, tries) in outcomes.items():
            images[row - first], valid[row - first] = _pixels_of(outcome)
            entries.append(status_entry(row, int(self._ids[row]), outcome, source, tries))
        return Replacement(shard, images, valid, entries)

    def _finish_replacement(self) -> None:
        """Carry out, perhaps again, the replacement of this or an interrupted writer."""
        shape = (*self._header.shape, len(self._header.bands))
        replacement = Replacement.read(self._path, self._header.rows_committed, shape)
        if replacement is None:
            return
        for array, values in zip(self._arrays, (replacement.images, replacement.valid), strict=True):
            write_shard(array, replacement.shard, values)
        digest = digest_of_pixels(replacement.images, replacement.valid)
        self._journal.record(replacement.entries, replacement.shard, digest)
        shards = -(-self._header.rows_committed // SHARD_ROWS)
        digests = self._journal.shard_digests()[:shards]
        self._header = replace(self._header, pixels_digest=digest_of(digests))
        self._header.write(self._path)
        Replacement.remove(self._path)

    def _recover(self) -> list[str]:
        """Remove uncommitted rows, load the last shard if it is not full, and return the digests of the full ones."""
        digests = self._journal.shard_digests()[: self._shard]
        committed = list(digests)
        if self._staged:
            rows = np.arange(self._shard * SHARD_ROWS, self._header.rows_committed)
            self._images[: self._staged] = read_rows(self._arrays[0], rows)
            self._valid[: self._staged] = read_rows(self._arrays[1], rows)
            committed.append(digest_of_pixels(self._images[: self._staged], self._valid[: self._staged]))
        if digest_of(committed) != self._header.pixels_digest:
            raise SurveyError(
                f"The pixels of {self._path} are not those that were committed",
                "A survey without damage, by gz2interp survey check",
                "Restore it from a copy, or make it again",
            )
        self._journal.remove_from(self._header.rows_committed, committed)
        for array in self._arrays:
            drop_shards(array, len(committed))
        return digests

    def _flush(self) -> None:
        if not self._entries:
            return
        staged = self._images[: self._staged], self._valid[: self._staged]
        for array, values in zip(self._arrays, staged, strict=True):
            write_shard(array, self._shard, values)
        self._digests[self._shard :] = [digest_of_pixels(*staged)]
        self._journal.record(self._entries, self._shard, self._digests[-1])
        self._entries = []
        self._header = replace(self._header, rows_committed=self.rows_written, pixels_digest=digest_of(self._digests))
        self._header.write(self._path)

    def _check(self, cutout: Cutout) -> None:
        shape = (*self._header.shape, len(self._header.bands))
        if cutout.image.shape != shape or cutout.valid.shape != shape[:2]:
            raise InputError(
                f"A cutout of shape {cutout.image.shape} with a mask {cutout.valid.shape} was given",
                f"{self._path.name} holds (y, x, band) = {shape}",
            )
        if not np.isfinite(cutout.image).all():
            raise InputError("A cutout with NaN or infinite pixels was given", "Pixels not valid are 0 and masked")


def _pixels_of(outcome: Cutout | CutoutUnavailable) -> tuple[Any, Any]:
    return (outcome.image, outcome.valid) if isinstance(outcome, Cutout) else (0, False)


def digest_of_pixels(images: NDArray[Any], valid: NDArray[Any]) -> str:
    """Digest of one shard's pixels, as 32 hexadecimal digits."""
    digest = hashlib.blake2b(np.ascontiguousarray(images, np.float32).tobytes(), digest_size=16)
    digest.update(np.ascontiguousarray(valid, np.bool_).tobytes())
    return digest.hexdigest()
