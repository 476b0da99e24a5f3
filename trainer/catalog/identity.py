"""Which galaxy is which: whole ids of up to 63 bits, from text, and ids made where a table has none."""

from __future__ import annotations

import hashlib
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import ArrayLike, NDArray

from gz2interp.errors import InputError, shortened

__all__ = ["ids_of", "name_id", "position_ids"]

_EXACT: Final = 2.0**53
"""The first whole number that a float64 may confuse with its neighbour."""


def ids_of(column: pd.Series[Any], where: str) -> pd.Series[Any]:
    """Ids as nullable integers, exact; missing where the table has none.

    Parameters
    ----------
    column : Series
        Text, integers, or floating point. Floating point is taken only below 2**53, where it still tells every galaxy
        from the next.
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
    wrong = column[column.notna() & ((column.abs() >= _EXACT) | (column % 1 != 0))]
    if len(wrong):
        raise InputError(
            f"{where} is stored as floating point, and {wrong.iloc[0]!r} no longer says which galaxy it was",
            "ids as 64-bit integers or as text",
            "Write the table again from its source, without passing the id through a spreadsheet or a float column.",
        )
    return column.astype("Int64")


def _not_an_id(text: str, where: str) -> InputError:
    remedy = "If a spreadsheet saved the table, take the original: the last digits are lost." if _is_float(text) else ""
    return InputError(f"{where}: {shortened(text)!r} is not an id", "a whole number below 2**63", remedy)


def _is_float(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
