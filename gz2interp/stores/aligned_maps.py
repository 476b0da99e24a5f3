"""The map of one analysis laid beside that of another, kept in the folder of the one that was laid anew."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gz2interp.results import Provenance, versions_of
from gz2interp.stores.analyses import Analysis
from gz2interp.stores.files import read_record, write_json
from gz2interp.stores.tables import read_parquet, write_parquet

__all__ = ["AlignedMap"]


class AlignedMap:
    """``aligned/HASH/`` of an analysis: places beside another analysis' map, and how they were found.

    Parameters
    ----------
    analysis : Analysis
        The one whose map is laid anew.
    beside : Analysis
        The one that it is laid beside.
    """

    def __init__(self, analysis: Analysis, beside: Analysis) -> None:
        made = analysis.provenance
        self.provenance = replace(
            made,
            method="aligned map",
            parameters={"analysis": made.digest, "beside": beside.provenance.digest, "fit": "procrustes with scale"},
            seed=made.seed,
            versions=versions_of("gz2interp", "umap-learn", "numpy"),
        )
        self._folder = analysis.path / "aligned" / self.provenance.digest

    def read(self) -> NDArray[np.float32] | None:
        """Places of all galaxies of the analysis (n, 2); None where they have not been found yet."""
        file = self._folder / "provenance.json"
        if not file.is_file() or read_record(file, Provenance.from_json).digest != self.provenance.digest:
            return None
        return read_parquet(self._folder / "map.parquet", needs={"x": "f", "y": "f"})[["x", "y"]].to_numpy(np.float32)

    def write(self, places: NDArray[np.float32]) -> None:
        """Keep the places and, behind them, how they were found."""
        write_parquet(self._folder / "map.parquet", pd.DataFrame({"x": places[:, 0], "y": places[:, 1]}))
        write_json(self._folder / "provenance.json", self.provenance.to_json())
