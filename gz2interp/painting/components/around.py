"""What surrounds a galaxy: companions, tidal tails and lensed arcs, and foreground and background objects."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import special

from gz2interp.painting import profiles
from gz2interp.painting.components.registry import component
from gz2interp.painting.profiles import spergel

__all__ = []


Floats = NDArray[np.float32]

SETTING_IN = 0.07
"""Share of a tail's length over which it begins."""


@component("companion", form="spectrum", lengths=("radius",), place="around")
def companion(kx: Floats, ky: Floats, *, radius: float, nu: float, axis_ratio: float, angle: float) -> Floats:
    """Another galaxy at the same distance: Spergel's profile, see `spergel`."""
    return spergel(kx, ky, radius=radius, nu=nu, axis_ratio=axis_ratio, angle=angle)


@component("tail", lengths=("start", "length", "width"), place="around", unit_flux=False)
def tail(
    x: Floats,
    y: Floats,
    *,
    start: float,
    length: float,
    width: float,
    curl: float,
    angle: float,
    fading: float = 1.5,
    flare: float = 1.0,
) -> Floats:
    """A tidal tail, or a bridge: a plume that leaves the galaxy and curls round it.

    Parameters
    ----------
    x, y : float32
    start, length : float
        It leads from a distance of `start` from the centre to one of ``start + length`` [arcsec].
    width : float
        Standard deviation across where it begins [arcsec].
    curl : float
        How far it goes round meanwhile [deg]; its sign is the sense.
    angle : float
        Where it begins [deg].
    fading : float
        E-folds by which its surface brightness has fallen at its end.
    flare : float
        Growth of its width towards its end.
    """
    radius = np.sqrt(x * x + y * y)
    share = (radius - np.float32(start)) / np.float32(length)
    sweep = np.deg2rad(np.float32(curl))
    off = np.arctan2(y, x) - np.deg2rad(np.float32(angle)) - sweep * np.clip(share, -0.5, 2)
    off -= np.float32(2 * np.pi) * np.round(off / np.float32(2 * np.pi))
    # The shortest way to a curve that crosses the circles aslant.
    steepness = radius * (sweep / np.float32(length))
    across = radius * off / (np.sqrt(1 + steepness**2) * np.float32(width) * (1 + flare * np.clip(share, 0, 2)))
    light = special.expit(share / SETTING_IN) * special.expit((1 - share) / (2 * SETTING_IN))
    plume: Floats = light * np.exp(-0.5 * across**2 - np.float32(fading) * np.clip(share, 0, 4))
    return plume


@component("arc", lengths=("radius", "width"), place="around")
def arc(x: Floats, y: Floats, *, radius: float, width: float, opening: float, angle: float) -> Floats:
    """An arc as a gravitational lens makes it: part of a ring of that Einstein radius.

    Parameters
    ----------
    x, y : float32
    radius, width : float
        Of the ring, and its standard deviation across [arcsec].
    opening : float
        Angle between its ends, where a third of its brightness is left [deg].
    angle : float
        Where its middle stands.
    """
    along, across = profiles.rotated(x, y, angle)
    half = np.deg2rad(opening) / 2
    turned = (np.arctan2(across, along) / np.float32(half)) ** 2
    # Of the integral of exp(-(t / half)**4) round the circle, in units of the circle's.
    share = half * special.gamma(1.25) * special.gammainc(0.25, (np.pi / half) ** 4) / np.pi
    ring = profiles.annulus(np.sqrt(along * along + across * across), radius, width)
    return ring * np.exp(-turned * turned) / np.float32(share)


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
