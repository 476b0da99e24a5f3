"""Residuals after the mean ellipses are subtracted, and signals present in one band only.

Asymmetry after Conselice, Bershady & Jangren 2000, ApJ 529, 886: the light that a half turn does not bring back,
without what noise alone would leave, as a share of all. Arms and bars are amplitudes of Fourier series along ellipses.

After the ellipses have been taken away, each band is predicted from the others at the same pixel by one linear law per
galaxy; what is left, in its own scatter, is of that band alone. Straight lines in it are sums along lines (the Radon
transform, as used for trails by Nir, Zackay & Ofek 2018, AJ 156, 229), of pixels cut off at a few standard deviations,
so that a star is no line.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, sparse

from gz2interp.measure.shape.isophotes import Isophotes, sums
from gz2interp.measure.shape.profiles import Sizes

__all__ = ["ZONES", "one_band", "residuals", "spots", "zones_of"]


Doubles = NDArray[np.float64]
Floats = NDArray[np.float32]

ZONES: Final = {"inside": (0.0, 0.7), "rim": (0.7, 1.3), "outside": (1.3, 2.2)}
"""Petrosian radii."""

MIDDLE: Final = 2.0
"""Pixels about the middle that are looked at by no one: there a profile is too steep for annuli of a pixel."""

BOX: Final = 7
"""Pixels on each side over which light is gathered: about two stars' widths."""

STRONGEST: Final = 4.0
"""Standard deviations beyond which a pixel counts no more where many are gathered: one star would be an arc."""

SECTORS: Final = 24
ARC: Final = {"short": 3, "long": 8}
"""Sectors gathered: 45 and 120 degrees."""

WIDTH: Final = 0.2
"""Of the rings that are divided into sectors [Petrosian radii]."""


def residuals(fitted: Isophotes, size: Sizes) -> dict[str, Doubles]:
    """Each (n,): in standard deviations, the asymmetry as an inverse hyperbolic sine of five times its share."""
    zones = zones_of(fitted, size)
    rest = fitted.rest[..., -1]
    other = np.take_along_axis(rest, fitted.turned, axis=1)
    results = spots(fitted.above.plane_of(rest), zones, "spot")
    results |= spots(fitted.above.plane_of(-rest), zones, "hole")
    results |= spots(fitted.above.plane_of((rest - other) / np.sqrt(np.float32(2))), zones, "one_sided")
    return results | {"asymmetry": _asymmetry(fitted, size)} | _arms(fitted, size) | _arcs(fitted, size)


def zones_of(fitted: Isophotes, size: Sizes) -> dict[str, NDArray[np.bool_]]:
    """Where each zone is, (n, y, x)."""
    at = fitted.radius / size.petrosian[:, None].astype(np.float32)
    outer = fitted.radius > MIDDLE
    return {name: fitted.above.plane_of((at >= low) & (at < high) & outer) for name, (low, high) in ZONES.items()}


def spots(rest: Floats, zones: dict[str, NDArray[np.bool_]], name: str) -> dict[str, Doubles]:
    """The brightest `BOX` of each zone, (n,) each, of (n, y, x) or, the brightest of all bands, (n, y, x, band)."""
    boxes = ndimage.uniform_filter(rest, (0, BOX, BOX, 0)[: rest.ndim], mode="constant") * BOX
    boxes = boxes.max(axis=3) if boxes.ndim == 4 else boxes
    return {f"{name}_{zone}": np.where(where, boxes, 0).max(axis=(1, 2)) for zone, where in zones.items()}


def _asymmetry(fitted: Isophotes, size: Sizes) -> Doubles:
    light, inside = fitted.above.together, fitted.radius < 1.5 * size.petrosian[:, None]
    off = np.abs(light - np.take_along_axis(light, fitted.turned, axis=1))
    places = np.minimum(fitted.radius.astype(np.int64), fitted.scatter.shape[1] - 1)
    noise = np.take_along_axis(fitted.scatter[..., -1], places, axis=1) * (2 / np.sqrt(np.pi))
    return np.asarray(np.arcsinh(5 * ((off - noise) * inside).sum(axis=1) / size.light))


def _angles(fitted: Isophotes) -> Floats:
    """Of each pixel along its ellipse, from the major axis [rad]."""
    root = np.sqrt(fitted.axis_ratio).astype(np.float32)[:, None]
    return np.asarray(np.arctan2(fitted.across / root, fitted.along * root))


def _arms(fitted: Isophotes, size: Sizes) -> dict[str, Doubles]:
    """Amplitudes of one to three arms between 0.4 and 1.5 Petrosian radii, 1 in noise alone."""
    at = fitted.radius / size.petrosian[:, None]
    where = (at > 0.4) & (at < 1.5)
    light = np.clip(fitted.rest[..., -1], -STRONGEST, STRONGEST) * where
    turn = np.exp(1j * _angles(fitted)).astype(np.complex64)
    number, turns, results = np.sqrt(np.maximum(where.sum(axis=1), 2) / 2), np.ones_like(turn), {}
    for arms in (1, 2, 3):
        turns = turns * turn
        results[f"arms_{arms}"] = np.abs(np.einsum("np,np->n", light, turns)) / number
    return results


def _arcs(fitted: Isophotes, size: Sizes) -> dict[str, Doubles]:
    """The brightest part of a ring, of all bands together and in the band where it is brightest."""
    at = fitted.radius / size.petrosian[:, None].astype(np.float32)
    ring = np.clip(((at - 0.3) / WIDTH).astype(np.int64), 0, 7)
    ring[at < 0.3] = 7  # the middle, and what is beyond 1.7 Petrosian radii
    sector = ((_angles(fitted) / (2 * np.pi) + 0.5) * SECTORS).astype(np.int64) % SECTORS
    cell = ring * SECTORS + sector
    light = sums(np.clip(fitted.rest, -STRONGEST, STRONGEST), cell, 8 * SECTORS)
    light = light.reshape(len(at), 8, SECTORS, -1)[:, :7]
    number = sums(np.ones_like(at), cell, 8 * SECTORS).reshape(len(at), 8, SECTORS, 1)[:, :7]
    results = {}
    for name, count in ARC.items():
        lights, numbers = (sum(np.roll(array, step, axis=2) for step in range(count)) for array in (light, number))
        strength = lights / np.sqrt(np.maximum(numbers, 6))
        results[f"arc_{name}"] = strength[..., -1].max(axis=(1, 2))
        results[f"arc_{name}_in_a_band"] = strength[..., :-1].max(axis=(1, 2, 3))
    return results


POOLED: Final = 2
"""Pixels on each side that are added up before lines are looked for."""

ANGLES: Final = 36
HALF_WIDTH: Final = 1.5
"""Of a line [pooled pixel]."""

SHORTEST: Final = 0.45
"""Of the cutout's width."""


def one_band(fitted: Isophotes, size: Sizes) -> dict[str, Doubles]:
    """The brightest box of one band in each zone, the strongest line in one band, and in all together, (n,) each.

    Images of a single band have only the last.
    """
    rest = np.clip(fitted.rest, -STRONGEST, STRONGEST)
    results = {"line": _lines(fitted, rest[..., -1:])}
    if rest.shape[2] < 3:
        return results
    alone = _alone(rest[..., :-1])
    results |= spots(fitted.above.plane_of(alone), zones_of(fitted, size), "one_band")
    return results | {"line_in_a_band": _lines(fitted, alone)}


def _alone(rest: Floats) -> Floats:
    """What the other bands do not predict (n, pixel, band)."""
    bands = rest.shape[2]
    common = (rest.transpose(0, 2, 1) @ rest) / rest.shape[1] + 1e-3 * np.eye(bands, dtype=np.float32)
    inverse = np.linalg.inv(common.astype(np.float64))
    law = inverse / np.sqrt(np.einsum("nbb->nb", inverse))[:, None, :]
    return np.asarray(np.clip(rest @ law.astype(np.float32), -STRONGEST, STRONGEST))


def _lines(fitted: Isophotes, rest: Floats) -> Doubles:
    """The brightest line of any band (n,) of (n, pixel, band)."""
    count, _, bands = rest.shape
    height, width = (side // POOLED for side in fitted.above.shape)
    image = fitted.above.plane_of(rest)[:, : height * POOLED, : width * POOLED]
    pooled = image.reshape(count, height, POOLED, width, POOLED, bands).sum(axis=(2, 4))
    strength = _lines_of(height, width) @ pooled.reshape(count, -1, bands).transpose(1, 0, 2).reshape(-1, count * bands)
    return np.asarray(strength.reshape(-1, count, bands).max(axis=(0, 2)), np.float64)


@lru_cache(maxsize=4)
def _lines_of(height: int, width: int) -> Any:
    """A row per line: the weight of each pooled pixel, so that noise alone sums to 1 (line, pixel)."""
    y, x = (
        axis.ravel() - (side - 1) / 2 for axis, side in zip(np.mgrid[:height, :width], (height, width), strict=True)
    )
    shortest, reach = SHORTEST * min(height, width), int(np.hypot(height, width) / 2)
    rows: list[Floats] = []
    for angle in np.arange(ANGLES) * np.pi / ANGLES:
        across = x * np.cos(angle) + y * np.sin(angle)
        for offset in range(-reach, reach + 1):
            weight = np.clip(HALF_WIDTH - np.abs(across - offset), 0, 1)
            if weight.sum() >= 2 * shortest:
                rows.append((weight / (POOLED * np.sqrt((weight**2).sum()))).astype(np.float32))
    return sparse.csr_matrix(np.stack(rows))
