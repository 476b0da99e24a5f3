"""The truth of a painted survey: the light of each component, and the recipes to repaint galaxies from.

``truth.parquet`` has a recipe per galaxy, ``truth.zarr`` two arrays along the survey's rows. Both are written before
the cutouts of the same rows are committed, so that every committed row has its truth.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import zarr
from numpy.typing import DTypeLike, NDArray
from zarr.codecs import ZstdCodec

from gz2interp.errors import InputError, SurveyError, choices
from gz2interp.schema import GALAXY_ID
from gz2interp.stores.arrays import CHUNK_ROWS, SHARD_ROWS, Rows, open_array, read_rows, write_shard
from gz2interp.stores.header import Header, SurveyLocation
from gz2interp.stores.locations import location_of, writable_folder
from gz2interp.stores.reading import errors_as, reading
from gz2interp.stores.tables import read_parquet, write_blocks

__all__ = ["Truth"]

ARRAYS, TABLE = "truth.zarr", "truth.parquet"


class Truth:
    """Components of the galaxies of a painted survey.

    Parameters
    ----------
    location : SurveyLocation
        Of the survey; use `Truth.open` or `Truth.create`.
    """

    def __init__(self, location: SurveyLocation) -> None:
        self._location = location

    @classmethod
    def open(cls, folder: str | Path) -> Truth:
        """The truth of a survey.

        Raises
        ------
        SurveyError
            The folder is no survey, or its galaxies were not painted.
        """
        location = location_of(folder)
        location.header()
        if not location.has(TABLE):
            raise SurveyError(
                f"{location.folder.name} has no truth",
                "A painted survey: only painted galaxies have known components",
                "Make a painted survey with python -m trainer paint",
            )
        return cls(location)

    @classmethod
    def exists(cls, folder: str | Path) -> bool:
        """Whether the survey has a truth."""
        return location_of(folder).has(TABLE)

    @classmethod
    def create(
        cls,
        folder: str | Path,
        recipes: Iterable[pd.DataFrame],
        components: Sequence[str],
        settings: Mapping[str, Any] | None = None,
    ) -> Truth:
        """Create the truth of a survey with its recipes and without light.

        Parameters
        ----------
        folder : path
            Of a survey.
        recipes : iterable of DataFrame
            Blocks of rows in the order of the catalogue: galaxy_id, seed, recipe (text), and any other columns.
        components : sequence of str
            Names along the component axis.
        settings : mapping, optional
            Settings that the recipes follow from, as JSON values.

        Raises
        ------
        InputError
            The galaxies are not those of the catalogue.
        """
        path = writable_folder(folder)
        header, names = Header.read(path), list(components)
        attributes = {"components": names, "settings": dict(settings or {})}
        _create(path / ARRAYS / "light", (header.rows, *header.shape, len(names)), np.float16, attributes)
        _create(path / ARRAYS / "flux", (header.rows, len(names), len(header.bands)), np.float32, attributes)
        ids = read_parquet(path / "catalog.parquet", [GALAXY_ID])[GALAXY_ID].to_numpy()
        write_blocks(path / TABLE, _check_galaxies(ids, recipes))  # last: `exists` looks for it
        return cls(SurveyLocation(path))

    @cached_property
    def settings(self) -> dict[str, Any]:
        """Settings that the recipes follow from."""
        return dict(self._light.attrs.get("settings", {}))

    @cached_property
    def components(self) -> tuple[str, ...]:
        """Names along the component axis."""
        return tuple(str(name) for name in self._light.attrs["components"])

    def recipes(self, rows: Rows) -> list[str]:
        """The recipes of some galaxies, as text, in the order of `rows`; only their blocks of the table are read."""
        return [str(text) for text in self._column("recipe", rows)]

    def seeds(self, rows: Rows) -> NDArray[np.int64]:
        """The seeds of some galaxies."""
        seeds = self._column("seed", rows)
        with errors_as(SurveyError, TABLE):
            return np.array(seeds, np.int64)

    @cached_property
    def galaxy_ids(self) -> NDArray[np.int64]:
        """The galaxies of the recipes, in order."""
        return read_parquet(self._location.file(TABLE), [GALAXY_ID], {GALAXY_ID: "i"})[GALAXY_ID].to_numpy(np.int64)

    def light(self, rows: Rows) -> NDArray[np.float16]:
        """Light of each component as a share of the galaxy's total r-band flux, float16 (n, y, x, component).

        The light is convolved with the PSF and has no noise. Dust is negative; light of objects in front of or behind
        the galaxy is added: the galaxy's own components sum to 1 less what falls outside its cutout. Shares below 3e-8
        in a pixel are 0, as those of components that a galaxy lacks. Sum them in float32.

        Raises
        ------
        SurveyError
            A row is not painted yet.
        """
        return read_rows(self._light, self._painted_rows(rows))

    def flux(self, rows: Rows) -> NDArray[np.float32]:
        """Total flux of each component over the whole sky, float32 (n, component, band) [nanomaggies]."""
        return read_rows(self._flux, self._painted_rows(rows))

    def write_shard(self, shard: int, light: NDArray[np.float16], flux: NDArray[np.float32]) -> None:
        """Write the truth of the galaxies of one shard, from its first row on; only for the writer of the survey.

        Parameters
        ----------
        light : float16 (m, y, x, component)
        flux : float32 (m, component, band)
        """
        for name, values in (("light", light), ("flux", flux)):
            write_shard(open_array(self._location.folder / ARRAYS / name, writable=True), shard, values)

    def component(self, name: str) -> int:
        """Index of a component along its axis.

        Raises
        ------
        InputError
            The survey has no component of that name.
        """
        if name not in self.components:
            raise InputError(f"The truth has no component {name}", f"Its components are {choices(self.components)}")
        return self.components.index(name)

    def _column(self, name: str, rows: Rows) -> list[Any]:
        """Values of one column, read a block of rows at a time."""
        file = self._location.file(TABLE)
        with reading(file, SurveyError), pq.ParquetFile(file, page_checksum_verification=True) as table:
            counts = [table.metadata.row_group(block).num_rows for block in range(table.num_row_groups)]
            ends = np.cumsum(counts)
            rows = np.asarray(rows, np.int64)
            blocks = np.searchsorted(ends, rows, side="right")
            values = {int(block): table.read_row_group(int(block), columns=[name])[name] for block in np.unique(blocks)}
            starts = ends - counts
            places = zip(blocks, rows, strict=True)
            return [values[int(block)][int(row - starts[block])].as_py() for block, row in places]

    @cached_property
    def _light(self) -> Any:
        return self._array("light", (*self._header.shape, None))

    @cached_property
    def _flux(self) -> Any:
        return self._array("flux", (None, len(self._header.bands)))

    @property
    def _header(self) -> Header:
        return Header.read(self._location.folder)

    def _array(self, name: str, rest: tuple[int | None, ...]) -> Any:
        array = self._location.array(f"{ARRAYS}/{name}", (self._header.rows, *rest))
        names, axis = array.attrs.get("components"), array.shape[3 if name == "light" else 1]
        if not isinstance(names, list) or len(names) != axis or not isinstance(array.attrs.get("settings", {}), dict):
            raise SurveyError(
                f"The truth of {self._location.folder.name} has {axis} components and names {names!r}",
                remedy="Put back a copy of truth.zarr",
            )
        return array

    def _painted_rows(self, rows: Rows) -> NDArray[np.int64]:
        indices, painted = np.asarray(rows, dtype=np.int64), self._header.rows_committed
        if indices.size and (indices.min() < 0 or indices.max() >= painted):
            raise SurveyError(
                f"The truth of rows {indices.min()} to {indices.max()} was requested", f"{painted} galaxies are painted"
            )
        return indices


def _check_galaxies(ids: NDArray[np.int64], blocks: Iterable[pd.DataFrame]) -> Iterator[pd.DataFrame]:
    """The blocks, with their galaxies compared with `ids`."""
    count = 0
    for block in blocks:
        if not np.array_equal(ids[count : count + len(block)], block[GALAXY_ID]):
            count = -1
            break
        count += len(block)
        yield block
    if count != len(ids):
        raise InputError("The recipes are of other galaxies than the catalogue", "One per galaxy, in its order")


def _create(path: Path, shape: tuple[int, ...], dtype: DTypeLike, attributes: dict[str, Any]) -> None:
    """Create a compressed array: most galaxies lack most components."""
    zarr.create_array(
        path,
        shape=shape,
        dtype=dtype,
        shards=(SHARD_ROWS, *shape[1:]),
        chunks=(CHUNK_ROWS, *shape[1:]),
        compressors=ZstdCodec(level=1),
        fill_value=0,
        attributes=attributes,
        overwrite=True,  # an interrupted creation may have left one
    )
