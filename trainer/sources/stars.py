"""Isolated, bright, unsaturated SDSS stars, to calibrate the flux of a service's pixels."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from astropy.coordinates import angular_separation
from astroquery.exceptions import RemoteServiceError
from astroquery.sdss import conf as sdss_conf

from gz2interp.errors import InputError
from gz2interp.schema import BANDS, DEC, RA
from trainer.archives.limits import ArchiveError
from trainer.archives.persist import persist
from trainer.archives.session import PoliteSession, plain_words
from trainer.sources.remote import SourceSettings
from trainer.sources.sdss import SkyServer

__all__ = ["StarSearchArea", "stars_of_sdss"]

_RELEASE: Final = 17
_QUERY: Final = """
SELECT TOP {most} p.ra, p.dec, p.psfMag_u AS u, p.psfMag_g AS g, p.psfMag_r AS r, p.psfMag_i AS i, p.psfMag_z AS z
FROM dbo.fGetNearbyObjEq({ra:.6f}, {dec:.6f}, {radius:.3f}) AS n JOIN Star AS p ON p.objID = n.objID
WHERE p.clean = 1 AND p.nChild = 0 AND p.psfMag_r BETWEEN 15.5 AND 18 AND p.psfMagErr_u < 0.05
AND NOT EXISTS (SELECT 1 FROM Neighbors AS b WHERE b.objID = p.objID AND b.distance < 0.22 AND b.neighborMode = 1)
ORDER BY n.distance
"""
"""Stars with a neighbour within 13 arcsec are excluded: their aperture or sky would be contaminated."""


@dataclass(frozen=True)
class StarSearchArea:
    """Region searched for stars.

    Attributes
    ----------
    ra, dec : float
        Centre [deg]; by default in Stripe 82, the deepest SDSS imaging.
    radius : float
        [arcmin].
    most : int
        Greatest number of stars, nearest to the centre first.
    """

    ra: float = 20.0
    dec: float = 0.0
    radius: float = 30.0
    most: int = 40

    def __post_init__(self) -> None:
        if not (0 <= self.ra < 360 and -90 <= self.dec <= 90):
            raise InputError(f"Stars around ra {self.ra:g}, dec {self.dec:g} were requested", "Degrees of the sky")
        if not (0 < self.radius <= 60 and 5 <= self.most <= 1000):
            raise InputError(f"{self.most} stars within {self.radius:g}' were requested", "5 to 1000, within 60'")


def stars_of_sdss(setting: SourceSettings, around: StarSearchArea) -> pd.DataFrame:
    """Query SkyServer for stars.

    Returns
    -------
    DataFrame
        ``ra``, ``dec`` [deg], and ``u`` ... ``z``: PSF magnitudes. At these brightnesses SDSS' asinh magnitudes are
        Pogson's to 0.001 mag.

    Raises
    ------
    InputError
        There are none.
    CutoutUnavailable
        No valid answer was received.
    ArchiveError
        The service stayed down for longer than the patience allows.
    """
    service = setting.service("SkyServer", sdss_conf.skyserver_baseurl)
    session = PoliteSession(service)
    client = SkyServer(session)
    stars: pd.DataFrame = persist(lambda: _query(client, session, around), service)
    if not len(stars):
        raise InputError(
            f"SDSS has no such stars within {around.radius:g}' of ra {around.ra:g}, dec {around.dec:g}",
            "A place that it has imaged, not too near to the Milky Way's plane",
            "Give another --around, or a table of stars",
        )
    return stars


def _query(client: SkyServer, session: PoliteSession, around: StarSearchArea) -> pd.DataFrame:
    query = _QUERY.format(ra=around.ra, dec=around.dec, radius=around.radius, most=around.most)
    try:
        with warnings.catch_warnings(action="ignore"):  # the caller reports an empty table
            result = client.query_sql(query, data_release=_RELEASE, timeout=None, cache=False)
        table = pd.DataFrame(columns=[RA, DEC, *BANDS]) if result is None else result.to_pandas()
        table = table[[RA, DEC, *BANDS]].astype(float)
    except (ValueError, KeyError, TypeError, IndexError, RemoteServiceError):
        raise ArchiveError("answer", f"the answer is no table of stars ({plain_words(session.last)})") from None
    _check(table, around)
    return table


def _check(table: pd.DataFrame, around: StarSearchArea) -> None:
    """Check magnitudes and positions of an answer."""
    magnitudes = table[list(BANDS)].to_numpy()
    if not (np.isfinite(magnitudes).all() and ((magnitudes > 10) & (magnitudes < 25)).all()):
        raise ArchiveError("answer", "the answer has magnitudes that no such star has")
    places = np.radians(table[[RA, DEC]].to_numpy())
    separation = angular_separation(places[:, 0], places[:, 1], *np.radians([around.ra, around.dec]))
    if not (np.degrees(separation) * 60.0 <= around.radius + 0.1).all():
        raise ArchiveError("answer", "the answer has stars from another part of the sky")
