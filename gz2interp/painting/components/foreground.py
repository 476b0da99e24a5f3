"""What lies before and behind the galaxy: stars, what their light does in the telescope, other galaxies, satellites."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gz2interp.painting import profiles
from gz2interp.painting.components.registry import component
from gz2interp.painting.components.spergel import spergel

__all__: list[str] = []

Floats = NDArray[np.float32]


@component("star", form="spectrum", place="field")
def star(kx: Floats, ky: Floats) -> Floats:
    """A point of light: the same at all wave numbers."""
    return np.ones(np.broadcast_shapes(kx.shape, ky.shape), np.float32)


@component("spikes", lengths=("length", "width"), place="field")
def spikes(x: Floats, y: Floats, *, length: float, width: float, angle: float) -> Floats:
    """The cross that the vanes of the telescope's secondary mirror make of a bright star.

    Parameters
    ----------
    x, y : float32
    length : float
        Over which a spike's light falls to 1/e [arcsec].
    width : float
        Standard deviation across [arcsec].
    angle : float
        Of one of the four, [deg].
    """
    along, across = profiles.rotated(x, y, angle)
    flux = 4 * length * width * np.sqrt(2 * np.pi)
    return (_beam(along, across, length, width) + _beam(across, along, length, width)) / np.float32(flux)


@component("trail", lengths=("width",), place="field", unit_flux=False)
def trail(x: Floats, y: Floats, *, width: float, angle: float) -> Floats:
    """A satellite or a meteor that crossed the field while it was exposed: a straight line through its position.

    `width` is the standard deviation across [arcsec].
    """
    _, across = profiles.rotated(x, y, angle)
    line: Floats = np.exp(-0.5 * (across / np.float32(width)) ** 2)
    return line


@component("neighbour", form="spectrum", lengths=("radius",), place="field")
def neighbour(kx: Floats, ky: Floats, *, radius: float, nu: float, axis_ratio: float, angle: float) -> Floats:
    """Another galaxy in the field, at any distance: see `spergel`."""
    return spergel(kx, ky, radius=radius, nu=nu, axis_ratio=axis_ratio, angle=angle)


def _beam(along: Floats, across: Floats, length: float, width: float) -> Floats:
    beam: Floats = np.exp(-np.abs(along) / np.float32(length) - 0.5 * (across / np.float32(width)) ** 2)
    return beam
