"""The catalogue of painted galaxies in Galaxy Zoo 2's columns; ids and positions follow from seed and row.

The footprint is cut into 4096 x 4096 cells of equal area. Each row has a cell of its own, by a permutation of all cells
that looks random (a Feistel network: a bijection whatever its rounds do), and a random place in the middle 85 % of the
cell: so no two galaxies are closer than the 6 arcsec of sky between two middles.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gz2interp.errors import InputError
from gz2interp.painting.recipe import Recipe
from gz2interp.painting.streams import stream
from gz2interp.painting.votes import cast_votes, debiased, gz2classes, vote_columns
from gz2interp.schema import BANDS, DEC, GALAXY_ID, GZ2CLASS, PETRO_RADIUS, QUESTIONS, RA

__all__ = ["PAINTED_KIND", "ROWS_PER_SEED", "catalog_of", "catalog_rows", "ids_of", "positions_of"]


Rows = NDArray[np.int64]
Doubles = NDArray[np.float64]

FIRST_ID = 588_000_000_000_000_000
ROWS_PER_SEED = 10**7
"""Ids look like SDSS' own: 588, then eight digits from the seed, then seven for the row. They exceed 2**53."""

FOOTPRINT = ((120.0, 240.0), (0.0, 60.0))
"""RA and dec [deg] of a plain box within SDSS' northern cap."""

SIDE_BITS = 12
SIDE = 2**SIDE_BITS
"""Cells along RA, and along the sine of dec."""

MIDDLE = 0.85
ROUNDS = 4


def ids_of(rows: Rows, seed: int) -> Rows:
    """galaxy_id of rows of the survey of a seed.

    Raises
    ------
    InputError
        There are more rows than ids for one seed.
    """
    if rows.size and not 0 <= rows.min() <= rows.max() < ROWS_PER_SEED:
        raise InputError(
            f"Rows {rows.min()} to {rows.max()} of one survey were asked for", f"From 0 up to {ROWS_PER_SEED - 1}"
        )
    of_seed = int(stream(seed, "ids").integers(10**8))
    return np.asarray(FIRST_ID + of_seed * ROWS_PER_SEED + rows, np.int64)


def positions_of(rows: Rows, seed: int) -> tuple[Doubles, Doubles]:
    """Right ascension and declination [deg] of rows of a survey: uniform on the sphere within the footprint."""
    keys = stream(seed, "positions").integers(2**64, size=ROUNDS + 2, dtype=np.uint64)
    east, north = _cells(rows.astype(np.uint64), keys[:ROUNDS])
    across, up = (0.5 + MIDDLE * (_uniform(rows.astype(np.uint64), key) - 0.5) for key in keys[ROUNDS:])
    (west_end, east_end), dec_ends = FOOTPRINT
    south_end, north_end = np.sin(np.deg2rad(dec_ends))
    ra = west_end + (east_end - west_end) * (east + across) / SIDE
    dec = np.rad2deg(np.arcsin(south_end + (north_end - south_end) * (north + up) / SIDE))
    return ra.round(6), dec.round(6)


def _cells(rows: NDArray[np.uint64], keys: NDArray[np.uint64]) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """Column and row of the cell of each row; another for each."""
    left, right = rows >> np.uint64(SIDE_BITS), rows & np.uint64(SIDE - 1)
    for key in keys:
        left, right = right, left ^ (_scrambled(right, key) & np.uint64(SIDE - 1))
    return left, right


def _uniform(numbers: NDArray[np.uint64], key: np.uint64) -> Doubles:
    """From 0 to 1."""
    return np.asarray((_scrambled(numbers, key) >> np.uint64(11)) * 2.0**-53)


def _scrambled(numbers: NDArray[np.uint64], key: np.uint64) -> NDArray[np.uint64]:
    """The mixing function of SplitMix64 (Steele, Lea & Flood 2014, OOPSLA, figure 16)."""
    mixed = numbers * np.uint64(0x9E3779B97F4A7C15) + key
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(mixed ^ (mixed >> np.uint64(31)))


PAINTED_KIND = "painted_kind"

AT_ONCE = 1024
"""Galaxies voted on together; a few megabytes of volunteers."""


def catalog_of(recipes: Sequence[Recipe], seed: int = 0) -> pd.DataFrame:
    """A catalogue for `Survey.create`, one row per recipe.

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
