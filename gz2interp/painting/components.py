"""What galaxies are made of: an open list. A new component is one function with the decorator `component`.

A component's function takes positions (x, y) from the galaxy's centre [arcsec] and the parameters of its shape as
keywords, and returns its surface brightness per unit flux [1/arcsec**2], float32 of the shape of x. Angles are in
degrees from the x axis towards the y axis. A disc's parts lie in its plane: they share its inclination (0 is face-on)
and the angle of its major axis.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from gz2interp.errors import InputError, choices
from gz2interp.painting import profiles

__all__ = ["COMPONENTS", "Brightness", "brightness_of", "component"]

Floats = NDArray[np.float32]
Brightness = Callable[..., Floats]

COMPONENTS: dict[str, Brightness] = {}
"""Name to function, in the order in which they are listed in the truth."""

EDGE_ON = 78.0
"""From this inclination on a disc is seen as a layer rather than as a tilted sheet [deg]."""


def component(name: str) -> Callable[[Brightness], Brightness]:
    """Register a component under `name`.

    Raises
    ------
    InputError
        The name is taken.
    """

    def register(function: Brightness) -> Brightness:
        if name in COMPONENTS:
            raise InputError(f"A component called {name} exists already", "Each component has a name of its own")
        COMPONENTS[name] = function
        return function

    return register


def brightness_of(name: str) -> Brightness:
    """The function of a component.

    Raises
    ------
    InputError
        No component has that name.
    """
    if name not in COMPONENTS:
        raise InputError(
            f"No component is called {name}",
            f"The components are {choices(COMPONENTS)}",
            "Register it with gz2interp.painting.component",
        )
    return COMPONENTS[name]


@component("bulge")
def bulge(x: Floats, y: Floats, *, radius: float, index: float, axis_ratio: float, angle: float) -> Floats:
    """A spheroid: the bulge of a disc, or the whole of an elliptical."""
    return profiles.sersic(*profiles.rotated(x, y, angle), radius, index, axis_ratio)


@component("disc")
def disc(x: Floats, y: Floats, *, scale: float, thickness: float, inclination: float, angle: float) -> Floats:
    """An exponential disc; its thickness is its height over its scale length."""
    along, across = profiles.rotated(x, y, angle)
    if inclination < EDGE_ON:
        flattening = _flattening(inclination, thickness)
        return profiles.exponential(np.hypot(along, across / flattening), scale) / flattening
    # Short of 90 degrees the tilted plane thickens the layer.
    height = scale * float(np.hypot(thickness, 0.5 * np.cos(np.deg2rad(inclination))))
    return profiles.edge_on_disc(along, across, scale, height)


@component("arms")
def arms(
    x: Floats,
    y: Floats,
    *,
    scale: float,
    number: int,
    pitch: float,
    phase: float,
    contrast: float,
    start: float,
    inclination: float,
    angle: float,
) -> Floats:
    """Logarithmic spiral arms; at radius `start` the first one stands at angle `phase` in the disc's plane."""
    along, across, flattening = _in_plane(x, y, inclination, angle)
    radius: Floats = np.hypot(along, across)
    pattern = profiles.crests(along, across, radius / start, number=number, pitch=pitch, phase=phase, contrast=contrast)
    return profiles.tapered_exponential(radius, scale) * pattern / flattening


@component("bar")
def bar(
    x: Floats, y: Floats, *, length: float, width: float, bar_angle: float, inclination: float, angle: float
) -> Floats:
    """A boxy bar with half its light within `length` [arcsec]; `bar_angle` is measured in the disc's plane."""
    along, across, flattening = _in_plane(x, y, inclination, angle)
    along, across = profiles.rotated(along, across, bar_angle)
    return profiles.sersic(along, across, length, index=0.5, axis_ratio=width, boxiness=2.8) / flattening


@component("star")
def star(x: Floats, y: Floats, *, sigma: float) -> Floats:
    """A point of light: so narrow a Gaussian that only the PSF gives it a size."""
    return profiles.gaussian(x, y, sigma)


def _in_plane(x: Floats, y: Floats, inclination: float, angle: float) -> tuple[Floats, Floats, np.float32]:
    """Coordinates in the plane of the disc, and by how much its tilt raises the surface brightness (divide by it)."""
    along, across = profiles.rotated(x, y, angle)
    flattening = _flattening(inclination, 0.0)
    return along, across / flattening, flattening


def _flattening(inclination: float, thickness: float) -> np.float32:
    """Apparent axis ratio of a disc of that thickness."""
    return np.float32(np.hypot(np.cos(np.deg2rad(inclination)), thickness * np.sin(np.deg2rad(inclination))))
