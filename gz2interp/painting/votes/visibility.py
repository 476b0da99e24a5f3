"""What can be seen of a painted galaxy: against noise, through the seeing, of the whole and nearer by.

Of each part that could be noticed for itself a `Look` says how much of its light is distinct, and how far apart, how
wide and how large it is. A number from 0 (not seen) to 1 (cannot be missed) follows, of the form ``s / (s + s0)`` with
s its signal-to-noise ratio in the r band, in the sky's noise, after the PSF has washed it out; what lies upon the
galaxy must stand out from the galaxy's own light too. The constants are not measured one by one: with them painted
galaxies get the votes that Galaxy Zoo 2's get, which a test compares.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gz2interp.painting.components import EDGE_ON, component_of
from gz2interp.painting.recipe import ComponentPart, Recipe
from gz2interp.painting.votes.looks import LOOKS
from gz2interp.schema import BANDS, NATIVE_PIXEL_SCALE

__all__ = [
    "REFERENCE_REDSHIFT",
    "R_BAND",
    "SEEN",
    "ComponentVisibility",
    "DistantView",
    "Structures",
    "VisibleProperties",
    "component_visibility",
    "distance_of",
    "glare",
    "sights_of",
    "size_of",
    "structures",
    "view",
    "visibility",
]


Doubles = NDArray[np.float64]
Integers = NDArray[np.int64]

R_BAND: Final = BANDS.index("r")
GRI: Final = slice(BANDS.index("g"), BANDS.index("i") + 1)
"""The bands of the pictures that volunteers saw."""

SEEN: Final = tuple(LOOKS)
"""Names of the components that can be noticed, in the order of the columns of `ComponentVisibility`."""

GLARING: Final = {"star": 1.0, "spikes": 1.0, "trail": 10.0}
"""What spoils a picture, and how much its light counts: a trail has most of it beside the galaxy."""

SMALL = 3.0

HALF_SEEN = 15.0
"""Signal-to-noise ratio at which half the volunteers see a structure."""

HALF_STANDING_OUT = 0.03
"""Share of the galaxy's light that a structure upon it must have to be seen by half the volunteers."""


@dataclass(frozen=True, eq=False)
class Structures:
    """What could be noticed in the pictures of n galaxies: m structures, each in one of them.

    Attributes
    ----------
    galaxies : int
        n.
    galaxy, component : int64 (m,)
        Which galaxy, and which name of `SEEN`.
    distinct : float (m,)
        Flux in r that distinguishes it [nanomaggies].
    area, period, width : float (m,)
        As of a `Look` [arcsec**2, arcsec].
    upon : bool (m,)
        It lies upon the galaxy.
    belongs : bool (m,)
        It is at the galaxy's distance.
    psf, sky : float (m,)
        Standard deviation of the PSF [arcsec], of the sky [nanomaggies per pixel].
    total : float (m,)
        The galaxy's flux in r [nanomaggies].
    near : float (m,)
        For what belongs to the field: 1 beside the galaxy, 0 far from it.
    """

    galaxies: int
    galaxy: Integers
    component: Integers
    distinct: Doubles
    area: Doubles
    period: Doubles
    width: Doubles
    upon: NDArray[np.bool_]
    belongs: NDArray[np.bool_]
    psf: Doubles
    sky: Doubles
    total: Doubles
    near: Doubles


@dataclass(frozen=True, eq=False)
class ComponentVisibility:
    """How well each component of n galaxies is seen.

    Attributes
    ----------
    shares : float (n, component)
        Share of the volunteers who notice it, in the order of `SEEN`.
    """

    shares: Doubles

    def __getitem__(self, name: str) -> Doubles:
        """Of one component (n,)."""
        return self.shares[:, SEEN.index(name)]


def visibility(recipe: Recipe, name: str) -> float:
    """How well one component of one galaxy is seen, from 0 to 1; 0 if the galaxy has none."""
    return float(component_visibility(structures([recipe]))[name][0])


def structures(recipes: Sequence[Recipe]) -> Structures:
    """All that could be noticed in the pictures of some galaxies."""
    rows = [row for index, recipe in enumerate(recipes) for row in _rows(index, recipe)]
    columns = np.array(rows, np.float64).reshape(-1, 12).T
    galaxy, component, distinct, area, period, width, upon, belongs, psf, sky, total, near = columns
    return Structures(
        galaxies=len(recipes),
        galaxy=galaxy.astype(np.int64),
        component=component.astype(np.int64),
        distinct=distinct,
        area=area,
        period=period,
        width=width,
        upon=upon > 0,
        belongs=belongs > 0,
        psf=psf,
        sky=sky,
        total=total,
        near=near,
    )


def component_visibility(
    what: Structures, lengths: Doubles | None = None, fluxes: Doubles | None = None
) -> ComponentVisibility:
    """Visibility of each component, from 0 to 1.

    Parameters
    ----------
    what : Structures
    lengths, fluxes : float (n,), optional
        What each galaxy's lengths and fluxes are multiplied by, to see it nearer.
    """
    length = np.where(what.belongs, 1.0 if lengths is None else lengths[what.galaxy], 1.0)
    flux = np.where(what.belongs, 1.0 if fluxes is None else fluxes[what.galaxy], 1.0)
    blur = 2 * (np.pi / (what.period * length)) ** 2 * ((what.width * length) ** 2 + what.psf**2)
    distinct = what.distinct * np.exp(-blur)
    area = what.area * length**2 + 4 * np.pi * what.psf**2
    signal_to_noise = distinct * flux * NATIVE_PIXEL_SCALE / (what.sky * np.sqrt(area))
    share = what.near * signal_to_noise / (signal_to_noise + HALF_SEEN)
    share *= np.where(what.upon, distinct / (distinct + HALF_STANDING_OUT * what.total), 1.0)
    # Who misses one of two tails may see the other.
    place = what.galaxy * len(SEEN) + what.component
    missed = np.bincount(place, np.log1p(-share), minlength=what.galaxies * len(SEEN))
    return ComponentVisibility(-np.expm1(missed).reshape(what.galaxies, len(SEEN)))


def glare(recipe: Recipe) -> float:
    """Light in r that stars, spikes and trails of the field put near the galaxy [nanomaggies]."""
    glaring = [part for part in recipe.parts if part.name in GLARING]
    return sum(GLARING[part.name] * _light(part) * _nearness(part, recipe) for part in glaring)


def _light(part: ComponentPart) -> float:
    """In r; a trail is in one band only, and volunteers see three [nanomaggies]."""
    return max(part.flux[GRI]) if part.name == "trail" else abs(part.flux[R_BAND])


def size_of(recipe: Recipe) -> float:
    """Petrosian radius [arcsec]; for a recipe that does not say, that of a small galaxy."""
    return recipe.petro_radius if math.isfinite(recipe.petro_radius) else SMALL


def distance_of(part: ComponentPart) -> float:
    """From the galaxy's centre [arcsec]."""
    return math.hypot(part.shape.get("x", 0.0), part.shape.get("y", 0.0))


def _rows(index: int, recipe: Recipe) -> list[tuple[float, ...]]:
    total = max(float(recipe.subject_flux[R_BAND]), 1e-9)
    psf, sky = recipe.psf.fwhm[R_BAND] / 2.355, recipe.noise.sky_sigma[R_BAND]
    rows: list[tuple[float, ...]] = []
    for part in recipe.parts:
        if part.name not in LOOKS:
            continue
        traits = LOOKS[part.name]
        look = traits.look(part.shape)
        distinct = look.distinct * _light(part)
        near = 1.0 if traits.belongs else _nearness(part, recipe)
        of_part = (
            index,
            traits.column,
            distinct,
            look.area,
            look.period,
            look.width,
            traits.upon,
            traits.belongs,
        )
        rows.append((*of_part, psf, sky, total, near))
    return rows


def _nearness(part: ComponentPart, recipe: Recipe) -> float:
    """Falls from 1 to a half at a Petrosian radius, or at three widths of the PSF; a trail goes right across."""
    reach = max(size_of(recipe), 3 * recipe.psf.fwhm[R_BAND])
    return 1.0 if part.name == "trail" else 1 / (1 + (distance_of(part) / reach) ** 4)


REFERENCE_REDSHIFT = 0.03
"""Where debiased votes are cast. Galaxies nearer than that stay where they are."""

UNRESOLVED = 6.0
"""Half-light radius, in standard deviations of the PSF, at which half of what a body has to show is seen."""

SEEING_RADIUS = 1.85
"""Petrosian radius of a point in median seeing [arcsec]."""


@dataclass(frozen=True, eq=False)
class VisibleProperties:
    """What is to be seen of n galaxies; arrays (n,) except `structures`.

    Attributes
    ----------
    structures : Structures
        What may be noticed for itself.
    glare : float
        Light of stars, spikes and trails of the field near the galaxy, over the galaxy's; infinite without a galaxy.
    disc : float
        Share of the galaxy's light in r that is not its bulge's.
    bulge : float
        Light of the bulge over that of all that surrounds it.
    boxiness : float
        Of the bulge; 2 is an ellipse.
    edge_on : bool
        The disc is seen from its side.
    axis_ratio : float
        Before the seeing.
    radius : float
        Half-light radius along the major axis [arcsec].
    pitch, arms, raggedness : float
        Of the arms: angle [deg], number, and standard deviation of the logarithm of their patchiness; 0 without arms.
    lopsided : float
        How far any part of the body is from its middle, over the radius.
    psf : float
        Standard deviation of the PSF [arcsec].
    redshift : float
    """

    structures: Structures
    glare: Doubles
    disc: Doubles
    bulge: Doubles
    boxiness: Doubles
    edge_on: NDArray[np.bool_]
    axis_ratio: Doubles
    radius: Doubles
    pitch: Doubles
    arms: Doubles
    raggedness: Doubles
    lopsided: Doubles
    psf: Doubles
    redshift: Doubles


@dataclass(frozen=True, eq=False)
class DistantView:
    """n galaxies as they are seen from some distance.

    Attributes
    ----------
    sights : VisibleProperties
    visibility : ComponentVisibility
        How well each of their components is seen.
    axis_ratio : float (n,)
        Through the seeing.
    resolved : float (n,)
        How well their bodies are: 0 for a point, 1 for what is much larger than the PSF.
    """

    sights: VisibleProperties
    visibility: ComponentVisibility
    axis_ratio: Doubles
    resolved: Doubles


def sights_of(recipes: Sequence[Recipe]) -> VisibleProperties:
    """Read what is to be seen from recipes."""
    columns = np.array([_of(recipe) for recipe in recipes], np.float64).reshape(-1, 13).T
    glare, disc, bulge, boxiness, edge_on, *rest = columns
    return VisibleProperties(structures(recipes), glare, disc, bulge, boxiness, edge_on > 0, *rest)


def view(sights: VisibleProperties, redshift: float | None = None) -> DistantView:
    """Look at galaxies where they are, or moved nearer, to `redshift`.

    Nearer, all lengths grow and the light with them as in `distance_ratios`; the sky and the seeing stay.
    """
    length, flux = _approach(sights.redshift, sights.redshift if redshift is None else redshift)
    width = (sights.radius * length) ** 2
    blurred = np.sqrt((sights.axis_ratio**2 * width + sights.psf**2) / (width + sights.psf**2))
    resolved = width / (width + (UNRESOLVED * sights.psf) ** 2)
    return DistantView(sights, component_visibility(sights.structures, length, flux), blurred, resolved)


def _of(recipe: Recipe) -> tuple[float, ...]:
    body = [part for part in recipe.parts if component_of(part.name).place == "body"]
    light = sum(part.flux[R_BAND] for part in body)
    bulge, disc, arms = recipe.part("bulge"), recipe.part("disc"), recipe.part("arms")
    central = bulge.flux[R_BAND] if bulge else 0.0
    axis_ratio = float(np.clip(recipe.axis_ratio, 0.05, 1.0))
    # As `half_light_radius` has it for a Sersic index of 2.5.
    radius = np.sqrt(max(size_of(recipe) ** 2 - SEEING_RADIUS**2, 0.5)) / (2.0 * axis_ratio**0.36)
    return (
        glare(recipe) / light if light > 0 else np.inf,
        1 - central / light if light else 0.0,
        central / max(light - central, 0.02 * light) if light else 0.0,
        bulge.shape.get("boxiness", 2.0) if bulge else 2.0,
        disc is not None and disc.shape["inclination"] >= EDGE_ON,
        axis_ratio,
        radius,
        abs(arms.shape["pitch"]) if arms else 0.0,
        arms.shape["number"] if arms else 0.0,
        arms.shape.get("raggedness", 0.0) if arms else 0.0,
        max((distance_of(part) for part in body), default=0.0) / radius,
        recipe.psf.fwhm[R_BAND] / 2.355,
        recipe.redshift,
    )


def _approach(redshift: Doubles, nearer: float | Doubles) -> tuple[Doubles, Doubles]:
    """What lengths and fluxes are multiplied by; 1 for what is nearer already, or at no known distance."""
    here = np.where(np.isfinite(redshift) & (redshift > nearer), redshift, nearer)
    here = np.maximum(here, 1e-4)
    z_near = np.maximum(nearer, 1e-4)
    far, near = _comoving(here), _comoving(z_near)
    return far * (1 + z_near) / (near * (1 + here)), (far * (1 + here) / (near * (1 + z_near))) ** 2


def _comoving(redshift: Doubles | float) -> Doubles:
    """Distance in a flat universe with 30 % matter, in units of c / H0; to second order, 0.3 % off at 0.25."""
    return np.asarray(redshift * (1 - 0.225 * redshift))
