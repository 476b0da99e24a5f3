"""Cutouts from NASA's SkyView: five surveys of SDSS, resampled by the service."""

from __future__ import annotations

import threading
from typing import Any, Final

import astropy.units as u
from astropy.coordinates import SkyCoord
from astroquery.skyview import SkyViewClass
from astroquery.skyview import conf as skyview_conf

from gz2interp.results import Cutout, Galaxy
from gz2interp.schema import NATIVE_PIXEL_SCALE
from trainer.archives.limits import ArchiveError
from trainer.archives.persist import persist
from trainer.archives.session import PoliteSession, plain_words
from trainer.archives.units import Unit, read_unit
from trainer.sources.remote import BandImages, GalaxyField, SourceSettings

__all__ = ["SkyViewSource", "sampler_for"]

_COARSE: Final = 1.5
_AREA_SAMPLER: Final = "Clip"


class SkyViewSource:
    """Cutouts from SkyView (McGlynn et al. 1998) through astroquery.

    Parameters
    ----------
    unit : Unit, optional
        Measured unit of the service's pixels; by default the last result of `calibrate-source`.

    Notes
    -----
    Pixels at most 1.5 native ones wide are interpolated linearly (``LI``) and hold surface brightness, in the native
    unit per native pixel; they are multiplied by the ratio of the areas. Wider ones are overlapped with the native
    pixels (``Clip``), which conserves flux. SkyView's default, the nearest neighbour, shifts light by half a pixel.

    astroquery reads the service's form for every galaxy; here each worker reads it once. The images are fetched in a
    bounded session, because astroquery sets no time limit and caches failures.
    """

    name = "skyview"

    def __init__(self, setting: SourceSettings, unit: Unit | None = None) -> None:
        self.bands, self.shape, self.setting = setting.bands, setting.shape, setting
        self.services = (setting.service(self.name, skyview_conf.url),)
        self.unit = unit or read_unit(self.name, self.services[0].guard.host)
        self.resampler = "SkyView's LI at up to 1.5 native pixels, its Clip beyond"
        self._local = threading.local()

    def fetch(self, galaxy: Galaxy) -> Cutout:
        """See `trainer.sources.Source`."""
        field, images = GalaxyField(galaxy, self.setting), BandImages(self.bands)
        persist(lambda: self._request_missing(field, images), self.services[0], lambda: images.answers_needed)
        area = 1.0 if sampler_for(field.pixel_scale) == _AREA_SAMPLER else field.pixel_scale / NATIVE_PIXEL_SCALE
        return images.cutout(self.name, field, self.unit.words, self.unit.factors(self.bands, area**2))

    def _request_missing(self, field: GalaxyField, images: BandImages) -> None:
        """Request the missing bands once."""
        bands = images.missing
        client: _SkyView = self._client()
        client.position = f"{field.galaxy.ra:.7f} {field.galaxy.dec:+.7f}"
        addresses = client.get_image_list(
            SkyCoord(field.galaxy.ra, field.galaxy.dec, unit="deg"),
            [f"SDSS{band}" for band in bands],
            coordinates="J2000",
            projection="Tan",
            pixels=f"{field.shape[1]},{field.shape[0]}",
            width=field.width * u.arcsec,
            height=field.pixel_scale * field.shape[0] * u.arcsec,
            sampler=sampler_for(field.pixel_scale),
            scaling="Linear",
            deedger="null",
            cache=False,
        )
        if len(addresses) != len(bands):
            page = plain_words(client.session.last)
            raise ArchiveError("answer", f"the service listed {len(addresses)} images, not {len(bands)} ({page})")
        address_of = dict(zip(bands, addresses, strict=True))
        images.request(field, lambda band: client.session.get(address_of[band]).content)

    def _client(self) -> _SkyView:
        if not hasattr(self._local, "client"):
            self._local.client = _SkyView(PoliteSession(self.services[0]))
        client: _SkyView = self._local.client
        return client


class _SkyView(SkyViewClass):
    """astroquery's client with a bounded session and a cached form.

    astroquery writes positions with six significant digits, a third of an arcsec in right ascension and nearly a
    native pixel, so the position is written here.
    """

    def __init__(self, session: PoliteSession) -> None:
        super().__init__()
        self.URL = skyview_conf.url
        self.session = self._session = session
        self.position = ""
        self._form: tuple[str, dict[str, Any]] | None = None

    def _generate_payload(self, input: dict[str, Any] | None = None) -> tuple[str, dict[str, Any]]:  # noqa: A002
        try:
            self._form = self._form or super()._generate_payload({})
        except AttributeError:
            raise ArchiveError("answer", f"the service's form is no form ({plain_words(self.session.last)})") from None
        address, defaults = self._form
        filled = {name: value for name, value in (input or {}).items() if value is not None}
        return address, {**defaults, **filled, "Position": self.position}

    def _request(self, *arguments: Any, **options: Any) -> Any:
        """As in astroquery, but without its cache on disk, which also keeps failures."""
        return super()._request(*arguments, **{**options, "cache": False})

    def _validate_surveys(self, surveys: object) -> None:
        """Skip the check: the surveys are fixed, and the service reports a missing one."""


def sampler_for(pixel_scale: float) -> str:
    """SkyView's resampler for a pixel scale [arcsec]."""
    return "LI" if pixel_scale <= _COARSE * NATIVE_PIXEL_SCALE else _AREA_SAMPLER
