"""What is unusual in an analysed layer: ``unusual/`` inside its folder, complete with ``provenance.json``.

It holds ``scores.parquet`` (a row per analysed galaxy), ``vectors.npy`` (where each lies among the others, read as a
memory map), ``numbers.npy`` (what was measured on the pixels of each, likewise) and ``frozen.npz`` (what is needed to
judge other galaxies). It goes with the analysis.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gz2interp.results import Provenance
from gz2interp.schema import GALAXY_ID
from gz2interp.stores.analyses import Analysis
from gz2interp.stores.arrays import new_memmap, read_npy, read_npz
from gz2interp.stores.files import read_record, replaced, write_json
from gz2interp.stores.tables import read_parquet, write_parquet

__all__ = ["UnusualFolder", "unusual_folder"]

Floats = NDArray[np.float32]
_NEEDED = {"row": "i", GALAXY_ID: "i", "rank": "i", "score": "f", "reason": ""}


@dataclass(frozen=True)
class UnusualFolder:
    """The folder ``unusual`` of an analysis.

    Attributes
    ----------
    path : Path
    """

    path: Path

    @property
    def is_complete(self) -> bool:
        """Whether everything has been written."""
        return (self.path / "provenance.json").is_file()

    @cached_property
    def provenance(self) -> Provenance:
        """How it was made."""
        return read_record(self.path / "provenance.json", Provenance.from_json)

    @cached_property
    def table(self) -> pd.DataFrame:
        """row, galaxy_id, rank (from 1), score, reason; of each score its value and, as ``normal_...``, its place."""
        return read_parquet(self.path / "scores.parquet", needs=_NEEDED)

    @cached_property
    def vectors(self) -> Floats:
        """Where each galaxy lies, float32 (n, component): a memory map."""
        return read_npy(self.path / "vectors.npy", mapped=True)

    @cached_property
    def numbers(self) -> Floats | None:
        """What was measured on the pixels, float32 (n, number): a memory map; None where nothing was."""
        file = self.path / "numbers.npy"
        return read_npy(file, mapped=True) if file.is_file() else None

    @cached_property
    def frozen(self) -> dict[str, NDArray[np.generic]]:
        """The arrays that judge other galaxies."""
        return read_npz(self.path / "frozen.npz")

    def room(self, name: str, n: int, columns: int) -> Floats:
        """Room for ``vectors`` or ``numbers``."""
        return new_memmap(self.path / f"{name}.npy", (n, columns))

    def complete(self, table: pd.DataFrame, frozen: Mapping[str, NDArray[np.generic]], provenance: Provenance) -> None:
        """Write the rest, and last that everything is there."""
        write_parquet(self.path / "scores.parquet", table)
        with replaced(self.path / "frozen.npz") as aside:
            np.savez(aside, allow_pickle=False, **frozen)
        write_json(self.path / "provenance.json", provenance.to_json())


def unusual_folder(analysis: Analysis) -> UnusualFolder:
    """The folder of an analysis, made or not."""
    return UnusualFolder(analysis.path / "unusual")
