"""What each component looks like to one who looks for it: how much of it is distinct, how large, how finely divided.

An open list: a component that is not in it can be painted, and volunteers do not notice it for itself. Lengths are
those of the part's shape [arcsec]; the formulas are meant to be right within some ten per cent.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy import special

from gz2interp.painting.components import component_of
from gz2interp.painting.recipe import Shape

__all__ = ["LOOKS", "ComponentAppearance", "PartAppearance", "look"]


@dataclass(frozen=True)
class PartAppearance:
    """What there is to see of one part.

    Attributes
    ----------
    distinct : float
        Share of its light that no smooth galaxy would have.
    area : float
        Over which that light is spread [arcsec**2].
    period : float
        From one bright place to the next, or twice the distance from what it must be told from [arcsec]: what the
        seeing must not bridge.
    width : float
        Standard deviation of the structure itself [arcsec]: it washes out like the PSF.
    """

    distinct: float
    area: float
    period: float
    width: float = 0.0


@dataclass(frozen=True)
class ComponentAppearance:
    """A component's look.

    Attributes
    ----------
    look : callable
        From the shape of a part to its `PartAppearance`.
    column : int
        Its place in the list.
    upon : bool
        It lies upon the galaxy, and must stand out from it.
    belongs : bool
        It is at the galaxy's distance.
    """

    look: Callable[[Shape], PartAppearance]
    column: int
    upon: bool
    belongs: bool


LOOKS: Final[dict[str, ComponentAppearance]] = {}
"""Component to its look."""

Drawn = Callable[[Shape], PartAppearance]


def look(*components: str, upon: bool = False) -> Callable[[Drawn], Drawn]:
    """Say what components look like; `upon` if they lie upon the galaxy."""

    def register(function: Drawn) -> Drawn:
        for name in components:
            LOOKS[name] = ComponentAppearance(function, len(LOOKS), upon, component_of(name).place != "field")
        return function

    return register


@look("arms", upon=True)
def _arms(shape: Shape) -> PartAppearance:
    cosine = _cosine(shape)
    radius = 2 * shape["scale"]
    if shape.get("fade"):
        radius = min(radius, 0.8 * shape["fade"])
    spacing = 2 * np.pi * radius * abs(np.sin(np.deg2rad(shape["pitch"]))) / shape["number"]
    # The first harmonic of the von Mises law across an arm.
    modulation = special.i1e(shape["contrast"]) / special.i0e(shape["contrast"])
    return PartAppearance(modulation, np.pi * radius**2 * cosine, spacing * np.sqrt(cosine))


@look("bar", upon=True)
def _bar(shape: Shape) -> PartAppearance:
    along = np.deg2rad(shape["bar_angle"])
    length = shape["length"] * np.hypot(np.cos(along), np.sin(along) * _cosine(shape))
    across = shape["length"] * shape["width"] * np.hypot(np.sin(along), np.cos(along) * _cosine(shape))
    elongation = max(length - across, 0.0) / (length + across)
    return PartAppearance(elongation, np.pi * length * across, 2 * length)


@look("inner_ring", "outer_ring", upon=True)
def _ring(shape: Shape) -> PartAppearance:
    minor = _cosine(shape) * shape.get("axis_ratio", 1.0)
    area = 2 * np.pi * shape["radius"] * np.sqrt(minor) * 2.5 * shape["width"]
    # Along the minor axis the ring is narrow where it closes up first.
    shrunk = minor**0.25
    return PartAppearance(1.0, area, 2 * shape["radius"] * np.sqrt(minor), shape["width"] * shrunk)


@look("clumps", upon=True)
def _clumps(shape: Shape) -> PartAppearance:
    # The brightest few of a steep luminosity function hold about half the light.
    brightest = max(min(shape["count"], 0.3 * shape["count"] + 2), 1)
    return PartAppearance(0.5, brightest * 4 * np.pi * shape["size"] ** 2, 2 * shape["scale"] * np.sqrt(_cosine(shape)))


@look("dust", upon=True)
def _dust(shape: Shape) -> PartAppearance:
    return PartAppearance(1.0, 4 * shape["scale"] * 2 * shape["height"], 6 * shape["height"])


@look("companion")
def _companion(shape: Shape) -> PartAppearance:
    return PartAppearance(1.0, np.pi * shape["radius"] ** 2 * shape["axis_ratio"], _twice_the_distance(shape))


@look("neighbour")
def _neighbour(shape: Shape) -> PartAppearance:
    return PartAppearance(1.0, np.pi * shape["radius"] ** 2 * shape["axis_ratio"], _twice_the_distance(shape))


@look("tail")
def _tail(shape: Shape) -> PartAppearance:
    return PartAppearance(1.0, shape["length"] * 2.5 * shape["width"], 2 * (shape["start"] + shape["length"]))


@look("arc")
def _arc(shape: Shape) -> PartAppearance:
    area = shape["radius"] * np.deg2rad(shape["opening"]) * 2.5 * shape["width"]
    return PartAppearance(1.0, area, 2 * shape["radius"], shape["width"])


@look("star")
def _star(shape: Shape) -> PartAppearance:
    return PartAppearance(1.0, 0.0, _twice_the_distance(shape))


@look("spikes")
def _spikes(shape: Shape) -> PartAppearance:
    return PartAppearance(1.0, 8 * shape["length"] * shape["width"], 4 * shape["length"])


@look("trail")
def _trail(shape: Shape) -> PartAppearance:
    return PartAppearance(1.0, 25 * 2.5 * shape["width"], 50.0)


def _cosine(shape: Shape) -> float:
    """Of the inclination; a disc is not infinitely thin."""
    return max(float(np.cos(np.deg2rad(shape["inclination"]))), 0.1)


def _twice_the_distance(shape: Shape) -> float:
    return 2 * float(np.hypot(shape.get("x", 0.0), shape.get("y", 0.0))) + 1e-6
