"""Galaxies' images: in colour, in one band, with what is not valid hatched."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import PathPatch
from matplotlib.path import Path
from matplotlib.transforms import Affine2D
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from gz2interp.figures.rgb import Stretch, rgb, stretch_of
from gz2interp.figures.shown import Shown
from gz2interp.schema import pixel_unit

__all__ = ["band_grey", "ground_of", "hatch_invalid", "isophotes", "show", "stretch_for", "stretch_for_features"]

Bytes = NDArray[np.uint8]
Floats = NDArray[np.floating[Any]]

_ISOPHOTES: Final = (0.06, 0.2, 0.6)
"""Of the brightest pixel of all bands together, smoothed by a pixel."""


def show(axis: Axes, pixels: NDArray[Any], **options: Any) -> None:
    """Pixels as they are: a viewer may enlarge them, nothing resamples them."""
    axis.imshow(pixels, origin="lower", interpolation="none", aspect="equal", **options)
    axis.autoscale(False)


def stretch_for(galaxies: Sequence[Shown], bands: Sequence[str]) -> Stretch:
    """One stretch of colour for all galaxies of a figure; their sizes in pixels may differ."""
    stretches = [stretch_of(shown.image[None], bands) for shown in galaxies]
    return Stretch(float(np.median([stretch.scale for stretch in stretches])), unit=pixel_unit(bands))


def stretch_for_features(images: Iterable[Floats | None], bands: Sequence[str]) -> Stretch:
    """One stretch for the feature images of a figure (y, x, band), which are fainter than its galaxies."""
    there = [image for image in images if image is not None]
    return stretch_of(np.stack(there), bands) if there else Stretch()


def band_grey(image: NDArray[np.floating[Any]]) -> Bytes:
    """One band (y, x) as uint8 (y, x, 3), dark on white: asinh, softened at the sky's scatter, up to its 99.8th
    percentile.
    """
    flat = np.nan_to_num(np.asarray(image, np.float64))
    noise = max(1.4826 * float(np.median(np.abs(flat - np.median(flat)))), 1e-6)
    top = np.arcsinh(max(float(np.quantile(flat, 0.998)), 5 * noise) / noise)
    share = np.clip((np.arcsinh(flat / noise) + 1) / (top + 1), 0, 1)
    grey = np.round(255 * (1 - share)).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=-1)


def ground_of(shown: Shown, bands: Sequence[str], band: int | None, stretch: Stretch) -> Bytes:
    """The colour image, or that of one band, uint8 (y, x, 3)."""
    return rgb(shown.image, bands, stretch) if band is None else band_grey(shown.image[..., band])


def isophotes(axis: Axes, shown: Shown) -> None:
    """The galaxy's light as lines."""
    light = gaussian_filter(np.nan_to_num(shown.image).sum(axis=-1), 1)
    brightest = float(light.max())
    if brightest > 0 and float(light.min()) < 0.6 * brightest:
        axis.contour(light, levels=[brightest * share for share in _ISOPHOTES], colors="black", linewidths=0.35)


def hatch_invalid(axis: Axes, valid: NDArray[np.bool_]) -> None:
    """Hatch the pixels that were not imaged in every band."""
    runs = [run for y, row in enumerate(~valid) for run in _runs(row, y)]
    if runs:
        path = Path.make_compound_path(*(Path.unit_rectangle().transformed(_box(*run)) for run in runs))
        axis.add_patch(PathPatch(path, facecolor="#BBBBBB", edgecolor="#555555", hatch="//////", linewidth=0, zorder=5))


def _runs(row: NDArray[np.bool_], y: int) -> list[tuple[int, int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate([[False], row, [False]]).astype(np.int8)))
    return [(y, int(start), int(end)) for start, end in zip(edges[::2], edges[1::2], strict=True)]


def _box(y: int, start: int, end: int) -> Affine2D:
    return Affine2D().scale(end - start, 1).translate(start - 0.5, y - 0.5)
