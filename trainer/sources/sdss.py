"""Cutouts from SDSS frames, found by position through SkyServer, downloaded once and cut here."""

from __future__ import annotations

import bz2
import threading
import warnings
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import astropy.units as u
import numpy as np
import platformdirs
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astroquery.exceptions import RemoteServiceError
from astroquery.sdss import SDSSClass
from astroquery.sdss import conf as sdss_conf

from gz2interp.errors import CutoutUnavailable
from gz2interp.results import Cutout, Galaxy
from gz2interp.stores.fits_headers import band_of, celestial
from trainer.archives.frame_cache import FrameCache
from trainer.archives.limits import ArchiveError
from trainer.archives.persist import persist
from trainer.archives.session import PoliteSession, plain_words
from trainer.sources.frame_sets import Frame, read_frame
from trainer.sources.remote import GalaxyField, SourceSettings
from trainer.sources.sdss_frames import cut_out
from trainer.sources.seeing import seeing_of

__all__ = ["SdssSource", "SkyServer"]


class SkyServer(SDSSClass):
    """The client, with a polite session.

    It keeps some answers on disk whatever it is told. And it gives an answer of one line to astropy's reader of tables,
    which takes such a line for the name of a file, or for an address, and opens it.

    Parameters
    ----------
    session : PoliteSession
    """

    def __init__(self, session: PoliteSession) -> None:
        super().__init__()
        self._session = session

    def _request(self, *arguments: Any, **options: Any) -> Any:
        return super()._request(*arguments, **{**options, "cache": False})

    def _parse_result(self, response: Any, verbose: bool = False) -> Any:
        if "\n" not in response.text.strip():
            raise ValueError("one line is no table")
        return super()._parse_result(response, verbose=verbose)


_NEAR: Final = 10.0 * u.arcsec
_MOST_BYTES: Final = 64 * 2**20
"""Of one frame, unpacked: it has 12 MB."""

_OPEN_SETS: Final = 2
_RELEASE: Final = 17
_INSTRUMENT: Final = "eboss"


@dataclass(frozen=True, order=True)
class _Field:
    """One field of the survey, as SDSS counts them."""

    run: int
    rerun: int
    camcol: int
    field: int

    @property
    def name(self) -> str:
        return f"{self.run:06d}-{self.camcol}-{self.field:04d}"


class SdssSource:
    """Asks the SkyServer which frame shows a galaxy, and the Science Archive Server for that frame.

    Parameters
    ----------
    setting : SourceSettings
    cache : path, optional
        Where frames lie; by default a folder of the platform's user cache.
    cache_bytes : int
        How large it may grow. A frame set has 62 MB.

    Notes
    -----
    Frames are in nanomaggies, which SDSS itself guarantees: their unit counts as verified. Cutouts are made as by
    `trainer.sources.sdss_frames`, flux conserved, north up. The frame is the one of the nearest primary object within
    10 arcsec, so a galaxy has the same pixels whatever was asked before.
    """

    name = "sdss"

    def __init__(self, setting: SourceSettings, cache: str | Path | None = None, cache_bytes: int = 4 * 2**30) -> None:
        self.bands, self.shape, self.setting = setting.bands, setting.shape, setting
        self._sky = setting.service("SkyServer", sdss_conf.skyserver_baseurl)
        self._sas = setting.service("SDSS archive", sdss_conf.sas_baseurl)
        self.services = (self._sky, self._sas)
        self.resampler = "frames resampled here, flux conserved: splines at native scale, areas beyond"
        self._cache = FrameCache(
            Path(cache) if cache else Path(platformdirs.user_cache_dir("gz2interp")) / "sdss", cache_bytes
        )
        self._open = OrderedDict[_Field, tuple[Frame, ...]]()
        self._locks: dict[_Field, threading.Lock] = {}
        self._lock = threading.Lock()
        self._mine = threading.local()

    def fetch(self, galaxy: Galaxy) -> Cutout:
        """See `trainer.sources.Source`."""
        framing = GalaxyField(galaxy, self.setting)
        place = persist(lambda: self._place(galaxy), self._sky)
        cutout = cut_out(self._frames(place, galaxy), galaxy, self.shape, framing.pixel_scale)
        height, width = self.shape
        if not cutout.valid[height // 2 - 1 : height // 2 + 1, width // 2 - 1 : width // 2 + 1].all():
            raise CutoutUnavailable("failed", f"the galaxy lies beyond the edge of frame {place.name}")
        return replace(cutout, source=self.name)

    # -- which frame --------------------------------------------------------------------------------------------------

    def _place(self, galaxy: Galaxy) -> _Field:
        client, session = self._client()
        position = SkyCoord(galaxy.ra, galaxy.dec, unit="deg")
        fields = ["run", "rerun", "camcol", "field", "ra", "dec"]
        try:
            with warnings.catch_warnings(action="ignore"):  # an empty table is told below
                found = client.query_crossid(
                    position, radius=_NEAR, photoobj_fields=fields, data_release=_RELEASE, timeout=None, cache=False
                )
            if found is None or not len(found):
                raise CutoutUnavailable(
                    "out_of_footprint", f'SDSS has no object within {_NEAR.value:g}" of the galaxy: outside its imaging'
                )
            row = found[0]
            apart = SkyCoord(float(row["ra"]), float(row["dec"]), unit="deg").separation(position)
            if apart > 2 * _NEAR:
                raise ArchiveError("answer", f"the service named an object {apart.arcsec:.0f} arcsec from the galaxy")
            return _Field(*(int(row[field]) for field in fields[:4]))
        except (ValueError, KeyError, TypeError, IndexError, RemoteServiceError, u.UnitsError):
            raise ArchiveError("answer", f"the answer is no table of fields ({plain_words(session.last)})") from None

    def _client(self) -> tuple[Any, PoliteSession]:
        if not hasattr(self._mine, "client"):
            self._mine.session = PoliteSession(self._sky)
            self._mine.client = SkyServer(self._mine.session)
            self._mine.images = PoliteSession(self._sas)
        return self._mine.client, self._mine.session

    # -- its frames ---------------------------------------------------------------------------------------------------

    def _frames(self, place: _Field, galaxy: Galaxy) -> tuple[Frame, ...]:
        """The frames of a field, of which the last few stay in memory."""
        with self._lock:
            lock = self._locks.setdefault(place, threading.Lock())
        with lock:
            with self._lock:
                if place in self._open:
                    self._open.move_to_end(place)
                    return self._open[place]
            frames = self._read(place, galaxy)
            with self._lock:
                self._open[place] = frames
                while len(self._open) > _OPEN_SETS:
                    self._locks.pop(self._open.popitem(last=False)[0], None)
            return frames

    def _read(self, place: _Field, galaxy: Galaxy) -> tuple[Frame, ...]:
        wanted: dict[str, Callable[[], bytes]] = {
            f"frame-{band}-{place.name}.fits": partial(self._fetched, place, band, galaxy) for band in self.bands
        }
        with self._cache.group(place.name, wanted) as paths:
            frames = tuple(read_frame(path) for path in paths.values())
        seeing = seeing_of(frames, self.bands)
        return tuple(
            frame if np.isfinite(frame.psf_fwhm) else replace(frame, psf_fwhm=fwhm)
            for frame, fwhm in zip(frames, seeing.fwhm, strict=True)
        )

    def _fetched(self, place: _Field, band: str, galaxy: Galaxy) -> bytes:
        """One frame as it should be, unpacked."""
        address = SkyServer.IMAGING_URL_SUFFIX.format(
            base=sdss_conf.sas_baseurl,
            dr=_RELEASE,
            instrument=_INSTRUMENT,
            run=place.run,
            rerun=place.rerun,
            camcol=place.camcol,
            field=place.field,
            band=band,
        )

        def attempt() -> bytes:
            content = _unpacked(self._mine.images.get(address).content)
            _judge_frame(content, band, galaxy)
            return content

        return persist(attempt, self._sas)


def _unpacked(content: bytes) -> bytes:
    """What a bzip2 file holds, no more than a frame can."""
    if not content.startswith(b"BZh"):
        raise ArchiveError("answer", f"the answer is no frame: {plain_words(content) or 'an empty file'}")
    try:
        unpacker, whole = bz2.BZ2Decompressor(), bytearray()
        whole += unpacker.decompress(content, _MOST_BYTES)
    except (OSError, EOFError) as error:
        raise ArchiveError("answer", f"the frame is damaged ({error})") from None
    if not unpacker.eof:
        raise ArchiveError("answer", "the frame is cut short" if len(whole) < _MOST_BYTES else "the frame is too large")
    return bytes(whole)


def _judge_frame(content: bytes, band: str, galaxy: Galaxy) -> None:
    """Whether a file is the frame of a band that shows the galaxy."""
    try:
        with warnings.catch_warnings(action="ignore"):
            header = fits.Header.fromfile(BytesIO(content))
        wcs, named = celestial(header), band_of(header, ("u", "g", "r", "i", "z"))
        height, width = int(header["NAXIS2"]), int(header["NAXIS1"])
    except Exception as error:  # bytes that nobody vouches for make astropy fail in any way
        raise ArchiveError("answer", f"the frame cannot be read ({str(error)[:100]})") from None
    if named not in (None, band):
        raise ArchiveError("answer", f"the frame is one of band {named}; {band} was asked for")
    if wcs is None:
        raise ArchiveError("answer", "the frame does not say where it lies on the sky")
    x, y = wcs.world_to_pixel_values(galaxy.ra, galaxy.dec)
    if not (-64 < x < width + 64 and -64 < y < height + 64):
        raise ArchiveError("answer", "the frame shows another part of the sky")
    if len(content) < 4 * height * width:
        raise ArchiveError("answer", "the frame is cut short")
