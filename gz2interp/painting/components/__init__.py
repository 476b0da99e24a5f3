"""What galaxies are made of, and what else is in the picture: an open list.

The truth of a survey lists the components in the order in which the modules below register them.
"""

from __future__ import annotations

# isort: off
from gz2interp.painting.components import bodies, disc_structure, around

# isort: on
from gz2interp.painting.components.bodies import EDGE_ON
from gz2interp.painting.components.registry import COMPONENTS, Component, component, component_of

__all__ = [
    "COMPONENTS",
    "EDGE_ON",
    "Component",
    "around",
    "bodies",
    "component",
    "component_of",
    "disc_structure",
]
