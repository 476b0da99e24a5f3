"""A painted galaxy, or a single component, added to a real image under that image's own sky."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from gz2interp.errors import InputError
from gz2interp.painting.alterations import Alteration, altered
from gz2interp.painting.painter import SOURCE, Painted, detected, shares_of
from gz2interp.painting.recipe import Recipe
from gz2interp.painting.rendering import Rendered, render
from gz2interp.painting.streams import stream
from gz2interp.results import Cutout
from gz2interp.schema import BANDS, CUTOUT_SIZE, NATIVE_PIXEL_SCALE

__all__ = ["paint_onto", "repaint_onto", "seen_through"]

Floats = NDArray[np.float32]

SHAPE = (CUTOUT_SIZE, CUTOUT_SIZE, len(BANDS))

SCALE_AGREES = 0.01
"""Within which the pixels of the image must have the painter's size."""


def paint_onto(cutout: Cutout, recipe: Recipe) -> Painted:
    """Add what a telescope would detect of a recipe to a real cutout.

    The light is spread by the cutout's own PSF and brings its own photon noise. The sky and its noise are those in the
    cutout already: none are painted, and no background. Pixels that are not valid stay as they are.

    Parameters
    ----------
    cutout : Cutout
        Five bands of 64 x 64 native pixels in nanomaggies, with the width of its PSF in each band.
    recipe : Recipe
        A whole galaxy, or with ``Recipe("arc", seed, (part,))`` a single component. Of its `psf` only the
        shift is used. Its `noise` says how many electrons a nanomaggy is, and what a count of the camera is, in which
        the light comes: with ``electrons_per_count=(0,) * 5`` in electrons.

    Raises
    ------
    InputError
        The cutout has another shape, another pixel scale, or a PSF of unknown width.
    """
    convolved = seen_through(recipe, cutout)
    expected = render(convolved)
    image = _with(cutout.image, _gained(expected, convolved), cutout.valid)
    picture = replace(cutout, image=image, source=f"{SOURCE} onto {cutout.source}")
    return Painted(picture, shares_of(expected, convolved), convolved.components, convolved.flux.astype(np.float32))


def repaint_onto(
    image: Floats, recipe: Recipe, alteration: Alteration, valid: NDArray[np.bool_] | None = None
) -> Floats:
    """A cutout onto which a galaxy was painted, with that galaxy altered.

    What was detected of the galaxy is taken out and what is detected of the altered one put in, from the same streams
    of photons; everything else is left as it is. So blurring does not blur the real sky, nor what stands in it. Without
    all of its components the real cutout is left, to the rounding of float32.

    Parameters
    ----------
    image : float32 (y, x, band), nanomaggies
        As `paint_onto` made it.
    recipe : Recipe
        As it was painted: seen through the cutout's own PSF, see `seen_through`.
    alteration : Alteration
    valid : bool (y, x), optional
        The cutout's, if not all of its pixels are valid.

    Raises
    ------
    InputError
        The galaxy cannot be altered so.
    """
    changed = altered(recipe, alteration)
    gained = _gained(render(changed), changed) - _gained(render(recipe), recipe)
    return _with(image, gained, np.ones(image.shape[:2], np.bool_) if valid is None else valid)


def seen_through(recipe: Recipe, cutout: Cutout) -> Recipe:
    """The recipe with the PSF's widths of a cutout, and the noise of its sky where that is known.

    Raises
    ------
    InputError
        As `paint_onto`.
    """
    if cutout.image.shape != SHAPE:
        raise InputError(f"The cutout has the shape {cutout.image.shape}", f"{SHAPE}: y, x and the bands u g r i z")
    if not abs(cutout.pixel_scale / NATIVE_PIXEL_SCALE - 1) <= SCALE_AGREES:
        raise InputError(
            f"The cutout's pixels are {cutout.pixel_scale} arcsec wide",
            f"{NATIVE_PIXEL_SCALE} arcsec: the painter paints at SDSS' own scale",
        )
    widths = tuple(float(width) for width in cutout.psf_fwhm)
    if len(widths) != len(BANDS) or not all(width > 0 for width in widths):
        raise InputError(
            "The width of the cutout's PSF is unknown",
            "psf_fwhm in arcsec for each band",
            "Cut it from frames with trainer.sources.SdssFrames, which measures stars",
        )
    sky_sigma = tuple(float(sigma) for sigma in cutout.sky_sigma)
    is_measured = len(sky_sigma) == len(BANDS) and all(sigma > 0 for sigma in sky_sigma)
    noise = replace(recipe.noise, sky_sigma=sky_sigma) if is_measured else recipe.noise
    return replace(recipe, psf=replace(recipe.psf, fwhm=widths), noise=noise)


def _gained(expected: Rendered, recipe: Recipe) -> Floats:
    """What the image gains, float32 (band, y, x) [nanomaggies].

    A real frame holds whole counts above its sky, and so it does afterwards. What the sky had beyond its whole count is
    as likely to be one fraction as another; it is drawn, and decides where a fraction of a count of light ends.
    """
    light, noise = detected(expected, recipe), recipe.noise
    count = np.asarray(noise.electrons_per_count, np.float32)[:, None, None] / noise.per_nanomaggy
    if not count.all():
        return light
    fraction = stream(recipe.seed, "fractions of the sky").random(light.shape, dtype=np.float32)
    return np.asarray(np.floor(light / count + fraction) * count)


def _with(image: Floats, gained: Floats, valid: NDArray[np.bool_]) -> Floats:
    """The image and what it gains where it is valid, float32 (y, x, band)."""
    return np.where(valid[..., None], image + np.moveaxis(gained, 0, -1), image).astype(np.float32)
