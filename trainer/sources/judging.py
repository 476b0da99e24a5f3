"""Validation of images from an archive, and estimates of their sky level and noise."""

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

__all__ = ["ImageRequest", "scatter", "sky_level", "sky_sigma", "validate_image"]


_MAX_OFFSET: Final = 0.6
"""Tolerance of the image centre [pixel]: services differ by half a pixel in their pixel convention."""

_SCALE_TOLERANCE: Final = 0.02
_BLOCK: Final = 2880
_NAMED: Final = re.compile(r"(?:sdss(?:dr\d+)?[\s_/-]*([ugriz])|([ugriz])[\s'_-]*band)", re.IGNORECASE)


@dataclass(frozen=True)
class ImageRequest:
    """Requested geometry and band of one image.

    Attributes
    ----------
    ra, dec : float
        Centre [deg].
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


def validate_image(content: bytes, request: ImageRequest) -> NDArray[np.float32]:
    """Check the content of a FITS answer against the request and return its pixels.

    Returns
    -------
    float32 (y, x)
        In the service's unit; NaN where nothing was imaged. North is up, east to the left.

    Raises
    ------
    ArchiveError
        ``"blank"``: all zero or all NaN, as services return outside their footprint. ``"answer"``: HTML, an incomplete
        file, another shape, position, scale or band, or the same value everywhere.
    """
    try:
        with warnings.catch_warnings(action="ignore"):
            return _checked_pixels(content, request)
    except ArchiveError:
        raise
    except Exception as error:  # damaged files make astropy fail in any way
        message = " ".join(str(error).split())[:100] or type(error).__name__
        raise ArchiveError("answer", f"the FITS file is damaged or cut short ({message})") from None


def _checked_pixels(content: bytes, request: ImageRequest) -> NDArray[np.float32]:
    header = _header(content)
    shape = tuple(int(header.get(f"NAXIS{axis}", 0)) for axis in (2, 1))
    deeper = [int(header[f"NAXIS{axis}"]) for axis in range(3, int(header.get("NAXIS", 0)) + 1)]
    if shape != request.shape or any(length != 1 for length in deeper):
        raise ArchiveError("answer", f"the image has {_times(shape)} pixels; {_times(request.shape)} were requested")
    _check_band(header, request)
    _check_position(header, request)
    return _check_values(_pixels(content, request))


def _header(content: bytes) -> fits.Header:
    if not content:
        raise ArchiveError("answer", "the answer is an empty file")
    if not content.startswith(b"SIMPLE  ="):
        text = plain_words(content)
        kind = "a web page" if content.lstrip().startswith(b"<") else "no FITS file"
        raise ArchiveError("answer", f"the answer is {kind}" + f": {text}" * bool(text))
    return fits.Header.fromfile(BytesIO(content[: 100 * _BLOCK]))


def _pixels(content: bytes, request: ImageRequest) -> NDArray[np.float32]:
    # Warnings of astropy, such as for a truncated file, are errors here.
    with warnings.catch_warnings(action="error"), fits.open(BytesIO(content), memmap=False) as hdus:
        data = hdus[0].data
        if data is None or data.size != request.shape[0] * request.shape[1]:
            raise ArchiveError("answer", "the FITS file holds no image")
        with np.errstate(all="ignore"):
            return np.array(data.reshape(request.shape), dtype=np.float32)


def _check_band(header: fits.Header, request: ImageRequest) -> None:
    for card in ("SURVEY", "FILTER", "BAND", "EXTNAME"):
        match = _NAMED.fullmatch(str(header.get(card, "")).strip())
        band = (match[1] or match[2]).lower() if match else request.band
        if band != request.band:
            raise ArchiveError("answer", f"the image is one of band {band}; {request.band} was requested")


def _check_position(header: fits.Header, request: ImageRequest) -> None:
    wcs = celestial(header)
    if wcs is None:
        raise ArchiveError("answer", "the image has no WCS")
    x, y = wcs.world_to_pixel_values(request.ra, request.dec)
    matrix = wcs.pixel_scale_matrix * 3600.0 / request.pixel_scale
    off = float(np.hypot(x - (request.shape[1] - 1) / 2, y - (request.shape[0] - 1) / 2))
    if not off <= _MAX_OFFSET:
        where = f"{off * request.pixel_scale:.1f} arcsec" if np.isfinite(off) else "half the sky"
        raise ArchiveError("answer", f"the image shows another place, {where} from the galaxy")
    if not np.abs(matrix - np.diag([-1.0, 1.0])).max() <= _SCALE_TOLERANCE:
        scale = float(np.sqrt(np.abs(np.linalg.det(matrix)))) * request.pixel_scale
        raise ArchiveError(
            "answer", f'the image is turned, mirrored or of {scale:.3f}" a pixel, not {request.pixel_scale:g}"'
        )


def _check_values(pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    finite = np.isfinite(pixels)
    if not finite.any():
        raise ArchiveError("blank", "no pixel of the image is a number")
    first = pixels[finite][0]
    if (pixels[finite] == first).all():
        kind = "blank" if first == 0 else "answer"
        raise ArchiveError(kind, "the image is all zero" if first == 0 else f"every pixel of the image is {first:g}")
    return np.where(finite, pixels, np.float32(np.nan))


def _times(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))


_TO_SIGMA = 1.4826
"""Ratio of standard deviation to median absolute deviation of a normal distribution."""


def sky_sigma(image: NDArray[np.float32], valid: NDArray[np.bool_]) -> tuple[float, ...]:
    """Robust standard deviation of the sky of each band, in the unit of the image; NaN if no pixel is valid.

    Parameters
    ----------
    image : float32 (y, x, band)
    valid : bool (y, x)

    Notes
    -----
    The pixels of the galaxy are clipped as long as sky is the greater part of the cutout; for a galaxy that fills it,
    the value is an upper limit.
    """
    return tuple(sky_level(band[valid])[1] for band in np.moveaxis(image, -1, 0))


def sky_level(pixels: NDArray[np.float32], rounds: int = 5, clip: float = 3.0) -> tuple[float, float]:
    """Sigma-clipped median and standard deviation (from the median absolute deviation) of the pixels."""
    values = np.asarray(pixels, dtype=np.float64).ravel()
    if not values.size:
        return float("nan"), float("nan")
    for _ in range(rounds):
        level = np.median(values)
        sigma = _TO_SIGMA * np.median(np.abs(values - level))
        near = np.abs(values - level) <= clip * sigma
        if near.all():
            break
        values = values[near]
    return float(level), float(sigma)


def scatter(pixels: NDArray[np.float32], rounds: int = 5, clip: float = 3.5) -> float:
    """Sigma-clipped standard deviation; NaN if no pixel is finite.

    Notes
    -----
    For native pixels of SDSS, which are whole counts, each a fifth of the noise: a median of deviations would be
    quantised in steps of a fifth.
    """
    values = np.asarray(pixels, dtype=np.float64)
    values = values[np.isfinite(values)]
    level, sigma = sky_level(values.astype(np.float32))
    sigma *= 1.2  # allows for that quantisation in the first round
    for _ in range(rounds):
        values = values[np.abs(values - level) <= clip * sigma]
        if not values.size:
            return float("nan")
        level, sigma = float(values.mean()), float(values.std())
    return sigma
