"""Other outcomes in the place of committed ones, so that a process killed anywhere leaves the old shard or the new.

The whole new shard is written down first, in a file of its own that appears at once or not at all. From then on the
change happens, if need be when the next writer opens: every step may be repeated.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gz2interp.errors import SurveyError
from gz2interp.records import record_from_json
from gz2interp.schema import STATUSES
from gz2interp.stores.arrays import SHARD_ROWS, read_npz
from gz2interp.stores.files import replaced, sync
from gz2interp.stores.journal import Entry
from gz2interp.stores.reading import DamagedFile, failing_as

__all__ = ["Replacement"]

_FILE = "replacement.npz"


@dataclass(frozen=True, eq=False)
class Replacement:
    """One shard as it shall be.

    Attributes
    ----------
    shard : int
    images : float32 (m, y, x, band)
        All committed rows of the shard.
    valid : bool (m, y, x)
    entries : sequence of Entry
        Those that change.
    """

    shard: int
    images: NDArray[np.float32]
    valid: NDArray[np.bool_]
    entries: Sequence[Entry]

    def write(self, survey: Path) -> None:
        """Write it down; from now on it will happen."""
        entries = json.dumps([asdict(entry) for entry in self.entries])
        with replaced(survey / _FILE) as aside:
            np.savez(aside, shard=self.shard, images=self.images, valid=self.valid, entries=np.array(entries))

    @classmethod
    def read(cls, survey: Path, rows: int, shape: tuple[int, ...]) -> Replacement | None:
        """What an interrupted writer had written down; None where it left nothing.

        Parameters
        ----------
        survey : Path
        rows : int
            How many are committed.
        shape : tuple of int
            Of an image of the survey (y, x, band).
        """
        if not (survey / _FILE).exists():
            return None
        file = read_npz(survey / _FILE, ("shard", "images", "valid", "entries"))
        with failing_as(
            SurveyError, str(survey / _FILE), remedy="Remove it: the galaxies in it are then asked for again"
        ):
            entries = [record_from_json(Entry, record) for record in json.loads(str(file["entries"]))]
            replacement = cls(int(file["shard"]), file["images"], file["valid"], entries)
            replacement._check(rows, shape)
            return replacement

    def _check(self, rows: int, shape: tuple[int, ...]) -> None:
        """Compare it with the survey that it is to change."""
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
    def forget(survey: Path) -> None:
        """It has happened."""
        (survey / _FILE).unlink(missing_ok=True)
        sync(survey)
