"""The empty sky: its noise, what is left of the background, and the faint objects in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, stats

from gz2interp.schema import BANDS

from .real import Seen
from .report import Line, by_change, by_ratio
from .statistics import (
    LAGS,
    autocorrelation,
    block_excess,
    clipped,
    detections,
    objects,
    plane,
    scatter_beyond,
    spread,
)

__all__ = ["compare_fields", "compare_skies", "lattice"]

Array = NDArray[np.floating]

LEAST_SKY = 0.6
"""Share of a cutout that must be sky for it to count: beside a bright star none is."""

OBJECT_MAGNITUDES = ((14.5, 19.0), (19.0, 21.0), (21.0, 22.0), (22.0, 23.0), (23.0, 28.0))

CLOSE = 0.004
"""Two of a patch's values so near each other [sigma] are the same count of the camera."""


@dataclass(frozen=True)
class Band:
    """What the sky of many cutouts is like in one band; lengths in cutouts, brightness in sigmas of a pixel.

    Attributes
    ----------
    sigma : float
        [nanomaggies per pixel].
    sigmas : float (tile,)
        Of each cutout.
    offset : float
        Median of the cutouts' means.
    level, gradient : float
        Scatter of the mean, and of the change across a cutout, beyond what the noise explains.
    skew : float
    lattice : float
    correlation : float (lag,)
    blocks : float (2,)
        Scatter of the means of blocks of 8 and 16 pixels, 1 if the noise is white.
    """

    sigma: float
    sigmas: Array
    offset: float
    level: float
    gradient: float
    skew: float
    lattice: float
    correlation: Array
    blocks: Array


def compare_skies(real: Sequence[Seen], painted: Sequence[Seen]) -> list[Line]:
    """Both skies band by band."""
    skies = [_usable(real), _usable(painted)]
    lines = []
    for index, band in enumerate(BANDS):
        both = [_band(sky, index) for sky in skies]
        lines += [
            by_ratio(f"{band} noise [nanomaggies/pixel]", (sky.sigma for sky in both), 0.1, ".4f"),
            by_change(f"{band} skewness", (sky.skew for sky in both), 0.02),
            by_change(f"{band} share of equal values (whole counts)", (sky.lattice for sky in both), 0.1),
            by_change(f"{band} level left over [sigma]", (sky.level for sky in both), 0.02),
            by_change(f"{band} mean level [sigma]", (sky.offset for sky in both), 0.02),
            by_change(f"{band} gradient per cutout [sigma]", (sky.gradient for sky in both), 0.02),
            by_ratio(f"{band} scatter of 8 x 8 means, white = 1", (sky.blocks[0] for sky in both), 0.1),
            by_ratio(f"{band} scatter of 16 x 16 means, white = 1", (sky.blocks[1] for sky in both), 0.1),
        ]
        lines.append(_correlations(band, *both))
    return lines + _compare_objects(real, painted)


def compare_fields(real: Sequence[Seen], painted: Sequence[Seen]) -> list[Line]:
    """How much the noise differs between the fields of the real cutouts, and between painted nights."""
    fields = sorted({tile.label for tile in real})
    lines = []
    for index, band in enumerate(BANDS):
        found = [_field_sigma([tile for tile in real if tile.label == field], index) for field in fields]
        drawn = [clipped(_noise(tile, index))[1] for tile in painted]
        scatters = [float(np.std(values, ddof=1) / np.mean(values)) for values in (found, drawn)]
        inside = min(found) > np.percentile(drawn, 1) * 0.97 and max(found) < np.percentile(drawn, 99) * 1.03
        lines.append(
            Line(
                f"{band} noise between {len(fields)} fields, nights",
                f"{scatters[0]:.1%}",
                f"{scatters[1]:.1%}",
                f"{min(found):.4f}-{max(found):.4f}",
                bool(inside),
                f"real ones among the painted ({np.percentile(drawn, 1):.4f}-{np.percentile(drawn, 99):.4f})",
            )
        )
    return lines


def lattice(values: Array) -> float:
    """Share of an image's values that are as good as equal to the next larger one."""
    ordered = np.sort(values[np.isfinite(values)])
    return float(np.mean(np.diff(ordered) < CLOSE * ordered.std()))


def _compare_objects(real: Sequence[Seen], painted: Sequence[Seen]) -> list[Line]:
    """How many there are, by isophotal magnitude in r, and how much of the sky is on them."""
    found = [np.concatenate([_brightness(tile) for tile in tiles]) for tiles in (real, painted)]
    lines = []
    for low, high in OBJECT_MAGNITUDES:
        per_tile = [
            float(((r > low) & (r < high)).sum() / len(tiles)) for r, tiles in zip(found, (real, painted), strict=True)
        ]
        lines.append(by_ratio(f"objects per cutout, r {low:g} to {high:g}", per_tile, 0.2))
    masked = [float(np.mean([objects(tile.image).mean() for tile in tiles])) for tiles in (real, painted)]
    return [*lines, by_ratio("share of pixels on objects", masked, 0.25)]


def _brightness(tile: Seen) -> Array:
    labels, number = detections(tile.image)
    light = tile.image[..., BANDS.index("r")] - clipped(tile.image[..., BANDS.index("r")])[0]
    flux = np.asarray(ndimage.sum_labels(light, labels, np.arange(1, number + 1)))
    return np.asarray(22.5 - 2.5 * np.log10(np.maximum(flux, 0.01)))


def _usable(tiles: Sequence[Seen]) -> list[tuple[Seen, NDArray[np.bool_]]]:
    masked = [(tile, objects(tile.image)) for tile in tiles]
    return [(tile, mask) for tile, mask in masked if 1 - mask.mean() > LEAST_SKY]


def _band(sky: Sequence[tuple[Seen, NDArray[np.bool_]]], index: int) -> Band:
    scaled, sigmas, planes, skews, lattices, pixels = [], [], [], [], [], []
    for tile, mask in sky:
        level, sigma = clipped(tile.image[..., index][~mask])
        seen = ~mask & (np.abs(tile.image[..., index] - level) < 5 * sigma)
        values = np.where(seen, tile.image[..., index] / sigma, np.nan)
        scaled.append(values)
        sigmas.append(sigma)
        planes.append(plane(values))
        skews.append(float(stats.skew(values[seen])))
        lattices.append(lattice(values[:16, :16]))
        pixels.append(seen.sum())
    levels, along_x, along_y = np.array(planes).T
    sampling = float(np.mean(1 / np.sqrt(pixels)))
    centred = [values - np.median(levels) for values in scaled]
    return Band(
        sigma=float(np.median(sigmas)),
        sigmas=np.array(sigmas),
        offset=float(np.median(levels)),
        level=scatter_beyond(levels, sampling),
        gradient=scatter_beyond(np.concatenate([along_x, along_y]), sampling * np.sqrt(12)),
        skew=float(np.median(skews)),
        lattice=float(np.nanmedian(lattices)),
        correlation=np.array([np.nanmedian([autocorrelation(values, lag) for values in centred]) for lag in LAGS]),
        blocks=np.array([spread(np.concatenate([block_excess(v, size) for v in centred])) for size in (8, 16)]),
    )


def _correlations(band: str, one: Band, other: Band) -> Line:
    apart = float(np.abs(one.correlation - other.correlation).max())
    real, painted = (" ".join(f"{value:.3f}" for value in sky.correlation[:3]) for sky in (one, other))
    what = f"{band} correlation at 1, 2, 3 pixels in x"
    return Line(what, real, painted, f"largest {apart:.3f}", apart < 0.015, "within 0.015")


def _noise(tile: Seen, index: int) -> Array:
    return np.asarray(tile.image[..., index][~objects(tile.image)])


def _field_sigma(tiles: Sequence[Seen], index: int) -> float:
    """The least noise among a field's cutouts: the others hold the halos of stars."""
    return min(clipped(_noise(tile, index))[1] for tile in tiles)
