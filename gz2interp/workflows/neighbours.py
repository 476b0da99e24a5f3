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
    "marked",
    "neighbours_of",
    "neighbours_of_image",
    "told",
]


@dataclass(frozen=True)
class NeighbourSettings:
    """Which neighbours are asked for.

    Attributes
    ----------
    most : int
        How many; fewer where the survey has no more.
    skip_same : bool
        Whether the same galaxy imaged twice (within 5" on the sky) is left out; the next ones take its place.
    least : bool
        The least similar galaxies instead of the most similar ones, the least similar first.
    """

    most: int = 12
    skip_same: bool = False
    least: bool = False

    def __post_init__(self) -> None:
        if self.most < 1:
            raise InputError(f"{self.most} neighbours were asked for", "At least 1")


Doubles = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class SkyPoints:
    """Positions [deg], (n,) each; NaN where unknown."""

    ra: Doubles
    dec: Doubles

    def of(self, rows: NDArray[np.int64]) -> SkyPoints:
        """Those of some rows."""
        return SkyPoints(self.ra[rows], self.dec[rows])


@dataclass(frozen=True, eq=False)
class SkyNeighbours:
    """Neighbours of some galaxies, nearest first.

    Attributes
    ----------
    rows : int64 (m, k)
        Of the survey; -1 where there is nobody.
    distances : float32 (m, k)
        NaN beside -1.
    separations : float64 (m, k)
        On the sky [arcsec]; NaN where a position is not known, and beside -1.
    """

    rows: NDArray[np.int64]
    distances: NDArray[np.float32]
    separations: Doubles

    @property
    def same(self) -> NDArray[np.bool_]:
        """Which of them are the same galaxy imaged twice, bool (m, k)."""
        return np.asarray(self.separations <= SAME_WITHIN)

    def chosen(self, most: int, skip_same: bool) -> SkyNeighbours:
        """The first `most` of each, filled up with -1, without those that are the same galaxy if that is asked for."""
        away = (self.rows < 0) | (self.same if skip_same else False)
        order = np.argsort(away, axis=1, kind="stable")[:, :most]
        there = ~np.take_along_axis(away, order, axis=1)

        def first(values: NDArray[Any], nothing: float) -> NDArray[Any]:
            filled = np.full((len(values), most), nothing, values.dtype)
            filled[:, : order.shape[1]] = np.where(there, np.take_along_axis(values, order, axis=1), nothing)
            return filled

        return SkyNeighbours(first(self.rows, -1), first(self.distances, np.nan), first(self.separations, np.nan))

    def with_lines(self, lines: NDArray[np.int64], others: SkyNeighbours) -> SkyNeighbours:
        """With other neighbours for some of the galaxies."""
        rows, distances, separations = self.rows.copy(), self.distances.copy(), self.separations.copy()
        rows[lines], distances[lines], separations[lines] = others.rows, others.distances, others.separations
        return SkyNeighbours(rows, distances, separations)


def marked(found: Neighbours, here: SkyPoints, sky: SkyPoints) -> SkyNeighbours:
    """Neighbours, as rows of the survey, with how far each is on the sky.

    Parameters
    ----------
    found : Neighbours
        Of m galaxies.
    here : SkyPoints
        Of these galaxies (m,).
    sky : SkyPoints
        Of the survey's galaxies, by row.
    """
    there = sky.of(found.rows)
    apart = separation(here.ra[:, None], here.dec[:, None], there.ra, there.dec)
    return SkyNeighbours(found.rows, found.distances, np.where(found.rows < 0, np.nan, apart))


def told(found: SkyNeighbours, ids: NDArray[np.int64], sky: SkyPoints, said: pd.DataFrame) -> pd.DataFrame:
    """Neighbours as a table, line by line.

    Parameters
    ----------
    found : SkyNeighbours
    ids : int64 (n,)
    sky : SkyPoints
        Of the survey's galaxies, by row, as are the ids.
    said : DataFrame
        prediction, confidence and label, indexed by row.
    """
    there = found.rows >= 0
    rows = found.rows[there]
    words = said.reindex(rows)
    return pd.DataFrame(
        {
            GALAXY_ID: ids[rows],
            "distance": found.distances[there],
            RA: sky.ra[rows],
            DEC: sky.dec[rows],
            "prediction": words["prediction"].fillna("").to_numpy(),
            "confidence": words["confidence"].to_numpy(np.float64),
            LABEL: words["label"].fillna("").to_numpy(),
            "same_galaxy": found.same[there],
            "separation": found.separations[there],
        }
    )


_BLOCK: Final = 2048
"""Galaxies whose neighbours are in memory at a time."""

Floats = NDArray[np.float32]
Ids = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class NeighbourLookup:
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
    def open(cls, survey: Survey, model: ModelFolder, layer: str = "") -> NeighbourLookup:
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

    def of(self, galaxy_ids: Sequence[int | str], wish: NeighbourSettings | None = None) -> pd.DataFrame:
        """The neighbours of some galaxies.

        Parameters
        ----------
        galaxy_ids : sequence of int or str
        wish : NeighbourSettings, optional

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
        return self._table(self.analysis.rows[positions], self.of_positions(positions, wish or NeighbourSettings()))

    def of_all(
        self, wish: NeighbourSettings | None = None, progress: Callable[[str, int, int], None] | None = None
    ) -> Iterator[pd.DataFrame]:
        """The neighbours of every galaxy that was analysed, a block of galaxies at a time; columns as in `of`."""
        rows = self.analysis.rows
        for start in range(0, len(rows), _BLOCK):
            positions = np.arange(start, min(start + _BLOCK, len(rows)))
            yield self._table(rows[positions], self.of_positions(positions, wish or NeighbourSettings()))
            if progress:
                progress("neighbours", int(positions[-1]) + 1, len(rows))

    def of_positions(self, positions: Ids, wish: NeighbourSettings) -> SkyNeighbours:
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
            again = marked(self._as_rows(deeper), SkyPoints(here.ra[short], here.dec[short]), self.sky)
            found = found.with_lines(short, again.chosen(wish.most, wish.skip_same))
        return found

    def of_activations(self, activations: Floats, here: SkyPoints, wish: NeighbourSettings) -> SkyNeighbours:
        """The neighbours of galaxies that are not in the survey.

        Parameters
        ----------
        activations : float32 (m, channel)
            As the analysed layer gives them, pooled alike.
        here : SkyPoints
            Where they are (m,); NaN where that is not known.
        wish : NeighbourSettings
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

    def table_of(self, found: SkyNeighbours) -> pd.DataFrame:
        """What is told of neighbours, line by line: the columns of `of` without near and rank."""
        return told(found, self._ids, self.sky, self._said)

    def _table(self, rows: Ids, found: SkyNeighbours) -> pd.DataFrame:
        table, there = self.table_of(found), found.rows >= 0
        table.insert(0, "near", np.repeat(self._ids[rows], there.sum(axis=1)))
        table.insert(1, "rank", np.nonzero(there)[1] + 1)
        return table

    # -- what is read once --------------------------------------------------------------------------------------------

    @cached_property
    def space(self) -> MetricSpace:
        """The space in which the analysis measured distances."""
        return space_of(self._activations, self.analysis.metric, self.analysis.whitening)

    @cached_property
    def sky(self) -> SkyPoints:
        """Where the survey's galaxies are."""
        return SkyPoints(self._catalog[RA].to_numpy(np.float64), self._catalog[DEC].to_numpy(np.float64))

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
    """The nearest galaxies of one galaxy, as `analyse` found them.

    Parameters
    ----------
    survey : Survey
    model : ModelFolder
    galaxy_id : int or str
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
    survey.row_of(galaxy_id)  # a wrong id is told first
    found = NeighbourLookup.open(survey, model, layer).of([galaxy_id], NeighbourSettings(most, skip_same, least))
    return found.drop(columns=["near", "rank"])


def neighbours_of_image(
    study: Study,
    path: str | Path,
    layer: str = "",
    most: int = 12,
    *,
    skip_same: bool = False,
    least: bool = False,
    nearby: NeighbourLookup | None = None,
) -> pd.DataFrame:
    """The galaxies of a survey that the network finds most alike an image from a file.

    Parameters
    ----------
    study : Study
    path : path
        FITS, ``.npy`` or ``.npz``, see `gz2interp.workflows.image_from_file.outside_galaxy`.
    layer : str
        "" for the layer analysed last.
    most, skip_same, least
        See `NeighbourSettings`. Where the file says where on the sky it lies, the same galaxy is known.
    nearby : NeighbourLookup, optional
        Of this layer, opened before.

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
    nearby = nearby or NeighbourLookup.open(study.survey, study.model, layer)
    galaxy = outside_galaxy(path, study.survey)
    activations = activations_as_in(nearby.analysis, study, galaxy.cutout.image[None])
    here = SkyPoints(np.array([galaxy.ra]), np.array([galaxy.dec]))
    return nearby.table_of(nearby.of_activations(activations, here, NeighbourSettings(most, skip_same, least)))
