"""Where on the sky the galaxies of a cluster lie: one spot is a night, a run, or a field, and seldom a kind of galaxy.

A right ascension has no more and no less: the year's first and last hour lie side by side. So the survey is divided
into parts of equal numbers, and a cluster is asked what share of it lies in each.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gz2interp.embedding.cluster_differences import Column, flag_column

__all__ = ["PARTS", "parts_of_the_sky", "sky_columns"]

PARTS: Final = 32
"""Of a large survey; of a small one fewer, so that each has galaxies enough."""

FEWEST: Final = 20
"""Galaxies of a part."""

Floats = NDArray[np.float64]


def sky_columns(ra: ArrayLike, dec: ArrayLike) -> Iterator[Column]:
    """A column for each part of the sky, of galaxies that all have a place (n,) [deg]; NaN where unknown."""
    east, north = np.asarray(ra, np.float64) % 360, np.asarray(dec, np.float64)
    known = np.isfinite(east) & np.isfinite(north)
    parts = np.full(len(east), -1)
    parts[known] = parts_of_the_sky(east[known], north[known])
    for part in range(parts.max(initial=-1) + 1 if parts.max(initial=-1) > 0 else 0):
        inside = np.where(known, (parts == part).astype(np.float64), np.nan)
        yield flag_column(f"sky {part}", inside, "catalogue", _words(east[parts == part], north[parts == part]))


def parts_of_the_sky(ra: Floats, dec: Floats) -> NDArray[np.int64]:
    """The part of each galaxy (n,): halved again and again by the median of the longer side.

    Parameters
    ----------
    ra, dec : float64 (n,)
        [deg], finite. Right ascensions are counted from the widest gap.
    """
    turned = _from_the_gap(ra)
    parts = np.zeros(len(ra), np.int64)
    while (parts.max(initial=0) + 1) * 2 <= min(PARTS, len(ra) // FEWEST):
        halves = np.zeros(len(ra), np.int64)
        for part in range(parts.max() + 1):
            members = np.flatnonzero(parts == part)
            wide = np.ptp(turned[members]) * np.cos(np.deg2rad(np.median(dec[members])))
            side = turned if wide >= np.ptp(dec[members]) else dec
            order = np.argsort(side[members], kind="stable")
            halves[members[order[len(order) // 2 :]]] = 1
        parts = 2 * parts + halves
    return parts


def _from_the_gap(ra: Floats) -> Floats:
    """Counted eastwards from where the widest gap ends, in [0, 360)."""
    if not len(ra):
        return ra
    ordered = np.sort(ra)
    gaps = np.diff(ordered, append=ordered[0] + 360)
    widest = int(gaps.argmax())
    start = ordered[(widest + 1) % len(ordered)]
    return np.asarray((ra - start) % 360)


def _words(ra: Floats, dec: Floats) -> str:
    turned = _from_the_gap(ra)
    first = float(ra[turned.argmin()])
    last = (first + float(np.ptp(turned))) % 360
    degree, dash = "\N{DEGREE SIGN}", "\N{EN DASH}"
    north = f"{dec.min():.1f}{degree} to {dec.max():.1f}{degree}".replace("-", "\N{MINUS SIGN}")
    return (
        f"from one part of the sky (right ascension {first:.1f}{degree}{dash}{last:.1f}{degree}, declination {north})"
    )
