"""A painted galaxy, or a single component, added to a real image under that image's own sky."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from gz2interp.errors import InputError
from gz2interp.painting.painter import SOURCE, Painted, detected, shares_of
from gz2interp.painting.psf import Psf
from gz2interp.painting.recipe import Recipe
from gz2interp.painting.rendering import render
from gz2interp.results import Cutout
from gz2interp.schema import BANDS, CUTOUT_SIZE, NATIVE_PIXEL_SCALE

__all__ = ["paint_onto", "seen_through"]

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
            "Cut it from frames with trainer.sources.SdssFrames, which measures stars",
        )
    sky_sigma = tuple(float(sigma) for sigma in cutout.sky_sigma)
    known = len(sky_sigma) == len(BANDS) and all(sigma > 0 for sigma in sky_sigma)
    noise = replace(recipe.noise, sky_sigma=sky_sigma) if known else recipe.noise
    return replace(recipe, psf=Psf(widths), noise=noise)
