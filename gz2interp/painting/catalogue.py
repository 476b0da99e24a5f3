"""The catalogue of painted galaxies, in the shape of Galaxy Zoo 2's."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from gz2interp.painting.places import ids_of, positions_of
from gz2interp.painting.recipe import Recipe
from gz2interp.painting.votes import cast_votes, debiased, gz2classes, vote_columns
from gz2interp.schema import BANDS, DEC, GALAXY_ID, GZ2CLASS, PETRO_RADIUS, QUESTIONS, RA

__all__ = ["PAINTED_KIND", "catalog_of", "catalog_rows"]

PAINTED_KIND = "painted_kind"

AT_ONCE = 1024
"""Galaxies voted on together; a few megabytes of volunteers."""


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
        redshift, total_classifications, total_votes, and of each answer its count, weight, fraction, weighted_fraction,
        debiased and flag.

    Notes
    -----
    gz2class and the votes are what volunteers saw; painted_kind is what is there.
    """
    pieces = [catalog_rows(recipes[first : first + AT_ONCE], first, seed) for first in range(0, len(recipes), AT_ONCE)]
    return pd.concat(pieces, ignore_index=True) if pieces else catalog_rows([], 0, seed)


def catalog_rows(recipes: Sequence[Recipe], first_row: int, seed: int = 0) -> pd.DataFrame:
    """Some rows of a catalogue: those of `catalog_of` for the whole survey, without making the others.

    Parameters
    ----------
    recipes : sequence of Recipe
        Those of the rows.
    first_row : int
        Row of the first of them in the survey.
    seed : int
        The survey's.

    Raises
    ------
    InputError
        The survey would have more rows than there are ids.
    """
    rows = np.arange(first_row, first_row + len(recipes), dtype=np.int64)
    ra, dec = positions_of(rows, seed)
    votes = cast_votes(recipes)
    magnitudes = np.array([recipe.magnitudes for recipe in recipes], np.float64).reshape(-1, len(BANDS))
    of_galaxies = np.array(
        [(recipe.petro_radius, recipe.axis_ratio, recipe.redshift) for recipe in recipes], np.float64
    ).reshape(-1, 3)
    properties = {
        GALAXY_ID: ids_of(rows, seed),
        RA: ra,
        DEC: dec,
        GZ2CLASS: pd.array(gz2classes(debiased(votes)), dtype="str"),
        PAINTED_KIND: pd.array([recipe.kind for recipe in recipes], dtype="str"),
        **{band: magnitudes[:, index].round(4) for index, band in enumerate(BANDS)},
        **dict(zip((PETRO_RADIUS, "axis_ratio", "redshift"), of_galaxies.T, strict=True)),
        "total_classifications": votes.counts["t01_smooth_or_features"].sum(axis=1),
        "total_votes": np.sum([votes.counts[name].sum(axis=1) for name in QUESTIONS], axis=0),
    }
    return pd.DataFrame(properties | vote_columns(votes))
