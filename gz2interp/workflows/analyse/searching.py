"""An index that is searched for one block of galaxies after the other, here or where a worker has opened it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from gz2interp.embedding.index import NeighbourIndex
from gz2interp.embedding.spaces import Table, space_of
from gz2interp.errors import SurveyError
from gz2interp.results import Neighbours
from gz2interp.stores.analyses import Analysis
from gz2interp.workflows.analyse.settings import AnalyseSettings
from gz2interp.workflows.shards import Shard

__all__ = ["Ground", "GroundAt", "neighbours_of_shard"]


@dataclass(frozen=True, eq=False)
class Ground:
    """The activations of all galaxies, and an index of them.

    Attributes
    ----------
    activations : float32 (n, channel), on disk
    index : NeighbourIndex
    """

    activations: Table
    index: NeighbourIndex


@dataclass(frozen=True)
class GroundAt:
    """Where activations are, and what index is to be made of them: the same wherever it is made.

    Attributes
    ----------
    folder : str
        Of the analysis.
    metric, index : str
    seed, neighbours : int
        Of an approximate index.
    """

    folder: str
    metric: str
    index: str
    seed: int
    neighbours: int

    @classmethod
    def of(cls, analysis: Analysis, settings: AnalyseSettings, k: int) -> GroundAt:
        """Of an analysis whose activations, and whitening if it whitens, have been written."""
        return cls(str(analysis.path), settings.metric, settings.index, settings.map.seed, k)

    def __call__(self) -> Ground:
        """The index, made of the activations on disk.

        Raises
        ------
        SurveyError
            There are none.
        """
        analysis = Analysis(Path(self.folder))
        if not (analysis.path / "activations.zarr").exists():
            raise SurveyError(
                f"A worker does not see {self.folder}",
                "A folder that all machines share, under the same path",
            )
        table = analysis.table_of_activations
        space = space_of(table, self.metric, analysis.whitening)
        index = NeighbourIndex(table, index=self.index, space=space, seed=self.seed, neighbours=self.neighbours)
        return Ground(table, index)


def neighbours_of_shard(ground: Ground, shard: Shard, k: int) -> Neighbours:
    """The k nearest others of the galaxies of a shard, as positions; `Neighbours.search` says how they were found."""
    first, end = int(shard.rows[0]), int(shard.rows[-1]) + 1
    found = ground.index.of_members(shard.rows, np.asarray(ground.activations[first:end], np.float32), k)
    return replace(found, search=ground.index.search)
