"""The open list of shortcuts that can be planted. A new one is a function with the decorator `shortcut`.

What happens in the sky or in the telescope is planted in the recipe, so that the galaxy can be repainted with it; what
happens in a pixel of the camera is planted in the pixels.
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
    """A way in which an image may tell its class without the galaxy.

    Attributes
    ----------
    name : str
    where : str
        What is altered: the ``"recipe"`` or the ``"pixels"``.
    unit : str
        Of its strength.
    levels : (float, float, float)
        Strengths called weak, middle and strong, fixed before anything was tried with them.
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
    name : str
    unit : str
        Of its strength, in words.
    levels : (float, float, float)
        Weak, middle and strong.
    where : str
        ``"recipe"``: the function is ``(recipe, strength, survey, own) -> Recipe``. ``"pixels"``: it is ``(image,
        recipe, strength, survey, own) -> image``, float32 (y, x, band) [nanomaggies]. `survey` is a random generator
        that gives all galaxies of a survey the same numbers, `own` one that gives each its own.

    Raises
    ------
    InputError
        The name is taken.
    """

    def register(function: Function) -> Function:
        if name in SHORTCUTS:
            raise InputError(f"A shortcut called {name} exists already", "Each has a name of its own")
        SHORTCUTS[name] = ShortcutKind(name, where, unit, levels, function)
        return function

    return register


def shortcut_named(name: str) -> ShortcutKind:
    """A kind of shortcut by its name.

    Raises
    ------
    InputError
        There is none of that name.
    """
    if name not in SHORTCUTS:
        raise InputError(f"No shortcut is called {name!r}", f"There are {choices(SHORTCUTS)}")
    return SHORTCUTS[name]


@shortcut("hot_pixel", unit="sigma of the sky, in r", levels=(50.0, 200.0, 1000.0), where="pixels")
def hot_pixel(image: Floats, recipe: Recipe, strength: float, survey: Generator, own: Generator) -> Floats:
    """One pixel of the camera near a corner of the cutout, the same for all galaxies, has too much charge in r.

    A network whose pixels are scaled by asinh does not learn a single one in a few epochs, however bright. Scaled by
    each galaxy's least and greatest, as in the original project, the pixel is a switch that darkens the galaxy.
    """
    y, x = (int(side) if survey.random() < 0.5 else -1 - int(side) for side in survey.integers(0, 4, 2))
    lit, band = image.copy(), BANDS.index("r")
    lit[y, x, band] += np.float32(strength * recipe.noise.sky_sigma[band])
    return lit


@shortcut("noise", unit="times the noise of the sky, in all bands", levels=(1.15, 1.4, 2.0))
def noise(recipe: Recipe, strength: float, survey: Generator, own: Generator) -> Recipe:
    """The sky is noisier, as if exposed for a shorter time."""
    louder = tuple(strength * sigma for sigma in recipe.noise.sky_sigma)
    return replace(recipe, noise=replace(recipe.noise, sky_sigma=louder))


@shortcut("background", unit="sigma of the sky from edge to edge, in all bands", levels=(0.5, 1.5, 4.0))
def background(recipe: Recipe, strength: float, survey: Generator, own: Generator) -> Recipe:
    """The sky brightens in one direction, the same for all galaxies, as beside the Moon."""
    direction = survey.uniform(0, 2 * np.pi)
    plane = recipe.background

    def risen(rises: tuple[float, ...], share: float) -> tuple[float, ...]:
        half = [0.5 * strength * share * sigma for sigma in recipe.noise.sky_sigma]
        return tuple(rise + more for rise, more in zip(rises, half, strict=True))

    x_rise, y_rise = risen(plane.x_rise, float(np.cos(direction))), risen(plane.y_rise, float(np.sin(direction)))
    return replace(recipe, background=replace(plane, x_rise=x_rise, y_rise=y_rise))


@shortcut("star", unit="r magnitude of a star of one colour", levels=(20.0, 18.5, 17.0))
def star(recipe: Recipe, strength: float, survey: Generator, own: Generator) -> Recipe:
    """A red dwarf stands somewhere off the galaxy, at another place for each, always of the same colour."""
    distance, direction = own.uniform(7.5, 12.0), own.uniform(0, 2 * np.pi)
    red = np.array([2.6, 1.4, 1.1, 0.6])  # u-g, g-r, r-i, i-z
    flux = 10 ** (0.4 * (22.5 - strength - relative_to_r(red)))
    place = {"x": round(distance * float(np.cos(direction)), 4), "y": round(distance * float(np.sin(direction)), 4)}
    return replace(recipe, parts=(*recipe.parts, ComponentPart("star", tuple(float(value) for value in flux), place)))


@shortcut("seeing", unit="times the width of the PSF, in all bands", levels=(1.1, 1.3, 1.7))
def seeing(recipe: Recipe, strength: float, survey: Generator, own: Generator) -> Recipe:
    """Stars are wider, as in poorer seeing."""
    return replace(recipe, psf=replace(recipe.psf, fwhm=tuple(strength * width for width in recipe.psf.fwhm)))
