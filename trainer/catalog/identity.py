"""Identity of galaxies: ids of up to 63 bits, duplicates, close pairs and rows that cannot be used."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import cKDTree

from gz2interp.embedding.duplicates import SAME_WITHIN, separation
from gz2interp.errors import InputError, shorten
from gz2interp.schema import DEC, GALAXY_ID, MAGNITUDES, PETRO_RADIUS, RA
from trainer.catalog.delimited import is_float
from trainer.catalog.report import ReportCount

__all__ = [
    "Identity",
    "are_names",
    "blank_sentinels",
    "chord",
    "drop_duplicates",
    "drop_unidentified",
    "drop_unplaced",
    "ids_of",
    "ids_of_positions",
    "name_id",
    "near_pairs",
    "position_ids",
    "resolve_shared_ids",
    "unit_vectors",
]


_FIRST_INEXACT: Final = {2: 2.0**11, 4: 2.0**24, 8: 2.0**53}
"""First integer that is not unique in floating point, by bytes per number."""

_MISSING_IDS: Final = ("-1", "-9", "-99", "-999", "-9999")
"""Sentinels of unknown ids."""

_MAX_SHARED_FRACTION: Final = 0.1
"""Largest fraction of rows with the id of another galaxy for which ids are taken to identify galaxies."""


@dataclass(frozen=True, eq=False)
class Identity:
    """A table in which each id identifies one galaxy.

    Attributes
    ----------
    notes : tuple of str
        Decisions, for the report.
    renamed : ReportCount
        Rows with the id of a galaxy elsewhere, replaced by an id derived from the position.
    """

    table: pd.DataFrame
    notes: tuple[str, ...] = ()
    renamed: ReportCount = field(default_factory=ReportCount)


def resolve_shared_ids(table: pd.DataFrame) -> Identity:
    """Replace ids shared by galaxies at different positions.

    Parameters
    ----------
    table : DataFrame
        With galaxy_id (nullable integers), ra and dec [deg].

    Notes
    -----
    Rows more than 5 arcsec from the first row with their id get an id derived from their position. If these are more
    than a tenth of the rows, the id is a number within a brick or a field, and all ids are derived from positions.
    """
    first = table.dropna(subset=[GALAXY_ID]).drop_duplicates(GALAXY_ID).set_index(GALAXY_ID)[[RA, DEC]]
    origins = first.reindex(table[GALAXY_ID])
    position, origin = (frame[[RA, DEC]].to_numpy(np.float64) for frame in (table, origins))
    elsewhere = separation(origin[:, 0], origin[:, 1], position[:, 0], position[:, 1]) > SAME_WITHIN
    if not elsewhere.any():
        return Identity(table)
    position_based = ids_of_positions(table[RA], table[DEC])
    renamed = ReportCount.of(str(name) for name in table.loc[elsewhere, GALAXY_ID])
    if elsewhere.mean() <= _MAX_SHARED_FRACTION:
        ids = table[GALAXY_ID].mask(elsewhere, position_based)
        return Identity(table.assign(**{GALAXY_ID: ids}), (), renamed)
    note = f"ids repeat at other positions ({renamed.line('rows')}): ids are derived from the positions"
    return Identity(table.assign(**{GALAXY_ID: position_based}), (note,))


def are_names(column: pd.Series[Any]) -> bool:
    """Whether ids are names, such as ``J101223.40+021519.1``, ``347068_1123`` or ``1-109056``, and none is a number."""
    if not isinstance(column.dtype, pd.StringDtype) or column.isna().all():
        return False
    texts = column.dropna().str.strip()
    return bool(texts.str.contains(r"[A-Za-z_]|\d-\d").all()) and not texts.map(is_float).any()


def ids_of_positions(ra: pd.Series[Any], dec: pd.Series[Any]) -> pd.Series[Any]:
    """`position_ids` of columns [deg] as nullable integers; all invalid positions share one id."""
    placed = ra.notna() & dec.between(-90.0, 90.0)
    return pd.Series(position_ids(ra.where(placed, 0.0), dec.where(placed, 0.0)), index=ra.index, dtype="Int64")


def ids_of(column: pd.Series[Any], where: str) -> pd.Series[Any]:
    """Convert ids exactly to nullable integers.

    Parameters
    ----------
    column : Series
        Text, integers, or floating point below 2**53 (2**24 for single precision), where integers are exact. Values
        such as -1, -9 and -9999 count as missing.
    where : str
        File and column, for the error message.

    Raises
    ------
    InputError
        An id is not a whole number, does not fit 64 bits, or has lost digits in floating point.
    """
    if pd.api.types.is_float_dtype(column):
        return _from_floats(column, where)
    texts = column.astype("str").str.strip()
    texts = texts.mask(texts.isin(_MISSING_IDS))
    # pandas writes integers with missing values as 123.0; beyond 15 digits the last ones may be lost.
    texts = texts.str.replace(r"^([0-9]{1,15})\.0+$", r"\1", regex=True)
    wrong = texts[texts.notna() & ~texts.str.fullmatch(r"[0-9]{1,19}", na=False)]
    if len(wrong):
        raise _not_an_id(str(wrong.iloc[0]), f"{where}, row {int(wrong.index[0]) + 1}")
    try:
        # Arrow converts exactly; pandas may go through floating point.
        exact = pa.array(texts, type=pa.string(), from_pandas=True).cast(pa.int64())
    except pa.ArrowInvalid:
        raise _not_an_id(texts.max(), where) from None
    ids: pd.Series[Any] = exact.to_pandas(types_mapper={pa.int64(): pd.Int64Dtype()}.get)
    return ids.set_axis(column.index)


def position_ids(ra: ArrayLike, dec: ArrayLike) -> NDArray[np.int64]:
    """Ids derived from positions [deg]: nine digits of right ascension, eight of declination + 90, in 0.01 arcsec.

    Notes
    -----
    They are below 1.3e16, and so distinct from SDSS ids (5.8e17 and more); galaxies share an id only if their
    positions agree to 0.01 arcsec.

    >>> int(position_ids(8.0, -1.0)[0])
    288000032040000
    """
    right = np.rint(np.atleast_1d(np.asarray(ra, dtype=np.float64)) % 360.0 * 360_000).astype(np.int64) % 129_600_000
    up = np.rint((np.atleast_1d(np.asarray(dec, dtype=np.float64)) + 90.0) * 360_000).astype(np.int64)
    return right * 100_000_000 + up


def name_id(name: str) -> int:
    """An id derived from a name: 62 bits of its SHA-256, plus 2**62 to be distinct from survey ids."""
    return (1 << 62) + (int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") >> 2)


def _from_floats(column: pd.Series[Any], where: str) -> pd.Series[Any]:
    exact = _FIRST_INEXACT.get(getattr(column.dtype, "itemsize", 8), 2.0**53)
    wrong = column[column.notna() & ((column.abs() >= exact) | (column % 1 != 0))]
    if len(wrong):
        raise InputError(
            f"{where} is stored as floating point, in which {float(wrong.iloc[0])!r} is not unique",
            "ids as 64-bit integers or as text",
            "Write the table again from its source, without passing the id through a spreadsheet or a float column.",
        )
    whole = column.astype("Int64")
    if (whole < 0).any():
        whole = whole.mask(whole.isin([int(text) for text in _MISSING_IDS]))
    if (whole < 0).any():
        raise _not_an_id(str(whole[whole < 0].iloc[0]), where)
    return whole


def _not_an_id(text: str, where: str) -> InputError:
    rounded = is_float(text) and not text.lstrip("-").isdigit()
    remedy = "If a spreadsheet saved the table, take the original: the last digits are lost." if rounded else ""
    return InputError(f"{where}: {shorten(text)!r} is not an id", "a whole number from 0 to below 2**63", remedy)


_MAX_MEAN_NEIGHBOURS = 20
"""Largest mean number of neighbours; listing the pairs of a table at one position would exhaust the memory."""

_LARGEST_SENTINEL = -999.0
"""Largest sentinel of unmeasured values in SDSS, which writes -9999 and -999."""


def drop_unidentified(table: pd.DataFrame) -> tuple[pd.DataFrame, ReportCount]:
    """Drop rows without an id and convert the ids to int64."""
    missing = table[GALAXY_ID].isna()
    ids = table.loc[~missing, GALAXY_ID].astype(np.int64)
    return table[~missing].assign(**{GALAXY_ID: ids}), ReportCount.of(f"row {row + 1}" for row in table.index[missing])


def drop_unplaced(table: pd.DataFrame) -> tuple[pd.DataFrame, ReportCount]:
    """Drop galaxies with a missing or invalid position; 360 deg becomes 0."""
    right, declination = table[RA], table[DEC]
    invalid = ~(right.between(0.0, 360.0) & declination.between(-90.0, 90.0))
    bad = table[invalid]
    examples = (
        f"{name} at ra {ra:g}, dec {dec:g}" for name, ra, dec in zip(bad[GALAXY_ID], bad[RA], bad[DEC], strict=True)
    )
    return table[~invalid].assign(**{RA: right[~invalid] % 360.0}), ReportCount.of(examples)


def drop_duplicates(table: pd.DataFrame) -> tuple[pd.DataFrame, ReportCount]:
    """Keep the first row of each galaxy."""
    duplicate = table.duplicated(GALAXY_ID)
    return table[~duplicate], ReportCount.of(str(name) for name in table.loc[duplicate, GALAXY_ID])


def near_pairs(table: pd.DataFrame, within: float) -> ReportCount:
    """Pairs of galaxies closer than `within` [arcsec], which may be duplicates.

    Raises
    ------
    InputError
        There are more than 20 such neighbours per galaxy on average: these are not positions of galaxies.
    """
    table = table[table[RA].notna() & table[DEC].notna()]
    if table.empty:
        return ReportCount()
    tree = cKDTree(unit_vectors(table[RA], table[DEC]))
    neighbours = int(tree.count_neighbors(tree, chord(within))) - len(table)
    if neighbours > _MAX_MEAN_NEIGHBOURS * len(table):
        raise InputError(
            f"{len(table):,} galaxies have {neighbours / len(table):,.0f} others within {within:g} arcsec on average",
            "One position per galaxy",
            "Are the columns of positions those of the galaxies, or of their fields?",
        )
    pairs = np.sort(tree.query_pairs(chord(within), output_type="ndarray"), axis=1)
    names = table[GALAXY_ID].to_numpy()[pairs[np.lexsort(pairs.T[::-1])]]
    return ReportCount.of(f"{first} and {second}" for first, second in names)


def blank_sentinels(table: pd.DataFrame, columns: Sequence[str] = (*MAGNITUDES, PETRO_RADIUS, "redshift")) -> int:
    """Replace sentinels such as -9999 with NaN in place; returns the number of values replaced."""
    blanked = 0
    for name in (name for name in columns if name in table):
        unknown = table[name] <= _LARGEST_SENTINEL
        blanked += int(unknown.sum())
        table[name] = table[name].mask(unknown)
    return blanked


def unit_vectors(ra: ArrayLike, dec: ArrayLike) -> NDArray[np.float64]:
    """Positions [deg] as points on the unit sphere, float (n, 3)."""
    right, up = np.radians(np.asarray(ra, dtype=np.float64)), np.radians(np.asarray(dec, dtype=np.float64))
    return np.stack([np.cos(up) * np.cos(right), np.cos(up) * np.sin(right), np.sin(up)], axis=-1)


def chord(angle: float) -> float:
    """Chord of the unit sphere that subtends `angle` [arcsec]."""
    return 2.0 * float(np.sin(np.radians(angle / 3600.0) / 2.0))
