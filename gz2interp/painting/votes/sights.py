"""What volunteers can tell of a galaxy as a whole, where it is and nearer by: numbers of its recipe as arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gz2interp.painting.components import EDGE_ON, component_of
from gz2interp.painting.recipe import Recipe
from gz2interp.painting.votes.visibility import R_BAND, Seen, Structures, distance_of, glare, seen, size_of, structures

__all__ = ["REFERENCE_REDSHIFT", "Sights", "View", "sights_of", "view"]

Doubles = NDArray[np.float64]

REFERENCE_REDSHIFT = 0.03
"""Where debiased votes are cast. Galaxies nearer than that stay where they are."""

UNRESOLVED = 6.0
"""Half-light radius, in standard deviations of the PSF, at which half of what a body has to show is seen."""

SEEING_RADIUS = 1.85
"""Petrosian radius of a point in median seeing [arcsec]."""


@dataclass(frozen=True, eq=False)
class Sights:
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
class View:
    """n galaxies as they are seen from some distance.

    Attributes
    ----------
    sights : Sights
    seen : Seen
        How well each of their components is seen.
    axis_ratio : float (n,)
        Through the seeing.
    resolved : float (n,)
        How well their bodies are: 0 for a point, 1 for what is much larger than the PSF.
    """

    sights: Sights
    seen: Seen
    axis_ratio: Doubles
    resolved: Doubles


def sights_of(recipes: Sequence[Recipe]) -> Sights:
    """Read what is to be seen from recipes."""
    columns = np.array([_of(recipe) for recipe in recipes], np.float64).reshape(-1, 13).T
    glare, disc, bulge, boxiness, edge_on, *rest = columns
    return Sights(structures(recipes), glare, disc, bulge, boxiness, edge_on > 0, *rest)


def view(sights: Sights, redshift: float | None = None) -> View:
    """Look at galaxies where they are, or moved nearer, to `redshift`.

    Nearer, all lengths grow and the light with them as in `distance_ratios`; the sky and the seeing stay.
    """
    length, flux = _approach(sights.redshift, sights.redshift if redshift is None else redshift)
    width = (sights.radius * length) ** 2
    blurred = np.sqrt((sights.axis_ratio**2 * width + sights.psf**2) / (width + sights.psf**2))
    resolved = width / (width + (UNRESOLVED * sights.psf) ** 2)
    return View(sights, seen(sights.structures, length, flux), blurred, resolved)


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
    there = np.maximum(nearer, 1e-4)
    far, near = _comoving(here), _comoving(there)
    return far * (1 + there) / (near * (1 + here)), (far * (1 + here) / (near * (1 + there))) ** 2


def _comoving(redshift: Doubles | float) -> Doubles:
    """Distance in a flat universe with 30 % matter, in units of c / H0; to second order, 0.3 % off at 0.25."""
    return np.asarray(redshift * (1 - 0.225 * redshift))
