"""The truth of a painted survey: which light belongs to which component, and the recipes to repaint it from.

``truth.parquet`` holds a recipe per galaxy, ``truth.zarr`` two arrays along the survey's rows. Both are written before
the cutouts of the same rows are committed, so the truth of a committed row is always there.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import zarr
from numpy.typing import DTypeLike, NDArray
from zarr.codecs import ZstdCodec

from gz2interp.errors import InputError, SurveyError, choices
from gz2interp.schema import GALAXY_ID
from gz2interp.stores.arrays import CHUNK_ROWS, SHARD_ROWS, Rows, open_array, read_rows, write_shard
from gz2interp.stores.header import Header
from gz2interp.stores.tables import write_parquet

__all__ = ["Truth"]

ARRAYS, TABLE = "truth.zarr", "truth.parquet"


class Truth:
    """What the galaxies of a painted survey are made of.

    Parameters
    ----------
    folder : Path
        The survey's; use `Truth.open` or `Truth.create`.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @classmethod
    def open(cls, folder: str | Path) -> Truth:
        """The truth of a survey.

        Raises
        ------
        SurveyError
            The folder is no survey, or its galaxies were not painted.
        """
        path = Path(folder).expanduser().absolute()
        Header.read(path)
        if not cls.exists(path):
            raise SurveyError(
                f"{path.name} has no truth",
                "Only painted galaxies are known to be made of components",
                "Make a painted survey with python -m trainer paint",
            )
        return cls(path)

    @classmethod
    def exists(cls, folder: str | Path) -> bool:
        """Whether the survey has a truth."""
        return (Path(folder).expanduser() / TABLE).is_file()

    @classmethod
    def create(cls, folder: str | Path, recipes: pd.DataFrame, components: Sequence[str]) -> Truth:
        """Give a survey a truth that has its recipes and no light yet.

        Parameters
        ----------
        folder : path
            Of a survey.
        recipes : DataFrame
            In the order of the catalogue: galaxy_id, seed, recipe (text), and what else is worth keeping.
        components : sequence of str
            Names along the component axis.

        Raises
        ------
        InputError
            The galaxies are not those of the catalogue.
        """
        path = Path(folder).expanduser().absolute()
        header = Header.read(path)
        ids = pd.read_parquet(path / "catalog.parquet", columns=[GALAXY_ID])[GALAXY_ID]
        if not np.array_equal(ids, recipes[GALAXY_ID]):
            raise InputError("The recipes are of other galaxies than the catalogue", "One per galaxy, in its order")
        n, names = len(recipes), {"components": list(components)}
        _create(path / ARRAYS / "light", (n, *header.shape, len(components)), np.float16, names)
        _create(path / ARRAYS / "flux", (n, len(components), len(header.bands)), np.float32, names)
        write_parquet(path / TABLE, recipes)  # last: it is what says that there is a truth
        return cls(path)

    @cached_property
    def components(self) -> tuple[str, ...]:
        """Names along the component axis."""
        return tuple(str(name) for name in self._light.attrs["components"])

    @cached_property
    def recipes(self) -> pd.DataFrame:
        """The recipe and the seed of each galaxy, one row per row of the catalogue."""
        return pd.read_parquet(self._folder / TABLE)

    def light(self, rows: Rows) -> NDArray[np.float16]:
        """Light of each component as a share of the galaxy's total r-band flux, float16 (n, y, x, component).

        It is the light after the PSF and before the noise, so a galaxy's sum is 1 less what falls outside its cutout; 0
        for a component that the galaxy does not have. Shares below 3e-8 in a pixel are 0. Add up in float32.

        Raises
        ------
        SurveyError
            A row is not painted yet.
        """
        return read_rows(self._light, self._painted(rows))

    def flux(self, rows: Rows) -> NDArray[np.float32]:
        """Total flux of each component over the whole sky, float32 (n, component, band) [nanomaggies]."""
        return read_rows(self._flux, self._painted(rows))

    def write_shard(self, shard: int, light: NDArray[np.float16], flux: NDArray[np.float32]) -> None:
        """Write the truth of the galaxies of one shard, from its first row on; only who writes the survey may.

        Parameters
        ----------
        shard : int
        light : float16 (m, y, x, component)
        flux : float32 (m, component, band)
        """
        for name, values in (("light", light), ("flux", flux)):
            write_shard(open_array(self._folder / ARRAYS / name, writable=True), shard, values)

    def component(self, name: str) -> int:
        """Index of a component along its axis.

        Raises
        ------
        InputError
            The survey has no component of that name.
        """
        if name not in self.components:
            raise InputError(f"The truth knows no component {name}", f"Its components are {choices(self.components)}")
        return self.components.index(name)

    @cached_property
    def _light(self) -> Any:
        return open_array(self._folder / ARRAYS / "light")

    @cached_property
    def _flux(self) -> Any:
        return open_array(self._folder / ARRAYS / "flux")

    def _painted(self, rows: Rows) -> NDArray[np.int64]:
        wanted, painted = np.asarray(rows, dtype=np.int64), Header.read(self._folder).rows_committed
        if wanted.size and (wanted.min() < 0 or wanted.max() >= painted):
            raise SurveyError(
                f"The truth of rows {wanted.min()} to {wanted.max()} was asked for", f"{painted} galaxies are painted"
            )
        return wanted


def _create(path: Path, shape: tuple[int, ...], dtype: DTypeLike, attributes: dict[str, Any]) -> None:
    """As the survey's arrays, but one component to a chunk, and compressed: most galaxies lack most components."""
    axis = 1 if len(shape) == 3 else 3
    chunk = [CHUNK_ROWS, *shape[1:]]
    chunk[axis] = 1
    zarr.create_array(
        path,
        shape=shape,
        dtype=dtype,
        shards=(SHARD_ROWS, *shape[1:]),
        chunks=tuple(chunk),
        compressors=ZstdCodec(level=1),
        fill_value=0,
        attributes=attributes,
        overwrite=True,  # an interrupted creation may have left one
    )
