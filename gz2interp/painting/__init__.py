"""Painted galaxies: five-band images like SDSS', of which it is known what they are made of.

>>> import numpy as np
>>> rng = np.random.default_rng(1)
>>> recipe = draw_recipe(rng, "spiral")
>>> painted = paint(recipe)
>>> painted.cutout.image.shape
(64, 64, 5)
>>> without_arms = repaint(recipe, Alteration(without=("arms",)))

A new component is a function with the decorator `component`, a new kind of galaxy one with `galaxy_kind`.
"""

from __future__ import annotations

from gz2interp.painting.alterations import Alteration, altered
from gz2interp.painting.catalogue import PAINTED_KIND, catalog_of, catalog_rows, ids_of
from gz2interp.painting.components import COMPONENTS, Component, component
from gz2interp.painting.kinds import (
    KIND_SHARES,
    KINDS,
    draw_recipe,
    draw_recipes,
    galaxy_kind,
    recipe_of,
    with_rare,
)
from gz2interp.painting.noise import Background, Noise
from gz2interp.painting.onto import paint_onto, repaint_onto, seen_through
from gz2interp.painting.painter import SOURCE, Painted, paint, paint_without_noise, repaint
from gz2interp.painting.psf import Psf
from gz2interp.painting.recipe import ComponentPart, Recipe
from gz2interp.painting.rendering import Rendered, render

__all__ = [
    "COMPONENTS",
    "KINDS",
    "KIND_SHARES",
    "PAINTED_KIND",
    "SOURCE",
    "Alteration",
    "Background",
    "Component",
    "ComponentPart",
    "Noise",
    "Painted",
    "Psf",
    "Recipe",
    "Rendered",
    "altered",
    "catalog_of",
    "catalog_rows",
    "component",
    "draw_recipe",
    "draw_recipes",
    "galaxy_kind",
    "ids_of",
    "paint",
    "paint_onto",
    "paint_without_noise",
    "recipe_of",
    "render",
    "repaint",
    "repaint_onto",
    "seen_through",
    "with_rare",
]
