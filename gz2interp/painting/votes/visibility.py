"""How well a volunteer would see what is in a painted galaxy: against the noise, through the seeing, beside the rest.

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

from gz2interp.painting.recipe import Part, Recipe
from gz2interp.painting.votes.looks import LOOKS
from gz2interp.schema import BANDS, NATIVE_PIXEL_SCALE

__all__ = [
    "R_BAND",
    "SEEN",
    "Seen",
    "Structures",
    "distance_of",
    "glare",
    "seen",
    "size_of",
    "structures",
    "visibility",
]

Doubles = NDArray[np.float64]
Integers = NDArray[np.int64]

R_BAND: Final = BANDS.index("r")
GRI: Final = slice(BANDS.index("g"), BANDS.index("i") + 1)
"""The bands of the pictures that volunteers saw."""

SEEN: Final = tuple(LOOKS)
"""Names of the components that can be noticed, in the order of the columns of `Seen`."""

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
        For what belongs to the field: 1 beside the galaxy, 0 far from it, where nobody minds it.
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
class Seen:
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
    return float(seen(structures([recipe]))[name][0])


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


def seen(what: Structures, lengths: Doubles | None = None, fluxes: Doubles | None = None) -> Seen:
    """How well it is all seen.

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
    return Seen(-np.expm1(missed).reshape(what.galaxies, len(SEEN)))


def glare(recipe: Recipe) -> float:
    """Light in r that stars, spikes and trails of the field put near the galaxy [nanomaggies]."""
    glaring = [part for part in recipe.parts if part.name in GLARING]
    return sum(GLARING[part.name] * _light(part) * _nearness(part, recipe) for part in glaring)


def _light(part: Part) -> float:
    """In r; a trail is in one band only, and volunteers see three [nanomaggies]."""
    return max(part.flux[GRI]) if part.name == "trail" else abs(part.flux[R_BAND])


def size_of(recipe: Recipe) -> float:
    """Petrosian radius [arcsec]; for a recipe that does not say, that of a small galaxy."""
    return recipe.petro_radius if math.isfinite(recipe.petro_radius) else SMALL


def distance_of(part: Part) -> float:
    """From the galaxy's centre [arcsec]."""
    return math.hypot(part.shape.get("x", 0.0), part.shape.get("y", 0.0))


def _rows(index: int, recipe: Recipe) -> list[tuple[float, ...]]:
    total = max(float(recipe.subject_flux[R_BAND]), 1e-9)
    psf, sky = recipe.psf.fwhm[R_BAND] / 2.355, recipe.noise.sky_sigma[R_BAND]
    rows: list[tuple[float, ...]] = []
    for part in recipe.parts:
        if part.name not in LOOKS:
            continue
        known = LOOKS[part.name]
        look = known.look(part.shape)
        distinct = look.distinct * _light(part)
        near = 1.0 if known.belongs else _nearness(part, recipe)
        of_part = (index, known.column, distinct, look.area, look.period, look.width, known.upon, known.belongs)
        rows.append((*of_part, psf, sky, total, near))
    return rows


def _nearness(part: Part, recipe: Recipe) -> float:
    """Falls from 1 to a half at a Petrosian radius, or at three widths of the PSF; a trail goes right across."""
    reach = max(size_of(recipe), 3 * recipe.psf.fwhm[R_BAND])
    return 1.0 if part.name == "trail" else 1 / (1 + (distance_of(part) / reach) ** 4)
