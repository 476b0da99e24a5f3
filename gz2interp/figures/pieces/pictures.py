"""Images of galaxies in colour or in one band, with scale bar, compass and coordinates."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import PathPatch
from matplotlib.path import Path
from matplotlib.patheffects import withStroke
from matplotlib.transforms import Affine2D
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from gz2interp.errors import InputError
from gz2interp.figures.rgb import Stretch, rgb, stretch_of
from gz2interp.figures.shown import CutoutSky, FigureGalaxy
from gz2interp.figures.style import SMALL
from gz2interp.schema import pixel_unit

__all__ = [
    "FOR_WCS",
    "band_grey",
    "bar_length",
    "compass_of",
    "dress_coordinates",
    "ground_of",
    "hatch_invalid",
    "isophotes",
    "put_compass",
    "put_place",
    "put_scale_bar",
    "show",
    "stretch_for",
    "stretch_for_features",
    "wcs_of",
]


Bytes = NDArray[np.uint8]
Floats = NDArray[np.floating[Any]]

_ISOPHOTES: Final = (0.06, 0.2, 0.6)
"""Of the brightest pixel of all bands together, smoothed by a pixel."""


def show(axis: Axes, pixels: NDArray[Any], **options: Any) -> None:
    """Pixels as they are: a viewer may enlarge them, nothing resamples them."""
    axis.imshow(pixels, origin="lower", interpolation="none", aspect="equal", **options)
    axis.autoscale(False)


def stretch_for(galaxies: Sequence[FigureGalaxy], bands: Sequence[str]) -> Stretch:
    """One stretch of colour for all galaxies of a figure; their sizes in pixels may differ."""
    stretches = [stretch_of(galaxy.image[None], bands) for galaxy in galaxies]
    return Stretch(float(np.median([stretch.scale for stretch in stretches])), unit=pixel_unit(bands))


def stretch_for_features(images: Iterable[Floats | None], bands: Sequence[str]) -> Stretch:
    """One stretch for the feature images of a figure (y, x, band), which are fainter than its galaxies."""
    present = [image for image in images if image is not None]
    return stretch_of(np.stack(present), bands) if present else Stretch()


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


def ground_of(galaxy: FigureGalaxy, bands: Sequence[str], band: int | None, stretch: Stretch) -> Bytes:
    """The colour image, or that of one band, uint8 (y, x, 3)."""
    return rgb(galaxy.image, bands, stretch) if band is None else band_grey(galaxy.image[..., band])


def isophotes(axis: Axes, galaxy: FigureGalaxy) -> None:
    """The galaxy's light as lines."""
    light = gaussian_filter(np.nan_to_num(galaxy.image).sum(axis=-1), 1)
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


_LENGTHS: Final = (0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600)
_INK: Final[Any] = {"color": "white", "path_effects": [withStroke(linewidth=1.6, foreground="black")], "zorder": 8}


def bar_length(field: float) -> float:
    """The length of a bar in a field, both in arcsec: a round number, about a quarter.

    >>> bar_length(25.3), bar_length(400.0)
    (5, 120)
    """
    return max((length for length in _LENGTHS if length <= field / 3), default=field / 4)


def compass_of(position_angle: float) -> tuple[tuple[float, float], tuple[float, float]]:
    """The directions (x, y) of north and of east in array order; +y is at the position angle, east of north [deg].

    >>> [tuple(round(part) + 0 for part in way) for way in compass_of(0.0)]
    [(0, 1), (-1, 0)]
    """
    angle = np.deg2rad(position_angle)
    return (float(np.sin(angle)), float(np.cos(angle))), (float(-np.cos(angle)), float(np.sin(angle)))


def put_scale_bar(axis: Axes, sky: CutoutSky, shape: tuple[int, int]) -> None:
    """A bar in the lower left corner, in arcsec, or in pixels where the pixel scale is not known."""
    height, width = shape
    has_scale = bool(np.isfinite(sky.pixel_scale))
    unit = sky.pixel_scale if has_scale else 1.0
    length = bar_length(width * unit)
    words = f"{length:g}\N{DOUBLE PRIME}" if has_scale else f"{length:g} pix"
    x, y = 0.07 * width, 0.07 * height
    axis.plot([x, x + length / unit], [y, y], linewidth=1.1, solid_capstyle="butt", **_INK)
    axis.text(x, y + 0.03 * height, words, ha="left", va="bottom", fontsize=SMALL, **_INK)


def put_compass(axis: Axes, sky: CutoutSky, shape: tuple[int, int]) -> None:
    """North and east in the upper right corner; nothing where the position angle is not known."""
    if not np.isfinite(sky.position_angle):
        return
    height, width = shape
    inch = width / _inches(axis)
    length = max(0.14 * width, 0.075 * inch)
    ways = np.array(compass_of(sky.position_angle))
    names = ways * (length + 0.05 * inch)
    corners = np.concatenate([[(0.0, 0.0)], names])
    margin = 0.06 * inch
    x = width - 0.5 - margin - float(corners[:, 0].max())
    y = height - 0.5 - margin - float(corners[:, 1].max())
    for name, way, beside in zip("NE", ways, names, strict=True):
        arrow = {"arrowstyle": "-|>,head_length=0.16,head_width=0.08", "shrinkA": 0, "shrinkB": 0, "linewidth": 0.7}
        axis.annotate("", (x + length * way[0], y + length * way[1]), (x, y), arrowprops={**arrow, **_INK})
        axis.text(x + beside[0], y + beside[1], name, ha="center", va="center", fontsize=SMALL, **_INK)


def _inches(axis: Axes) -> float:
    """How wide the axes are."""
    figure: Any = axis.figure
    return float(axis.get_window_extent().width / figure.dpi)


FOR_WCS = (0.54, 0.31)
"""Inches that the numbers need on the left and beneath."""


def wcs_of(galaxy: FigureGalaxy, axes: str) -> Any:
    """The WCS of a picture's axes; None for a scale bar instead.

    Raises
    ------
    InputError
        Coordinates were requested for a galaxy without a position or pixel scale.
    """
    if axes != "wcs":
        return None
    wcs = galaxy.sky.wcs(galaxy.shape)
    if wcs is None:
        raise InputError(
            f"Coordinates were asked for, but of {galaxy.words.splitlines()[0] if galaxy.words else 'a galaxy'} the "
            "position, pixel scale or position angle is not known",
            remedy="Draw a scale bar instead: --axes scale",
        )
    return wcs


def dress_coordinates(axis: Axes, sky: CutoutSky, numbers: bool) -> None:
    """Ticks of right ascension and declination; with their numbers and names, or without.

    Right ascension runs along the bottom, or along the left of an image that is turned by more than 45 degrees.
    """
    drawn: Any = axis
    angle = np.deg2rad(sky.position_angle)
    sides = "lb" if abs(np.sin(angle)) > abs(np.cos(angle)) else "bl"
    for coordinate, side, name in zip(drawn.coords, sides, ("RA", "Dec"), strict=True):
        coordinate.set_ticks(number=4)
        coordinate.set_ticks_position(side)
        coordinate.tick_params(length=2, width=0.4, direction="in", color="#999999")
        coordinate.set_ticklabel_position(side if numbers else "")
        coordinate.set_ticklabel(size=SMALL, exclude_overlapping=True, pad=1.5)
        coordinate.set_auto_axislabel(False)
        coordinate.set_axislabel_position(side)
        coordinate.set_axislabel(name if numbers else "", minpad=0.6, fontsize=SMALL)
        coordinate.set_major_formatter("d.ddd")


def put_place(axis: Axes, galaxy: FigureGalaxy, axes: str, first: bool = True) -> None:
    """What tells where and how large a picture is: a bar and a compass, or coordinates.

    Parameters
    ----------
    axis : Axes
        With the picture.
    galaxy : FigureGalaxy
    axes : str
        As of a `Manner`.
    first : bool, optional
        Whether this is the first picture of a row, which carries the labels.
    """
    if axes == "wcs":
        dress_coordinates(axis, galaxy.sky, first)
    elif first:
        put_scale_bar(axis, galaxy.sky, galaxy.shape)
        put_compass(axis, galaxy.sky, galaxy.shape)
