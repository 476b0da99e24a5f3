"""Structure of discs: spiral arms, rings, knots of young stars, dust, and the random textures they follow."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import fft, special

from gz2interp.errors import InputError
from gz2interp.painting import profiles
from gz2interp.painting.components.registry import component, in_plane, out_of_plane
from gz2interp.painting.profiles import edge_on_law
from gz2interp.painting.streams import stream

__all__ = ["MOST", "Knots", "PolarMap", "Spiral", "Texture", "knots_of", "polar_map", "texture_of"]


Floats = NDArray[np.float32]

CELLS = 64
"""Of the pattern, along each of its two axes: a power of 2, so that `LAST` masks what lies beyond."""

LAST = CELLS - 1

FINEST = 7.0
"""Waves per axis at which the amplitude has fallen to 0.6; so the pattern is smooth between cells."""

LIMIT = 2.5
"""Standard deviations that no patch exceeds by far: else a single one may outshine its galaxy."""


@dataclass(frozen=True, eq=False)
class Texture:
    """A random function of two variables, periodic in both with period 1, of mean 0 and variance 1.

    Attributes
    ----------
    values : float32 (CELLS * CELLS,)
    """

    values: Floats

    def at(self, first: Floats, second: Floats) -> Floats:
        """Values at places in periods, float32 of the places' shape; linear between cells."""
        row, right = _cell_of(first)
        column, down = _cell_of(second)
        next_row, next_column = (row + 1 & LAST) * CELLS, column + 1 & LAST
        row *= CELLS
        take = self.values.take
        near = take(row + column) * (1 - down) + take(row + next_column) * down
        far = take(next_row + column) * (1 - down) + take(next_row + next_column) * down
        values: Floats = near + (far - near) * right
        return values


@lru_cache(maxsize=256)
def texture_of(seed: int) -> Texture:
    """The texture of a seed: white noise, smoothed by a Gaussian and held within `LIMIT`."""
    noise = stream(int(seed), "texture").standard_normal((CELLS, CELLS), dtype=np.float32)
    waves = np.hypot(fft.fftfreq(CELLS)[:, None], fft.rfftfreq(CELLS)[None, :]) * CELLS
    spectrum = fft.rfft2(noise) * np.exp(-0.5 * (waves / FINEST) ** 2)
    spectrum[0, 0] = 0
    values = fft.irfft2(spectrum, s=noise.shape).astype(np.float32).ravel()
    limited = np.tanh(values / (LIMIT * values.std()))
    return Texture((limited - limited.mean()) / limited.std())


def _cell_of(place: Floats) -> tuple[NDArray[np.int32], Floats]:
    """Index of the cell below, and how far beyond it."""
    cells = (place - np.floor(place)) * np.float32(CELLS)
    below = cells.astype(np.int32)
    # The remainder of a small negative place is rounded up to 1.
    return below & LAST, cells - below.astype(np.float32)


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


WINDING = 3.0
"""Patches of a ring trail by this many radians per unit of the radius' logarithm: rings are wound-up arms."""


def ring(
    x: Floats,
    y: Floats,
    *,
    radius: float,
    width: float,
    inclination: float,
    angle: float,
    axis_ratio: float = 1.0,
    ring_angle: float = 0.0,
    raggedness: float = 0.0,
    texture: int = 0,
) -> Floats:
    """A ring of semi-major axis `radius` in its disc's plane, Gaussian across with a standard deviation of `width`.

    Its own axis ratio and the angle of its major axis are those in the plane: rings round bars are elongated like the
    bar. `raggedness` is the standard deviation of the logarithm of its patchiness, `texture` its seed.
    """
    along, across, flattening = in_plane(x, y, inclination, angle)
    along, across = profiles.rotated(along, across, ring_angle)
    across = across / np.float32(axis_ratio)
    brightness = profiles.annulus(np.sqrt(along * along + across * across), radius, width)
    if raggedness:
        brightness *= _patches(along, across, radius, raggedness, texture)
    return brightness / (flattening * np.float32(axis_ratio))


component("inner_ring", lengths=("radius", "width"))(ring)
component("outer_ring", lengths=("radius", "width"))(ring)


def _patches(along: Floats, across: Floats, radius: float, raggedness: float, texture: int) -> Floats:
    """Log-normal patches round the ring, of mean 1 at every radius."""
    pattern = texture_of(texture)
    row = np.zeros(1, np.float32)
    mean = np.exp(raggedness * pattern.at(_f32(np.arange(128) / 128), row)).mean()
    out = np.log((along * along + across * across + profiles.FLOOR) / np.float32(radius**2))
    turned = np.asarray(np.arctan2(across, along) - np.float32(WINDING / 2) * out, np.float32)
    patches: Floats = np.exp(raggedness * pattern.at(_f32(turned / (2 * np.pi)), row)) / mean
    return patches


def _f32(values: NDArray[np.floating]) -> Floats:
    return values.astype(np.float32, copy=False)


Spectrum = NDArray[np.complex64]

MOST = 100
"""Knots of one part."""

STEEPNESS = 1.8
"""Of the luminosity function, dN/dL ~ L**-STEEPNESS: 2.0 +- 0.5 for regions of ionised gas (Kennicutt, Edgar & Hodge
1989, ApJ 337, 761)."""

FAINTEST = 0.03
"""Of the brightest possible knot."""


@dataclass(frozen=True, eq=False)
class Knots:
    """Knots in the plane of a disc.

    Attributes
    ----------
    along, across : float32 (knot,)
        [arcsec].
    share : float32 (knot,)
        Of their light; 1 in all.
    size : float32 (knot,)
        Relative to the median's.
    """

    along: Floats
    across: Floats
    share: Floats
    size: Floats


@component("clumps", form="spectrum", lengths=("size", "scale", "start", "fade"))
def clumps(
    kx: Floats, ky: Floats, *, count: int, size: float, inclination: float, angle: float, **pattern: float
) -> Spectrum:
    """Knots in the plane of a disc, where a `Spiral` of this `pattern` is bright.

    Parameters
    ----------
    kx, ky : float32 (1, m) and (n, 1)
    count : int
        Of knots, `MOST` at most.
    size : float
        Standard deviation of a median knot's Gaussian [arcsec].
    inclination, angle, pattern : float
        Those of the arms: with the arms' texture, the knots lie in the arms' patches.
    """
    knots = knots_of(int(count), Spiral(**pattern))  # type: ignore[arg-type]
    x, y = out_of_plane(knots.along, knots.across, inclination, angle)
    width = knots.size * np.float32(size)
    columns = np.exp(-0.5 * (kx.T * width) ** 2 - 1j * (kx.T * x))
    rows = np.exp(-0.5 * (ky * width) ** 2 - 1j * (ky * y)) * knots.share
    return np.asarray(rows @ columns.T, np.complex64)


@lru_cache(maxsize=256)
def knots_of(count: int, spiral: Spiral) -> Knots:
    """Draw knots from the seed of the spiral's texture: more of them do not move those that there are.

    Raises
    ------
    InputError
        There are none, or more than `MOST`.
    """
    if not 1 <= count <= MOST:
        raise InputError(f"Clumps of {count} knots were asked for", f"From 1 to {MOST}", "Use several parts for more")
    rank, place, out, turn, size = stream(int(spiral.texture), "knots").random((MOST, 5), np.float32)[:count].T
    along, across = _scattered(polar_map(spiral), place, out, turn)
    # The inverse of the cumulative luminosity function between the faintest knot and 1.
    power = 1 - STEEPNESS
    light = (1 + rank * (FAINTEST**power - 1)) ** (1 / power)
    return Knots(along, across, (light / light.sum()).astype(np.float32), 0.6 + 0.8 * size)


def _scattered(where: PolarMap, place: Floats, out: Floats, turn: Floats) -> tuple[Floats, Floats]:
    """Positions in the plane, of a density that goes as the light to the power of 1.5: young stars are in crowds."""
    radius = np.exp(where.log_radius)
    density = where.light * np.sqrt(where.light) / radius
    cumulative = np.cumsum(density, dtype=np.float64)
    row, column = np.divmod(np.searchsorted(cumulative, place * cumulative[-1]), AZIMUTHS)
    step = where.log_radius[1, 0] - where.log_radius[0, 0]
    at = radius[row, 0] * np.exp(step * (out - 0.5))
    azimuth = (column + turn - 0.5) * (2 * np.pi / AZIMUTHS)
    return (at * np.cos(azimuth)).astype(np.float32), (at * np.sin(azimuth)).astype(np.float32)


CLOUDS = 3.0
"""Period of the clouds along the lane, in its scale lengths, and across it, in twice as many heights."""


@component("dust", form="screen", lengths=("scale", "height", "offset", "warp"))
def dust(
    x: Floats,
    y: Floats,
    *,
    scale: float,
    height: float,
    depth: float,
    angle: float,
    offset: float = 0.0,
    warp: float = 0.0,
    raggedness: float = 0.0,
    texture: int = 0,
) -> Floats:
    """A lane of dust along the major axis of an edge-on disc: itself an exponential disc of that scale and height.

    Parameters
    ----------
    x, y : float32
    depth : float
        Median optical depth in r at its centre.
    offset : float
        How far its middle lies before the disc's centre, bulging towards us, if the disc is not quite edge-on [arcsec].
    warp : float
        How far its ends bend, to opposite sides, at two scale lengths [arcsec].
    raggedness, texture : float, int
        Standard deviation of the logarithm of its cloudiness, and the seed of its clouds.
    """
    along, across = profiles.rotated(x, y, angle)
    reduced = along / np.float32(scale)
    bend = np.clip(reduced / np.float32(2), np.float32(-2), np.float32(2))
    away = np.asarray(across - np.float32(offset) * np.exp(-(bend**2)) - np.float32(warp) * bend * np.abs(bend))
    depths = np.float32(depth) * edge_on_law()(np.abs(reduced)) * profiles.layer(away, height)
    if raggedness:
        clouds = texture_of(texture).at(_f32(reduced / CLOUDS), _f32(away / (2 * CLOUDS * height)))
        depths *= np.exp(np.float32(raggedness) * clouds)
    return depths
