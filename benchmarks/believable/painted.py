"""Painted cutouts to hold beside real ones: empty sky, single stars, galaxies of a wanted brightness and size."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from gz2interp.painting import ComponentPart, Noise, Recipe, draw_recipe, paint
from gz2interp.painting.components import component_of

from .real import Seen

__all__ = ["SEEING_RADIUS", "empty_skies", "lone_star", "rescaled", "seen"]

SEEING_RADIUS = 1.85
"""Petrosian radius of a point in median seeing [arcsec]; a galaxy's adds to it in quadrature."""


def seen(recipe: Recipe, group: str) -> Seen:
    """A painted cutout."""
    return Seen(paint(recipe).cutout.image, group, recipe.kind)


def empty_skies(recipes: Iterable[Recipe], noise: Noise | None = None) -> list[Seen]:
    """The cutouts of recipes without their galaxy: sky, and what is painted into a field; of one night if given."""
    skies = []
    for number, recipe in enumerate(recipes):
        subject = {id(part) for part in recipe.subject}
        field = tuple(part for part in recipe.parts if id(part) not in subject)
        if recipe.kind not in ("star", "artefact"):
            night = recipe.noise if noise is None else noise
            skies.append(seen(replace(recipe, parts=field, noise=night), f"painted {number}"))
    return skies


def lone_star(seed: int, r_mag: float) -> Seen:
    """A star of no colour, and nothing else, in the middle of a painted cutout."""
    recipe = draw_recipe(np.random.default_rng([seed, 77]), "star")
    drawn = recipe.part("star")
    shape = {} if drawn is None else {key: value for key, value in drawn.shape.items() if key not in ("x", "y")}
    flux = 10 ** (0.4 * (22.5 - r_mag))
    return seen(replace(recipe, parts=(ComponentPart("star", (flux,) * len(recipe.psf.fwhm), shape),)), f"star {seed}")


def rescaled(recipe: Recipe, brighter: float, larger: float) -> Recipe:
    """The galaxy with its fluxes and its lengths multiplied; field, seeing and sky stay."""
    subject = {id(part) for part in recipe.subject}
    parts = tuple(_scaled(part, brighter, larger) if id(part) in subject else part for part in recipe.parts)
    intrinsic = max(recipe.petro_radius**2 - SEEING_RADIUS**2, 0.5)
    return replace(recipe, parts=parts, petro_radius=float(np.hypot(np.sqrt(intrinsic) * larger, SEEING_RADIUS)))


def _scaled(part: ComponentPart, brighter: float, larger: float) -> ComponentPart:
    lengths = component_of(part.name).lengths
    shape = {key: value * larger if key in lengths else value for key, value in part.shape.items()}
    return ComponentPart(part.name, tuple(flux * brighter for flux in part.flux), shape)
