"""Tables that are computed shard by shard, so that an interrupted run continues; ``quality.parquet`` of a survey."""

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
    """Rows of a table of numbers, in ``FOLDER/.unfinished/DIGEST``, until all are computed.

    Parameters
    ----------
    folder : Path
        Folder of the finished table.
    digest : str
        Of the provenance: rows of another one are not read.
    rows : int
        Rows of the finished table.
    """

    def __init__(self, folder: Path, digest: str, rows: int) -> None:
        self._folder, self._rows = folder / ".unfinished" / digest, rows

    def has(self, shard: int) -> bool:
        """Whether the rows of a shard have been written."""
        return (self._folder / "c" / str(shard) / "0").is_file()

    def write(self, shard: int, values: NDArray[np.float32]) -> None:
        """Write the rows of a shard, float32 (m, column)."""
        if not (self._folder / "zarr.json").is_file():
            create_array(self._folder, (self._rows, values.shape[1]), np.float32, _CHUNK_ROWS)
        write_shard(open_array(self._folder, writable=True), shard, values)

    def all(self) -> NDArray[np.float32]:
        """All rows, float32 (n, column)."""
        return read_all(open_array(self._folder))

    def remove(self) -> None:
        """Remove them, and those of other digests."""
        shutil.rmtree(self._folder.parent, ignore_errors=True)


TOGETHER = 64
"""Shards in a row group of the table."""


@dataclass(frozen=True)
class QualityFile:
    """``quality.parquet`` of a survey: image quality of each galaxy.

    Finished shards are in ``.quality-DIGEST/`` until all are measured. The table is complete when ``quality.json``,
    written last, has the digest of the survey's present data.
    """

    survey: Survey

    @property
    def path(self) -> Path:
        """The file of the table."""
        return self.survey.path / "quality.parquet"

    @property
    def provenance(self) -> Provenance | None:
        """How it was made; None where there is none."""
        file = self.survey.path / "quality.json"
        return read_record(file, Provenance.from_json) if file.is_file() and self.path.is_file() else None

    def is_of(self, provenance: Provenance) -> bool:
        """Whether the table has this provenance."""
        return self.provenance is not None and self.provenance.digest == provenance.digest

    def read(self) -> pd.DataFrame | None:
        """One row per galaxy with an image: row, galaxy_id and the columns; None unless it is of the present data."""
        provenance = self.provenance
        return read_parquet(self.path) if provenance and provenance.data == self.survey.digest else None

    # -- writing ------------------------------------------------------------------------------------------------------

    def has_part(self, provenance: Provenance, shard: int) -> bool:
        """Whether a shard has been measured."""
        return self._part(provenance, shard).is_file()

    def write_part(self, provenance: Provenance, shard: int, table: pd.DataFrame) -> None:
        """Write the measurements of a shard."""
        write_parquet(self._part(provenance, shard), table)

    def complete(self, provenance: Provenance, shards: Sequence[int]) -> None:
        """Join the parts, and remove them."""
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
