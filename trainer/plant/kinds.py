"""Registry of shortcuts that can be planted. A new one is a function with the decorator `shortcut`.

Effects of the sky or the telescope are planted in the recipe, so that the galaxy can be repainted with them; effects of
the camera are planted in the pixels.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from gz2interp.errors import InputError, choices
from gz2interp.painting import ComponentPart, Recipe
from gz2interp.painting.populations import relative_to_r
from gz2interp.schema import BANDS

__all__ = ["SHORTCUTS", "ShortcutKind", "shortcut", "shortcut_named"]

Floats = NDArray[np.float32]
Where = Literal["recipe", "pixels"]
Function = Callable[..., Any]


@dataclass(frozen=True)
class ShortcutKind:
    """An artefact that can reveal the class without the galaxy.

    Attributes
    ----------
    where : str
        What is altered: the ``"recipe"`` or the ``"pixels"``.
    unit : str
        Of its strength.
    levels : (float, float, float)
        Weak, middle and strong strengths, fixed before any test.
    function : callable
        See `shortcut`.
    """

    name: str
    where: Where
    unit: str
    levels: tuple[float, float, float]
    function: Function


SHORTCUTS: dict[str, ShortcutKind] = {}


def shortcut(
    name: str, *, unit: str, levels: tuple[float, float, float], where: Where = "recipe"
) -> Callable[[Function], Function]:
    """Register a kind of shortcut under `name`.

    Parameters
    ----------
    unit : str
        Of its strength.
    levels : (float, float, float)
        Weak, middle and strong.
    where : str
        ``"recipe"``: the function is ``(recipe, strength, survey, galaxy) -> Recipe``. ``"pixels"``: it is ``(image,
        recipe, strength, survey, galaxy) -> image``, float32 (y, x, band) [nanomaggies]. `survey` is a random generator
        with the same numbers for all galaxies of a survey, `galaxy` one with different numbers for each galaxy.

    Raises
    ------
    InputError
        The name is in use.
    """

    def register(function: Function) -> Function:
        if name in SHORTCUTS:
            raise InputError(f"A shortcut called {name} exists already", "An unused name")
        SHORTCUTS[name] = ShortcutKind(name, where, unit, levels, function)
        return function

    return register


def shortcut_named(name: str) -> ShortcutKind:
    """A kind of shortcut by its name.

    Raises
    ------
    InputError
        There is no such shortcut.
    """
    if name not in SHORTCUTS:
        raise InputError(f"No shortcut is called {name!r}", f"There are {choices(SHORTCUTS)}")
    return SHORTCUTS[name]


@shortcut("hot_pixel", unit="sigma of the sky, in r", levels=(50.0, 200.0, 1000.0), where="pixels")
def hot_pixel(image: Floats, recipe: Recipe, strength: float, survey: Generator, galaxy: Generator) -> Floats:
    """A hot pixel in r near a corner of the cutout, the same for all galaxies.

    With asinh scaling, a network does not learn a single pixel in a few epochs, however bright. With min-max scaling,
    as in the original project, the pixel darkens the whole galaxy.
    """
    y, x = (int(side) if survey.random() < 0.5 else -1 - int(side) for side in survey.integers(0, 4, 2))
    lit, band = image.copy(), BANDS.index("r")
    lit[y, x, band] += np.float32(strength * recipe.noise.sky_sigma[band])
    return lit


@shortcut("noise", unit="times the noise of the sky, in all bands", levels=(1.15, 1.4, 2.0))
def noise(recipe: Recipe, strength: float, survey: Generator, galaxy: Generator) -> Recipe:
    """A noisier sky, as with a shorter exposure."""
    sky_sigma = tuple(strength * sigma for sigma in recipe.noise.sky_sigma)
    return replace(recipe, noise=replace(recipe.noise, sky_sigma=sky_sigma))


@shortcut("background", unit="sigma of the sky from edge to edge, in all bands", levels=(0.5, 1.5, 4.0))
def background(recipe: Recipe, strength: float, survey: Generator, galaxy: Generator) -> Recipe:
    """A gradient of the sky, with the same direction for all galaxies, as near the Moon."""
    direction = survey.uniform(0, 2 * np.pi)
    plane = recipe.background

    def steepen(rises: tuple[float, ...], share: float) -> tuple[float, ...]:
        half = [0.5 * strength * share * sigma for sigma in recipe.noise.sky_sigma]
        return tuple(rise + more for rise, more in zip(rises, half, strict=True))

    x_rise, y_rise = steepen(plane.x_rise, float(np.cos(direction))), steepen(plane.y_rise, float(np.sin(direction)))
    return replace(recipe, background=replace(plane, x_rise=x_rise, y_rise=y_rise))


@shortcut("star", unit="r magnitude of a star of one colour", levels=(20.0, 18.5, 17.0))
def star(recipe: Recipe, strength: float, survey: Generator, galaxy: Generator) -> Recipe:
    """A red dwarf of fixed colour beside the galaxy, at a random position for each."""
    distance, direction = galaxy.uniform(7.5, 12.0), galaxy.uniform(0, 2 * np.pi)
    red = np.array([2.6, 1.4, 1.1, 0.6])  # u-g, g-r, r-i, i-z
    flux = 10 ** (0.4 * (22.5 - strength - relative_to_r(red)))
    place = {"x": round(distance * float(np.cos(direction)), 4), "y": round(distance * float(np.sin(direction)), 4)}
    return replace(recipe, parts=(*recipe.parts, ComponentPart("star", tuple(float(value) for value in flux), place)))


@shortcut("seeing", unit="times the width of the PSF, in all bands", levels=(1.1, 1.3, 1.7))
def seeing(recipe: Recipe, strength: float, survey: Generator, galaxy: Generator) -> Recipe:
    """A wider PSF, as in poorer seeing."""
    return replace(recipe, psf=replace(recipe.psf, fwhm=tuple(strength * width for width in recipe.psf.fwhm)))
