"""Search queries for a galaxy: an id, or a position on the sky."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gz2interp.errors import InputError, shorten

__all__ = ["WITHIN", "Position", "nearest_on_sky", "read_query"]

Floats = NDArray[np.floating]

WITHIN: Final = 30.0
"""Largest distance of a galaxy from a typed position [arcsec]."""


@dataclass(frozen=True)
class Position:
    """A position on the sky, J2000 [deg]."""

    ra: float
    dec: float


def read_query(text: str) -> str | Position:
    """A galaxy's id as a string of digits, or a position.

    Parameters
    ----------
    text : str
        ``"588015507658768484"``, ``"150.1 2.2"`` (degrees), ``"10:00:24 +02:12:00"`` or ``"10h00m24s +2d12m"`` (hours
        and degrees).

    Raises
    ------
    InputError
        The text is neither.
    """
    words = text.replace(",", " ").replace(";", " ").split()
    if len(words) == 1 and words[0].isascii() and words[0].isdigit():
        return words[0]
    try:
        return _degrees(words) if len(words) == 2 and not re.search(r"[:hdm]", text) else _sexagesimal(" ".join(words))
    except ValueError:
        raise InputError(
            f"“{shorten(text)}” is neither an id nor a position",
            "588015507658768484, 150.1 2.2 or 10:00:24 +02:12:00",
        ) from None


def nearest_on_sky(position: Position, ra: Floats, dec: Floats) -> tuple[int, float]:
    """The row nearest to a position, and its distance [arcsec].

    Parameters
    ----------
    ra, dec : float (n,)
        [deg]. Rows without a position are never the nearest.

    Notes
    -----
    The haversine formula, which is exact for small distances and near the poles.
    """
    dra, ddec = np.radians(ra - position.ra), np.radians(dec - position.dec)
    cosines = np.cos(np.radians(dec)) * np.cos(np.radians(position.dec))
    half = np.sqrt(np.sin(ddec / 2) ** 2 + cosines * np.sin(dra / 2) ** 2)
    distances = np.degrees(2 * np.arcsin(np.clip(half, 0, 1))) * 3600
    distances = np.where(np.isfinite(distances), distances, np.inf)
    row = int(np.argmin(distances))
    return row, float(distances[row])


def _degrees(words: list[str]) -> Position:
    return _on_sphere(float(words[0]), float(words[1]))


def _sexagesimal(text: str) -> Position:
    # astropy takes a second to import and is needed for sexagesimal positions only.
    import astropy.units as u
    from astropy.coordinates import SkyCoord

    place = SkyCoord(text, unit=(u.hourangle, u.deg))
    return _on_sphere(float(place.ra.deg), float(place.dec.deg))


def _on_sphere(ra: float, dec: float) -> Position:
    if not (0 <= ra <= 360 and -90 <= dec <= 90):
        raise ValueError("not on the sphere")
    return Position(ra, dec)
