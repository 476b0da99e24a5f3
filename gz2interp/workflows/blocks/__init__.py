"""What a layer's channels, groups and places say of a survey's galaxies, and of one of them."""

from __future__ import annotations

from gz2interp.workflows.blocks.atlases import kept_atlas
from gz2interp.workflows.blocks.between import between
from gz2interp.workflows.blocks.drawing_galaxy import dictionary_drawing, groups_drawing
from gz2interp.workflows.blocks.drawing_layer import atlas_drawing, tops_drawing
from gz2interp.workflows.blocks.finding import blocks, groups_from, kept_blocks
from gz2interp.workflows.blocks.galaxy import GalaxyBlocks, blocks_of_galaxy, blocks_of_image
from gz2interp.workflows.blocks.settings import BlockSettings

__all__ = [
    "BlockSettings",
    "GalaxyBlocks",
    "atlas_drawing",
    "between",
    "blocks",
    "blocks_of_galaxy",
    "blocks_of_image",
    "dictionary_drawing",
    "groups_drawing",
    "groups_from",
    "kept_atlas",
    "kept_blocks",
    "tops_drawing",
]
