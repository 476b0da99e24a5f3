"""The neighbours of galaxies as tables: who they are, how near, and what was said of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gz2interp.embedding.index import NeighbourIndex, kind_of_index
from gz2interp.embedding.scanning import scan_farthest, scan_nearest
from gz2interp.embedding.spaces import Space, space_of
from gz2interp.errors import SurveyError
from gz2interp.results import Neighbours
from gz2interp.schema import DEC, GALAXY_ID, RA
from gz2interp.stores.analyses import Analysis
from gz2interp.stores.models import ModelFolder
from gz2interp.stores.survey import Survey
from gz2interp.stores.tables import read_columns
from gz2interp.workflows.analysed import analysis_for
from gz2interp.workflows.nearby.found import Found, Sky, marked, told
from gz2interp.workflows.nearby.wish import NearbyWish

__all__ = ["Nearby"]

_BLOCK: Final = 2048
"""Galaxies whose neighbours are in memory at a time."""

Floats = NDArray[np.float32]
Ids = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Nearby:
    """A layer that was analysed, ready to be asked who is near whom. What a question needs is read once and kept.

    Attributes
    ----------
    survey : Survey
    model : ModelFolder
    analysis : Analysis
    """

    survey: Survey
    model: ModelFolder
    analysis: Analysis

    @classmethod
    def open(cls, survey: Survey, model: ModelFolder, layer: str = "") -> Nearby:
        """The newest analysis of exactly these galaxies and this network.

        Parameters
        ----------
        survey : Survey
        model : ModelFolder
        layer : str
            "" for the layer analysed last.

        Raises
        ------
        SurveyError
            The layer was not analysed.
        """
        return cls(survey, model, analysis_for(survey, model, layer))

    # -- tables -------------------------------------------------------------------------------------------------------

    def of(self, galaxy_ids: Sequence[int | str], wish: NearbyWish | None = None) -> pd.DataFrame:
        """The neighbours of some galaxies.

        Parameters
        ----------
        galaxy_ids : sequence of int or str
        wish : NearbyWish, optional

        Returns
        -------
        DataFrame
            near (the galaxy asked about), rank (from 1), galaxy_id (the neighbour), distance, ra, dec [deg],
            prediction, confidence, label, same_galaxy (imaged twice: within 5") and separation on the sky [arcsec].

        Raises
        ------
        InputError
            The survey has no such galaxy.
        SurveyError
            One of them has no image.
        """
        positions = np.array([self._position(galaxy_id) for galaxy_id in galaxy_ids], np.int64)
        return self._table(self.analysis.rows[positions], self.of_positions(positions, wish or NearbyWish()))

    def of_all(
        self, wish: NearbyWish | None = None, progress: Callable[[str, int, int], None] | None = None
    ) -> Iterator[pd.DataFrame]:
        """The neighbours of every galaxy that was analysed, a block of galaxies at a time; columns as in `of`."""
        rows = self.analysis.rows
        for start in range(0, len(rows), _BLOCK):
            positions = np.arange(start, min(start + _BLOCK, len(rows)))
            yield self._table(rows[positions], self.of_positions(positions, wish or NearbyWish()))
            if progress:
                progress("neighbours", int(positions[-1]) + 1, len(rows))

    def of_positions(self, positions: Ids, wish: NearbyWish) -> Found:
        """The neighbours of galaxies by their positions among the analysed ones.

        What the analysis kept is enough as a rule; where more are asked for, all galaxies are looked at again.
        """
        here = self.sky.of(self.analysis.rows[positions])
        if wish.least:
            # One more for the galaxy itself, and some that may be the same.
            farthest = scan_farthest(self._activations, self._of(positions), wish.most + 9, self.space)
            return marked(self._as_rows(farthest.without(positions)), here, self.sky).chosen(wish.most, wish.skip_same)
        kept = marked(self.analysis.neighbours(positions), here, self.sky)
        found, k = kept.chosen(wish.most, wish.skip_same), self.analysis.kept
        others = len(self.analysis.rows) - 1
        while k < others and (short := np.flatnonzero(found.rows[:, -1] < 0)).size:
            k = min(max(2 * k, wish.most + 8), others)
            deeper = self._nearest(self._of(positions[short]), k + 1).without(positions[short])
            again = marked(self._as_rows(deeper), Sky(here.ra[short], here.dec[short]), self.sky)
            found = found.with_lines(short, again.chosen(wish.most, wish.skip_same))
        return found

    def of_activations(self, activations: Floats, here: Sky, wish: NearbyWish) -> Found:
        """The neighbours of galaxies that are not in the survey.

        Parameters
        ----------
        activations : float32 (m, channel)
            As the analysed layer gives them, pooled alike.
        here : Sky
            Where they are (m,); NaN where that is not known.
        wish : NearbyWish
        """
        k, n = wish.most + 8, len(self.analysis.rows)
        while True:
            k = min(k, n)
            there = (
                scan_farthest(self._activations, activations, k, self.space)
                if wish.least
                else self._nearest(activations, k)
            )
            found = marked(self._as_rows(there), here, self.sky).chosen(wish.most, wish.skip_same)
            if k == n or (found.rows[:, -1] >= 0).all():
                return found
            k *= 2

    def table_of(self, found: Found) -> pd.DataFrame:
        """What is told of neighbours, line by line: the columns of `of` without near and rank."""
        return told(found, self._ids, self.sky, self._said)

    def _table(self, rows: Ids, found: Found) -> pd.DataFrame:
        table, there = self.table_of(found), found.rows >= 0
        table.insert(0, "near", np.repeat(self._ids[rows], there.sum(axis=1)))
        table.insert(1, "rank", np.nonzero(there)[1] + 1)
        return table

    # -- what is read once --------------------------------------------------------------------------------------------

    @cached_property
    def space(self) -> Space:
        """The space in which the analysis measured distances."""
        return space_of(self._activations, self.analysis.metric, self.analysis.whitening)

    @cached_property
    def sky(self) -> Sky:
        """Where the survey's galaxies are."""
        return Sky(self._catalog[RA].to_numpy(np.float64), self._catalog[DEC].to_numpy(np.float64))

    @property
    def _ids(self) -> Ids:
        ids: Ids = self._catalog[GALAXY_ID].to_numpy()
        return ids

    @cached_property
    def _catalog(self) -> pd.DataFrame:
        return read_columns(self.survey.place.file("catalog.parquet"), (GALAXY_ID, RA, DEC))

    @cached_property
    def _said(self) -> pd.DataFrame:
        columns = ["prediction", "confidence", "label"]
        if self.model.latents:  # of which no network has said anything
            return pd.DataFrame(columns=columns)
        return self.model.predictions.set_index("row")[columns]

    @property
    def _activations(self) -> NDArray[np.float32]:
        table: NDArray[np.float32] = self.analysis.table_of_activations  # type: ignore[assignment]
        return table

    @cached_property
    def _index(self) -> NeighbourIndex:
        return NeighbourIndex(self._activations, space=self.space, index="exact")

    def _nearest(self, activations: Floats, k: int) -> Neighbours:
        """Exactly; from memory where all galaxies fit well, else in portions from the disk."""
        if kind_of_index(len(self.analysis.rows)) == "exact":
            return self._index.nearest(activations, k)
        return scan_nearest(self._activations, activations, k, self.space)

    def _of(self, positions: Ids) -> Floats:
        return self.analysis.activations(positions)

    def _as_rows(self, found: Neighbours) -> Neighbours:
        return replace(found, rows=np.where(found.rows < 0, -1, self.analysis.rows[found.rows]))

    def _position(self, galaxy_id: int | str) -> int:
        position = self.analysis.position_of(self.survey.row_of(galaxy_id))
        if position is None:
            raise SurveyError(f"Galaxy {galaxy_id} has no image, so it has no neighbours")
        return position
