"""Attribution maps as pictures: their common scale, the maps, and colour bars."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Colormap, LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from gz2interp.figures.overlay import DIVERGING, symmetric_limit
from gz2interp.figures.pieces.pictures import ground_of, hatch_invalid, isophotes, show
from gz2interp.figures.rgb import Stretch
from gz2interp.figures.shown import FigureGalaxy
from gz2interp.figures.style import RGB, SMALL, FigureStyle

__all__ = [
    "LEVELS",
    "OPACITY",
    "MapScale",
    "colour_bar",
    "contour_inks",
    "draw_map",
    "laid_over",
    "map_in_words",
    "number",
    "rounded_up",
    "scale_of",
    "total",
]


Floats = NDArray[np.floating[Any]]

UNSIGNED: Final = ("#fcfbfd", "#bcbddc", "#807dba", "#3f007d")
"""Nothing to much: ColorBrewer's Purples."""
LEVELS: Final = (0.25, 0.5, 0.75)
"""Contours, as shares of the limit."""
OPACITY: Final = 0.85
"""Of an overlay at the limit."""


@dataclass(frozen=True)
class MapScale:
    """From -limit to +limit, or from 0 to limit for a map that has no sign.

    Attributes
    ----------
    limit : float
    signed : bool
    """

    limit: float
    signed: bool = True

    @property
    def low(self) -> float:
        """Where the colours begin."""
        return -self.limit if self.signed else 0.0

    @property
    def colours(self) -> LinearSegmentedColormap:
        """Against (blue), nothing (near white), for (red); or nothing (white) to much (purple)."""
        name, stops = ("against_for", DIVERGING) if self.signed else ("little_much", UNSIGNED)
        return LinearSegmentedColormap.from_list(name, stops)

    @property
    def ticks(self) -> list[float]:
        """Where the bar has numbers."""
        return [self.low, 0.0, self.limit] if self.signed else [0.0, self.limit]

    def ends(self, values: Floats) -> NDArray[np.uint8]:
        """The strongest colour of each value's sign, uint8 (..., 3)."""
        share = np.where(np.nan_to_num(values) < 0, 0.0, 1.0)
        return np.asarray(np.round(255 * self.colours(share)[..., :3]), dtype=np.uint8)

    def __str__(self) -> str:
        return f"\N{PLUS-MINUS SIGN}{number(self.limit)}" if self.signed else f"0 to {number(self.limit)}"


def scale_of(maps: Iterable[Floats], signed: bool = True) -> MapScale:
    """One scale for all maps: the 99.5th percentile of their absolute values, all taken together, rounded up."""
    values = np.concatenate([np.ravel(array) for array in maps])
    return MapScale(rounded_up(symmetric_limit(values)), signed)


def rounded_up(limit: float) -> float:
    """To two digits, so that the limit that is written is the limit that is drawn.

    >>> rounded_up(0.01234), rounded_up(7.0), rounded_up(999.1)
    (0.013, 7.0, 1000.0)
    """
    power = int(np.floor(np.log10(limit))) - 1
    steps = np.ceil(limit / 10.0**power - 1e-9)
    return float(f"{steps:g}e{power}")


def number(value: float) -> str:
    """Two digits, with a true minus.

    >>> number(0.013), number(1000.0), number(0.0)
    ('0.013', '1000', '0')
    """
    words = f"{value:.0f}" if 100 <= abs(value) < 1e4 else f"{value:.2g}"
    if 0 < abs(value) < 1e-3:
        digits, power = f"{value:.1e}".split("e")
        words = f"{digits.removesuffix('.0')}e{int(power)}"
    return words.replace("-", "\N{MINUS SIGN}")


def total(values: Floats) -> Floats:
    """A map of all bands together (y, x), with its sign kept."""
    return np.asarray(values.sum(axis=-1)) if values.ndim == 3 else values


Bytes = NDArray[np.uint8]

_ON_DARK: Final = ("#92c5de", "#f4a582", "#cbc9e2")
_ON_LIGHT: Final = ("#2166ac", "#b2182b", "#54278f")
"""Contours against, for, and of a map without a sign."""


def draw_map(
    axis: Axes,
    values: Floats,
    galaxy: FigureGalaxy,
    bands: Sequence[str],
    scale: MapScale,
    manner: FigureStyle,
    stretch: Stretch,
) -> None:
    """One map.

    Parameters
    ----------
    axis : Axes
    values : float32 (y, x)
    galaxy : FigureGalaxy
        The galaxy it is of.
    bands : sequence of str
        Of its image.
    scale : MapScale
    manner : FigureStyle
        Its style, and what lies beneath.
    stretch : Stretch
        Of the colour image.
    """
    if manner.style == "map":
        show(axis, values, cmap=scale.colours, vmin=scale.low, vmax=scale.limit)
        isophotes(axis, galaxy)
    else:
        ground = ground_of(galaxy, bands, manner.ground(bands), stretch)
        if manner.style == "overlay":
            show(axis, laid_over(ground, values, scale))
        else:
            show(axis, ground)
            _contours(axis, values, scale, dark=manner.on == RGB)
    hatch_invalid(axis, galaxy.valid)


def laid_over(ground: Bytes, values: Floats, scale: MapScale) -> Bytes:
    """The map over an image, uint8 (y, x, 3): opaque where it is strong, clear where it is near zero."""
    opacity = OPACITY * np.clip(np.abs(np.nan_to_num(values)) / scale.limit, 0, 1)[..., None]
    return np.asarray(np.round(ground * (1 - opacity) + scale.ends(values) * opacity)).astype(np.uint8)


def contour_inks(scale: MapScale, dark: bool) -> dict[float, str]:
    """Level to colour, from the lowest."""
    against, speaks_for, unsigned = _ON_DARK if dark else _ON_LIGHT
    above = {share * scale.limit: speaks_for if scale.signed else unsigned for share in LEVELS}
    below = {-share * scale.limit: against for share in reversed(LEVELS)} if scale.signed else {}
    return below | above


def map_in_words(manner: FigureStyle, ground: str = "") -> str:
    """How maps are drawn, for a caption; `ground` names the picture beneath where the style does not."""
    ground = ground or ("the colour image" if manner.on == RGB else f"the {manner.on} band")
    if manner.style == "overlay":
        return f"The map lies over {ground}, the more opaque the larger its absolute value is."
    if manner.style == "contours":
        shares = ", ".join(f"{share:g}" for share in LEVELS)
        return (
            f"The map, smoothed by one pixel, lies as contours on {ground}, at {shares} of the limit, dashed below 0."
        )
    return (
        "The thin lines are the galaxy's isophotes at 0.06, 0.2 and 0.6 of its brightest pixel in all bands together."
    )


def _contours(axis: Axes, values: Floats, scale: MapScale, dark: bool) -> None:
    smooth = gaussian_filter(np.nan_to_num(np.asarray(values, np.float64)), 1)
    inks = {level: ink for level, ink in contour_inks(scale, dark).items() if smooth.min() < level < smooth.max()}
    if inks:
        styles = ["dashed" if level < 0 else "solid" for level in inks]
        axis.contour(smooth, levels=list(inks), colors=list(inks.values()), linewidths=0.7, linestyles=styles)


_STEPS: Final = np.linspace(0, 1, 65)


def colour_bar(
    figure: Figure, place: Axes, scale: MapScale, manner: FigureStyle, orientation: str = "vertical"
) -> None:
    """A colour bar in axes of its own; it has arrows, because a few hot pixels may lie beyond the scale."""
    colours = ScalarMappable(Normalize(scale.low, scale.limit), _colours(scale, manner))
    extend = "both" if scale.signed else "max"
    bar = figure.colorbar(
        colours,
        cax=place,
        orientation=orientation,
        extend=extend,
        extendfrac=0.05 if orientation == "vertical" else 0.03,
    )
    words = [("+" if tick > 0 and scale.signed else "") + number(tick) for tick in scale.ticks]
    bar.set_ticks(scale.ticks, labels=words)
    bar.outline.set_linewidth(0.4)
    place.tick_params(labelsize=SMALL, length=1.5, width=0.4, pad=1)
    if orientation == "horizontal":  # so that numbers of neighbouring bars do not meet
        labels = place.get_xticklabels()
        labels[0].set_horizontalalignment("left")
        labels[-1].set_horizontalalignment("right")
    if manner.style == "contours":
        draw = place.axhline if orientation == "vertical" else place.axvline
        for level, ink in contour_inks(scale, manner.on == RGB).items():
            draw(level, color=ink, linewidth=1.0, linestyle=(0, (2, 1)) if level < 0 else "solid")


def _colours(scale: MapScale, manner: FigureStyle) -> Colormap:
    """As they look in the maps: over a middle grey or over white for an overlay, plain ground beneath contours."""
    dark = manner.on == RGB
    if manner.style == "contours":
        return LinearSegmentedColormap.from_list("ground", ["#333333" if dark else "white"] * 2)
    if manner.style == "map":
        return scale.colours
    values = scale.low + _STEPS * (scale.limit - scale.low)
    opacity = OPACITY * np.abs(values)[:, None] / scale.limit
    ground = np.full(3, 0.35 if dark else 1.0)
    return LinearSegmentedColormap.from_list("over", ground * (1 - opacity) + scale.ends(values) / 255 * opacity)
