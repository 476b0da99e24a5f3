"""The building blocks of an analysed layer: the folder ``blocks/`` of its analysis, which dies with it.

It holds ``channels.parquet`` (a row per channel), ``tops.npz`` (loudest and quietest galaxies of each),
``correlates.parquet`` and ``artefacts.parquet`` (every test that was made), ``groups.npz`` (directions),
``places.npz`` (the sampled places and their layout), ``atlas-0.npz`` of all places and ``atlas-1.npz`` and so on of
those that speak most for each class, and ``provenance.json``, which is written last.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gz2interp.errors import InputError, choices
from gz2interp.results import Provenance
from gz2interp.stores.analyses import Analysis
from gz2interp.stores.arrays import read_npz
from gz2interp.stores.files import replaced, write_json
from gz2interp.stores.kept import KeptFolder
from gz2interp.stores.tables import read_parquet, write_parquet

__all__ = ["BlocksFolder", "blocks_folder"]

Arrays = dict[str, NDArray[Any]]

TABLES = ("channels", "correlates", "artefacts")


_ARRAYS: Final[Mapping[str, Mapping[str, str]]] = {
    "groups": {"directions": "f group channel", "held": "f", "negative": "f"},
    "places": {"rows": "i m", "y": "i m", "x": "i m", "attributed": "f m class", "coordinates": "f m plane"},
    "tops": {
        f"{side}_{name}": f"{kind} channel {side}"
        for side in ("top", "bottom", "peak")
        for name, kind in {"values": "f", "rows": "i", "y": "i", "x": "i"}.items()
    },
    "atlas": {
        **dict.fromkeys(("column", "row", "counts"), "i cell"),
        **dict.fromkeys(("directions", "whitened"), "f cell channel"),
        "side": "i",
        "attributed": "f cell class",
        "patches": "i cell k",
        "held": "f cell",
        "scores": "U class",
    },
}
"""What ``NAME.npz`` holds, as in `gz2interp.stores.arrays.read_npz`; ``atlas-0.npz`` and so on hold the same."""


@dataclass(frozen=True)
class BlocksFolder(KeptFolder):
    """``blocks/`` of an analysis."""

    @cached_property
    def channels(self) -> pd.DataFrame:
        """A row per channel, in order: see `gz2interp.workflows.blocks.channels`."""
        return read_parquet(self.path / "channels.parquet")

    @cached_property
    def correlates(self) -> pd.DataFrame:
        """Every test of a channel with a column."""
        return read_parquet(self.path / "correlates.parquet")

    @cached_property
    def artefacts(self) -> pd.DataFrame:
        """Every test of a channel with a column of image quality."""
        return read_parquet(self.path / "artefacts.parquet")

    def arrays(self, name: str) -> Arrays:
        """The arrays of ``NAME.npz``.

        Raises
        ------
        InputError
            There is no such file.
        """
        file = self.path / f"{name}.npz"
        if not file.is_file():
            there = sorted(each.stem for each in self.path.glob("*.npz"))
            raise InputError(f"The blocks {name!r} were asked for", f"There are {choices(there)}")
        return read_npz(file, _ARRAYS[name.split("-")[0]])

    def has(self, file: str) -> bool:
        """Whether a file of it, such as ``groups.npz``, has been written."""
        return (self.path / file).is_file()

    def write_table(self, name: str, table: pd.DataFrame) -> None:
        """Write one of `TABLES`."""
        write_parquet(self.path / f"{name}.parquet", table)

    def write_arrays(self, name: str, arrays: Mapping[str, Any]) -> None:
        """Write the arrays of ``NAME.npz``."""
        with replaced(self.path / f"{name}.npz") as aside:
            np.savez(aside, allow_pickle=False, **arrays)

    def complete(self, provenance: Provenance) -> None:
        """Write, last, how it was made."""
        write_json(self.path / "provenance.json", provenance.to_json())


def blocks_folder(analysis: Analysis) -> BlocksFolder:
    """The folder of an analysis, made or not."""
    return BlocksFolder(analysis.path / "blocks")
