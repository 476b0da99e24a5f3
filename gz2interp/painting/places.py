"""Ids and positions that follow from the seed and the row alone: any part of a catalogue can be made by itself.

The footprint is cut into 4096 x 4096 cells of equal area. Each row has a cell of its own, by a permutation of all cells
that looks random (a Feistel network: a bijection whatever its rounds do), and a random place in the middle 85 % of the
cell: so no two galaxies are closer than the 6 arcsec of sky between two middles.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gz2interp.errors import InputError
from gz2interp.painting.streams import stream

__all__ = ["ROWS_PER_SEED", "ids_of", "positions_of"]

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
