"""``gz2interp neighbours``: neighbours of galaxies, and of an image from a file, as tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gz2interp.embedding.duplicates import SAME_WITHIN, separation
from gz2interp.embedding.index import NeighbourIndex, kind_of_index
from gz2interp.embedding.scanning import scan_farthest, scan_nearest
from gz2interp.embedding.spaces import MetricSpace, space_of
from gz2interp.errors import InputError, SurveyError
from gz2interp.results import Neighbours
from gz2interp.schema import DEC, GALAXY_ID, LABEL, RA
from gz2interp.stores.analyses import Analysis
from gz2interp.stores.models import ModelFolder
from gz2interp.stores.survey import Survey
from gz2interp.stores.tables import read_columns
from gz2interp.workflows.analysis_steps import activations_as_in
from gz2interp.workflows.image_from_file import outside_galaxy
from gz2interp.workflows.study import Study, analysis_for

__all__ = [
    "NeighbourLookup",
    "NeighbourSettings",
    "SkyNeighbours",
    "SkyPoints",
    "neighbour_table",
    "neighbours_of",
    "neighbours_of_image",
    "sky_neighbours",
]

Doubles = NDArray[np.float64]

_BLOCK: Final = 2048
"""Galaxies whose neighbours are held in memory at a time."""

Floats = NDArray[np.float32]

Ids = NDArray[np.int64]


@dataclass(frozen=True)
class NeighbourSettings:
    """Settings of a neighbour search.

    Attributes
    ----------
    most : int
        Number of neighbours; fewer where the survey has no more.
    skip_same : bool
        Skip duplicates, the same galaxy imaged twice (within 5" on the sky); the next neighbours take their place.
    least : bool
        Return the least similar galaxies instead of the most similar ones, the least similar first.
    """

    most: int = 12
    skip_same: bool = False
    least: bool = False

    def __post_init__(self) -> None:
        if self.most < 1:
            raise InputError(f"{self.most} neighbours were requested", "At least 1")


@dataclass(frozen=True, eq=False)
class SkyPoints:
    """Positions [deg], (n,) each; NaN where unknown."""

    ra: Doubles
    dec: Doubles

    def of(self, rows: NDArray[np.int64]) -> SkyPoints:
        """Positions of some rows."""
        return SkyPoints(self.ra[rows], self.dec[rows])


@dataclass(frozen=True, eq=False)
class SkyNeighbours:
    """Neighbours of some galaxies, nearest first.

    Attributes
    ----------
    rows : int64 (m, k)
        Of the survey; -1 where there are fewer than k neighbours.
    distances : float32 (m, k)
        In the space of the analysis; NaN where the row is -1.
    separations : float64 (m, k)
        On the sky [arcsec]; NaN where a position is unknown or the row is -1.
    """

    rows: NDArray[np.int64]
    distances: NDArray[np.float32]
    separations: Doubles

    @property
    def same(self) -> NDArray[np.bool_]:
        """Which neighbours are the same galaxy imaged twice, bool (m, k)."""
        return np.asarray(self.separations <= SAME_WITHIN)

    def first(self, most: int, skip_same: bool) -> SkyNeighbours:
        """The first `most` neighbours of each galaxy, (m, most), without duplicates if `skip_same`."""
        excluded = (self.rows < 0) | (self.same if skip_same else False)
        order = np.argsort(excluded, axis=1, kind="stable")[:, :most]
        present = ~np.take_along_axis(excluded, order, axis=1)

        def padded(values: NDArray[Any], missing: float) -> NDArray[Any]:
            array = np.full((len(values), most), missing, values.dtype)
            array[:, : order.shape[1]] = np.where(present, np.take_along_axis(values, order, axis=1), missing)
            return array

        return SkyNeighbours(padded(self.rows, -1), padded(self.distances, np.nan), padded(self.separations, np.nan))

    def replaced(self, lines: NDArray[np.int64], others: SkyNeighbours) -> SkyNeighbours:
        """With other neighbours for some of the m galaxies."""
        rows, distances, separations = self.rows.copy(), self.distances.copy(), self.separations.copy()
        rows[lines], distances[lines], separations[lines] = others.rows, others.distances, others.separations
        return SkyNeighbours(rows, distances, separations)


def sky_neighbours(neighbours: Neighbours, positions: SkyPoints, sky: SkyPoints) -> SkyNeighbours:
    """Add the separation on the sky to neighbours.

    Parameters
    ----------
    neighbours : Neighbours
        Of m galaxies, as rows of the survey.
    positions : SkyPoints
        Of these galaxies (m,).
    sky : SkyPoints
        Of the survey's galaxies, by row.
    """
    rows = neighbours.rows
    others = sky.of(rows)
    separations = separation(positions.ra[:, None], positions.dec[:, None], others.ra, others.dec)
    return SkyNeighbours(rows, neighbours.distances, np.where(rows < 0, np.nan, separations))


def neighbour_table(
    neighbours: SkyNeighbours, ids: NDArray[np.int64], sky: SkyPoints, predictions: pd.DataFrame
) -> pd.DataFrame:
    """Neighbours as a table with one row per pair.

    Parameters
    ----------
    ids : int64 (n,)
        Of the survey's galaxies, by row.
    sky : SkyPoints
        Of the survey's galaxies, by row.
    predictions : DataFrame
        prediction, confidence and label, indexed by row.
    """
    present = neighbours.rows >= 0
    rows = neighbours.rows[present]
    predictions = predictions.reindex(rows)
    return pd.DataFrame(
        {
            GALAXY_ID: ids[rows],
            "distance": neighbours.distances[present],
            RA: sky.ra[rows],
            DEC: sky.dec[rows],
            "prediction": predictions["prediction"].fillna("").to_numpy(),
            "confidence": predictions["confidence"].to_numpy(np.float64),
            LABEL: predictions["label"].fillna("").to_numpy(),
            "same_galaxy": neighbours.same[present],
            "separation": neighbours.separations[present],
        }
    )


@dataclass(frozen=True, eq=False)
class NeighbourLookup:
    """Neighbour searches in an analysed layer. Data that a search needs are read once and cached."""

    survey: Survey
    model: ModelFolder
    analysis: Analysis

    @classmethod
    def open(cls, survey: Survey, model: ModelFolder, layer: str = "") -> NeighbourLookup:
        """Open the newest analysis of exactly these galaxies and this network; layer "" is the layer analysed last.

        Raises
        ------
        SurveyError
            The layer was not analysed.
        """
        return cls(survey, model, analysis_for(survey, model, layer))

    def of(self, galaxy_ids: Sequence[int | str], settings: NeighbourSettings | None = None) -> pd.DataFrame:
        """The neighbours of some galaxies.

        Returns
        -------
        DataFrame
            near (the query galaxy), rank (from 1), galaxy_id (the neighbour), distance, ra, dec [deg],
            prediction, confidence, label, same_galaxy (imaged twice: within 5") and separation on the sky [arcsec].

        Raises
        ------
        InputError
            The survey has no such galaxy.
        SurveyError
            One of them has no image.
        """
        positions = np.array([self._position(galaxy_id) for galaxy_id in galaxy_ids], np.int64)
        return self._table(self.analysis.rows[positions], self.of_positions(positions, settings or NeighbourSettings()))

    def of_all(
        self, settings: NeighbourSettings | None = None, progress: Callable[[str, int, int], None] | None = None
    ) -> Iterator[pd.DataFrame]:
        """The neighbours of every analysed galaxy, a block of galaxies at a time; columns as in `of`."""
        rows = self.analysis.rows
        for start in range(0, len(rows), _BLOCK):
            positions = np.arange(start, min(start + _BLOCK, len(rows)))
            yield self._table(rows[positions], self.of_positions(positions, settings or NeighbourSettings()))
            if progress:
                progress("neighbours", int(positions[-1]) + 1, len(rows))

    def of_positions(self, positions: Ids, settings: NeighbourSettings) -> SkyNeighbours:
        """The neighbours of galaxies given by their positions among the analysed ones.

        The stored neighbours are used as far as they suffice; for more, all galaxies are searched.
        """
        here = self.sky.of(self.analysis.rows[positions])
        if settings.least:
            # One more for the galaxy itself, and some that may be duplicates.
            farthest = scan_farthest(self._activations, self._of(positions), settings.most + 9, self.space)
            return self._first(farthest.without(positions), here, settings)
        stored = sky_neighbours(self.analysis.neighbours(positions), here, self.sky)
        nearest, k = stored.first(settings.most, settings.skip_same), self.analysis.n_neighbours
        others = len(self.analysis.rows) - 1
        while k < others and (short := np.flatnonzero(nearest.rows[:, -1] < 0)).size:
            k = min(max(2 * k, settings.most + 8), others)
            deeper = self._nearest(self._of(positions[short]), k + 1).without(positions[short])
            nearest = nearest.replaced(short, self._first(deeper, here.of(short), settings))
        return nearest

    def of_activations(self, activations: Floats, here: SkyPoints, settings: NeighbourSettings) -> SkyNeighbours:
        """The neighbours of galaxies that are not in the survey.

        Parameters
        ----------
        activations : float32 (m, channel)
            Of the analysed layer, pooled in the same way.
        here : SkyPoints
            Positions of these galaxies (m,); NaN where unknown.
        """
        k, n = settings.most + 8, len(self.analysis.rows)
        while True:
            k = min(k, n)
            neighbours = (
                scan_farthest(self._activations, activations, k, self.space)
                if settings.least
                else self._nearest(activations, k)
            )
            first = self._first(neighbours, here, settings)
            if k == n or (first.rows[:, -1] >= 0).all():
                return first
            k *= 2

    def table_of(self, neighbours: SkyNeighbours) -> pd.DataFrame:
        """Neighbours as a table: the columns of `of` without near and rank."""
        return neighbour_table(neighbours, self._ids, self.sky, self._predictions)

    def _table(self, rows: Ids, neighbours: SkyNeighbours) -> pd.DataFrame:
        table, present = self.table_of(neighbours), neighbours.rows >= 0
        table.insert(0, "near", np.repeat(self._ids[rows], present.sum(axis=1)))
        table.insert(1, "rank", np.nonzero(present)[1] + 1)
        return table

    def _first(self, neighbours: Neighbours, here: SkyPoints, settings: NeighbourSettings) -> SkyNeighbours:
        """The first neighbours, of positions among the analysed galaxies, as rows of the survey."""
        rows = np.where(neighbours.rows < 0, -1, self.analysis.rows[neighbours.rows])
        return sky_neighbours(replace(neighbours, rows=rows), here, self.sky).first(settings.most, settings.skip_same)

    @cached_property
    def space(self) -> MetricSpace:
        """The space in which the analysis measured distances."""
        return space_of(self._activations, self.analysis.metric, self.analysis.whitening)

    @cached_property
    def sky(self) -> SkyPoints:
        """Positions of the survey's galaxies."""
        return SkyPoints(self._catalog[RA].to_numpy(np.float64), self._catalog[DEC].to_numpy(np.float64))

    @property
    def _ids(self) -> Ids:
        ids: Ids = self._catalog[GALAXY_ID].to_numpy()
        return ids

    @cached_property
    def _catalog(self) -> pd.DataFrame:
        return read_columns(self.survey.location.file("catalog.parquet"), (GALAXY_ID, RA, DEC))

    @cached_property
    def _predictions(self) -> pd.DataFrame:
        columns = ["prediction", "confidence", "label"]
        if self.model.latents:
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
        """Exact nearest neighbours; from memory where all galaxies fit, else in portions from the disk."""
        if kind_of_index(len(self.analysis.rows)) == "exact":
            return self._index.nearest(activations, k)
        return scan_nearest(self._activations, activations, k, self.space)

    def _of(self, positions: Ids) -> Floats:
        return self.analysis.activations(positions)

    def _position(self, galaxy_id: int | str) -> int:
        position = self.analysis.position_of(self.survey.row_of(galaxy_id))
        if position is None:
            raise SurveyError(f"Galaxy {galaxy_id} has no image, so it has no neighbours")
        return position


def neighbours_of(
    survey: Survey,
    model: ModelFolder,
    galaxy_id: int | str,
    layer: str = "",
    most: int = 12,
    *,
    skip_same: bool = False,
    least: bool = False,
) -> pd.DataFrame:
    """The nearest galaxies of one galaxy in an analysed layer.

    Parameters
    ----------
    layer : str
        "" for the layer analysed last.
    most, skip_same, least
        See `NeighbourSettings`.

    Returns
    -------
    DataFrame
        galaxy_id, distance, ra, dec, prediction, confidence, label, same_galaxy, separation; nearest first.

    Raises
    ------
    InputError
        The survey has no such galaxy.
    SurveyError
        The layer was not analysed, or the galaxy has no image.
    """
    survey.row_of(galaxy_id)  # a wrong id is reported first
    table = NeighbourLookup.open(survey, model, layer).of([galaxy_id], NeighbourSettings(most, skip_same, least))
    return table.drop(columns=["near", "rank"])


def neighbours_of_image(
    study: Study,
    path: str | Path,
    layer: str = "",
    most: int = 12,
    *,
    skip_same: bool = False,
    least: bool = False,
    lookup: NeighbourLookup | None = None,
) -> pd.DataFrame:
    """The nearest galaxies of a survey to an image from a file, in an analysed layer.

    Parameters
    ----------
    path : path
        FITS, ``.npy`` or ``.npz``, see `gz2interp.workflows.image_from_file.outside_galaxy`.
    layer : str
        "" for the layer analysed last.
    most, skip_same, least
        See `NeighbourSettings`. Duplicates are recognised where the file has a WCS.
    lookup : NeighbourLookup, optional
        An open lookup of this layer, to use its cache.

    Returns
    -------
    DataFrame
        galaxy_id, distance, ra, dec, prediction, confidence, label, same_galaxy, separation; nearest first.

    Raises
    ------
    InputError
        The file cannot be compared with the survey's cutouts.
    SurveyError
        The layer was not analysed.
    """
    lookup = lookup or NeighbourLookup.open(study.survey, study.model, layer)
    galaxy = outside_galaxy(path, study.survey)
    activations = activations_as_in(lookup.analysis, study, galaxy.cutout.image[None])
    here = SkyPoints(np.array([galaxy.ra]), np.array([galaxy.dec]))
    return lookup.table_of(lookup.of_activations(activations, here, NeighbourSettings(most, skip_same, least)))
