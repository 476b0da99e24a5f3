"""Folders of results, and the analysis of a layer: ``models/NAME/LAYER/HASH/``."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
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
from gz2interp.stores.files import atomic_write, read_record, storage_errors, write_json
from gz2interp.stores.reading import DamagedFile, errors_as
from gz2interp.stores.tables import read_parquet, write_parquet

__all__ = ["Analysis", "ResultFolder", "analyses_of", "latest_analysis", "layer_folder"]

_CHUNK_ROWS = 64
_NEEDED = {"row": "i", GALAXY_ID: "i", "x": "f", "y": "f"}
_PROVENANCE = "provenance.json"


@dataclass(frozen=True)
class ResultFolder:
    """A folder of results: tables (``NAME.parquet``), arrays (``NAME.npz``) and, written last, ``provenance.json``."""

    path: Path

    @property
    def is_complete(self) -> bool:
        """Whether everything has been written."""
        return self.has(_PROVENANCE)

    @property
    def provenance(self) -> Provenance | None:
        """How the results were made; None where they are not complete."""
        return read_record(self.path / _PROVENANCE, Provenance.from_json) if self.is_complete else None

    def has(self, file: str) -> bool:
        """Whether a file, such as ``groups.npz``, has been written."""
        return (self.path / file).is_file()

    def read_table(self, name: str, needs: Mapping[str, str] | None = None) -> pd.DataFrame:
        """A table; `needs` as in `gz2interp.stores.tables.read_parquet`."""
        return read_parquet(self.path / f"{name}.parquet", needs=needs)

    def read_arrays(self, name: str, needs: Sequence[str] | Mapping[str, str] = ()) -> dict[str, NDArray[Any]]:
        """The arrays of a file; `needs` as in `gz2interp.stores.arrays.read_npz`."""
        return read_npz(self.path / f"{name}.npz", needs)

    def write_table(self, name: str, table: pd.DataFrame) -> None:
        """Write or replace a table."""
        write_parquet(self.path / f"{name}.parquet", table)

    def write_arrays(self, name: str, arrays: Mapping[str, Any]) -> None:
        """Write or replace a file of arrays."""
        with atomic_write(self.path / f"{name}.npz") as aside:
            np.savez(aside, allow_pickle=False, **arrays)

    def complete(self, provenance: Provenance) -> None:
        """Write the provenance, which marks the folder as complete."""
        write_json(self.path / _PROVENANCE, provenance.to_json())

    def write(
        self,
        provenance: Provenance,
        tables: Mapping[str, pd.DataFrame] | None = None,
        arrays: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        """Write all results at once, in place of earlier ones; interrupted, the folder is not complete."""
        (self.path / _PROVENANCE).unlink(missing_ok=True)
        for name, table in (tables or {}).items():
            self.write_table(name, table)
        for name, values in (arrays or {}).items():
            self.write_arrays(name, values)
        self.complete(provenance)


@dataclass(frozen=True)
class Analysis(ResultFolder):
    """The analysis of one layer; the folder is named by the digest of its provenance.

    It holds ``activations.zarr``, ``neighbours.zarr``, ``search.json`` (how the neighbours were searched),
    ``whitening.npz`` (where distances are whitened), ``embedding.parquet`` (the map) and ``quality.json`` (of the map).
    """

    @cached_property
    def provenance(self) -> Provenance:
        """How the results were made.

        Raises
        ------
        SurveyError
            The analysis is not complete, or the provenance is that of another folder.
        """
        provenance = read_record(self.path / _PROVENANCE, Provenance.from_json)
        if provenance.digest != self.path.name:
            raise SurveyError(
                f"provenance.json in {self.path} describes another result than the one that the folder is named by",
                remedy="Put back a copy of it, or remove the folder and analyse the layer again",
            )
        return provenance

    @property
    def layer(self) -> str:
        """The layer's name in the network."""
        return self.provenance.layer

    @property
    def words(self) -> str:
        """The layer, the metric and the pooling, which tell a layer's analyses apart."""
        pooling = str(self.provenance.parameters.get("pooling", "mean"))
        return f"{self.layer} by {self.metric} distance" + ("" if pooling in ("mean", "none") else f", {pooling}")

    @cached_property
    def table(self) -> pd.DataFrame:
        """One row per analysed galaxy: row (in the survey), galaxy_id, x, y; laid_out, where not all shaped the map."""
        return self.read_table("embedding", _NEEDED)

    @cached_property
    def rows(self) -> NDArray[np.int64]:
        """Rows of the survey that were analysed (n,), ascending."""
        return self.table["row"].to_numpy(np.int64)

    @cached_property
    def embedding(self) -> Embedding:
        """The map (n, 2)."""
        method = str(self.provenance.parameters.get("map", "umap"))
        return Embedding(self.table[["x", "y"]].to_numpy(np.float32), method)

    @cached_property
    def laid_out(self) -> NDArray[np.bool_]:
        """Which galaxies shaped the map (n,); the others were placed among them afterwards."""
        if "laid_out" in self.table:
            return self.table["laid_out"].to_numpy(np.bool_)
        return np.ones(len(self.rows), np.bool_)

    @property
    def quality(self) -> MapQuality | None:
        """Quality of the map; None where it was not measured."""
        file = self.path / "quality.json"
        return read_record(file, lambda record: MapQuality.from_json(record["quality"])) if file.is_file() else None

    def activations(self, positions: Rows | None = None) -> NDArray[np.float32]:
        """Pooled activations (n, channel) of all, or of the given positions among `rows`."""
        array = self.table_of_activations
        return read_all(array) if positions is None else read_rows(array, positions)

    def neighbours(self, positions: Rows | None = None, metric: str | None = None) -> Neighbours:
        """Neighbours of all, or of the given positions; `Neighbours.rows` are rows of the survey.

        `metric` is needed only while the analysis is not complete.
        """
        arrays, metric = self._neighbours, metric or self.metric
        rows, distances = (read_all(array) if positions is None else read_rows(array, positions) for array in arrays)
        with errors_as(SurveyError, str(self.path / "neighbours.zarr"), remedy="Run gz2interp analyse again"):
            if not (np.isfinite(distances).all() and (self._length is None or self._were_analysed(rows))):
                raise DamagedFile("it names galaxies that were not analysed, or distances that are no numbers")
        return Neighbours(rows, distances, metric, self.search)

    @property
    def metric(self) -> str:
        """The metric of the neighbours' distances."""
        return str(self.provenance.parameters["metric"])

    @property
    def n_neighbours(self) -> int:
        """Neighbours stored of each galaxy."""
        return int(self._neighbours[0].shape[1])

    @cached_property
    def search(self) -> Search | None:
        """How the neighbours were searched; None in analyses of earlier versions."""
        file = self.path / "search.json"
        return read_record(file, Search.from_json) if file.is_file() else None

    @cached_property
    def whitening(self) -> Whitening | None:
        """The whitening of the distances; None where they are not whitened."""
        if not self.has("whitening.npz"):
            return None
        arrays = self.read_arrays("whitening", {"mean": "f channel", "matrix": "f channel component"})
        return Whitening(arrays["mean"], arrays["matrix"])

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
        """Number of analysed galaxies; None while the analysis is being made."""
        return len(self.rows) if self.is_complete and self.has("embedding.parquet") else None

    def position_of(self, row: int) -> int | None:
        """Position of a row of the survey in `rows`; None if it was not analysed."""
        position = int(np.searchsorted(self.rows, row))
        return position if position < len(self.rows) and self.rows[position] == row else None

    # -- writing ------------------------------------------------------------------------------------------------------

    def has_shard(self, shard: int) -> bool:
        """Whether the activations of a shard of galaxies are on disk."""
        return self.has(f"activations.zarr/c/{shard}/0")

    def write_activations(self, shard: int, values: NDArray[np.float32], n: int) -> None:
        """Store the pooled activations (m, channel) of one shard, of `n` galaxies in all."""
        folder = self.path / "activations.zarr"
        if not (folder / "zarr.json").is_file():
            create_array(folder, (n, values.shape[1]), np.float32, _CHUNK_ROWS)
        write_shard(open_array(folder, writable=True), shard, values)

    def write_whitening(self, whitening: Whitening) -> None:
        """Store the whitening of the distances."""
        self.write_arrays("whitening", {"mean": whitening.mean, "matrix": whitening.matrix})

    def begin_neighbours(self, n: int, k: int, search: Search | None) -> None:
        """Create the arrays for k neighbours of n galaxies, in place of those of an interrupted analysis."""
        shutil.rmtree(self.path / "neighbours.zarr", ignore_errors=True)
        if search is not None:
            write_json(self.path / "search.json", search.to_json())
        for name, dtype in (("rows", np.int64), ("distances", np.float32)):
            create_array(self.path / "neighbours.zarr" / name, (n, k), dtype, _CHUNK_ROWS)

    def has_neighbours_from(self, start: int, galaxies: int) -> bool:
        """Whether the neighbours of so many galaxies, from a position on, are on disk."""
        shards = range(start // SHARD_ROWS, -(-(start + galaxies) // SHARD_ROWS))
        names = ("rows", "distances")
        return all(self.has(f"neighbours.zarr/{name}/c/{shard}/0") for name in names for shard in shards)

    def write_neighbours_from(self, start: int, neighbours: Neighbours) -> None:
        """Store the neighbours of galaxies from a position on; their `rows` are rows of the survey.

        Shards are written whole: `start`, and unless the last galaxy is among them their number, are multiples of 256.
        """
        for name, values in (("rows", neighbours.rows), ("distances", neighbours.distances)):
            array = open_array(self.path / "neighbours.zarr" / name, writable=True)
            with storage_errors(self.path):
                array[start : start + len(values)] = values

    def write_neighbours(self, neighbours: Neighbours) -> None:
        """Store the neighbours of all galaxies at once, see `begin_neighbours` and `write_neighbours_from`."""
        n, k = neighbours.rows.shape
        self.begin_neighbours(n, k, neighbours.search)
        self.write_neighbours_from(0, neighbours)

    def write_map(
        self,
        rows: NDArray[np.int64],
        galaxy_ids: NDArray[np.int64],
        embedding: Embedding,
        laid_out: NDArray[np.bool_] | None = None,
    ) -> None:
        """Store the map with the galaxies on it, and which of them shaped it if not all did."""
        x, y = embedding.coordinates.T
        table = pd.DataFrame({"row": rows, GALAXY_ID: galaxy_ids, "x": x, "y": y})
        if laid_out is not None and not laid_out.all():
            table["laid_out"] = laid_out
        self.write_table("embedding", table)

    def write_quality(self, quality: MapQuality, provenance: Provenance) -> None:
        """Store the quality of the map, with the provenance of the measurement."""
        write_json(self.path / "quality.json", {"provenance": provenance.to_json(), "quality": quality.to_json()})

    def mark_newest(self) -> None:
        """Make it the newest of its layer; without effect in a folder that cannot be written."""
        with suppress(OSError):
            (self.path / _PROVENANCE).touch()


def layer_folder(model_path: Path, layer: str) -> Path:
    """The folder of a layer; a nested layer ``backbone/conv5`` becomes ``backbone.conv5``."""
    return model_path / layer.replace("/", ".")


def analyses_of(model_path: Path) -> list[Analysis]:
    """All complete analyses of a model, the newest first."""
    files = sorted(model_path.glob("*/*/provenance.json"), key=lambda file: file.stat().st_mtime, reverse=True)
    return [Analysis(file.parent) for file in files]


def latest_analysis(
    model_path: Path,
    data: str,
    model: str,
    layer: str | None = None,
    holds: Callable[[Analysis], bool] = lambda analysis: True,
) -> Analysis | None:
    """The newest analysis of exactly this data and this model, of any layer or of one; None if there is none.

    Parameters
    ----------
    data, model : str
        The digests of the survey and of the model file as they are now.
    holds : callable, optional
        Whether an analysis has what is needed, such as building blocks; others are passed over.
    """
    for analysis in analyses_of(model_path):
        provenance = analysis.provenance
        same = (provenance.data, provenance.model) == (data, model) and layer in (None, provenance.layer)
        if same and holds(analysis):
            return analysis
    return None
