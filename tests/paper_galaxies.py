"""Galaxies and maps for the tests of figures for papers: of any shape and bands, with known and unknown skies."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.text import Text

from gz2interp.figures.shown import CutoutSky, FigureGalaxy

SKY = CutoutSky(0.396, 30.0, 150.1, 2.2)
LONG = "588015507658768484\nsays completely_smooth_and_round_with_a_very_long_name, 93%\nlabelled in between"


def galaxy(bands: int = 5, side: int = 24, sky: CutoutSky = SKY, words: str = LONG, seed: int = 0) -> FigureGalaxy:
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:side, :side] - (side - 1) / 2
    light = np.exp(-np.hypot(x, 2 * y) / (side / 8))
    image = light[..., None] * np.linspace(0.5, 1.5, bands) + rng.normal(0, 0.02, (side, side, bands))
    valid = np.ones((side, side), bool)
    valid[:3, 5:] = False
    return FigureGalaxy(image.astype(np.float32), valid, sky, words)


def a_map(shown: FigureGalaxy, per_band: bool = True, seed: int = 0) -> np.ndarray[Any, Any]:
    shape = shown.image.shape if per_band else shown.shape
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def texts(figure: Figure) -> list[Text]:
    """Every text that is drawn and says something."""
    figure.draw_without_rendering()  # ticks get their labels
    return _said(figure)


def words_of(figure: Figure) -> str:
    """What is written, but for numbers along axes."""
    return "\n".join(each.get_text() for each in _said(figure))


def _said(figure: Figure) -> list[Text]:
    found = [each for each in figure.findobj(Text) if isinstance(each, Text) and each.get_visible()]
    return [each for each in found if each.get_text().strip()]
