"""Cutouts from SDSS frames, located through SkyServer, downloaded once and cached."""

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
from trainer.sources.sdss_frames import cut_out, with_seeing
from trainer.sources.seeing import seeing_of

__all__ = ["SdssSource", "SkyServer"]


class SkyServer(SDSSClass):
    """astroquery's client with a bounded session.

    Two defects of the client are avoided: it caches some answers on disk even with ``cache=False``, and it passes an
    answer of one line to astropy's table reader, which opens it as a file name or an address.
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


_RADIUS: Final = 10.0 * u.arcsec
_MAX_BYTES: Final = 64 * 2**20
"""Limit of one decompressed frame, which has 12 MB."""

_FIELDS_IN_MEMORY: Final = 2
_RELEASE: Final = 17
_INSTRUMENT: Final = "eboss"


@dataclass(frozen=True, order=True)
class _Field:
    """One SDSS field."""

    run: int
    rerun: int
    camcol: int
    field: int

    @property
    def name(self) -> str:
        return f"{self.run:06d}-{self.camcol}-{self.field:04d}"


class SdssSource:
    """Cutouts from frames of the Science Archive Server, located through SkyServer.

    Parameters
    ----------
    cache : path, optional
        Folder of the frames; by default in the platform's user cache.
    cache_bytes : int
        Size limit of the cache. A frame set has 62 MB.

    Notes
    -----
    Frames are in nanomaggies by the definition of SDSS, so their unit counts as verified. Cutouts are made as by
    `trainer.sources.sdss_frames`, flux conserved, north up. The frame is that of the nearest primary object within
    10 arcsec, so the pixels of a galaxy do not depend on earlier requests.
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
        self._local = threading.local()

    def fetch(self, galaxy: Galaxy) -> Cutout:
        """See `trainer.sources.Source`."""
        pixel_scale = GalaxyField(galaxy, self.setting).pixel_scale
        field = persist(lambda: self._locate(galaxy), self._sky)
        cutout = cut_out(self._frames(field, galaxy), galaxy, self.shape, pixel_scale)
        height, width = self.shape
        if not cutout.valid[height // 2 - 1 : height // 2 + 1, width // 2 - 1 : width // 2 + 1].all():
            raise CutoutUnavailable("failed", f"the galaxy lies beyond the edge of frame {field.name}")
        return replace(cutout, source=self.name)

    def _locate(self, galaxy: Galaxy) -> _Field:
        """The field of the nearest primary object."""
        client, session = self._client()
        position = SkyCoord(galaxy.ra, galaxy.dec, unit="deg")
        fields = ["run", "rerun", "camcol", "field", "ra", "dec"]
        try:
            with warnings.catch_warnings(action="ignore"):  # an empty table is reported below
                result = client.query_crossid(
                    position,
                    radius=_RADIUS,
                    photoobj_fields=fields,
                    data_release=_RELEASE,
                    timeout=None,
                    cache=False,
                )
            if result is None or not len(result):
                raise CutoutUnavailable(
                    "out_of_footprint",
                    f'SDSS has no object within {_RADIUS.value:g}" of the galaxy: outside its imaging',
                )
            row = result[0]
            offset = SkyCoord(float(row["ra"]), float(row["dec"]), unit="deg").separation(position)
            if offset > 2 * _RADIUS:
                raise ArchiveError("answer", f"the service named an object {offset.arcsec:.0f} arcsec from the galaxy")
            return _Field(*(int(row[field]) for field in fields[:4]))
        except (ValueError, KeyError, TypeError, IndexError, RemoteServiceError, u.UnitsError):
            raise ArchiveError("answer", f"the answer is no table of fields ({plain_words(session.last)})") from None

    def _client(self) -> tuple[Any, PoliteSession]:
        if not hasattr(self._local, "client"):
            self._local.session = PoliteSession(self._sky)
            self._local.client = SkyServer(self._local.session)
            self._local.images = PoliteSession(self._sas)
        return self._local.client, self._local.session

    def _frames(self, field: _Field, galaxy: Galaxy) -> tuple[Frame, ...]:
        """The frames of a field; those of the last few fields are kept in memory."""
        with self._lock:
            lock = self._locks.setdefault(field, threading.Lock())
        with lock:
            with self._lock:
                if field in self._open:
                    self._open.move_to_end(field)
                    return self._open[field]
            frames = self._read(field, galaxy)
            with self._lock:
                self._open[field] = frames
                while len(self._open) > _FIELDS_IN_MEMORY:
                    self._locks.pop(self._open.popitem(last=False)[0], None)
            return frames

    def _read(self, field: _Field, galaxy: Galaxy) -> tuple[Frame, ...]:
        downloads: dict[str, Callable[[], bytes]] = {
            f"frame-{band}-{field.name}.fits": partial(self._download, field, band, galaxy) for band in self.bands
        }
        with self._cache.group(field.name, downloads) as paths:
            frames = tuple(read_frame(path) for path in paths.values())
        return with_seeing(frames, seeing_of(frames, self.bands))

    def _download(self, field: _Field, band: str, galaxy: Galaxy) -> bytes:
        """Download, decompress and check one frame."""
        address = SkyServer.IMAGING_URL_SUFFIX.format(
            base=sdss_conf.sas_baseurl,
            dr=_RELEASE,
            instrument=_INSTRUMENT,
            run=field.run,
            rerun=field.rerun,
            camcol=field.camcol,
            field=field.field,
            band=band,
        )

        def attempt() -> bytes:
            content = _decompress(self._local.images.get(address).content)
            _check_frame(content, band, galaxy)
            return content

        return persist(attempt, self._sas)


def _decompress(content: bytes) -> bytes:
    """Decompress a bzip2 file, up to the size limit of a frame."""
    if not content.startswith(b"BZh"):
        raise ArchiveError("answer", f"the answer is no frame: {plain_words(content) or 'an empty file'}")
    try:
        unpacker, whole = bz2.BZ2Decompressor(), bytearray()
        whole += unpacker.decompress(content, _MAX_BYTES)
    except (OSError, EOFError) as error:
        raise ArchiveError("answer", f"the frame is damaged ({error})") from None
    if not unpacker.eof:
        raise ArchiveError("answer", "the frame is cut short" if len(whole) < _MAX_BYTES else "the frame is too large")
    return bytes(whole)


def _check_frame(content: bytes, band: str, galaxy: Galaxy) -> None:
    """Check that a file is a frame in the band and contains the galaxy."""
    try:
        with warnings.catch_warnings(action="ignore"):
            header = fits.Header.fromfile(BytesIO(content))
        wcs, named = celestial(header), band_of(header, ("u", "g", "r", "i", "z"))
        height, width = int(header["NAXIS2"]), int(header["NAXIS1"])
    except Exception as error:  # damaged files make astropy fail in any way
        raise ArchiveError("answer", f"the frame cannot be read ({str(error)[:100]})") from None
    if named not in (None, band):
        raise ArchiveError("answer", f"the frame is one of band {named}; {band} was requested")
    if wcs is None:
        raise ArchiveError("answer", "the frame has no WCS")
    x, y = wcs.world_to_pixel_values(galaxy.ra, galaxy.dec)
    if not (-64 < x < width + 64 and -64 < y < height + 64):
        raise ArchiveError("answer", "the frame shows another part of the sky")
    if len(content) < 4 * height * width:
        raise ArchiveError("answer", "the frame is cut short")
