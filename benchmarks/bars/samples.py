"""Barred galaxies of a painted survey, what is true of them, and what was measured of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.bars.judging import Measured
from gz2interp.measure.bars import bars_in
from gz2interp.painting import Recipe
from gz2interp.painting.recipe import bar_on_sky
from gz2interp.schema import NATIVE_PIXEL_SCALE, PETRO_RADIUS
from gz2interp.stores.models import ModelFolder
from gz2interp.stores.survey import Survey
from gz2interp.stores.truth import Truth
from gz2interp.workflows.bars import BarSettings, measure_bars_in_batches
from gz2interp.workflows.study import Study
from trainer.catalog.labels import labels_by

__all__ = ["Sample", "bars_of", "image_alone", "measured_by"]

Floats = NDArray[np.float64]

AT_ONCE = 256


@dataclass(frozen=True, eq=False)
class Sample:
    """Barred galaxies.

    Attributes
    ----------
    survey : Survey
    rows : int64 (n,)
    length, angle : float (n,)
        What is true: see `gz2interp.painting.recipe.bar_on_sky`.
    voted : bool (n,)
        Whether the label scheme ``barred`` says bar: half of the volunteers see it.
    radius : float (n,)
        Petrosian, of the catalogue [arcsec].
    """

    survey: Survey
    rows: NDArray[np.int64]
    length: Floats
    angle: Floats
    voted: NDArray[np.bool_]
    radius: Floats

    def those(self, which: NDArray[np.bool_] | slice) -> Sample:
        """Some of them."""
        columns = (self.rows, self.length, self.angle, self.voted, self.radius)
        return Sample(self.survey, *(column[which] for column in columns))


def bars_of(survey: Survey) -> Sample:
    """All galaxies that were painted with a bar."""
    found = [
        (row, *bar)
        for row, recipe in enumerate(_recipes(survey))
        if (bar := bar_on_sky(recipe)) is not None and survey.usable[row]
    ]
    rows, length, angle = (np.array(column) for column in zip(*found, strict=True))
    voted = labels_by("barred", survey.catalog).labels.eq("bar").to_numpy()
    radius = survey.catalog[PETRO_RADIUS].to_numpy(np.float64)
    return Sample(survey, rows.astype(np.int64), length, angle, voted[rows], radius[rows])


def measured_by(model: ModelFolder, sample: Sample, question: BarSettings, path: Path) -> Measured:
    """What maps tell of the sample, kept at `path`."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        blocks = measure_bars_in_batches(
            Study(sample.survey, model), list(sample.survey.galaxy_ids[sample.rows]), question
        )
        pd.concat(blocks, ignore_index=True).to_parquet(path)
    table = pd.read_parquet(path)
    length, angle, ratio = (table[name].to_numpy() for name in ("length", "angle", "axis_ratio"))
    return Measured(length, angle, length * ratio)


def image_alone(sample: Sample) -> Measured:
    """The same ellipse on the r image itself, its sky taken off: what can be had without any network."""
    images = sample.survey.images(sample.rows)[..., sample.survey.bands.index("r")]
    above = np.maximum(images - np.median(images, axis=(1, 2), keepdims=True), 0)
    found = bars_in(above, NATIVE_PIXEL_SCALE)
    return Measured(found.length, found.angle)


def _recipes(survey: Survey) -> Iterator[Recipe]:
    truth = Truth.open(survey.path)
    for first in range(0, len(survey), AT_ONCE):
        for text in truth.recipes(np.arange(first, min(first + AT_ONCE, len(survey)))):
            yield Recipe.from_json(text)
