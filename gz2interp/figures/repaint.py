"""A galaxy before and after an alteration, the light of its components, and the change of the prediction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from textwrap import wrap
from typing import Final

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from numpy.typing import NDArray

from gz2interp.figures.overlay import diverging_rgb, symmetric_limit
from gz2interp.figures.pieces.pictures import put_compass, put_scale_bar
from gz2interp.figures.rgb import Stretch, rgb, stretch_of
from gz2interp.figures.shown import CutoutSky
from gz2interp.figures.style import SMALL, STYLE
from gz2interp.schema import name_in_words

__all__ = ["Counterfactual", "counterfactual_figure", "light_picture", "middle_band", "three_pictures"]


Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]


def three_pictures(before: Floats, after: Floats, bands: Sequence[str], stretch: Stretch) -> tuple[Bytes, Bytes, Bytes]:
    """Before and after in colour, and their difference in r: red is light that was added, blue light that is gone."""
    band = middle_band(bands)
    difference = after[..., band] - before[..., band]
    return (
        rgb(before, bands, stretch),
        rgb(after, bands, stretch),
        diverging_rgb(difference, symmetric_limit(difference)),
    )


def middle_band(bands: Sequence[str]) -> int:
    """The place of r, or of the middle band where there is no r."""
    return list(bands).index("r") if "r" in bands else len(bands) // 2


def light_picture(light: Floats) -> Bytes:
    """Light of one component in grey, uint8 (y, x, 3): the square root of the share of its brightest pixel."""
    brightest = float(np.abs(light).max()) or 1.0
    grey = (255 * np.sqrt(np.abs(light) / brightest)).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=-1)


WIDTH: Final = 7.1
ACROSS: Final = 8
"""Components in a row of the figure."""
TIGHT: Final = {"left": 0.01, "wspace": 0.06}


@dataclass(frozen=True, eq=False)
class Counterfactual:
    """What the figure shows.

    Attributes
    ----------
    before, after : float32 (y, x, band), nanomaggies
    words : str
        The alteration.
    predictions_before, predictions_after : mapping
        Class to probability, or empty.
    light : sequence of (str, float32 (y, x))
        Name and light of each component before; may be empty.
    sky : CutoutSky, optional
        Of both images: for the scale bar and the compass.
    """

    before: Floats
    after: Floats
    words: str
    predictions_before: Mapping[str, float]
    predictions_after: Mapping[str, float]
    light: Sequence[tuple[str, Floats]]
    sky: CutoutSky = field(default_factory=CutoutSky)


def counterfactual_figure(repaint: Counterfactual, bands: Sequence[str]) -> Figure:
    """Before, after, the light added and removed in r, and the network's predictions; beneath, the components.

    Returns
    -------
    Figure
        7.1 inches wide, two columns of MNRAS or ApJ.
    """
    rows = -(-len(repaint.light) // ACROSS)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(WIDTH, 1.95 + rows * 1.02))
        top, *below = figure.subfigures(rows + 1, 1, height_ratios=[1.95, *([1.02] * rows)], squeeze=False)[:, 0]
        _draw_top(top, repaint, bands)
        for row, part in enumerate(below):
            _draw_components(part, repaint.light[row * ACROSS : (row + 1) * ACROSS])
    return figure


def _draw_top(part: mpl.figure.SubFigure, repaint: Counterfactual, bands: Sequence[str]) -> None:
    has_predictions = bool(repaint.predictions_before)
    axes = part.subplots(
        1,
        4 if has_predictions else 3,
        gridspec_kw={"right": 0.9 if has_predictions else 0.99, "top": 0.84, "bottom": 0.06, **TIGHT},
    )
    pictures = three_pictures(repaint.before, repaint.after, bands, stretch_of(repaint.before[None], bands))
    band = middle_band(bands)
    limit = symmetric_limit(repaint.after[..., band] - repaint.before[..., band])
    titles = (
        "original",
        "\n".join(wrap(repaint.words, 28)),
        f"difference in {bands[band]}:\nred added, blue removed",
    )
    for axis, picture, title in zip(axes, pictures, titles, strict=False):
        _show(axis, picture, title)
    put_scale_bar(axes[0], repaint.sky, repaint.before.shape[:2])
    put_compass(axes[0], repaint.sky, repaint.before.shape[:2])
    axes[2].text(
        *(0.5, 0.03),
        f"\N{PLUS-MINUS SIGN}{limit:.2g} nanomaggies per pixel",
        transform=axes[2].transAxes,
        ha="center",
        va="bottom",
        fontsize=SMALL,
        path_effects=[withStroke(linewidth=1.5, foreground="white")],
    )
    if has_predictions:
        _draw_answers(axes[3], repaint)


def _draw_answers(axis: Axes, repaint: Counterfactual) -> None:
    names = list(repaint.predictions_before)
    place = np.arange(len(names))
    axis.barh(place - 0.2, [repaint.predictions_before[name] for name in names], 0.38, color="#8B949E")
    axis.barh(place + 0.2, [repaint.predictions_after[name] for name in names], 0.38, color="#0072B2")
    axis.set_yticks(place, [name_in_words(name) for name in names])
    axis.yaxis.tick_right()
    axis.tick_params(length=0)
    axis.set_xlim(0, 1)
    axis.set_xticks([0, 0.5, 1], ["0", "", "1"])
    axis.invert_yaxis()
    axis.set_box_aspect(1)
    axis.set_title("probability of each class:\noriginal (grey), altered (blue)", pad=3)


def _draw_components(part: mpl.figure.SubFigure, light: Sequence[tuple[str, Floats]]) -> None:
    axes = part.subplots(1, ACROSS, gridspec_kw={"right": 0.99, "top": 0.82, "bottom": 0.02, **TIGHT})
    for axis in axes[len(light) :]:
        axis.axis("off")
    for axis, (name, values) in zip(axes, light, strict=False):
        _show(axis, light_picture(values), name)


def _show(axis: Axes, picture: Bytes, title: str) -> None:
    axis.imshow(picture, origin="lower", interpolation="nearest")
    axis.set_xticks([])
    axis.set_yticks([])
    axis.set_title(title, pad=3)
