"""From a recipe to pixels and truth, and to the same galaxy without one of its components."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from gz2interp.errors import InputError
from gz2interp.painting.components import brightness_of
from gz2interp.painting.grid import FIELD_SIZE, MARGIN, field_of, samples, spectrum_of
from gz2interp.painting.noise import photons, sky
from gz2interp.painting.psf import transfer
from gz2interp.painting.recipe import Part, Recipe
from gz2interp.results import Cutout
from gz2interp.schema import BANDS, CUTOUT_SIZE, NATIVE_PIXEL_SCALE

__all__ = ["SOURCE", "Painted", "paint", "render", "repaint"]

Floats = NDArray[np.float32]

SOURCE = "painted"
INNER = slice(MARGIN, MARGIN + CUTOUT_SIZE)


@dataclass(frozen=True, eq=False)
class Painted:
    """A painted galaxy and what it is made of.

    Attributes
    ----------
    cutout : Cutout
        With noise, sky subtracted.
    light : float16 (y, x, component)
        Light of each component after the PSF and before the noise, in the r band, as a share of the galaxy's total
        r-band flux. Its sum is 1 less what falls outside the cutout; add up in float32.
    components : tuple of str
        Of the last axis of `light`.
    flux : float32 (component, band)
        Over the whole sky [nanomaggies].
    """

    cutout: Cutout
    light: NDArray[np.float16]
    components: tuple[str, ...]
    flux: Floats


def paint(recipe: Recipe) -> Painted:
    """Paint a galaxy; the same recipe gives the same bytes, as long as NumPy's random streams stay what they are.

    Raises
    ------
    InputError
        A part is of no registered component, or its shape is not what the component's function takes.
    """
    expected = render(recipe)
    image = sky(expected.shape[-2:], recipe.noise, recipe.seed)
    for name, light in zip(recipe.components, expected, strict=True):
        image += photons(light, recipe.noise, recipe.seed, name)
    return Painted(_cutout(image, recipe), _shares(expected, recipe), recipe.components, recipe.flux.astype(np.float32))


def repaint(recipe: Recipe, *, without: tuple[str, ...] = (), with_parts: tuple[Part, ...] = ()) -> Painted:
    """Paint the same galaxy without some of its components, or with others, under the same noise.

    The sky's noise and every remaining photon are those of `paint`: the difference of the two images is what was
    detected of the components that differ, and nothing else.

    Parameters
    ----------
    recipe : Recipe
        Of the galaxy as it is.
    without : tuple of str
        Components to leave out.
    with_parts : tuple of Part
        Parts to put in; to change one, leave it out and put it in anew.

    Raises
    ------
    InputError
        The galaxy has no such component to leave out, or has one of the new ones already.
    """
    return paint(recipe.altered(without, with_parts))


def render(recipe: Recipe) -> Floats:
    """Light of each component without noise, float32 (component, band, y, x) [nanomaggies per pixel]."""
    light = np.empty((len(recipe.parts), len(BANDS), CUTOUT_SIZE, CUTOUT_SIZE), np.float32)
    blur = transfer(recipe.psf)
    # Each part by itself: what it comes to, to the last bit, must not depend on which others there are.
    for index, part in enumerate(recipe.parts):
        spectrum = spectrum_of(field_of(_brightness(part, recipe.centre)))
        flux = np.asarray(part.flux, np.float32)[:, None, None] * np.float32(NATIVE_PIXEL_SCALE**2)
        light[index] = flux * _inner_pixels(spectrum * blur)
    return light


def _brightness(part: Part, centre: tuple[float, float]) -> Floats:
    where = samples()
    x, y = where.x - np.float32(centre[0]), where.y - np.float32(centre[1])
    profile = brightness_of(part.name)
    try:
        return profile(x, y, **part.shape)
    except TypeError as error:
        raise InputError(f"A {part.name} cannot have the shape {dict(part.shape)} ({error})") from error


def _inner_pixels(spectra: NDArray[np.complex64]) -> Floats:
    """The cutout's part of the field (band, y, x); rows outside it need no transform along x."""
    rows = fft.ifft(spectra, axis=-2)[:, INNER]
    return np.asarray(fft.irfft(rows, n=FIELD_SIZE)[..., INNER])


def _cutout(image: Floats, recipe: Recipe) -> Cutout:
    return Cutout(
        image=np.ascontiguousarray(np.moveaxis(image, 0, -1)),
        valid=np.ones(image.shape[1:], np.bool_),
        source=SOURCE,
        pixel_scale=NATIVE_PIXEL_SCALE,
        sky_sigma=recipe.noise.sky_sigma,
        psf_fwhm=recipe.psf.fwhm,
    )


def _shares(expected: Floats, recipe: Recipe) -> NDArray[np.float16]:
    band = BANDS.index("r")
    total = recipe.flux[:, band].sum() or 1.0
    return np.ascontiguousarray(np.moveaxis(expected[:, band] / total, 0, -1), np.float16)
