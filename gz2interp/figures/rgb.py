"""Colour images of five-band cutouts, and arrays as pictures embedded in a page."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gz2interp.errors import InputError
from gz2interp.schema import BANDS, DISPLAY_BANDS, DISPLAY_UNIT, UNIT, pixel_unit

__all__ = ["Stretch", "data_uri", "rgb", "rgb_bands", "stretch_of", "thumbnails"]


Floats = NDArray[np.floating]
Bytes = NDArray[np.uint8]

WANTED: Final = ("i", "r", "g")
COMPOSITE: Final = ("r", "g", "b")
"""Of a picture that has been put together already, and balanced: it is shown without weights."""
WEIGHTS: Final = {"i": 1.0, "r": 1.16, "g": 1.59}
"""The balance of SDSS's own colour images (4.9 : 5.7 : 7.8): a galaxy of average colour is neither red nor blue."""


@dataclass(frozen=True)
class Stretch:
    """How fluxes become brightness, so that a caption can say it.

    Attributes
    ----------
    scale : float
        Flux [nanomaggies per cutout pixel] up to which the image is about linear.
    softening : float
        Lupton's Q: above `scale` the brightness grows as asinh(Q flux / scale) / Q.
    unit : str
        Of the pixels. Colour images made for the eye are shown as they are.
    """

    scale: float = 0.5
    softening: float = 8.0
    unit: str = UNIT

    def __str__(self) -> str:
        if self.unit == DISPLAY_UNIT:
            return "as the images are, which were stretched for the eye before"
        return f"asinh, scale {self.scale:.3g} nanomaggies per pixel, Q {self.softening:g}"


def rgb_bands(bands: Sequence[str]) -> tuple[int, int, int]:
    """The places of the bands shown as red, green and blue.

    They are i, r and g where the survey has them, and r, g and b of a composite; otherwise the reddest, the middle and
    the bluest of what it has, in the survey's own order (towards longer wavelengths). One band is shown three times, in
    grey.

    >>> rgb_bands("ugriz"), rgb_bands("grz"), rgb_bands("rgb"), rgb_bands("r")
    ((3, 2, 1), (2, 1, 0), (0, 1, 2), (0, 0, 0))
    """
    names = list(bands)
    if not names:
        raise InputError("A survey without bands has no colours", "at least one band", f"name its bands, as in {BANDS}")
    for band_set in (WANTED, COMPOSITE, DISPLAY_BANDS):
        if set(band_set) <= set(names):
            first, second, third = (names.index(band) for band in band_set)
            return first, second, third
    last = len(names) - 1
    return last, round(last / 2), 0


def stretch_of(images: Floats, bands: Sequence[str] = BANDS, softening: float = 8.0) -> Stretch:
    """One stretch for a whole survey, from a sample of it.

    Parameters
    ----------
    images : float32 (n, y, x, band), nanomaggies
        A few dozen galaxies are enough.
    bands : sequence of str
    softening : float
        Q.

    Returns
    -------
    Stretch
        Its scale is 0.6 of the flux that the median galaxy reaches in its brightest per cent of pixels: outskirts stay
        visible, nuclei keep their colour, and the sky stays dark.
    """
    if images.size == 0 or pixel_unit(bands) == DISPLAY_UNIT:
        return Stretch(softening=softening, unit=pixel_unit(bands))
    light = images[..., list(rgb_bands(bands))].mean(axis=-1).reshape(len(images), -1)
    bright = float(np.median(np.quantile(np.nan_to_num(light), 0.99, axis=1)))
    return Stretch(0.6 * bright, softening) if bright > 0 else Stretch(softening=softening)


def rgb(images: Floats, bands: Sequence[str] = BANDS, stretch: Stretch | None = None) -> Bytes:
    """Colour images that keep a galaxy's colour whatever its brightness.

    Parameters
    ----------
    images : float32 (y, x, band) or (n, y, x, band), nanomaggies
        Array order (y, x). Anything that is not finite is shown black.
    bands : sequence of str
        Their names, in the order of the last axis.
    stretch : Stretch, optional
        The same for all images, so that they can be compared.

    Returns
    -------
    uint8 (y, x, 3) or (n, y, x, 3)

    References
    ----------
    Lupton et al. 2004, PASP 116, 133, https://arxiv.org/abs/astro-ph/0312483

    Notes
    -----
    Differs from the paper in the weights of the bands, which are those of SDSS's images, and agrees with
    `astropy.visualization.make_lupton_rgb` for weighted bands. Here a whole batch is one array operation.
    """
    if images.shape[-1] != len(bands):
        raise InputError(
            f"The images have {images.shape[-1]} bands and {len(bands)} names",
            "one name for each band",
            "pass survey.bands",
        )
    stretch = stretch or Stretch()
    places = list(rgb_bands(bands))
    if pixel_unit(bands) == DISPLAY_UNIT:
        values = np.nan_to_num(np.asarray(images)[..., places], posinf=0, neginf=0)
        return np.asarray(np.round(np.clip(values, 0, 1) * 255)).astype(np.uint8)
    names = [list(bands)[place] for place in places]
    weights = np.array([1.0 if tuple(names) == COMPOSITE else WEIGHTS.get(band, 1.0) for band in names], np.float32)
    fluxes = np.clip(np.nan_to_num(np.asarray(images)[..., places], posinf=0, neginf=0) * weights, 0, None)
    mean = fluxes.mean(axis=-1, keepdims=True)
    factor = np.divide(_asinh(mean, stretch), mean, out=np.zeros_like(mean), where=mean > 0)
    colours = fluxes * factor
    brightest = np.maximum(colours.max(axis=-1, keepdims=True), 1.0)
    return np.asarray(np.round(colours / brightest * 255)).astype(np.uint8)


def _asinh(flux: Floats, stretch: Stretch) -> Floats:
    # Normalised as in the paper's reference code: 0.1 of full brightness comes at a tenth of the scale.
    slope = 0.1 / np.arcsinh(0.1 * stretch.softening)
    return np.asarray(np.arcsinh(flux * stretch.softening / stretch.scale) * slope)


def data_uri(pixels: NDArray[np.uint8]) -> str:
    """uint8 (y, x, 3) or (y, x, 4), row 0 on top -> a PNG as a data URI."""
    written = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(written, format="PNG", compress_level=3)
    return "data:image/png;base64," + base64.b64encode(written.getvalue()).decode("ascii")


def thumbnails(images: NDArray[np.uint8]) -> list[str]:
    """One data URI for each image of uint8 (n, y, x, 3), in array order; north-up images have their last row on top."""
    return [data_uri(image[::-1]) for image in images]
