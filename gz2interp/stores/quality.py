"""``quality.parquet`` of a survey, measured shard by shard so that an interrupted run continues.

While it is made, the shards lie in ``.quality-DIGEST/``; killed, it goes on behind the last of them. The file counts
only with ``quality.json`` beside it, written last, whose digest of the data is the survey's.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gz2interp.results import Provenance
from gz2interp.stores.arrays import create_array, open_array, read_all, write_shard
from gz2interp.stores.files import read_record, write_json
from gz2interp.stores.survey import Survey
from gz2interp.stores.tables import read_parquet, write_blocks, write_parquet

__all__ = ["PartialTable", "QualityFile"]


_CHUNK_ROWS = 64


class PartialTable:
    """Rows of numbers that belong to one question.

    Parameters
    ----------
    folder : Path
        Beside what they are for.
    digest : str
        Of the question: rows of another one are never taken for these.
    rows : int
        How many there will be.
    """

    def __init__(self, folder: Path, digest: str, rows: int) -> None:
        self._folder, self._rows = folder / ".unfinished" / digest, rows

    def has(self, shard: int) -> bool:
        """Whether the rows of a shard are there."""
        return (self._folder / "c" / str(shard) / "0").is_file()

    def write(self, shard: int, values: NDArray[np.float32]) -> None:
        """Keep the rows of a shard, float32 (m, column)."""
        if not (self._folder / "zarr.json").is_file():
            create_array(self._folder, (self._rows, values.shape[1]), np.float32, _CHUNK_ROWS)
        write_shard(open_array(self._folder, writable=True), shard, values)

    def all(self) -> NDArray[np.float32]:
        """All rows, float32 (n, column)."""
        return read_all(open_array(self._folder))

    def forget(self) -> None:
        """Remove them, and what was left of other questions: what they were for has been written."""
        shutil.rmtree(self._folder.parent, ignore_errors=True)


TOGETHER = 64
"""Shards in a block of the table."""


@dataclass(frozen=True)
class QualityFile:
    """The table and its parts."""

    survey: Survey

    @property
    def path(self) -> Path:
        """The table."""
        return self.survey.path / "quality.parquet"

    @property
    def provenance(self) -> Provenance | None:
        """How it was made; None where there is none."""
        file = self.survey.path / "quality.json"
        return read_record(file, Provenance.from_json) if file.is_file() and self.path.is_file() else None

    def is_of(self, provenance: Provenance) -> bool:
        """Whether the table answers this very question."""
        made = self.provenance
        return made is not None and made.digest == provenance.digest

    def read(self) -> pd.DataFrame | None:
        """One row per galaxy with an image: row, galaxy_id and the columns; None unless it is of the present data."""
        made = self.provenance
        return read_parquet(self.path) if made is not None and made.data == self.survey.digest else None

    # -- writing ------------------------------------------------------------------------------------------------------

    def has_part(self, provenance: Provenance, shard: int) -> bool:
        """Whether a shard has been measured."""
        return self._part(provenance, shard).is_file()

    def write_part(self, provenance: Provenance, shard: int, table: pd.DataFrame) -> None:
        """Keep what was measured of a shard."""
        write_parquet(self._part(provenance, shard), table)

    def complete(self, provenance: Provenance, shards: Sequence[int]) -> None:
        """Put the parts together, and forget them."""
        write_blocks(self.path, self._blocks(provenance, shards))
        write_json(self.survey.path / "quality.json", provenance.to_json())
        for folder in self.survey.path.glob(".quality-*"):
            shutil.rmtree(folder, ignore_errors=True)

    def _blocks(self, provenance: Provenance, shards: Sequence[int]) -> Iterator[pd.DataFrame]:
        for first in range(0, len(shards), TOGETHER):
            parts = [read_parquet(self._part(provenance, shard)) for shard in shards[first : first + TOGETHER]]
            yield pd.concat(parts, ignore_index=True)

    def _part(self, provenance: Provenance, shard: int) -> Path:
        return self.survey.path / f".quality-{provenance.digest}" / f"{shard}.parquet"
