"""A painted galaxy, or a single component, added to a real image under that image's own sky."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from gz2interp.errors import InputError
from gz2interp.painting.alterations import Alteration, altered
from gz2interp.painting.painter import SOURCE, Painted, detected, shares_of
from gz2interp.painting.psf import Psf
from gz2interp.painting.recipe import Recipe
from gz2interp.painting.rendering import render
from gz2interp.results import Cutout
from gz2interp.schema import BANDS, CUTOUT_SIZE, NATIVE_PIXEL_SCALE

__all__ = ["paint_onto", "repaint_onto", "seen_through"]

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
        A whole galaxy, or with ``Recipe("arc", seed, (part,))`` a single component. Its `psf` is not used.

    Raises
    ------
    InputError
        The cutout has another shape, another pixel scale, or a PSF of unknown width.
    """
    seen = seen_through(recipe, cutout)
    expected = render(seen)
    added = np.moveaxis(detected(expected, seen), 0, -1)
    image = np.where(cutout.valid[..., None], cutout.image + added, cutout.image).astype(np.float32)
    picture = replace(cutout, image=image, source=f"{SOURCE} onto {cutout.source}")
    return Painted(picture, shares_of(expected, seen), seen.components, seen.flux.astype(np.float32))


def seen_through(recipe: Recipe, cutout: Cutout) -> Recipe:
    """The recipe with the PSF of a cutout, and the noise of its sky where that is known.

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
            "Measure stars, or take the sky from frames with python -m trainer paint --sky",
        )
    sky_sigma = tuple(float(sigma) for sigma in cutout.sky_sigma)
    known = len(sky_sigma) == len(BANDS) and all(sigma > 0 for sigma in sky_sigma)
    noise = replace(recipe.noise, sky_sigma=sky_sigma) if known else recipe.noise
    return replace(recipe, psf=Psf(widths), noise=noise)


def repaint_onto(image: NDArray[np.float32], recipe: Recipe, alteration: Alteration) -> NDArray[np.float32]:
    """A cutout onto which a galaxy was painted, with that galaxy altered.

    What was detected of the galaxy is taken out and what is detected of the altered one put in, from the same streams
    of photons; everything else is left as it is. So blurring does not blur the real sky, nor what stands in it.

    Parameters
    ----------
    image : float32 (y, x, band), nanomaggies
        As `paint_onto` made it.
    recipe : Recipe
        As it was painted, through the cutout's own PSF.
    alteration : Alteration

    Raises
    ------
    InputError
        The galaxy cannot be altered so.
    """
    changed = altered(recipe, alteration)
    gained = detected(render(changed), changed) - detected(render(recipe), recipe)
    return np.asarray(image + np.moveaxis(gained, 0, -1), np.float32)
