"""Painting of a survey: recipes are drawn and painted shard by shard, and stored with their truth."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain, pairwise, repeat
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd

from gz2interp.errors import InputError, SurveyError
from gz2interp.painting import (
    COMPONENTS,
    KIND_SHARES,
    KINDS,
    SOURCE,
    Painted,
    Recipe,
    catalog_rows,
    ids_of,
    paint,
    paint_onto,
    recipe_of,
)
from gz2interp.painting.streams import stream
from gz2interp.results import Cutout
from gz2interp.schema import BANDS, GALAXY_ID
from gz2interp.stores.arrays import SHARD_ROWS
from gz2interp.stores.survey import Survey
from gz2interp.stores.truth import Truth
from trainer.sources.real_sky import RealSky
from trainer.sources.sdss_frames import SdssFrames

__all__ = ["PlantedFault", "Progress", "paint_survey"]

Progress = Callable[[int, int], None]


class PlantedFault(Protocol):
    """A fault planted in some galaxies of a survey; see `trainer.plant`."""

    @property
    def settings(self) -> dict[str, Any]:
        """Settings as JSON values."""

    @property
    def words(self) -> str:
        """Description for the user."""

    def alter_recipe(self, recipe: Recipe, /) -> Recipe:
        """Add the fault to a recipe."""

    def alter_image(self, painted: Painted, recipe: Recipe, /) -> Painted:
        """Add the fault to an image."""


PAINTERS = 2
"""Number of threads; NumPy releases the GIL in random numbers and transforms, but more threads gain little."""


def paint_survey(
    path: str | Path,
    galaxies: int,
    seed: int,
    progress: Progress | None = None,
    *,
    shares: Mapping[str, float] = KIND_SHARES,
    sky: str | Path | None = None,
    planted: PlantedFault | None = None,
) -> Survey:
    """Paint a survey, or resume an interrupted run with an identical result.

    Parameters
    ----------
    path : path
        Folder of the survey.
    progress : callable, optional
        Called with the number of galaxies painted, and of all galaxies.
    shares : mapping
        Fraction of each kind of galaxy.
    sky : path, optional
        Folder of SDSS frames: each galaxy is painted onto a patch of their sky, through their PSF, without a painted
        field.
    planted : PlantedFault, optional
        A fault to plant in some of the galaxies.

    Raises
    ------
    InputError
        The number, the seed or a kind is invalid, or the frames cannot be used.
    SurveyError
        Something else is at `path`.
    SurveyLocked
        Another process is writing it.
    """
    if galaxies < 1 or seed < 0:
        raise InputError(
            f"{galaxies} galaxies with seed {seed} were requested", "At least one, with a seed of 0 or more"
        )
    settings = PaintSettings(galaxies, seed, shares, None if sky is None else RealSky(sky, seed, galaxies), planted)
    survey = _open_or_create(Path(path), settings)
    with survey.writer() as writer, ThreadPoolExecutor(PAINTERS) as painters:
        rows_done = writer.rows_written if Truth.exists(survey.path) else 0
        truth = _truth(survey, settings)
        starts = range(rows_done // SHARD_ROWS * SHARD_ROWS, galaxies, SHARD_ROWS)
        for first, painted in zip(starts, _shards(painters, truth, starts, settings), strict=True):
            # The truth first, so that committed cutouts have it. A partial shard is painted again.
            truth.write_shard(first // SHARD_ROWS, *_arrays(painted, truth.components))
            for galaxy in painted[max(writer.rows_written - first, 0) :]:
                writer.append(galaxy.cutout)
            if progress:
                progress(writer.rows_written, galaxies)
    return survey.refreshed()


@dataclass(frozen=True)
class PaintSettings:
    """Settings of a painted survey, which determine its galaxies."""

    galaxies: int
    seed: int
    shares: Mapping[str, float]
    sky: RealSky | None = None
    planted: PlantedFault | None = None

    @property
    def settings(self) -> dict[str, Any]:
        """Settings as JSON values."""
        frames = {"sky": self.sky.names} if self.sky else {}
        fault = {"planted": self.planted.settings} if self.planted else {}
        return {"galaxies": self.galaxies, "seed": self.seed, "shares": dict(self.shares), **frames, **fault}

    @property
    def source(self) -> str:
        """Description of the origin of the pixels."""
        source = f"{SOURCE} onto {SdssFrames.name}" if self.sky else SOURCE
        return f"{source} with {self.planted.words}" if self.planted else source

    def blocks(self) -> Iterator[tuple[int, list[Recipe]]]:
        """Iterate over the recipes by shard, with the row of the first."""
        for first in range(0, self.galaxies, SHARD_ROWS):
            rows = range(first, min(first + SHARD_ROWS, self.galaxies))
            yield first, [self._recipe(row) for row in rows]

    def skies(self, rows: range) -> Iterator[Cutout | None]:
        """The real sky of some rows; None if the sky is painted."""
        return map(self.sky.cutout, rows) if self.sky else repeat(None, len(rows))

    def paint(self, text: str, sky: Cutout | None) -> Painted:
        """Paint the galaxy of a recipe."""
        recipe = Recipe.from_json(text)
        painted = paint_onto(sky, recipe) if sky else paint(recipe)
        return self.planted.alter_image(painted, recipe) if self.planted else painted

    def _recipe(self, row: int) -> Recipe:
        recipe = recipe_of(self.seed, row, self.shares)
        if self.sky is not None:
            # A galaxy of the same kind without a painted field.
            recipe = self.sky.observe(KINDS[recipe.kind](stream(self.seed, f"galaxy of row {row}")), row)
        return self.planted.alter_recipe(recipe) if self.planted else recipe

    def catalog(self) -> Iterator[pd.DataFrame]:
        """Iterate over the catalogue by shard."""
        for first, recipes in self.blocks():
            yield catalog_rows(recipes, first, self.seed)

    def recipes(self) -> Iterator[pd.DataFrame]:
        """Iterate over the table of recipes by shard."""
        for first, recipes in self.blocks():
            yield pd.DataFrame(
                {
                    GALAXY_ID: ids_of(np.arange(first, first + len(recipes)), self.seed),
                    "seed": np.array([recipe.seed for recipe in recipes], np.int64),
                    "recipe": pd.Series([recipe.to_json() for recipe in recipes], dtype="str"),
                }
            )


def _open_or_create(path: Path, settings: PaintSettings) -> Survey:
    """Create the survey, or open an earlier one with the same settings."""
    if not (path.expanduser() / "survey.json").exists():
        return Survey.create(path, settings.catalog(), source=settings.source)
    survey = Survey.open(path)
    same = Truth.open(path).settings == settings.settings if Truth.exists(path) else _has_catalog_of(survey, settings)
    if not same:
        raise SurveyError(
            f"{survey.path} holds {len(survey)} other galaxies than the {settings.galaxies} of seed {settings.seed}",
            "The same number, seed, shares, sky and fault, to resume painting",
            "Give those, or choose another folder",
        )
    return survey


def _has_catalog_of(survey: Survey, settings: PaintSettings) -> bool:
    """Whether the catalogue belongs to these settings: ids depend on the seed, the first rows on the shares too."""
    first = next(settings.catalog())
    same_header = len(survey) == settings.galaxies and survey.header.source == settings.source
    return same_header and survey.catalog.head(len(first)).equals(first)


def _truth(survey: Survey, settings: PaintSettings) -> Truth:
    if Truth.exists(survey.path):
        return Truth.open(survey.path)
    return Truth.create(survey.path, settings.recipes(), tuple(COMPONENTS), settings.settings)


def _shards(
    painters: Executor, truth: Truth, starts: Sequence[int], settings: PaintSettings
) -> Iterator[list[Painted]]:
    """Iterate over painted shards; the next shard is painted while one is written."""
    shards = (range(first, min(first + SHARD_ROWS, settings.galaxies)) for first in starts)
    painted = (painters.map(settings.paint, truth.recipes(rows), settings.skies(rows)) for rows in shards)
    for shard, _ in pairwise(chain(painted, [iter(())])):
        yield list(shard)


def _arrays(painted: Sequence[Painted], components: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Light (n, y, x, component) and flux (n, component, band) with every component, 0 where a galaxy lacks it."""
    unknown = {name for galaxy in painted for name in galaxy.components}.difference(components)
    if unknown:
        raise InputError(
            f"The truth of this survey does not contain {', '.join(sorted(unknown))}",
            f"The components at its creation: {', '.join(components)}",
            "Register components before creating the survey, or paint another",
        )
    pixels = painted[0].light.shape[:2]
    light = np.zeros((len(painted), *pixels, len(components)), np.float16)
    flux = np.zeros((len(painted), len(components), len(BANDS)), np.float32)
    for row, galaxy in enumerate(painted):
        where = [components.index(name) for name in galaxy.components]
        light[row, ..., where] = np.moveaxis(galaxy.light, -1, 0)
        flux[row, where] = galaxy.flux
    return light, flux
