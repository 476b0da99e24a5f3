"""The clusters of an analysis: the folder ``clusters/`` inside it, which dies with it.

It holds ``members.parquet`` (each galaxy's cluster at each scale), ``clusters.json``, ``comparisons.parquet`` (every
comparison that was made), ``means.zarr`` (mean images), and ``provenance.json``, which is written last.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gz2interp.errors import InputError, SurveyError, choices
from gz2interp.grouping import Clusters
from gz2interp.results import Provenance
from gz2interp.schema import GALAXY_ID
from gz2interp.stores.arrays import create_array, open_array, read_rows
from gz2interp.stores.files import read_record, write_json, writing
from gz2interp.stores.kept import KeptFolder
from gz2interp.stores.tables import read_parquet, write_parquet

__all__ = ["ClusterFolder", "numbers_of"]


@dataclass(frozen=True)
class ClusterFolder(KeptFolder):
    """``clusters/`` of an analysis."""

    @cached_property
    def clusters(self) -> Clusters:
        """What is known of each cluster."""
        return read_record(self.path / "clusters.json", Clusters.from_json)

    @cached_property
    def members(self) -> pd.DataFrame:
        """One row per galaxy of the analysis, in its order: row, galaxy_id, and of each scale its number; 0 between."""
        return read_parquet(self.path / "members.parquet", needs={"row": "i", GALAXY_ID: "i"})

    @cached_property
    def comparisons(self) -> pd.DataFrame:
        """Every comparison of a cluster with the rest."""
        return read_parquet(self.path / "comparisons.parquet")

    def mean_image(self, name: str) -> NDArray[np.float32]:
        """The mean image of a cluster, float32 (y, x, band), in shares of each galaxy's own light."""
        return np.asarray(read_rows(open_array(self.path / "means.zarr"), [self._place(name)])[0], np.float32)

    def is_member(self, name: str) -> NDArray[np.bool_]:
        """Which galaxies of the analysis belong to a cluster, bool (n,)."""
        found = self.clusters.clusters[self._place(name)]
        return (self._numbers(found.scale) == found.number).to_numpy(np.bool_)

    def write(
        self,
        clusters: Clusters,
        members: pd.DataFrame,
        comparisons: pd.DataFrame,
        means: NDArray[np.float32],
        provenance: Provenance,
    ) -> None:
        """Write everything; `means` float32 (cluster, y, x, band) in the clusters' order."""
        write_parquet(self.path / "members.parquet", members)
        write_parquet(self.path / "comparisons.parquet", comparisons)
        if len(means):
            with writing(self.path):
                create_array(self.path / "means.zarr", means.shape, np.float32)[:] = means
        write_json(self.path / "clusters.json", clusters.to_json())
        write_json(self.path / "provenance.json", provenance.to_json())

    def _numbers(self, scale: str) -> pd.Series[Any]:
        if scale not in self.members or self.members[scale].dtype.kind not in "iu":
            raise SurveyError(
                f"members.parquet in {self.path} has no whole numbers in a column {scale}",
                remedy="Look for clusters again",
            )
        return self.members[scale]

    def _place(self, name: str) -> int:
        names = [cluster.name for cluster in self.clusters.clusters]
        if name not in names:
            raise InputError(f"The cluster {name!r} was asked for", f"There are {choices(names, like=name)}")
        return names.index(name)


def numbers_of(labels: Mapping[str, NDArray[np.int64]]) -> dict[str, NDArray[np.int32]]:
    """Clusters counted from 0, with -1 between them, as they are stored: from 1, with 0 between them."""
    return {scale: (values + 1).astype(np.int32) for scale, values in labels.items()}
