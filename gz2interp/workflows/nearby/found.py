"""Neighbours with their place on the sky beside the galaxy they are of: which are the same galaxy imaged twice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gz2interp.embedding.duplicates import SAME_WITHIN, separation
from gz2interp.results import Neighbours
from gz2interp.schema import DEC, GALAXY_ID, LABEL, RA

__all__ = ["Found", "Sky", "marked", "told"]

Doubles = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Sky:
    """Positions [deg], (n,) each; NaN where unknown."""

    ra: Doubles
    dec: Doubles

    def of(self, rows: NDArray[np.int64]) -> Sky:
        """Those of some rows."""
        return Sky(self.ra[rows], self.dec[rows])


@dataclass(frozen=True, eq=False)
class Found:
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

    def chosen(self, most: int, skip_same: bool) -> Found:
        """The first `most` of each, filled up with -1, without those that are the same galaxy if that is asked for."""
        away = (self.rows < 0) | (self.same if skip_same else False)
        order = np.argsort(away, axis=1, kind="stable")[:, :most]
        there = ~np.take_along_axis(away, order, axis=1)

        def first(values: NDArray[Any], nothing: float) -> NDArray[Any]:
            filled = np.full((len(values), most), nothing, values.dtype)
            filled[:, : order.shape[1]] = np.where(there, np.take_along_axis(values, order, axis=1), nothing)
            return filled

        return Found(first(self.rows, -1), first(self.distances, np.nan), first(self.separations, np.nan))

    def with_lines(self, lines: NDArray[np.int64], others: Found) -> Found:
        """With other neighbours for some of the galaxies."""
        rows, distances, separations = self.rows.copy(), self.distances.copy(), self.separations.copy()
        rows[lines], distances[lines], separations[lines] = others.rows, others.distances, others.separations
        return Found(rows, distances, separations)


def marked(found: Neighbours, here: Sky, sky: Sky) -> Found:
    """Neighbours, as rows of the survey, with how far each is on the sky.

    Parameters
    ----------
    found : Neighbours
        Of m galaxies.
    here : Sky
        Of these galaxies (m,).
    sky : Sky
        Of the survey's galaxies, by row.
    """
    there = sky.of(found.rows)
    apart = separation(here.ra[:, None], here.dec[:, None], there.ra, there.dec)
    return Found(found.rows, found.distances, np.where(found.rows < 0, np.nan, apart))


def told(found: Found, ids: NDArray[np.int64], sky: Sky, said: pd.DataFrame) -> pd.DataFrame:
    """Neighbours as a table, line by line.

    Parameters
    ----------
    found : Found
    ids : int64 (n,)
    sky : Sky
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
