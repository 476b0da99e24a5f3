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
from trainer.sources.judging import judge
from trainer.sources.remote import BandImages, GalaxyField, SourceSettings

__all__ = ["SkyViewSource", "sampler_for"]

_COARSE: Final = 1.5
_AREA_SAMPLER: Final = "Clip"


class SkyViewSource:
    """Asks SkyView (McGlynn et al. 1998) through astroquery.

    Parameters
    ----------
    setting : SourceSettings
    unit : Unit, optional
        What has been measured of the service's unit; by default what `calibrate-source` last wrote down.

    Notes
    -----
    Pixels at most 1.5 native ones wide are interpolated linearly (``LI``) and hold surface brightness, in the native
    unit per native pixel; they are multiplied by the ratio of the areas. Wider ones are overlapped with the native
    pixels (``Clip``), which conserves flux. SkyView's own default, the nearest neighbour, moves light by half a pixel.

    astroquery reads the service's form anew for every galaxy; here it is read once by each worker. The images are
    fetched in our own session: astroquery's way has no time limit, and keeps failures in its cache.
    """

    name = "skyview"

    def __init__(self, setting: SourceSettings, unit: Unit | None = None) -> None:
        self.bands, self.shape, self.setting = setting.bands, setting.shape, setting
        self.services = (setting.service(self.name, skyview_conf.url),)
        self.unit = unit or read_unit(self.name, self.services[0].guard.host)
        self.resampler = "SkyView's LI at up to 1.5 native pixels, its Clip beyond"
        self._mine = threading.local()

    def fetch(self, galaxy: Galaxy) -> Cutout:
        """See `trainer.sources.Source`."""
        framing, planes = GalaxyField(galaxy, self.setting), BandImages(self.bands)
        persist(lambda: self._ask(framing, planes), self.services[0], lambda: planes.open_questions)
        area = 1.0 if sampler_for(framing.pixel_scale) == _AREA_SAMPLER else framing.pixel_scale / NATIVE_PIXEL_SCALE
        return planes.cutout(self.name, framing, self.unit.words, self.unit.factors(self.bands, area**2))

    def _ask(self, framing: GalaxyField, planes: BandImages) -> None:
        """One round over the bands that are lacking."""
        bands = planes.lacking
        client: _SkyView = self._client()
        client.position = f"{framing.galaxy.ra:.7f} {framing.galaxy.dec:+.7f}"
        addresses = client.get_image_list(
            SkyCoord(framing.galaxy.ra, framing.galaxy.dec, unit="deg"),
            [f"SDSS{band}" for band in bands],
            coordinates="J2000",
            projection="Tan",
            pixels=f"{framing.shape[1]},{framing.shape[0]}",
            width=framing.width * u.arcsec,
            height=framing.pixel_scale * framing.shape[0] * u.arcsec,
            sampler=sampler_for(framing.pixel_scale),
            scaling="Linear",
            deedger="null",
            cache=False,
        )
        if len(addresses) != len(bands):
            said = plain_words(client.session.last)
            raise ArchiveError("answer", f"the service listed {len(addresses)} images, not {len(bands)} ({said})")
        worst: ArchiveError | None = None
        for band, address in zip(bands, addresses, strict=True):
            try:
                planes.keep(band, judge(client.session.get(address).content, framing.asked(band)))
            except ArchiveError as trouble:
                if trouble.kind not in ("answer", "blank"):
                    raise
                if trouble.kind == "blank":
                    planes.blank(band, trouble.words)
                worst = ArchiveError(trouble.kind, f"{trouble.words} (band {band})")
        if worst:
            raise worst

    def _client(self) -> _SkyView:
        if not hasattr(self._mine, "client"):
            self._mine.client = _SkyView(PoliteSession(self.services[0]))
        client: _SkyView = self._mine.client
        return client


class _SkyView(SkyViewClass):
    """The client of astroquery, with a polite session, and a memory for the form.

    It writes positions with six significant digits, a third of an arcsec in right ascension: nearly a native pixel. So
    the position is written here.
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
        given = {name: value for name, value in (input or {}).items() if value is not None}
        return address, {**defaults, **given, "Position": self.position}

    def _request(self, *arguments: Any, **options: Any) -> Any:
        """As astroquery asks, but never from its cache on disk, where failures and other servers' pages lie."""
        return super()._request(*arguments, **{**options, "cache": False})

    def _validate_surveys(self, surveys: object) -> None:
        """Ours are known; the service says so itself where it has lost one."""


def sampler_for(pixel_scale: float) -> str:
    """How SkyView is asked to resample, for pixels of so many arcsec."""
    return "LI" if pixel_scale <= _COARSE * NATIVE_PIXEL_SCALE else _AREA_SAMPLER
