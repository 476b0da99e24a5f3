"""Painted galaxies: five-band images like SDSS', of which it is known what they are made of.

>>> import numpy as np
>>> rng = np.random.default_rng(1)
>>> recipe = draw_recipe(rng, "spiral")
>>> painted = paint(recipe)
>>> painted.cutout.image.shape
(64, 64, 5)
>>> without_arms = repaint(recipe, without=("arms",))

A new component is a function with the decorator `component`, a new kind of galaxy one with `galaxy_kind`.
"""

from __future__ import annotations

from gz2interp.painting.catalogue import PAINTED_KIND, catalog_of
from gz2interp.painting.components import COMPONENTS, component
from gz2interp.painting.kinds import KIND_SHARES, KINDS, draw_recipe, draw_recipes, galaxy_kind
from gz2interp.painting.noise import Noise
from gz2interp.painting.painter import SOURCE, Painted, paint, render, repaint
from gz2interp.painting.psf import Psf
from gz2interp.painting.recipe import Part, Recipe

__all__ = [
    "COMPONENTS",
    "KINDS",
    "KIND_SHARES",
    "PAINTED_KIND",
    "SOURCE",
    "Noise",
    "Painted",
    "Part",
    "Psf",
    "Recipe",
    "catalog_of",
    "component",
    "draw_recipe",
    "draw_recipes",
    "galaxy_kind",
    "paint",
    "render",
    "repaint",
]
