"""Rows that cannot be used, and galaxies that lie twice in the table or closely beside one another."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import cKDTree

from gz2interp.errors import InputError
from gz2interp.schema import DEC, GALAXY_ID, MAGNITUDES, PETRO_RADIUS, RA
from trainer.catalog.report import Count

__all__ = [
    "blank_sentinels",
    "chord",
    "drop_duplicates",
    "drop_unidentified",
    "drop_unplaced",
    "near_pairs",
    "unit_vectors",
]

_CROWDED = 20
"""Neighbours that no galaxy has on average; listing the pairs of a whole table at one position takes all memory."""

_UNKNOWN = -999.0
"""SDSS writes -9999 (and -999) for what it could not measure."""


def drop_unidentified(table: pd.DataFrame) -> tuple[pd.DataFrame, Count]:
    """Leave out rows without an id; the rest has int64 ids."""
    gone = table[GALAXY_ID].isna()
    ids = table.loc[~gone, GALAXY_ID].astype(np.int64)
    return table[~gone].assign(**{GALAXY_ID: ids}), Count.of(f"row {row + 1}" for row in table.index[gone])


def drop_unplaced(table: pd.DataFrame) -> tuple[pd.DataFrame, Count]:
    """Leave out galaxies whose position is empty, not finite or not on the sphere; 360 deg becomes 0."""
    right, up = table[RA], table[DEC]
    # An empty field is NaN and fails every comparison.
    gone = ~(right.between(0.0, 360.0) & up.between(-90.0, 90.0))
    bad = table[gone]
    examples = (
        f"{name} at ra {ra:g}, dec {dec:g}" for name, ra, dec in zip(bad[GALAXY_ID], bad[RA], bad[DEC], strict=True)
    )
    return table[~gone].assign(**{RA: right[~gone] % 360.0}), Count.of(examples)


def drop_duplicates(table: pd.DataFrame) -> tuple[pd.DataFrame, Count]:
    """Keep the first row of each galaxy."""
    again = table.duplicated(GALAXY_ID)
    return table[~again], Count.of(str(name) for name in table.loc[again, GALAXY_ID])


def near_pairs(table: pd.DataFrame, within: float) -> Count:
    """Pairs of galaxies closer than `within` [arcsec]: perhaps one galaxy twice, perhaps two. They stay.

    Raises
    ------
    InputError
        A galaxy has more than 20 such neighbours on average: these are not positions of galaxies.
    """
    table = table[table[RA].notna() & table[DEC].notna()]
    if table.empty:
        return Count()
    tree = cKDTree(unit_vectors(table[RA], table[DEC]))
    neighbours = int(tree.count_neighbors(tree, chord(within))) - len(table)
    if neighbours > _CROWDED * len(table):
        raise InputError(
            f"{len(table):,} galaxies have {neighbours / len(table):,.0f} others within {within:g} arcsec on average",
            "A position of its own for each galaxy",
            "Are the columns of positions those of the galaxies, or of their fields?",
        )
    pairs = np.sort(tree.query_pairs(chord(within), output_type="ndarray"), axis=1)
    names = table[GALAXY_ID].to_numpy()[pairs[np.lexsort(pairs.T[::-1])]]
    return Count.of(f"{first} and {second}" for first, second in names)


def blank_sentinels(table: pd.DataFrame, columns: Sequence[str] = (*MAGNITUDES, PETRO_RADIUS, "redshift")) -> int:
    """Turn SDSS's -9999 into NaN in place; how many values."""
    blanked = 0
    for name in (name for name in columns if name in table):
        unknown = table[name] <= _UNKNOWN
        blanked += int(unknown.sum())
        table[name] = table[name].mask(unknown)
    return blanked


def unit_vectors(ra: ArrayLike, dec: ArrayLike) -> NDArray[np.float64]:
    """Positions [deg] as points of the unit sphere, float (n, 3): distances on it know no pole and no 360 deg."""
    right, up = np.radians(np.asarray(ra, dtype=np.float64)), np.radians(np.asarray(dec, dtype=np.float64))
    return np.stack([np.cos(up) * np.cos(right), np.cos(up) * np.sin(right), np.sin(up)], axis=-1)


def chord(angle: float) -> float:
    """The straight distance between two points of the unit sphere that lie `angle` [arcsec] apart."""
    return 2.0 * float(np.sin(np.radians(angle / 3600.0) / 2.0))
