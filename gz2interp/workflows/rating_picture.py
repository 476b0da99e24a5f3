"""The galaxy to be rated as a picture: in colour, and beside it each band."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from gz2interp.figures.rgb import Stretch, rgb, stretch_of
from gz2interp.stores.files import replaced
from gz2interp.stores.survey import Survey

__all__ = ["survey_stretch", "write_rating_picture"]

TIMES: Final = 6
"""A pixel of the galaxy is so many of the picture's."""

SAMPLE: Final = 64


def survey_stretch(survey: Survey) -> Stretch:
    """One stretch for all pictures, so that faint galaxies look faint."""
    usable = np.flatnonzero(survey.usable)
    return stretch_of(survey.images(usable[:: max(len(usable) // SAMPLE, 1)][:SAMPLE]), survey.bands)


def write_rating_picture(path: Path, survey: Survey, row: int, stretch: Stretch) -> None:
    """Write a PNG of a galaxy, whole or not at all; a viewer that reloads its file shows the next one.

    Parameters
    ----------
    path : Path
    survey : Survey
    row : int
    stretch : Stretch
    """
    image = survey.images([row])
    colour = _large(rgb(image, survey.bands, stretch)[0][::-1], TIMES)
    bands = [_large(_grey(image[0, ::-1, :, band]), TIMES // 2) for band in range(image.shape[-1])]
    height = colour.shape[0]
    columns = [np.concatenate(bands[start : start + 2])[:height] for start in range(0, len(bands), 2)]
    filled = [np.pad(column, ((0, height - len(column)), (0, 0), (0, 0))) for column in columns]
    picture = Image.fromarray(np.concatenate([colour, *filled], axis=1))
    _name_panels(picture, survey, row, colour.shape[1], bands[0].shape[:2])
    with replaced(path) as aside:
        picture.save(aside, format="PNG")


def _name_panels(picture: Image.Image, survey: Survey, row: int, start: int, side: tuple[int, int]) -> None:
    """The width of the colour image on the sky, and the name of each band, in the panels' upper left corners."""
    draw, (height, width) = ImageDraw.Draw(picture), side
    field = float(survey.status["pixel_scale"].loc[row]) * survey.shape[1]
    names = {(0, 0): f"{field:.3g} arcsec wide" if np.isfinite(field) else ""}
    names |= {(start + at // 2 * width, at % 2 * height): band for at, band in enumerate(survey.bands)}
    for (x, y), name in names.items():
        draw.text((x + 5, y + 3), name, fill="white", stroke_width=1, stroke_fill="black")


def _grey(plane: NDArray[np.float32]) -> NDArray[np.uint8]:
    """One band between its sky and its brightest half percent, uint8 (y, x, 3)."""
    low, high = np.percentile(plane, [25, 99.5])
    level = np.arcsinh(5 * np.clip((plane - low) / max(high - low, 1e-9), 0, 1)) / np.arcsinh(5)
    return np.repeat((255 * level).astype(np.uint8)[..., None], 3, axis=-1)


def _large(pixels: NDArray[np.uint8], times: int) -> NDArray[np.uint8]:
    return pixels.repeat(times, axis=0).repeat(times, axis=1)
