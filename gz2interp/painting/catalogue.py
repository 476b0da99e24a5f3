"""The catalogue of painted galaxies, in the shape of Galaxy Zoo 2's."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from gz2interp.painting.recipe import Recipe
from gz2interp.painting.streams import stream
from gz2interp.painting.votes import draw_votes, gz2class
from gz2interp.schema import BANDS, DEC, GALAXY_ID, GZ2CLASS, PETRO_RADIUS, QUESTIONS, RA, vote_column

__all__ = ["PAINTED_KIND", "catalog_of"]

PAINTED_KIND = "painted_kind"

FIRST_ID = 588_000_000_000_000_000
ROWS_PER_SEED = 10**7
"""Ids look like SDSS' own: 588, then eight digits from the seed, then seven for the row. They exceed 2**53."""

FOOTPRINT = ((120.0, 240.0), (0.0, 60.0))
"""RA and dec [deg] of a plain box within SDSS' northern cap."""

APART = 5.0
"""No two galaxies are closer [arcsec]: the split into training and test works by groups of that size."""

FLAGGED, VOTERS_TO_FLAG = 0.8, 20
"""Galaxy Zoo 2 flags an answer above this debiased fraction, if so many were asked."""


def catalog_of(recipes: Sequence[Recipe], seed: int = 0) -> pd.DataFrame:
    """A catalogue as `Survey.create` wants it, one row per recipe.

    Parameters
    ----------
    recipes : sequence of Recipe
    seed : int
        Of the ids and the positions. The votes follow from each recipe's own.

    Returns
    -------
    DataFrame
        galaxy_id (int64), ra, dec [deg], gz2class, painted_kind, u g r i z [mag], petro_radius [arcsec], axis_ratio,
        redshift, total_classifications, total_votes, and of each answer its count, fraction, weighted_fraction,
        debiased and flag.

    Notes
    -----
    All voters weigh the same, and painted galaxies do not fade with redshift: so weighted and debiased fractions are
    the plain ones. An answer that nobody was asked for has fraction 0, as in Galaxy Zoo 2's own tables.
    """
    ra, dec = _positions(len(recipes), stream(seed, "positions"))
    magnitudes = np.array([recipe.magnitudes for recipe in recipes]).reshape(-1, len(BANDS))
    properties = {
        GALAXY_ID: _ids(len(recipes), seed),
        RA: ra,
        DEC: dec,
        GZ2CLASS: [gz2class(recipe) for recipe in recipes],
        PAINTED_KIND: [recipe.kind for recipe in recipes],
        **{band: magnitudes[:, index].round(4) for index, band in enumerate(BANDS)},
        PETRO_RADIUS: [recipe.petro_radius for recipe in recipes],
        "axis_ratio": [recipe.axis_ratio for recipe in recipes],
        "redshift": [recipe.redshift for recipe in recipes],
    }
    return pd.DataFrame(properties | _vote_columns(recipes))


def _vote_columns(recipes: Sequence[Recipe]) -> dict[str, NDArray[np.generic]]:
    votes = [draw_votes(recipe) for recipe in recipes]
    # (n, answer) of each question
    counts = {
        name: np.array([vote[name] for vote in votes]).reshape(len(votes), len(question.answers))
        for name, question in QUESTIONS.items()
    }
    columns: dict[str, NDArray[np.generic]] = {
        "total_classifications": counts["t01_smooth_or_features"].sum(axis=1),
        "total_votes": sum((count.sum(axis=1) for count in counts.values()), np.zeros(len(votes), np.int64)),
    }
    for name, question in QUESTIONS.items():
        asked = counts[name].sum(axis=1)
        fractions = counts[name] / np.maximum(asked, 1)[:, None]
        flags = (fractions >= FLAGGED) & (asked >= VOTERS_TO_FLAG)[:, None]
        for index, answer in enumerate(question.answers):
            columns[vote_column(name, answer, "count")] = counts[name][:, index]
            for kind in ("fraction", "weighted_fraction", "debiased"):
                columns[vote_column(name, answer, kind)] = fractions[:, index].round(3)
            columns[vote_column(name, answer, "flag")] = flags[:, index].astype(np.int64)
    return columns


def _ids(n: int, seed: int) -> NDArray[np.int64]:
    of_seed = int(stream(seed, "ids").integers(10**8))
    return FIRST_ID + of_seed * ROWS_PER_SEED + np.arange(n, dtype=np.int64)


def _positions(n: int, rng: Generator) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Uniform on the sphere within the footprint; one of each close pair is drawn anew until there is none."""
    ra, dec = np.empty(n), np.empty(n)
    new = np.arange(n)
    while new.size:
        ra[new], dec[new] = _anywhere(len(new), rng)
        chord = 2 * np.sin(np.deg2rad(APART / 3600) / 2)
        new = np.unique(cKDTree(_directions(ra, dec)).query_pairs(chord, output_type="ndarray")[:, 1])
    return ra, dec


def _anywhere(n: int, rng: Generator) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    (west, east), (south, north) = FOOTPRINT
    sines = rng.uniform(np.sin(np.deg2rad(south)), np.sin(np.deg2rad(north)), n)
    return rng.uniform(west, east, n).round(6), np.rad2deg(np.arcsin(sines)).round(6)


def _directions(ra: NDArray[np.float64], dec: NDArray[np.float64]) -> NDArray[np.float64]:
    """Unit vectors (n, 3)."""
    ra, dec = np.deg2rad(ra), np.deg2rad(dec)
    return np.stack([np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)], axis=1)
