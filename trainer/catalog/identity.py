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
from gz2interp.errors import InputError, shortened
from gz2interp.schema import DEC, GALAXY_ID, MAGNITUDES, PETRO_RADIUS, RA
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
    "tell_apart",
    "unit_vectors",
]


_EXACT: Final = {2: 2.0**11, 4: 2.0**24, 8: 2.0**53}
"""By the bytes of a floating point number: the first whole number that it may confuse with its neighbour."""

_NO_ID: Final = ("-1", "-9", "-99", "-999", "-9999")
"""What stands for an id that is not known."""

_FEW: Final = 0.1
"""Up to this share of rows with another galaxy's id, ids are taken to name galaxies; beyond it they do not."""


@dataclass(frozen=True, eq=False)
class Identity:
    """A table in which an id stands for one galaxy.

    Attributes
    ----------
    table : DataFrame
    notes : tuple of str
        What was decided, in words.
    renamed : ReportCount
        Rows that bore the id of a galaxy elsewhere, and got one made of their position.
    """

    table: pd.DataFrame
    notes: tuple[str, ...] = ()
    renamed: ReportCount = field(default_factory=ReportCount)


def tell_apart(table: pd.DataFrame) -> Identity:
    """Give rows that share an id with a galaxy elsewhere one of their own: identity is id and position.

    Parameters
    ----------
    table : DataFrame
        With galaxy_id (nullable integers), ra and dec [deg].

    Notes
    -----
    A galaxy is elsewhere if it lies more than 5 arcsec from the first row of the id. Where more than a tenth of the
    rows are so, the id is a number within something (a brick, a field), and all ids are made of positions.
    """
    first = table.dropna(subset=[GALAXY_ID]).drop_duplicates(GALAXY_ID).set_index(GALAXY_ID)[[RA, DEC]]
    there = first.reindex(table[GALAXY_ID])
    place, origin = (frame[[RA, DEC]].to_numpy(np.float64) for frame in (table, there))
    apart = separation(origin[:, 0], origin[:, 1], place[:, 0], place[:, 1]) > SAME_WITHIN
    if not apart.any():
        return Identity(table)
    made = ids_of_positions(table[RA], table[DEC])
    renamed = ReportCount.of(str(name) for name in table.loc[apart, GALAXY_ID])
    if apart.mean() <= _FEW:
        return Identity(table.assign(**{GALAXY_ID: table[GALAXY_ID].mask(apart, made)}), (), renamed)
    note = f"ids repeat at other positions ({renamed.line('rows')}): ids are made from the positions"
    return Identity(table.assign(**{GALAXY_ID: made}), (note,))


def are_names(column: pd.Series[Any]) -> bool:
    """Whether ids are names, such as ``J101223.40+021519.1``, ``347068_1123`` or ``1-109056``, and none is a number."""
    if not isinstance(column.dtype, pd.StringDtype) or column.isna().all():
        return False
    texts = column.dropna().str.strip()
    return bool(texts.str.contains(r"[A-Za-z_]|\d-\d").all()) and not texts.map(_is_float).any()


def ids_of_positions(ra: pd.Series[Any], dec: pd.Series[Any]) -> pd.Series[Any]:
    """`position_ids` of columns [deg] as nullable integers; positions off the sphere, which no row keeps, share one."""
    placed = ra.notna() & dec.between(-90.0, 90.0)
    return pd.Series(position_ids(ra.where(placed, 0.0), dec.where(placed, 0.0)), index=ra.index, dtype="Int64")


def ids_of(column: pd.Series[Any], where: str) -> pd.Series[Any]:
    """Ids as nullable integers, exact; missing where the table has none.

    Parameters
    ----------
    column : Series
        Text, integers, or floating point. Floating point is taken only below 2**53 (2**24 of single precision), where
        it still tells every galaxy from the next. -1 to -9999 in nines are missing.
    where : str
        The file and the column, for the error.

    Raises
    ------
    InputError
        An id is not a whole number, does not fit 64 bits, or has been through floating point.
    """
    if pd.api.types.is_float_dtype(column):
        return _from_floats(column, where)
    texts = column.astype("str").str.strip()
    texts = texts.mask(texts.isin(_NO_ID))
    # pandas writes whole numbers beside gaps as 123.0; beyond 15 digits the last ones may be lost.
    texts = texts.str.replace(r"^([0-9]{1,15})\.0+$", r"\1", regex=True)
    wrong = texts[texts.notna() & ~texts.str.fullmatch(r"[0-9]{1,19}", na=False)]
    if len(wrong):
        raise _not_an_id(str(wrong.iloc[0]), f"{where}, row {int(wrong.index[0]) + 1}")
    try:
        # Arrow reads whole numbers as whole numbers; pandas may take the way through floating point.
        exact = pa.array(texts, type=pa.string(), from_pandas=True).cast(pa.int64())
    except pa.ArrowInvalid:
        raise _not_an_id(texts.max(), where) from None
    ids: pd.Series[Any] = exact.to_pandas(types_mapper={pa.int64(): pd.Int64Dtype()}.get)
    return ids.set_axis(column.index)


def position_ids(ra: ArrayLike, dec: ArrayLike) -> NDArray[np.int64]:
    """Ids that spell positions: nine digits of right ascension, then eight of declination + 90, in 0.01 arcsec.

    Parameters
    ----------
    ra, dec : float (n,)
        [deg].

    Notes
    -----
    They stay below 1.3e16, so none can be taken for an SDSS id (5.8e17 and more), and two galaxies share one only if
    they share a hundredth of an arcsecond.

    >>> int(position_ids(8.0, -1.0)[0])
    288000032040000
    """
    right = np.rint(np.atleast_1d(np.asarray(ra, dtype=np.float64)) % 360.0 * 360_000).astype(np.int64) % 129_600_000
    up = np.rint((np.atleast_1d(np.asarray(dec, dtype=np.float64)) + 90.0) * 360_000).astype(np.int64)
    return right * 100_000_000 + up


def name_id(name: str) -> int:
    """An id made of a name: 62 bits of its SHA-256, above 2**62 so that it is nobody's real id."""
    return (1 << 62) + (int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") >> 2)


def _from_floats(column: pd.Series[Any], where: str) -> pd.Series[Any]:
    exact = _EXACT.get(getattr(column.dtype, "itemsize", 8), 2.0**53)
    wrong = column[column.notna() & ((column.abs() >= exact) | (column % 1 != 0))]
    if len(wrong):
        raise InputError(
            f"{where} is stored as floating point, and {float(wrong.iloc[0])!r} no longer says which galaxy it was",
            "ids as 64-bit integers or as text",
            "Write the table again from its source, without passing the id through a spreadsheet or a float column.",
        )
    whole = column.astype("Int64")
    if (whole < 0).any():
        whole = whole.mask(whole.isin([int(text) for text in _NO_ID]))
    if (whole < 0).any():
        raise _not_an_id(str(whole[whole < 0].iloc[0]), where)
    return whole


def _not_an_id(text: str, where: str) -> InputError:
    rounded = _is_float(text) and not text.lstrip("-").isdigit()
    remedy = "If a spreadsheet saved the table, take the original: the last digits are lost." if rounded else ""
    return InputError(f"{where}: {shortened(text)!r} is not an id", "a whole number from 0 to below 2**63", remedy)


def _is_float(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return "_" not in text


_CROWDED = 20
"""Neighbours that no galaxy has on average; listing the pairs of a whole table at one position takes all memory."""

_UNKNOWN = -999.0
"""SDSS writes -9999 (and -999) for what it could not measure."""


def drop_unidentified(table: pd.DataFrame) -> tuple[pd.DataFrame, ReportCount]:
    """Leave out rows without an id; the rest has int64 ids."""
    gone = table[GALAXY_ID].isna()
    ids = table.loc[~gone, GALAXY_ID].astype(np.int64)
    return table[~gone].assign(**{GALAXY_ID: ids}), ReportCount.of(f"row {row + 1}" for row in table.index[gone])


def drop_unplaced(table: pd.DataFrame) -> tuple[pd.DataFrame, ReportCount]:
    """Leave out galaxies whose position is empty, not finite or not on the sphere; 360 deg becomes 0."""
    right, up = table[RA], table[DEC]
    # An empty field is NaN and fails every comparison.
    gone = ~(right.between(0.0, 360.0) & up.between(-90.0, 90.0))
    bad = table[gone]
    examples = (
        f"{name} at ra {ra:g}, dec {dec:g}" for name, ra, dec in zip(bad[GALAXY_ID], bad[RA], bad[DEC], strict=True)
    )
    return table[~gone].assign(**{RA: right[~gone] % 360.0}), ReportCount.of(examples)


def drop_duplicates(table: pd.DataFrame) -> tuple[pd.DataFrame, ReportCount]:
    """Keep the first row of each galaxy."""
    again = table.duplicated(GALAXY_ID)
    return table[~again], ReportCount.of(str(name) for name in table.loc[again, GALAXY_ID])


def near_pairs(table: pd.DataFrame, within: float) -> ReportCount:
    """Pairs of galaxies closer than `within` [arcsec]: perhaps one galaxy twice, perhaps two. They stay.

    Raises
    ------
    InputError
        A galaxy has more than 20 such neighbours on average: these are not positions of galaxies.
    """
    table = table[table[RA].notna() & table[DEC].notna()]
    if table.empty:
        return ReportCount()
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
    return ReportCount.of(f"{first} and {second}" for first, second in names)


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
