"""One's own latents of a survey's galaxies: vectors from elsewhere, kept as a model that has no network.

``models/NAME/`` then holds ``latents.zarr`` (values float32 (m, channel), rows int64 (m,), ascending) and
``latents.json``, which is written last: where they come from, and the digest of their numbers.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from gz2interp.stores.arrays import SHARD_ROWS, Rows, create_array, open_array, read_all, read_rows, write_shard
from gz2interp.stores.files import read_record, write_json

__all__ = ["LATENTS", "Latents"]

LATENTS: Final = "latents"
"""What stands for a layer's name."""

_CHUNK_ROWS: Final = 64

Floats = NDArray[np.float32]


class Latents:
    """The latents in a model's folder.

    Parameters
    ----------
    folder : Path
        ``models/NAME/``.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder

    @property
    def exist(self) -> bool:
        """Whether the folder holds latents."""
        return (self.path / "latents.json").is_file()

    @property
    def record(self) -> dict[str, Any]:
        """What is told of them: digest, file, galaxies, channels."""
        return read_record(self.path / "latents.json", _checked)

    @property
    def record_digest(self) -> str:
        """The digest of their numbers."""
        return str(self.record["digest"])

    @cached_property
    def rows(self) -> NDArray[np.int64]:
        """Rows of the survey that have latents (m,), ascending."""
        array = open_array(self.path / "latents.zarr" / "rows", shape=(self.record["galaxies"],))
        return np.asarray(read_all(array), np.int64)

    def values(self, positions: Rows) -> Floats:
        """Latents (k, channel) of the given positions among `rows`."""
        shape = (self.record["galaxies"], self.record["channels"])
        return read_rows(open_array(self.path / "latents.zarr" / "values", shape=shape), positions)

    def write(self, rows: NDArray[np.int64], values: NDArray[np.float32], told: dict[str, Any]) -> None:
        """Keep latents and, behind them, what is told of them.

        Parameters
        ----------
        rows : int64 (m,)
            Ascending.
        values : float32 (n, channel)
            Of all rows of the survey, a memory map say; those of `rows` are kept.
        told : dict
            JSON values.
        """
        folder = self.path / "latents.zarr"
        create_array(folder / "rows", rows.shape, np.int64, _CHUNK_ROWS)
        open_array(folder / "rows", writable=True)[:] = rows
        array = create_array(folder / "values", (len(rows), values.shape[1]), np.float32, _CHUNK_ROWS)
        seen = hashlib.sha256(rows.astype("<i8").tobytes())
        for shard, part in _shards(rows):
            kept = np.ascontiguousarray(values[part], np.float32)
            seen.update(kept.astype("<f4").tobytes())
            write_shard(array, shard, kept)
        made = {"digest": seen.hexdigest()[:16], "galaxies": len(rows), "channels": int(values.shape[1])}
        write_json(self.path / "latents.json", {**told, **made})


def _checked(record: Any) -> dict[str, Any]:
    kinds = {"digest": str, "galaxies": int, "channels": int}
    for name, kind in kinds.items():
        if not isinstance(record[name], kind):
            raise ValueError(f"its {name} is {record[name]!r}")
    return dict(record)


def _shards(rows: NDArray[np.int64]) -> Iterator[tuple[int, NDArray[np.int64]]]:
    for start in range(0, len(rows), SHARD_ROWS):
        yield start // SHARD_ROWS, rows[start : start + SHARD_ROWS]
