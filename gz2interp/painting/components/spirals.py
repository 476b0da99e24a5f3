"""Spiral arms: logarithmic, patchy and of unequal strength, as stars form in them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import special

from gz2interp.painting.components.plane import in_plane
from gz2interp.painting.components.registry import component
from gz2interp.painting.components.texture import texture_of

__all__ = ["PolarMap", "Spiral", "polar_map"]

Floats = NDArray[np.float32]

BEGINNING, END = 5, 4
"""Powers of the radius with which arms set in at their start, and with which the logarithm of their light fades."""

WANDERING = 0.5
"""How far patches pull an arm's crest sideways [radian of its own wave, per unit of raggedness]."""

PATCHES = 2.5
"""Period of the texture in the logarithm of the radius."""

RADII, AZIMUTHS = 128, 96
"""Of the polar map by which the light of a pattern is added up, to 1 %."""


@dataclass(frozen=True)
class Spiral:
    """A pattern of arms in the plane of a disc.

    Attributes
    ----------
    scale : float
        The light round the galaxy goes as ``r exp(-r / scale)`` [arcsec].
    number : int
        Of arms.
    pitch : float
        Angle between an arm and the circle through it [deg]; its sign is the sense of winding.
    phase : float
        Azimuth at which the first arm begins [deg].
    contrast : float
        Concentration of the von Mises law across an arm: 0 is none, 4 a thin arm.
    start : float
        Radius at which the arms begin [arcsec].
    fade : float
        Radius at which they have faded to a third [arcsec]; 0 if they go on for ever.
    raggedness : float
        Standard deviation of the logarithm of their patchiness: 0.3 is a grand design, 1 is flocculent.
    texture : int
        Seed of the patches.
    """

    scale: float
    number: int
    pitch: float
    phase: float
    contrast: float
    start: float
    fade: float = 0.0
    raggedness: float = 0.0
    texture: int = 0

    def light(self, along: Floats, across: Floats) -> Floats:
        """Surface brightness in the plane, in no particular unit; float32 of the positions' shape."""
        squared = np.maximum(along * along + across * across, np.float32(1e-12))
        out = np.asarray(np.float32(0.5) * np.log(squared) - np.float32(np.log(self.start)))
        winding = out / np.float32(np.tan(np.deg2rad(self.pitch))) + np.float32(np.deg2rad(self.phase))
        turned = np.asarray(np.arctan2(across, along) - winding, np.float32)
        return np.asarray(self._envelope(np.sqrt(squared), out) * self._pattern(turned, out), np.float32)

    def _envelope(self, radius: Floats, out: Floats) -> Floats:
        """Mean round the galaxy, by the radius and by the logarithm of the radius over that of the start."""
        exponent = -radius / np.float32(self.scale)
        if self.fade:
            exponent -= np.exp(END * np.minimum(out + np.float32(np.log(self.start / self.fade)), 5))
        return np.asarray(radius * np.exp(exponent) * special.expit(np.float32(BEGINNING) * out))

    def _pattern(self, turned: Floats, out: Floats) -> Floats:
        """Contrast of the arms, by the azimuth relative to the first arm."""
        wave = np.float32(self.number) * turned
        exponent = np.zeros(1, np.float32)
        if self.raggedness:
            texture = texture_of(self.texture).at(turned / np.float32(2 * np.pi), out / np.float32(PATCHES))
            patches = np.float32(self.raggedness) * texture
            wave, exponent = wave + np.float32(WANDERING) * patches, patches
        return np.asarray(np.exp(exponent + np.float32(self.contrast) * (np.cos(wave) - 1)))


@dataclass(frozen=True, eq=False)
class PolarMap:
    """A pattern's light on a polar grid.

    Attributes
    ----------
    log_radius : float32 (RADII, 1)
    azimuth : float32 (1, AZIMUTHS)
    light : float32 (RADII, AZIMUTHS)
        Brightness times the area of the cell.
    """

    log_radius: Floats
    azimuth: Floats
    light: Floats


@lru_cache(maxsize=256)
def polar_map(spiral: Spiral) -> PolarMap:
    """Where the light of a pattern is; its sum is the flux of `Spiral.light`."""
    log_radius = np.linspace(-3.2, 2.5, RADII, dtype=np.float32)[:, None] + np.float32(np.log(spiral.scale))
    azimuth = np.arange(AZIMUTHS, dtype=np.float32)[None, :] * np.float32(2 * np.pi / AZIMUTHS)
    radius = np.exp(log_radius)
    step = log_radius[1, 0] - log_radius[0, 0]
    area = radius**2 * step * np.float32(2 * np.pi / AZIMUTHS)
    return PolarMap(log_radius, azimuth, spiral.light(radius * np.cos(azimuth), radius * np.sin(azimuth)) * area)


@component("arms", lengths=("scale", "start", "fade"))
def arms(x: Floats, y: Floats, *, inclination: float, angle: float, **pattern: float) -> Floats:
    """Spiral arms in the plane of a disc; `pattern` is that of a `Spiral`."""
    spiral = Spiral(**pattern)  # type: ignore[arg-type]
    along, across, flattening = in_plane(x, y, inclination, angle)
    return np.asarray(spiral.light(along, across) / (flattening * polar_map(spiral).light.sum()))
