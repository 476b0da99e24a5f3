"""From a recipe to pixels with noise and their truth, and to the same galaxy altered."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gz2interp.painting.alterations import Alteration, altered
from gz2interp.painting.components import component_of
from gz2interp.painting.noise import absorbed, bled, digitised, photons, sky
from gz2interp.painting.recipe import Recipe
from gz2interp.painting.rendering import Rendered, render
from gz2interp.results import Cutout
from gz2interp.schema import BANDS, CUTOUT_SIZE, NATIVE_PIXEL_SCALE

__all__ = ["SOURCE", "Painted", "detected", "paint", "paint_without_noise", "repaint", "shares_of"]

Floats = NDArray[np.float32]
Counts = NDArray[np.int64]

SOURCE = "painted"
FINEST = 2.0**24
"""The smallest number above 0 that float16 has is one over this."""
NO_LIGHT = np.float32(1e-12)
"""Instead of 0 or less, to divide by [nanomaggies]."""
SHAPE = (len(BANDS), CUTOUT_SIZE, CUTOUT_SIZE)


@dataclass(frozen=True, eq=False)
class Painted:
    """A painted galaxy and what it is made of.

    Attributes
    ----------
    cutout : Cutout
        With noise, sky subtracted.
    light : float16 (y, x, component)
        Light of each component after the PSF and before the noise, in the r band, as a share of the galaxy's total
        r-band flux (of its subject: see `Recipe.subject`). Dust is below 0, and what lies before or behind the galaxy
        comes on top. Add up in float32.
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
    image = detected(expected, recipe) + sky(SHAPE[-2:], recipe.noise, recipe.seed) + recipe.background.pixels()
    image = digitised(image, recipe.noise, recipe.seed)
    return Painted(
        _cutout(image, recipe), shares_of(expected, recipe), recipe.components, recipe.flux.astype(np.float32)
    )


def paint_without_noise(recipe: Recipe) -> Floats:
    """The image that `paint` adds noise to, float32 (y, x, band) [nanomaggies]: also without whole counts and bleeding.

    Leftover background stays: it is part of what is there.

    Raises
    ------
    InputError
        As `paint`.
    """
    light = np.sum(list(render(recipe).light.values()), axis=0) + recipe.background.pixels()
    return np.ascontiguousarray(np.moveaxis(light, 0, -1), np.float32)


def repaint(recipe: Recipe, alteration: Alteration) -> Painted:
    """Paint the same galaxy altered, under the same noise.

    The sky's noise is that of `paint`, and every component that the alteration leaves alone keeps its photons: the
    difference of the two images is what was detected of the components that differ, to the camera's whole counts.

    Parameters
    ----------
    recipe : Recipe
        Of the galaxy as it is.
    alteration : Alteration
        For example ``Alteration(without=("arms",))``.

    Raises
    ------
    InputError
        The galaxy cannot be altered so.
    """
    return paint(altered(recipe, alteration))


def detected(expected: Rendered, recipe: Recipe) -> Floats:
    """What the camera makes of the light, photon noise and full pixels included, float32 (band, y, x) [nanomaggies]."""
    noise, seed = recipe.noise, recipe.seed
    electrons = np.zeros(SHAPE, np.float32)
    for name, light in expected.light.items():
        if component_of(name).form != "screen":  # dust has no photons: it takes those of the others
            electrons += _left(photons(light, noise, seed, name), name, expected, seed)
    return bled(electrons) / noise.per_nanomaggy


def _left(counts: Counts, host: str, expected: Rendered, seed: int) -> Counts:
    """Photons of a component that pass the dust before it: all, if there is none."""
    light = np.maximum(expected.light[host], NO_LIGHT)
    for (screen, behind), taken in expected.taken.items():
        if behind == host:
            counts -= absorbed(counts, np.asarray(taken / light, np.float32), seed, f"{host} behind {screen}")
            light = np.maximum(light - taken, NO_LIGHT)
    return counts


def _cutout(image: Floats, recipe: Recipe) -> Cutout:
    return Cutout(
        image=np.ascontiguousarray(np.moveaxis(image, 0, -1)),
        valid=np.ones(image.shape[1:], np.bool_),
        source=SOURCE,
        pixel_scale=NATIVE_PIXEL_SCALE,
        sky_sigma=recipe.noise.sky_sigma,
        psf_fwhm=recipe.psf.fwhm,
    )


def shares_of(expected: Rendered, recipe: Recipe) -> NDArray[np.float16]:
    """The light of each component as `Painted.light` has it."""
    band = BANDS.index("r")
    total = recipe.subject_flux[band] or 1.0
    shares = np.empty((*SHAPE[1:], len(expected.light)), np.float16)
    for index, light in enumerate(expected.light.values()):
        # Rounded to what float16 can hold near 0: losing bits in the conversion takes ten times as long.
        shares[..., index] = np.rint(light[band] * np.float32(FINEST / total)) / np.float32(FINEST)
    return shares
