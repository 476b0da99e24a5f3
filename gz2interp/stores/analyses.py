"""What was found in a layer: one folder per question, named by the digest of its provenance.

``models/NAME/LAYER/HASH/`` holds ``provenance.json``, ``activations.zarr``, ``neighbours.zarr``, ``embedding.parquet``;
``search.json`` says how the neighbours were found, and ``whitening.npz`` what distances were whitened by, if they were;
``quality.json`` how far the map can be believed. It is complete when ``provenance.json`` is there.
"""

from __future__ import annotations

import shutil
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import zarr
from numpy.typing import NDArray

from gz2interp.errors import SurveyError
from gz2interp.map_quality import MapQuality
from gz2interp.results import Embedding, Neighbours, Provenance, Search, Whitening
from gz2interp.schema import GALAXY_ID
from gz2interp.stores.arrays import (
    SHARD_ROWS,
    Rows,
    create_array,
    open_array,
    read_all,
    read_npz,
    read_rows,
    write_shard,
)
from gz2interp.stores.files import read_record, replaced, write_json, writing
from gz2interp.stores.reading import DamagedFile, failing_as
from gz2interp.stores.tables import read_parquet, write_parquet

__all__ = ["Analysis", "analyses_of", "latest_analysis", "layer_folder"]

_CHUNK_ROWS = 64
_NEEDED = {"row": "i", GALAXY_ID: "i", "x": "f", "y": "f"}


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
        """How it was made; its digest is the folder's name."""
        made = read_record(self.path / "provenance.json", Provenance.from_json)
        if made.digest != self.path.name:
            raise SurveyError(
                f"provenance.json in {self.path} describes another result than the one that the folder is named by",
                remedy="Put back a copy of it, or remove the folder and analyse the layer again",
            )
        return made

    @property
    def layer(self) -> str:
        """The layer's name in the network."""
        return self.provenance.layer

    @property
    def words(self) -> str:
        """Which of a layer's analyses it is: the layer, the metric, and what was averaged."""
        pooling = str(self.provenance.parameters.get("pooling", "mean"))
        return f"{self.layer} by {self.metric} distance" + ("" if pooling in ("mean", "none") else f", {pooling}")

    @cached_property
    def table(self) -> pd.DataFrame:
        """One row per analysed galaxy: row (in the survey), galaxy_id, x, y; laid_out, where some were not."""
        return read_parquet(self.path / "embedding.parquet", needs=_NEEDED)

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

    @cached_property
    def laid_out(self) -> NDArray[np.bool_]:
        """Which galaxies shaped the map (n,); the others were placed among them afterwards."""
        if "laid_out" in self.table:
            return self.table["laid_out"].to_numpy(np.bool_)
        return np.ones(len(self.rows), np.bool_)

    @property
    def quality(self) -> MapQuality | None:
        """How far the map can be believed; None where that was not measured."""
        file = self.path / "quality.json"
        return read_record(file, lambda record: MapQuality.from_json(record["quality"])) if file.is_file() else None

    def activations(self, positions: Rows | None = None) -> NDArray[np.float32]:
        """Pooled activations (n, channel) of all, or of the given positions among `rows`."""
        array = self.table_of_activations
        return read_all(array) if positions is None else read_rows(array, positions)

    def neighbours(self, positions: Rows | None = None, metric: str | None = None) -> Neighbours:
        """Neighbours of all, or of the given positions; `Neighbours.rows` are rows of the survey.

        An analysis that is being made does not know its metric yet.
        """
        stored, metric = self._neighbours, metric or self.metric
        rows, distances = (read_all(array) if positions is None else read_rows(array, positions) for array in stored)
        with failing_as(SurveyError, str(self.path / "neighbours.zarr"), remedy="Run gz2interp analyse again"):
            if not (np.isfinite(distances).all() and (self._length is None or self._were_analysed(rows))):
                raise DamagedFile("it names galaxies that were not analysed, or distances that are no numbers")
        return Neighbours(rows, distances, metric, self.search)

    @property
    def metric(self) -> str:
        """What near means."""
        return str(self.provenance.parameters["metric"])

    @property
    def kept(self) -> int:
        """How many neighbours of each galaxy are kept."""
        return int(self._neighbours[0].shape[1])

    @cached_property
    def search(self) -> Search | None:
        """How the neighbours were found; None where that was not written down."""
        file = self.path / "search.json"
        return read_record(file, Search.from_json) if file.is_file() else None

    @cached_property
    def whitening(self) -> Whitening | None:
        """What distances are whitened by; None where they are not."""
        file = self.path / "whitening.npz"
        if not file.is_file():
            return None
        stored = read_npz(file, {"mean": "f channel", "matrix": "f channel component"})
        return Whitening(stored["mean"], stored["matrix"])

    @cached_property
    def table_of_activations(self) -> zarr.Array[Any]:
        """The pooled activations on disk, to be read in portions."""
        return open_array(self.path / "activations.zarr", shape=(self._length, None))

    @cached_property
    def _neighbours(self) -> tuple[zarr.Array[Any], zarr.Array[Any]]:
        rows = open_array(self.path / "neighbours.zarr/rows", shape=(self._length, None))
        return rows, open_array(self.path / "neighbours.zarr/distances", shape=rows.shape)

    def _were_analysed(self, rows: NDArray[np.int64]) -> bool:
        if not len(self.rows):
            return not rows.size
        positions = np.minimum(np.searchsorted(self.rows, rows), len(self.rows) - 1)
        return bool((self.rows[positions] == rows).all())

    @property
    def _length(self) -> int | None:
        """How many galaxies were analysed; None while that is being done."""
        is_complete = all((self.path / name).is_file() for name in ("provenance.json", "embedding.parquet"))
        return len(self.rows) if is_complete else None

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

    def write_whitening(self, whitening: Whitening) -> None:
        """Store what distances are whitened by."""
        with replaced(self.path / "whitening.npz") as aside:
            np.savez(aside, mean=whitening.mean, matrix=whitening.matrix)

    def begin_neighbours(self, n: int, k: int, search: Search | None) -> None:
        """Make room for k neighbours of n galaxies, in place of those of an interrupted analysis."""
        shutil.rmtree(self.path / "neighbours.zarr", ignore_errors=True)
        if search is not None:
            write_json(self.path / "search.json", search.to_json())
        for name, dtype in (("rows", np.int64), ("distances", np.float32)):
            create_array(self.path / "neighbours.zarr" / name, (n, k), dtype, _CHUNK_ROWS)

    def has_neighbours_from(self, start: int, galaxies: int) -> bool:
        """Whether the neighbours of so many galaxies, from a position on, are on disk."""
        shards = range(start // SHARD_ROWS, -(-(start + galaxies) // SHARD_ROWS))
        places = [self.path / "neighbours.zarr" / name / "c" for name in ("rows", "distances")]
        return all((place / str(shard) / "0").is_file() for place in places for shard in shards)

    def write_neighbours_from(self, start: int, neighbours: Neighbours) -> None:
        """Store the neighbours of galaxies from a position on; their `rows` are rows of the survey.

        Shards are written whole: `start`, and unless the last galaxy is among them their number, are multiples of 256.
        """
        for name, values in (("rows", neighbours.rows), ("distances", neighbours.distances)):
            array = open_array(self.path / "neighbours.zarr" / name, writable=True)
            with writing(self.path):
                array[start : start + len(values)] = values

    def write_neighbours(self, neighbours: Neighbours) -> None:
        """Store the neighbours of all galaxies at once, see `begin_neighbours` and `write_neighbours_from`."""
        n, k = neighbours.rows.shape
        self.begin_neighbours(n, k, neighbours.search)
        self.write_neighbours_from(0, neighbours)

    def write_table(
        self,
        rows: NDArray[np.int64],
        galaxy_ids: NDArray[np.int64],
        embedding: Embedding,
        laid_out: NDArray[np.bool_] | None = None,
    ) -> None:
        """Store the map with the galaxies it shows, and which of them shaped it if not all."""
        x, y = embedding.coordinates.T
        table = pd.DataFrame({"row": rows, GALAXY_ID: galaxy_ids, "x": x, "y": y})
        if laid_out is not None and not laid_out.all():
            table["laid_out"] = laid_out
        write_parquet(self.path / "embedding.parquet", table)

    def write_quality(self, quality: MapQuality, provenance: Provenance) -> None:
        """Store how far the map can be believed, with how that was found."""
        write_json(self.path / "quality.json", {"provenance": provenance.to_json(), "quality": quality.to_json()})

    def complete(self, provenance: Provenance) -> None:
        """Say that everything is there."""
        write_json(self.path / "provenance.json", provenance.to_json())

    def ask_again(self) -> None:
        """Make it the newest of its layer; where nothing may be written, it stays what it is."""
        with suppress(OSError):
            (self.path / "provenance.json").touch()


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
