"""The open list of components of galaxies, and the projection from the sky into a disc's plane."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from gz2interp.errors import InputError, choices
from gz2interp.painting.profiles import rotated

__all__ = [
    "COMPONENTS",
    "Component",
    "Form",
    "Place",
    "component",
    "component_of",
    "flattening_of",
    "in_plane",
    "out_of_plane",
]


Form = Literal["brightness", "spectrum", "screen"]
Place = Literal["body", "around", "field"]
Function = Callable[..., Any]


@dataclass(frozen=True)
class Component:
    """A registered component.

    Attributes
    ----------
    name : str
    function : callable
        Takes positions or wave numbers, and the part's shape as keywords; see `component`.
    form : str
        What the function returns.
    lengths : tuple of str
        Keywords of its shape that are lengths on the sky [arcsec]: they shrink with distance. Always "x" and "y" too.
    place : str
        Where it belongs.
    unit_flux : bool
        Whether the function's values are those of a unit flux.
    """

    name: str
    function: Function
    form: Form
    lengths: tuple[str, ...]
    place: Place
    unit_flux: bool


COMPONENTS: dict[str, Component] = {}
"""Name to component, in the order in which they are listed in the truth."""


def component(
    name: str,
    *,
    form: Form = "brightness",
    lengths: tuple[str, ...] = (),
    place: Place = "body",
    unit_flux: bool = True,
) -> Callable[[Function], Function]:
    """Register a component under `name`.

    Parameters
    ----------
    name : str
    form : str
        ``"brightness"``: the function takes x and y from the part's position [arcsec] and returns its surface
        brightness, float32 of their shape. ``"spectrum"``: it takes wave numbers kx and ky [radian/arcsec] and returns
        the Fourier transform of its brightness, of their shape, 1 at the origin: cheap for what is small or edgeless.
        ``"screen"``: it takes x and y and returns the optical depth in the r band of dust before the galaxy's body.
    lengths : tuple of str
        Keywords of its shape in arcsec, apart from x and y.
    place : str
        ``"body"``: of the galaxy, behind its dust. ``"around"``: turns and fades with the galaxy, no dust before it.
        ``"field"``: has nothing to do with the galaxy and stays as it is when the galaxy is altered.
    unit_flux : bool
        False if the function's values have any other scale: their sum over the painted field is then made 1.

    Returns
    -------
    callable
        The decorator. Every part may have "x" and "y" in its shape [arcsec, from the galaxy's centre]: the painter
        moves it there, and the function never sees them. What the shape calls "angle" is turned with the galaxy.

    Raises
    ------
    InputError
        The name is taken.
    """

    def register(function: Function) -> Function:
        if name in COMPONENTS:
            raise InputError(f"A component called {name} exists already", "Each component has a name of its own")
        COMPONENTS[name] = Component(name, function, form, ("x", "y", *lengths), place, unit_flux)
        return function

    return register


def component_of(name: str) -> Component:
    """A component by its name.

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


Floats = NDArray[np.float32]


def in_plane(x: Floats, y: Floats, inclination: float, angle: float) -> tuple[Floats, Floats, np.float32]:
    """Coordinates in the plane of the disc, and by how much its tilt raises the surface brightness (divide by it)."""
    along, across = rotated(x, y, angle)
    flattening = flattening_of(inclination, 0.0)
    return along, across / flattening, flattening


def out_of_plane(along: Floats, across: Floats, inclination: float, angle: float) -> tuple[Floats, Floats]:
    """Where a place in the plane of the disc is seen: the inverse of `in_plane`."""
    return rotated(along, across * flattening_of(inclination, 0.0), -angle)


def flattening_of(inclination: float, thickness: float) -> np.float32:
    """Apparent axis ratio of a disc of that inclination [deg], and of that height over its scale length."""
    tilt = np.deg2rad(inclination)
    return np.float32(np.hypot(np.cos(tilt), thickness * np.sin(tilt)))
