"""``python -m trainer plant shortcut``: a painted survey in which an artefact marks one class."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from gz2interp.errors import InputError, choices
from gz2interp.painting import Painted, Recipe
from gz2interp.painting.streams import stream
from gz2interp.stores.survey import Survey
from trainer.paint import Progress, paint_survey
from trainer.plant.kinds import shortcut_named

__all__ = ["GALAXIES", "SHARES", "PlantedShortcut", "plant_shortcut"]

SHARES: Mapping[str, float] = {"round": 0.25, "in_between": 0.25, "edge_on": 0.25, "spiral": 0.25}
"""Few classes, so that a network trains in a minute."""

GALAXIES = 1600


@dataclass(frozen=True)
class PlantedShortcut:
    """A shortcut planted in one class.

    Attributes
    ----------
    kind : str
        One of `trainer.plant.kinds.SHORTCUTS`.
    class_name : str
        The only kind of galaxy that has it.
    strength : float
        In the unit of its kind.
    seed : int
        Of the survey.
    """

    kind: str
    class_name: str
    strength: float
    seed: int

    @property
    def settings(self) -> dict[str, Any]:
        """Settings as JSON values, stored with the truth of the survey."""
        unit = shortcut_named(self.kind).unit
        return {"kind": self.kind, "class": self.class_name, "strength": self.strength, "unit": unit}

    @property
    def words(self) -> str:
        """Description in ``survey.json``."""
        return f"a planted shortcut: {self.kind} {self.strength:g} in {self.class_name}"

    def alter_recipe(self, recipe: Recipe) -> Recipe:
        """Apply an artefact in the recipe to galaxies of the class."""
        if not self._applies(recipe, "recipe"):
            return recipe
        function = shortcut_named(self.kind).function
        changed: Recipe = function(recipe, self.strength, self._survey_stream(), self._galaxy_stream(recipe))
        return changed

    def alter_image(self, painted: Painted, recipe: Recipe) -> Painted:
        """Apply an artefact in the pixels to galaxies of the class."""
        if not self._applies(recipe, "pixels"):
            return painted
        function = shortcut_named(self.kind).function
        image = function(
            painted.cutout.image, recipe, self.strength, self._survey_stream(), self._galaxy_stream(recipe)
        )
        return replace(painted, cutout=replace(painted.cutout, image=image))

    def _applies(self, recipe: Recipe, where: str) -> bool:
        return recipe.kind == self.class_name and shortcut_named(self.kind).where == where

    def _survey_stream(self) -> np.random.Generator:
        return stream(self.seed, "planted in the survey")

    def _galaxy_stream(self, recipe: Recipe) -> np.random.Generator:
        return stream(recipe.seed, "planted in the galaxy")


def plant_shortcut(
    path: str | Path,
    kind: str,
    class_name: str,
    strength: float,
    seed: int,
    galaxies: int = GALAXIES,
    progress: Progress | None = None,
    *,
    shares: Mapping[str, float] = SHARES,
) -> Survey:
    """Paint a survey with a shortcut, or resume an interrupted run.

    Apart from the artefact, the galaxies are those of `paint_survey` with the same seed and shares.

    Parameters
    ----------
    path : path
        Folder of the survey.
    kind : str
        One of `trainer.plant.kinds.SHORTCUTS`.
    class_name : str
        The kind of galaxy that gets the artefact; one of `shares`.
    strength : float
        In the unit of its kind, above 0.
    seed, galaxies, progress, shares
        As for `paint_survey`.

    Raises
    ------
    InputError
        The kind or the class is unknown, or the strength is not above 0.
    SurveyError
        Something else is at `path`.
    """
    shortcut_named(kind)
    if class_name not in shares:
        raise InputError(
            f"No galaxy of this survey is of the class {class_name!r}", f"Its classes are {choices(shares)}"
        )
    if not (np.isfinite(strength) and strength > 0):
        raise InputError(f"A {kind} of strength {strength} was given", "A number above 0")
    planted = PlantedShortcut(kind, class_name, float(strength), seed)
    return paint_survey(path, galaxies, seed, progress, shares=shares, planted=planted)
