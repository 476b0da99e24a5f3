"""Cutouts from the CDS' hips2fits: the HiPS of SDSS DR9, one for each band."""

from __future__ import annotations

import importlib
import threading
import warnings
from contextlib import suppress
from functools import partial
from typing import Any, Final

from gz2interp.results import Cutout, Galaxy
from gz2interp.schema import NATIVE_PIXEL_SCALE
from gz2interp.stores.resampling import north_up
from trainer.archives.limits import ArchiveError
from trainer.archives.persist import persist
from trainer.archives.service import Service, available, configured
from trainer.archives.session import PoliteSession
from trainer.archives.units import Unit, read_unit
from trainer.sources.remote import BandImages, GalaxyField, SourceSettings

__all__ = ["Hips2fitsSource"]

_HOME: Final = "https://alasky.cds.unistra.fr/hips-image-services/hips2fits"
_MIRROR: Final = "https://alaskybis.cds.unistra.fr/hips-image-services/hips2fits"
_SURVEY: Final = "CDS/P/SDSS9/"


class Hips2fitsSource:
    """Cutouts from hips2fits (Boch et al. 2020) through astroquery, or from its mirror while the first address is down.

    Parameters
    ----------
    unit : Unit, optional
        Measured unit of the service's pixels; by default the last result of `calibrate-source`.

    Notes
    -----
    The service interpolates its HiPS, whose pixels hold surface brightness in the native unit per native pixel of
    SDSS; they are multiplied by the ratio of the areas. The HiPS itself is resampled: its PSF is slightly wider than
    that of the frames.
    """

    name = "hips2fits"

    def __init__(self, setting: SourceSettings, unit: Unit | None = None) -> None:
        self.bands, self.shape, self.setting = setting.bands, setting.shape, setting
        address = configured("hips2fits", "server") or _HOME
        addresses = (address, _MIRROR) if address == _HOME else (address,)
        self.services = tuple(
            setting.service(name, where)
            for name, where in zip((self.name, f"{self.name} mirror"), addresses, strict=False)
        )
        self.unit = unit or read_unit(self.name, self.services[0].guard.host)
        self.resampler = "HiPS of SDSS DR9, interpolated by the service"
        self._local = threading.local()

    def fetch(self, galaxy: Galaxy) -> Cutout:
        """See `trainer.sources.Source`."""
        field, images = GalaxyField(galaxy, self.setting), BandImages(self.bands)
        while images.missing:
            service = available(self.services)
            with suppress(ArchiveError):  # the service went down: try whichever is up now
                persist(partial(self._request_missing, field, images, service), service, lambda: images.answers_needed)
        area = (field.pixel_scale / NATIVE_PIXEL_SCALE) ** 2
        return images.cutout(self.name, field, self.unit.words, self.unit.factors(self.bands, area))

    def _request_missing(self, field: GalaxyField, images: BandImages, service: Service) -> None:
        """Request the missing bands once; raise at once if the service is down, since there is a mirror."""
        if service.breaker.is_closed_to_this_thread:
            raise ArchiveError("down", f"{service.name} is down")
        client = self._client(service)
        wcs = north_up(field.galaxy.ra, field.galaxy.dec, field.pixel_scale, field.shape)
        wcs.pixel_shape = field.shape[::-1]
        options = {"format": "fits", "min_cut": 0.5, "max_cut": 99.5, "stretch": "linear", "cmap": "Greys_r"}
        images.request(
            field, lambda band: bytes(client.query_with_wcs_async(hips=_SURVEY + band, wcs=wcs, **options).content)
        )

    def _client(self, service: Service) -> Any:
        clients = self._local.__dict__.setdefault("clients", {})
        if service.name not in clients:
            clients[service.name] = _client(service)
        return clients[service.name]


def _client(service: Service) -> Any:
    """Astroquery's client with a bounded session and the address of a service."""
    client = _hips2fits_module().hips2fitsClass()
    client.server, client._session = service.address, PoliteSession(service)
    return client


_importing = threading.Lock()


def _hips2fits_module() -> Any:
    """Import astroquery.hips2fits, which fails if the configuration holds an address that it does not list."""
    from astropy.config import get_config

    with _importing, warnings.catch_warnings(action="ignore"):
        settings = get_config("astroquery", rootname="astropy")
        hidden = settings.get("hips2fits", {}).pop("server", None)
        try:
            return importlib.import_module("astroquery.hips2fits")
        finally:
            if hidden is not None:
                settings["hips2fits"]["server"] = hidden
