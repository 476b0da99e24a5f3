"""Checks of each answer of a source before it enters a survey, and the noise of its sky."""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass
from io import BytesIO
from typing import Final

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

from gz2interp.stores.fits_headers import celestial
from trainer.archives.limits import ArchiveError
from trainer.archives.session import plain_words

__all__ = ["ImageRequest", "judge", "scatter", "sky_level", "sky_sigma"]


_OFF: Final = 0.6
"""How far the galaxy may lie from the middle [pixel]: services differ by half a pixel in where they begin to count."""

_OTHER_SCALE: Final = 0.02
_BLOCK: Final = 2880
_NAMED: Final = re.compile(r"(?:sdss(?:dr\d+)?[\s_/-]*([ugriz])|([ugriz])[\s'_-]*band)", re.IGNORECASE)


@dataclass(frozen=True)
class ImageRequest:
    """What one image was asked to be.

    Attributes
    ----------
    ra, dec : float
        Of its middle [deg].
    band : str
    pixel_scale : float
        [arcsec].
    shape : (int, int)
        (y, x).
    """

    ra: float
    dec: float
    band: str
    pixel_scale: float
    shape: tuple[int, int]


def judge(content: bytes, asked: ImageRequest) -> NDArray[np.float32]:
    """The pixels of an answer that is what was asked for.

    Parameters
    ----------
    content : bytes
        As they came.
    asked : ImageRequest

    Returns
    -------
    float32 (y, x)
        In the service's unit; NaN where nothing was imaged. North is up, east to the left.

    Raises
    ------
    ArchiveError
        ``"blank"``: all zero or all NaN, as services answer for sky that they do not have. ``"answer"``: HTML, a part
        of a file, another shape, another place, another scale, another band, the same value everywhere.
    """
    try:
        with warnings.catch_warnings(action="ignore"):
            return _judged(content, asked)
    except ArchiveError:
        raise
    except Exception as error:  # bytes that nobody vouches for make astropy fail in any way
        told = " ".join(str(error).split())[:100] or type(error).__name__
        raise ArchiveError("answer", f"the FITS file is damaged or cut short ({told})") from None


def _judged(content: bytes, asked: ImageRequest) -> NDArray[np.float32]:
    header = _header(content)
    shape = tuple(int(header.get(f"NAXIS{axis}", 0)) for axis in (2, 1))
    deeper = [int(header[f"NAXIS{axis}"]) for axis in range(3, int(header.get("NAXIS", 0)) + 1)]
    if shape != asked.shape or any(length != 1 for length in deeper):
        raise ArchiveError("answer", f"the image has {_times(shape)} pixels; {_times(asked.shape)} were asked for")
    _check_band(header, asked)
    _check_place(header, asked)
    return _look(_pixels(content, asked))


def _header(content: bytes) -> fits.Header:
    if not content:
        raise ArchiveError("answer", "the answer is an empty file")
    if not content.startswith(b"SIMPLE  ="):
        said = plain_words(content)
        page = b"<" in content.lstrip()[:1]
        raise ArchiveError(
            "answer", f"the answer is {'a web page' if page else 'no FITS file'}" + f": {said}" * bool(said)
        )
    return fits.Header.fromfile(BytesIO(content[: 100 * _BLOCK]))


def _pixels(content: bytes, asked: ImageRequest) -> NDArray[np.float32]:
    # What astropy only warns of, such as a file that ends too soon, is an error here.
    with warnings.catch_warnings(action="error"), fits.open(BytesIO(content), memmap=False) as hdus:
        data = hdus[0].data
        if data is None or data.size != asked.shape[0] * asked.shape[1]:
            raise ArchiveError("answer", "the FITS file holds no image")
        with np.errstate(all="ignore"):
            return np.array(data.reshape(asked.shape), dtype=np.float32)


def _check_band(header: fits.Header, asked: ImageRequest) -> None:
    for card in ("SURVEY", "FILTER", "BAND", "EXTNAME"):
        found = _NAMED.fullmatch(str(header.get(card, "")).strip())
        band = (found[1] or found[2]).lower() if found else asked.band
        if band != asked.band:
            raise ArchiveError("answer", f"the image is one of band {band}; {asked.band} was asked for")


def _check_place(header: fits.Header, asked: ImageRequest) -> None:
    wcs = celestial(header)
    if wcs is None:
        raise ArchiveError("answer", "the image does not say where it lies on the sky")
    x, y = wcs.world_to_pixel_values(asked.ra, asked.dec)
    matrix = wcs.pixel_scale_matrix * 3600.0 / asked.pixel_scale
    off = float(np.hypot(x - (asked.shape[1] - 1) / 2, y - (asked.shape[0] - 1) / 2))
    if not off <= _OFF:
        where = f"{off * asked.pixel_scale:.1f} arcsec" if np.isfinite(off) else "half the sky"
        raise ArchiveError("answer", f"the image shows another place, {where} from the galaxy")
    if not np.abs(matrix - np.diag([-1.0, 1.0])).max() <= _OTHER_SCALE:
        scale = float(np.sqrt(np.abs(np.linalg.det(matrix)))) * asked.pixel_scale
        raise ArchiveError(
            "answer", f'the image is turned, mirrored or of {scale:.3f}" a pixel, not {asked.pixel_scale:g}"'
        )


def _look(pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    seen = np.isfinite(pixels)
    if not seen.any():
        raise ArchiveError("blank", "no pixel of the image is a number")
    first = pixels[seen][0]
    if (pixels[seen] == first).all():
        kind = "blank" if first == 0 else "answer"
        raise ArchiveError(kind, "the image is all zero" if first == 0 else f"every pixel of the image is {first:g}")
    return np.where(seen, pixels, np.float32(np.nan))


def _times(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))


_TO_SIGMA = 1.4826
"""Standard deviation over median absolute deviation, of a normal distribution."""


def sky_sigma(image: NDArray[np.float32], valid: NDArray[np.bool_]) -> tuple[float, ...]:
    """Robust scatter of the sky of each band, in the image's unit; NaN where nothing is valid.

    Parameters
    ----------
    image : float32 (y, x, band)
    valid : bool (y, x)

    Notes
    -----
    The galaxy's own pixels are clipped away as long as sky is the greater part of the cutout; of a galaxy that fills
    it, this is an upper limit.
    """
    return tuple(sky_level(band[valid])[1] for band in np.moveaxis(image, -1, 0))


def sky_level(pixels: NDArray[np.float32], rounds: int = 5, clip: float = 3.0) -> tuple[float, float]:
    """Median and scatter of the pixels after `rounds` of leaving out those beyond `clip` sigma."""
    kept = np.asarray(pixels, dtype=np.float64).ravel()
    if not kept.size:
        return float("nan"), float("nan")
    for _ in range(rounds):
        level = np.median(kept)
        sigma = _TO_SIGMA * np.median(np.abs(kept - level))
        near = np.abs(kept - level) <= clip * sigma
        if near.all():
            break
        kept = kept[near]
    return float(level), float(sigma)


def scatter(pixels: NDArray[np.float32], rounds: int = 5, clip: float = 3.5) -> float:
    """Standard deviation after `rounds` of leaving out those beyond `clip` sigma; NaN where nothing is finite.

    Notes
    -----
    For native pixels of SDSS: they are whole counts, a fifth of their scatter wide, so that a median of deviations
    comes in steps of a fifth.
    """
    kept = np.asarray(pixels, dtype=np.float64)
    kept = kept[np.isfinite(kept)]
    level, sigma = sky_level(kept.astype(np.float32))
    sigma *= 1.2  # that step: the first round leaves out nothing that it should not
    for _ in range(rounds):
        kept = kept[np.abs(kept - level) <= clip * sigma]
        if not kept.size:
            return float("nan")
        level, sigma = float(kept.mean()), float(kept.std())
    return sigma
