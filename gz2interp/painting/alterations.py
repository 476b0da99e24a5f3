"""The same galaxy otherwise: without a component, turned, farther away, in worse seeing, in another colour."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache, partial, reduce
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gz2interp.errors import InputError
from gz2interp.painting.components import component_of
from gz2interp.painting.populations import relative_to_r
from gz2interp.painting.recipe import ComponentPart, Recipe

if TYPE_CHECKING:
    from astropy.cosmology import FlatLambdaCDM

__all__ = ["Alteration", "altered", "distance_ratios"]

HUBBLE, MATTER = 70.0, 0.3
"""Of the flat universe in which a redshift is a distance [km/s/Mpc, share of the critical density]."""


@dataclass(frozen=True)
class Alteration:
    """What is to be other than it is; by default nothing.

    Attributes
    ----------
    without : tuple of str
        Components to leave out.
    with_parts : tuple of ComponentPart
        Parts to put in; to change one, leave it out and put it in anew.
    turned : float
        The galaxy's turn about its centre [deg], from the x axis towards the y axis.
    dimmed : float
        [mag]; below 0 it shines brighter.
    redshift : float, optional
        Where the galaxy is moved to: smaller and fainter as in a flat universe (H0 = 70 km/s/Mpc, 30 % matter). Its
        spectrum is not shifted through the bands: no K correction.
    blurred : float
        Factor on the PSF's width in every band, for the whole picture.
    recoloured : float (4,)
        Added to u-g, g-r, r-i, i-z [mag] at the same r magnitude: positive is redder.
    only : tuple of str
        Components that are dimmed and recoloured; by default all of the galaxy's.
    """

    without: tuple[str, ...] = ()
    with_parts: tuple[ComponentPart, ...] = ()
    turned: float = 0.0
    dimmed: float = 0.0
    redshift: float | None = None
    blurred: float = 1.0
    recoloured: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    only: tuple[str, ...] = ()


def altered(recipe: Recipe, alteration: Alteration) -> Recipe:
    """The recipe of the same galaxy altered.

    What does not belong to the galaxy stays: stars, neighbours and trails of its field, its sky and its seed.

    Raises
    ------
    InputError
        A number is not finite, a component that is named is lacking, or a width or a redshift, its own included, is not
        above 0.
    """
    numbers = (alteration.turned, alteration.dimmed, alteration.blurred, *alteration.recoloured)
    if not np.isfinite(numbers).all():
        raise InputError(f"An alteration by {numbers} was asked for", "Finite numbers")
    named = (*alteration.without, *alteration.only)
    for name in named:
        if name not in recipe.components:
            raise InputError(f"This {recipe.kind} has no {name}", f"It is made of {', '.join(recipe.components)}")
    remaining = tuple(part for part in recipe.parts if part.name not in alteration.without)
    left = replace(recipe, parts=remaining + alteration.with_parts)
    steps: list[Callable[[Recipe], Recipe]] = [
        partial(_turned, degrees=alteration.turned),
        partial(_rescaled, factors=10 ** (-0.4 * _magnitudes(alteration)), only=alteration.only),
        partial(_receded, redshift=alteration.redshift),
        partial(_blurred, factor=alteration.blurred),
    ]
    return reduce(lambda galaxy, step: step(galaxy), steps, left)


def distance_ratios(before: float, after: float) -> tuple[float, float]:
    """By what the apparent lengths and the flux of a galaxy are multiplied when it moves between two redshifts.

    Raises
    ------
    InputError
        One of them is not above 0.
    """
    if not (before > 0 and after > 0):
        raise InputError(
            f"A galaxy at redshift {before} was to be moved to redshift {after}", "Both must be above 0: distances"
        )
    near, far = (float(distance.value) for distance in _universe().comoving_distance([before, after]))
    length = near * (1 + after) / (far * (1 + before))
    flux = (near * (1 + before) / (far * (1 + after))) ** 2
    return length, flux


@cache
def _universe() -> FlatLambdaCDM:
    """Made once: astropy works out its units anew for each, which takes longer than a thousand distances."""
    from astropy.cosmology import FlatLambdaCDM  # half a second, for what few ask

    return FlatLambdaCDM(H0=HUBBLE, Om0=MATTER)


def _turned(recipe: Recipe, degrees: float) -> Recipe:
    if not degrees:
        return recipe
    cosine, sine = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))

    def turn(part: ComponentPart) -> ComponentPart:
        shape = dict(part.shape)
        if "angle" in shape:
            shape["angle"] += degrees
        if "x" in shape or "y" in shape:
            x, y = shape.get("x", 0.0), shape.get("y", 0.0)
            shape |= {"x": float(cosine * x - sine * y), "y": float(sine * x + cosine * y)}
        return replace(part, shape=shape)

    return _with_subject(recipe, turn)


def _magnitudes(alteration: Alteration) -> NDArray[np.float64]:
    """Added in each band (band,)."""
    return np.asarray(alteration.dimmed + relative_to_r(np.array(alteration.recoloured)))


def _rescaled(recipe: Recipe, factors: NDArray[np.float64], only: tuple[str, ...] = ()) -> Recipe:
    """Fluxes of the galaxy times a factor per band."""
    if (factors == 1).all():
        return recipe

    def rescale(part: ComponentPart) -> ComponentPart:
        if only and part.name not in only:
            return part
        return replace(part, flux=tuple(float(flux) for flux in np.array(part.flux) * factors))

    return _with_subject(recipe, rescale)


def _receded(recipe: Recipe, redshift: float | None) -> Recipe:
    if redshift is None:
        return recipe
    length, flux = distance_ratios(recipe.redshift, redshift)

    def recede(part: ComponentPart) -> ComponentPart:
        lengths = component_of(part.name).lengths
        shape = {key: value * length if key in lengths else value for key, value in part.shape.items()}
        return ComponentPart(part.name, tuple(value * flux for value in part.flux), shape)

    farther = _with_subject(recipe, recede)
    return replace(farther, redshift=redshift, petro_radius=recipe.petro_radius * length)


def _blurred(recipe: Recipe, factor: float) -> Recipe:
    if factor == 1:
        return recipe
    if not factor > 0:
        raise InputError(f"The seeing was to be {factor} times as wide", "A factor above 0; 2 doubles its width")
    return replace(recipe, psf=replace(recipe.psf, fwhm=tuple(width * factor for width in recipe.psf.fwhm)))


def _with_subject(recipe: Recipe, change: Callable[[ComponentPart], ComponentPart]) -> Recipe:
    subject = recipe.subject
    return replace(recipe, parts=tuple(change(part) if part in subject else part for part in recipe.parts))
