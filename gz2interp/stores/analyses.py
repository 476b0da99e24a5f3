"""What was found in a layer: one folder per question, named by the digest of its provenance.

``models/NAME/LAYER/HASH/`` holds ``provenance.json``, ``activations.zarr``, ``neighbours.zarr``, ``embedding.parquet``.
It is complete when ``provenance.json`` is there, which is written last.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gz2interp.results import Embedding, Neighbours, Provenance
from gz2interp.schema import GALAXY_ID
from gz2interp.stores.arrays import Rows, create_array, open_array, read_rows, write_shard
from gz2interp.stores.files import read_json, write_json
from gz2interp.stores.tables import write_parquet

__all__ = ["Analysis", "analyses_of", "latest_analysis", "layer_folder"]

_CHUNK_ROWS = 64


@dataclass(frozen=True)
class Analysis:
    """The results of one question about one layer.

    Attributes
    ----------
    path : Path
        The folder.
    """

    path: Path

    @property
    def is_complete(self) -> bool:
        """Whether everything has been written."""
        return (self.path / "provenance.json").is_file()

    @cached_property
    def provenance(self) -> Provenance:
        """How it was made."""
        return Provenance.from_json(read_json(self.path / "provenance.json"))

    @property
    def layer(self) -> str:
        """The layer's name in the network."""
        return self.provenance.layer

    @cached_property
    def table(self) -> pd.DataFrame:
        """One row per analysed galaxy: row (in the survey), galaxy_id, x, y."""
        return pd.read_parquet(self.path / "embedding.parquet")

    @cached_property
    def rows(self) -> NDArray[np.int64]:
        """Rows of the survey that were analysed (n,), ascending."""
        return self.table["row"].to_numpy(np.int64)

    @cached_property
    def embedding(self) -> Embedding:
        """The map (n, 2)."""
        return Embedding(
            self.table[["x", "y"]].to_numpy(np.float32), str(self.provenance.parameters.get("map", "umap"))
        )

    def activations(self, positions: Rows | None = None) -> NDArray[np.float32]:
        """Pooled activations (n, channel) of all, or of the given positions among `rows`."""
        array = open_array(self.path / "activations.zarr")
        return np.asarray(array[:]) if positions is None else read_rows(array, positions)

    def neighbours(self, positions: Rows | None = None) -> Neighbours:
        """Neighbours of all, or of the given positions; `Neighbours.rows` are rows of the survey."""
        rows, distances = (open_array(self.path / "neighbours.zarr" / name) for name in ("rows", "distances"))
        metric = str(self.provenance.parameters["metric"])
        if positions is None:
            return Neighbours(np.asarray(rows[:]), np.asarray(distances[:]), metric)
        return Neighbours(read_rows(rows, positions), read_rows(distances, positions), metric)

    def position_of(self, row: int) -> int | None:
        """Where a row of the survey stands among `rows`; None if it was not analysed."""
        position = int(np.searchsorted(self.rows, row))
        return position if position < len(self.rows) and self.rows[position] == row else None

    # -- writing ------------------------------------------------------------------------------------------------------

    def has_shard(self, shard: int) -> bool:
        """Whether the activations of a shard of galaxies are on disk."""
        return (self.path / "activations.zarr" / "c" / str(shard) / "0").is_file()

    def write_activations(self, shard: int, values: NDArray[np.float32], n: int) -> None:
        """Store the pooled activations (m, channel) of one shard, of `n` galaxies in all."""
        folder = self.path / "activations.zarr"
        if not (folder / "zarr.json").is_file():
            create_array(folder, (n, values.shape[1]), np.float32, _CHUNK_ROWS)
        write_shard(open_array(folder, writable=True), shard, values)

    def write_neighbours(self, neighbours: Neighbours) -> None:
        """Store neighbours whose `rows` are rows of the survey, in place of those of an interrupted analysis."""
        shutil.rmtree(self.path / "neighbours.zarr", ignore_errors=True)
        for name, values in (("rows", neighbours.rows), ("distances", neighbours.distances)):
            array = create_array(self.path / "neighbours.zarr" / name, values.shape, values.dtype, _CHUNK_ROWS)
            array[:] = values

    def write_table(self, rows: NDArray[np.int64], galaxy_ids: NDArray[np.int64], embedding: Embedding) -> None:
        """Store the map with the galaxies it shows."""
        x, y = embedding.coordinates.T
        write_parquet(
            self.path / "embedding.parquet", pd.DataFrame({"row": rows, GALAXY_ID: galaxy_ids, "x": x, "y": y})
        )

    def complete(self, provenance: Provenance) -> None:
        """Say that everything is there."""
        write_json(self.path / "provenance.json", provenance.to_json())


def layer_folder(model_path: Path, layer: str) -> Path:
    """The folder of a layer; a nested layer ``backbone/conv5`` becomes ``backbone.conv5``."""
    return model_path / layer.replace("/", ".")


def analyses_of(model_path: Path) -> list[Analysis]:
    """All complete analyses of a model, the newest first."""
    files = sorted(model_path.glob("*/*/provenance.json"), key=lambda file: file.stat().st_mtime, reverse=True)
    return [Analysis(file.parent) for file in files]


def latest_analysis(model_path: Path, data: str, model: str, layer: str | None = None) -> Analysis | None:
    """The newest analysis of exactly this data and this model, of any layer or of one; None if there is none.

    Parameters
    ----------
    model_path : Path
    data, model : str
        The digests of the survey and of the model file as they are now.
    layer : str, optional
    """
    for analysis in analyses_of(model_path):
        made = analysis.provenance
        if (made.data, made.model) == (data, model) and layer in (None, made.layer):
            return analysis
    return None
