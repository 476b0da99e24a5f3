"""Paint a survey: draw recipes, paint them shard by shard, keep the truth beside the cutouts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from itertools import chain, pairwise
from pathlib import Path

import numpy as np
import pandas as pd

from gz2interp.errors import InputError, SurveyError
from gz2interp.painting import COMPONENTS, KIND_SHARES, SOURCE, Painted, Recipe, catalog_of, draw_recipes, paint
from gz2interp.schema import BANDS, GALAXY_ID
from gz2interp.stores.arrays import SHARD_ROWS
from gz2interp.stores.survey import Survey
from gz2interp.stores.truth import Truth

__all__ = ["Progress", "paint_survey"]

Progress = Callable[[int, int], None]

PAINTERS = 2
"""Threads. NumPy lets go of the interpreter's lock in its random numbers and transforms; more threads gain little."""


def paint_survey(
    path: str | Path,
    galaxies: int,
    seed: int,
    progress: Progress | None = None,
    *,
    shares: Mapping[str, float] = KIND_SHARES,
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

    Raises
    ------
    InputError
        No galaxy, a negative seed, or an unknown kind was asked for.
    SurveyError
        Something else is at `path`.
    SurveyLocked
        Another process is writing it.
    """
    if galaxies < 1 or seed < 0:
        raise InputError(
            f"{galaxies} galaxies with seed {seed} were asked for", "At least one, with a seed of 0 or more"
        )
    recipes = draw_recipes(galaxies, seed, shares)
    survey = _survey(Path(path), recipes, seed)
    with survey.writer() as writer, ThreadPoolExecutor(PAINTERS) as painters:
        known = writer.rows_written if Truth.exists(survey.path) else 0
        truth = _truth(survey, recipes)
        starts = range(known // SHARD_ROWS * SHARD_ROWS, galaxies, SHARD_ROWS)
        for first, painted in zip(starts, _shards(painters, recipes, starts), strict=True):
            # The truth first: a cutout that is committed has its truth. A shard begun before is painted anew, the same.
            truth.write_shard(first // SHARD_ROWS, *_arrays(painted, truth.components))
            for galaxy in painted[max(writer.rows_written - first, 0) :]:
                writer.append(galaxy.cutout)
            if progress:
                progress(writer.rows_written, galaxies)
    return survey.refreshed()


def _shards(painters: Executor, recipes: Sequence[Recipe], starts: Sequence[int]) -> Iterator[list[Painted]]:
    """Painted shards in order; while one is being written, the next is being painted."""
    begun = (painters.map(paint, recipes[first : first + SHARD_ROWS]) for first in starts)
    for shard, _ in pairwise(chain(begun, [iter(())])):
        yield list(shard)


def _survey(path: Path, recipes: Sequence[Recipe], seed: int) -> Survey:
    """The survey at `path`, new or begun before with the same galaxies."""
    catalog = catalog_of(recipes, seed)
    if not (path.expanduser() / "survey.json").exists():
        return Survey.create(path, catalog, source=SOURCE)
    survey = Survey.open(path)
    same_galaxies = survey.catalog.equals(catalog)
    if not same_galaxies or (Truth.exists(path) and not Truth.open(path).recipes.equals(_table(survey, recipes))):
        raise SurveyError(
            f"{survey.path} holds {len(survey)} other galaxies than the {len(recipes)} of seed {seed}",
            "A painting goes on only with the number, the seed and the shares it began with",
            "Give those, or choose another folder",
        )
    return survey


def _truth(survey: Survey, recipes: Sequence[Recipe]) -> Truth:
    if Truth.exists(survey.path):
        return Truth.open(survey.path)
    return Truth.create(survey.path, _table(survey, recipes), tuple(COMPONENTS))


def _table(survey: Survey, recipes: Sequence[Recipe]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            GALAXY_ID: survey.catalog[GALAXY_ID],
            "seed": np.array([recipe.seed for recipe in recipes], np.int64),
            "recipe": pd.Series([recipe.to_json() for recipe in recipes], dtype="str"),
        }
    )


def _arrays(painted: Sequence[Painted], components: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Light (n, y, x, component) and flux (n, component, band) with every component, 0 where a galaxy lacks it."""
    pixels = painted[0].light.shape[:2]
    light = np.zeros((len(painted), *pixels, len(components)), np.float16)
    flux = np.zeros((len(painted), len(components), len(BANDS)), np.float32)
    for row, galaxy in enumerate(painted):
        where = [components.index(name) for name in galaxy.components]
        light[row, ..., where] = np.moveaxis(galaxy.light, -1, 0)
        flux[row, where] = galaxy.flux
    return light, flux
