"""Positions of a table as ICRS degrees: recognition of columns, units, formats and frames."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gz2interp.errors import InputError
from trainer.catalog.delimited import MISSING, SEXAGESIMAL

__all__ = ["Frame", "PositionColumns", "SkyPositions", "position_columns", "sky_positions", "with_equinoxes"]

Frame = Literal["", "FK4", "galactic"]
"""Frame implied by column names: "" (ICRS unless given in the file), FK4 B1950, or galactic."""

Floats = NDArray[np.float64]

_UNIT_WORDS: Final[dict[str, tuple[str, ...]]] = {
    "deg": ("deg", "degs", "degree", "degrees", "degr", "°", "decimal degrees"),
    "rad": ("rad", "rads", "radian", "radians"),
    "hour": ("h", "hr", "hrs", "hour", "hours", "hourangle", "hour angle"),
    "arcmin": ("arcmin", "arcminute", "arcminutes", "amin"),
    "arcsec": ("arcsec", "arcsecond", "arcseconds", "asec"),
    "mas": ("mas", "marcsec", "milliarcsecond", "milliarcseconds"),
    "h:m:s": ("h:m:s", "hms", "hh:mm:ss", "hh mm ss", "h m s", "hourangle:m:s"),
    "d:m:s": ("d:m:s", "dms", "dd:mm:ss", "dd mm ss", "d m s"),
}
_UNITS: Final = {word: unit for unit, words in _UNIT_WORDS.items() for word in words}
_DEGREES: Final = {"deg": 1.0, "rad": 180 / np.pi, "hour": 15.0, "arcmin": 1 / 60, "arcsec": 1 / 3600, "mas": 1 / 3.6e6}

_SUFFIX: Final = re.compile(
    r"^(.*?)(?:\s*[\[(]\s*([^\])]+?)\s*[\])]|_(deg|degrees?|rad|radians?|hours?|hr|h|hms|dms|arcsec|arcmin)|(deg))$"
)
"""A unit at the end of a name: ``ra[deg]``, ``ra (hours)``, ``dec_rad``, ``radeg``."""

_NAMES: Final[dict[Frame, tuple[str, str]]] = {
    "": (
        """ra _raj2000 raj2000 ra_j2000 ra2000 ra_2000 _ra _ra_icrs ra_icrs raicrs s_ra right_ascension rightascension
        alpha_j2000 alphawin_j2000 alpha ramean rastack plug_ra target_ra ra_1 rastring""",
        """dec _dej2000 _decj2000 decj2000 dej2000 dec_j2000 de_j2000 dec2000 dec_2000 _dec _de de _de_icrs dec_icrs
        de_icrs decicrs s_dec declination decl delta_j2000 deltawin_j2000 delta decmean decstack
        plug_dec target_dec dec_1 decstring""",
    ),
    "FK4": (
        "rab1950 _rab1950 ra_b1950 ra1950 ra_1950 alpha_b1950 alpha1950 ra_fk4",
        """deb1950 _deb1950 decb1950 _decb1950 de_b1950 dec_b1950 dec1950 dec_1950 de1950 de_1950 delta_b1950 delta1950
        dec_fk4""",
    ),
    "galactic": (
        "glon _glon l gal_l gal_lon l_gal lii galactic_longitude",
        "glat _glat b gal_b gal_lat b_gal bii galactic_latitude",
    ),
}
"""Names of longitude and latitude in lower case, in order of preference.

VizieR adds ``_RAJ2000`` in decimal degrees to tables whose ``RAJ2000`` may be sexagesimal and rounded.
"""

_SENTINELS: Final = (-9999.0, -999.0, -99.0, 99.0, 999.0, 9999.0, 99999.0)
"""Sentinels of unknown positions."""

_ROWS_TO_INFER_UNIT: Final = 100
"""Rows needed to infer the unit from the range of values."""


@dataclass(frozen=True)
class PositionColumns:
    """The position columns of a table.

    Attributes
    ----------
    lon, lat : str
        Columns of right ascension and declination, or of galactic longitude and latitude.
    frame : str
        Implied by the names, see `Frame`.
    units : (str, str)
        Implied by the names, as in ``ra_rad``, or "".
    """

    lon: str
    lat: str
    frame: Frame = ""
    units: tuple[str, str] = ("", "")


@dataclass(frozen=True, eq=False)
class SkyPositions:
    """Positions of a table's rows.

    Attributes
    ----------
    ra, dec : float64 (n,)
        ICRS [deg]; NaN where unknown. Invalid values are unchanged, for the caller to drop and report.
    notes : tuple of str
        Conversions of units, formats and frames, for the report.
    """

    ra: Floats
    dec: Floats
    notes: tuple[str, ...] = ()


def position_columns(columns: Sequence[str]) -> PositionColumns | None:
    """Find the position columns by their names, ignoring case; None if there are none.

    Equatorial J2000 columns are preferred to B1950, these to galactic ones, and numbers to text.
    """
    parsed = {name: _name_and_unit(name) for name in columns}
    for frame, (lon_names, lat_names) in _NAMES.items():
        lon, lat = _best(parsed, lon_names.split()), _best(parsed, lat_names.split())
        if lon and lat:
            return PositionColumns(lon, lat, frame, (parsed[lon][1], parsed[lat][1]))
    return None


def sky_positions(
    table: pd.DataFrame, columns: PositionColumns, units: Mapping[str, str], frames: Mapping[str, str]
) -> SkyPositions:
    """Convert the positions of a table to ICRS degrees.

    Parameters
    ----------
    table : DataFrame
        Its position columns are numbers, or text with numbers or sexagesimal values.
    units : mapping
        Units by column as given in the file (TUNIT, or unit in VOTable); missing or "" for none.
    frames : mapping
        Frames by column as given in the file, such as ``"FK4 B1950"``; missing or "" for none.

    Raises
    ------
    InputError
        A unit is no angle, or contradicts the column name or the values; the frame is unknown.
    """
    lon, lat = columns.lon, columns.lat
    unit = [_unit(name, units.get(name, ""), hint) for name, hint in zip((lon, lat), columns.units, strict=True)]
    x, x_unit = _degrees(table[lon], lon, unit[0], hours=columns.frame != "galactic")
    y, y_unit = _degrees(table[lat], lat, unit[1], hours=False)
    if unit[1] in ("hour", "h:m:s") or (not all(unit) and {"rad", "arcsec", "arcmin", "mas"} & set(unit)):
        raise InputError(
            f"The column {lon!r} is in {unit[0] or 'no unit'}, {lat!r} in {unit[1] or 'no unit'}",
            "A unit on both columns, and hours only on right ascension",
        )
    x, y, notes = _wrapped(*_without_origin(x, y))
    _refuse_off_sphere(x, y, (f"{lon!r} [{x_unit}]", f"{lat!r} [{y_unit}]"))
    notes += [
        f"{name} is in {words}, read as degrees" for name, words in ((lon, x_unit), (lat, y_unit)) if words != "deg"
    ]
    notes += _suspicions(x, y, columns, unit)
    ra, dec, converted = _to_icrs(x, y, columns, frames)
    return SkyPositions(ra, dec, (*notes, *converted))


def with_equinoxes(table: pd.DataFrame, frames: Mapping[str, str], columns: PositionColumns) -> dict[str, str]:
    """The frames given in a file, completed by a column named equinox.

    Raises
    ------
    InputError
        The rows are of different equinoxes.
    """
    name = next((str(name) for name in table if str(name).lower() == "equinox"), None)
    if name is None or frames.get(columns.lon):
        return dict(frames)
    years = table[name].dropna().astype("str").str.extract(r"(\d{4}(?:\.\d+)?)")[0].dropna().astype(np.float64).unique()
    if len(years) > 1:
        raise InputError(
            f"The column {name!r} holds {len(years)} equinoxes", "one for all rows", "Precess or split the table."
        )
    return {**frames, columns.lon: f"{years[0]:g}"} if len(years) else dict(frames)


def _name_and_unit(name: str) -> tuple[str, str]:
    """Split ``"ra_rad"`` into ``("ra", "rad")``; the unit is "" if the name has none, or one that is no angle."""
    lower = re.sub(r"[\s_]*[\[(]\s*(j2000|b1950|icrs)[^\])]*[\])]", r"_\1", name.strip().lower())
    match = _SUFFIX.match(lower)
    unit = _UNITS.get(next(filter(None, match.groups()[1:]), ""), "") if match else ""
    base, unit = (match[1].strip(), unit) if match and unit else (lower, "")
    return re.sub(r"\s+", "_", base), unit


def _best(parsed: Mapping[str, tuple[str, str]], names: Sequence[str]) -> str:
    matches = [
        (unit in ("h:m:s", "d:m:s"), names.index(base), name) for name, (base, unit) in parsed.items() if base in names
    ]
    return min(matches)[-1] if matches else ""


def _unit(column: str, text: str, hint: str) -> str:
    """Unit of a column from the file, else from its name; "" if neither has one."""
    word = re.sub(r"^[\s\"'\[(]+|[\s\"'\]).]+$", "", text).lower()
    if word in ("", "-", "--", "none", "unitless"):
        return hint
    unit = _UNITS.get(word)
    if unit is None:
        raise InputError(
            f"The column {column!r} has the unit {text!r}",
            "deg, rad, hourangle, arcsec, h:m:s or d:m:s",
            "Correct it.",
        )
    if hint and _DEGREES.get(hint) != _DEGREES.get(unit):
        raise InputError(f"The column {column!r} has the unit {text!r}", f"{hint}, as in its name", "Correct one.")
    return unit


def _degrees(values: pd.Series[Any], name: str, unit: str, hours: bool) -> tuple[Floats, str]:
    """Convert a column to degrees, and return its original unit or format."""
    if pd.api.types.is_numeric_dtype(values):
        plain = {"": "deg", "h:m:s": "hour", "d:m:s": "deg"}.get(unit, unit)
        return values.to_numpy(np.float64, na_value=np.nan) * _DEGREES[plain], plain
    texts = values.str.strip()
    texts = texts.mask(texts.str.lower().isin(MISSING))
    parts = texts.str.extract(SEXAGESIMAL)
    wrong = np.flatnonzero(texts.notna() & parts["whole"].isna())
    if wrong.size:
        raise InputError(
            f"Column {name!r}, row {wrong[0] + 1}: {texts.iloc[wrong[0]]!r}",
            "All positions as 10:01:02.3 or 10h01m02.3s, or all as numbers",
        )
    whole, minutes, seconds = (
        pd.to_numeric(parts[part]).fillna(0).to_numpy(np.float64) for part in ("whole", "m", "s")
    )
    _refuse_sixty(texts, name, minutes, seconds)
    letters = set(parts["mark"].dropna().str.lower())
    in_hours = _is_in_hours(name, unit, letters, hours, float(whole.max(initial=0.0)))
    size = (whole + minutes / 60 + seconds / 3600) * (15.0 if in_hours else 1.0)
    angles = np.where(parts["sign"].isin(["-", "\u2212"]), -size, size)
    return np.where(texts.isna(), np.nan, angles), "h:m:s" if in_hours else "d:m:s"


def _refuse_sixty(texts: pd.Series[Any], name: str, minutes: Floats, seconds: Floats) -> None:
    wrong = np.flatnonzero((minutes >= 60) | (seconds > 60))
    if wrong.size:
        raise InputError(
            f"Column {name!r}, row {wrong[0] + 1}: {texts.iloc[wrong[0]]!r}", "Minutes and seconds below 60"
        )


def _is_in_hours(name: str, unit: str, letters: set[str], hours: bool, largest: float) -> bool:
    """Whether sexagesimal values are hours: by their letters, else by the unit, else by convention."""
    if "h" in letters and (not hours or unit in ("deg", "d:m:s")):
        raise InputError(f"The column {name!r} holds hours", "degrees, as in its name or unit", "Correct one.")
    if letters & {"d", "°"} or unit in ("deg", "d:m:s"):
        return False
    # No hour is larger than 24, so 150:07:30 can only be degrees.
    return hours and ("h" in letters or unit in ("hour", "h:m:s") or largest <= 24)


def _without_origin(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Set several rows at exactly (0, 0) to NaN, which marks unknown positions."""
    origin = (x == 0) & (y == 0)
    if np.count_nonzero(origin) < 2:
        return x, y
    return np.where(origin, np.nan, x), np.where(origin, np.nan, y)


def _wrapped(x: Floats, y: Floats) -> tuple[Floats, Floats, list[str]]:
    """Wrap right ascensions at 360 deg, if the whole table uses the range -180 to 180."""
    negative = (x < 0) & (x >= -180)
    if not negative.any():
        return x, y, []
    if (x[x <= 360] > 180).any():
        return x, y, ["negative right ascensions occur together with values above 180 deg: they are treated as unknown"]
    return (
        np.where(negative, x % 360.0, x),
        y,
        [f"{np.count_nonzero(negative):,} negative right ascensions plus 360 deg"],
    )


def _refuse_off_sphere(x: Floats, y: Floats, columns: tuple[str, str]) -> None:
    """Raise `InputError` if many positions are invalid, which indicates wrong units or columns."""
    valid = np.isfinite(x) & np.isfinite(y) & ~np.isin(x, _SENTINELS) & ~np.isin(y, _SENTINELS)
    off = valid & ((x < 0) | (x > 360) | (np.abs(y) > 90))
    wrong, count = np.count_nonzero(off), np.count_nonzero(valid)
    if count < 3 or wrong <= (0.1 if count >= _ROWS_TO_INFER_UNIT else 0.5) * count:
        return
    x, y = x[valid], y[valid]
    raise InputError(
        f"{wrong:,} of {count:,} positions are off the sphere: {columns[0]} would run from "
        f"{x.min():g} to {x.max():g} deg, {columns[1]} from {y.min():g} to {y.max():g} deg",
        "0 to 360 deg and -90 to 90 deg",
        "Are the columns swapped, or in another unit?",
    )


def _suspicions(x: Floats, y: Floats, columns: PositionColumns, unit: Sequence[str]) -> list[str]:
    """Notes about an unusual range of values without a unit; no error, since a small field may look the same."""
    valid = np.isfinite(x) & np.isfinite(y)
    if unit[0] or np.count_nonzero(valid) < _ROWS_TO_INFER_UNIT or columns.frame == "galactic":
        return []
    x, y = x[valid], y[valid]
    advice = ""
    if 3 < x.max() <= 2 * np.pi and np.abs(y).max() <= np.pi / 2:
        advice = f"; if they are radians, name the columns {columns.lon}_rad and {columns.lat}_rad"
    elif 12 < x.max() <= 24 and np.ptp(y) > 24:
        advice = f"; if {columns.lon} is in hours, name the column {columns.lon}_hours"
    limits = f"{columns.lon} ends at {x.max():.2f} and {columns.lat} at {np.abs(y).max():.2f}"
    return [f"no unit is given, and {limits}: read as degrees{advice}"] if advice else []


def _to_icrs(
    x: Floats, y: Floats, columns: PositionColumns, frames: Mapping[str, str]
) -> tuple[Floats, Floats, list[str]]:
    frame, equinox = _frame(columns, frames.get(columns.lon, ""))
    if not frame:
        return x, y, []
    # astropy.coordinates takes a second to import, and most tables do not need it.
    import astropy.units as u
    from astropy.coordinates import FK4, FK5, Galactic, SkyCoord

    system = {"FK4": lambda: FK4(equinox=equinox), "FK5": lambda: FK5(equinox=equinox), "galactic": Galactic}[frame]()
    valid = np.isfinite(x) & np.isfinite(y) & (x >= 0) & (x <= 360) & (np.abs(y) <= 90)
    sky = SkyCoord(x[valid] * u.deg, y[valid] * u.deg, frame=system).icrs
    ra, dec = np.where(valid, x, np.nan), np.where(valid, y, np.nan)
    ra[valid], dec[valid] = sky.ra.deg, sky.dec.deg
    words = "galactic coordinates" if frame == "galactic" else f"{frame} {equinox}"
    return ra, dec, [f"{columns.lon} and {columns.lat} are {words}, converted to ICRS"]


def _frame(columns: PositionColumns, text: str) -> tuple[str, str]:
    """The frame to convert from, and its equinox; "" if the positions are in ICRS."""
    words = text.upper()
    is_galactic = columns.frame == "galactic"
    if re.search(r"ECL|SUPER", words) or ("GALACTIC" in words and not is_galactic):
        raise InputError(f"{columns.lon} and {columns.lat} are given as {text}", "ICRS, FK5 or FK4 under these names")
    if is_galactic:
        return "galactic", ""  # EQUINOX in the header refers to equatorial columns
    match = re.search(r"(?<!\d)(\d{4}(?:\.\d+)?)", words)
    year = float(match[1]) if match else 2000.0
    is_old = "FK4" in words or (year < 1984 and not re.search("FK5|ICRS", words))
    if (is_old and "2000" in columns.lon) or (words and not is_old and columns.frame == "FK4"):
        raise InputError(
            f"{columns.lon} and {columns.lat} are given as {text}",
            "The frame implied by their names",
            "Name the columns ra and dec, or correct what the file gives as their frame.",
        )
    if columns.frame == "FK4" or is_old:
        return "FK4", f"B{year if year < 1984 else 1950.0:g}"
    if "ICRS" in words or (year == 2000.0 and "FK5" not in words):
        return "", ""
    return "FK5", f"J{year:g}"
