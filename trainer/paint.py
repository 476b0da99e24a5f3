"""Paint a survey: draw recipes, paint them shard by shard, keep the truth beside the cutouts."""

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
    """A fault that some galaxies of a survey are given on purpose; see `trainer.plant`."""

    @property
    def settings(self) -> dict[str, Any]:
        """As plain JSON values."""

    @property
    def words(self) -> str:
        """For a reader."""

    def recipe(self, recipe: Recipe, /) -> Recipe:
        """The recipe with the fault."""

    def painted(self, painted: Painted, recipe: Recipe, /) -> Painted:
        """The image with the fault."""


PAINTERS = 2
"""Threads. NumPy lets go of the interpreter's lock in its random numbers and transforms; more threads gain little."""


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
    """Paint a survey, or go on with one that was interrupted; the result is the same, byte for byte.

    Parameters
    ----------
    path : path
        Of the survey's folder.
    galaxies : int
        How many.
    seed : int
        Everything follows from it.
    progress : callable, optional
        Called with the galaxies painted so far, and all of them.
    shares : mapping
        Kind of galaxy to its share.
    sky : path, optional
        A folder of SDSS frames: each galaxy is painted onto a piece of their sky, through their PSF. Nothing is painted
        around it: the field is the real one.
    planted : PlantedFault, optional
        A fault that is to be in some of the galaxies.

    Raises
    ------
    InputError
        No galaxy, a negative seed, or an unknown kind was requested, or the frames cannot be painted on.
    SurveyError
        Something else is at `path`.
    SurveyLocked
        Another process is writing it.
    """
    if galaxies < 1 or seed < 0:
        raise InputError(
            f"{galaxies} galaxies with seed {seed} were requested", "At least one, with a seed of 0 or more"
        )
    order = PaintSettings(galaxies, seed, shares, None if sky is None else RealSky(sky, seed, galaxies), planted)
    survey = _begun(Path(path), order)
    with survey.writer() as writer, ThreadPoolExecutor(PAINTERS) as painters:
        known = writer.rows_written if Truth.exists(survey.path) else 0
        truth = _truth(survey, order)
        starts = range(known // SHARD_ROWS * SHARD_ROWS, galaxies, SHARD_ROWS)
        for first, painted in zip(starts, _shards(painters, truth, starts, order), strict=True):
            # The truth first: a cutout that is committed has its truth. A shard begun before is painted anew, the same.
            truth.write_shard(first // SHARD_ROWS, *_arrays(painted, truth.components))
            for galaxy in painted[max(writer.rows_written - first, 0) :]:
                writer.append(galaxy.cutout)
            if progress:
                progress(writer.rows_written, galaxies)
    return survey.refreshed()


@dataclass(frozen=True)
class PaintSettings:
    """What is to be painted; the galaxies of an order are always the same."""

    galaxies: int
    seed: int
    shares: Mapping[str, float]
    sky: RealSky | None = None
    planted: PlantedFault | None = None

    @property
    def settings(self) -> dict[str, Any]:
        """As plain JSON values."""
        frames = {"sky": self.sky.names} if self.sky else {}
        fault = {"planted": self.planted.settings} if self.planted else {}
        return {"galaxies": self.galaxies, "seed": self.seed, "shares": dict(self.shares), **frames, **fault}

    @property
    def source(self) -> str:
        """Where the survey's pixels come from."""
        source = f"{SOURCE} onto {SdssFrames.name}" if self.sky else SOURCE
        return f"{source} with {self.planted.words}" if self.planted else source

    def blocks(self) -> Iterator[tuple[int, list[Recipe]]]:
        """Its recipes, drawn a shard at a time, and the row of the first."""
        for first in range(0, self.galaxies, SHARD_ROWS):
            rows = range(first, min(first + SHARD_ROWS, self.galaxies))
            yield first, [self._recipe(row) for row in rows]

    def skies(self, rows: range) -> Iterator[Cutout | None]:
        """What the galaxies of some rows are painted onto; None where the sky is painted."""
        return map(self.sky.cutout, rows) if self.sky else repeat(None, len(rows))

    def paint(self, text: str, sky: Cutout | None) -> Painted:
        """The galaxy of a recipe."""
        recipe = Recipe.from_json(text)
        painted = paint_onto(sky, recipe) if sky else paint(recipe)
        return self.planted.painted(painted, recipe) if self.planted else painted

    def _recipe(self, row: int) -> Recipe:
        recipe = recipe_of(self.seed, row, self.shares)
        if self.sky is not None:
            # One of the same kind with no field painted around it.
            recipe = self.sky.observe(KINDS[recipe.kind](stream(self.seed, f"galaxy of row {row}")), row)
        return self.planted.recipe(recipe) if self.planted else recipe

    def catalog(self) -> Iterator[pd.DataFrame]:
        """Its catalogue, in the same blocks."""
        for first, recipes in self.blocks():
            yield catalog_rows(recipes, first, self.seed)

    def recipes(self) -> Iterator[pd.DataFrame]:
        """The table of its recipes, in the same blocks."""
        for first, recipes in self.blocks():
            yield pd.DataFrame(
                {
                    GALAXY_ID: ids_of(np.arange(first, first + len(recipes)), self.seed),
                    "seed": np.array([recipe.seed for recipe in recipes], np.int64),
                    "recipe": pd.Series([recipe.to_json() for recipe in recipes], dtype="str"),
                }
            )


def _begun(path: Path, order: PaintSettings) -> Survey:
    """The survey at `path`, new or begun before with the same order."""
    if not (path.expanduser() / "survey.json").exists():
        return Survey.create(path, order.catalog(), source=order.source)
    survey = Survey.open(path)
    known = Truth.open(path).settings == order.settings if Truth.exists(path) else _is_of(survey, order)
    if not known:
        raise SurveyError(
            f"{survey.path} holds {len(survey)} other galaxies than the {order.galaxies} of seed {order.seed}",
            "A painting goes on only with the number, the seed, the shares, the sky and the fault it began with",
            "Give those, or choose another folder",
        )
    return survey


def _is_of(survey: Survey, order: PaintSettings) -> bool:
    """Whether the catalogue is this order's: its ids follow from the seed, its first rows from the shares too."""
    first = next(order.catalog())
    as_many = len(survey) == order.galaxies and survey.header.source == order.source
    return as_many and survey.catalog.head(len(first)).equals(first)


def _truth(survey: Survey, order: PaintSettings) -> Truth:
    if Truth.exists(survey.path):
        return Truth.open(survey.path)
    return Truth.create(survey.path, order.recipes(), tuple(COMPONENTS), order.settings)


def _shards(painters: Executor, truth: Truth, starts: Sequence[int], order: PaintSettings) -> Iterator[list[Painted]]:
    """Painted shards in order; while one is being written, the next is being painted."""
    shards = (range(first, min(first + SHARD_ROWS, order.galaxies)) for first in starts)
    begun = (painters.map(order.paint, truth.recipes(rows), order.skies(rows)) for rows in shards)
    for shard, _ in pairwise(chain(begun, [iter(())])):
        yield list(shard)


def _arrays(painted: Sequence[Painted], components: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Light (n, y, x, component) and flux (n, component, band) with every component, 0 where a galaxy lacks it."""
    unknown = {name for galaxy in painted for name in galaxy.components}.difference(components)
    if unknown:
        raise InputError(
            f"The truth of this survey has no place for {', '.join(sorted(unknown))}",
            f"Its components were listed when it was made: {', '.join(components)}",
            "Register a component before the survey is made, or paint another",
        )
    pixels = painted[0].light.shape[:2]
    light = np.zeros((len(painted), *pixels, len(components)), np.float16)
    flux = np.zeros((len(painted), len(components), len(BANDS)), np.float32)
    for row, galaxy in enumerate(painted):
        where = [components.index(name) for name in galaxy.components]
        light[row, ..., where] = np.moveaxis(galaxy.light, -1, 0)
        flux[row, where] = galaxy.flux
    return light, flux
