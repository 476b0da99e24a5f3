"""The registered kinds of galaxies, and how a recipe of each is drawn at random."""

from __future__ import annotations

from gz2interp.painting.kinds import discs, other
from gz2interp.painting.kinds.registry import (
    KIND_SHARES,
    KINDS,
    draw_recipe,
    draw_recipes,
    galaxy_kind,
    recipe_of,
    with_rare,
)

__all__ = [
    "KINDS",
    "KIND_SHARES",
    "discs",
    "draw_recipe",
    "draw_recipes",
    "galaxy_kind",
    "other",
    "recipe_of",
    "with_rare",
]
