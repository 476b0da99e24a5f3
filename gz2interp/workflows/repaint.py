"""``gz2interp repaint``: what a painted galaxy is made of, and the same galaxy altered, with a network's answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gz2interp.errors import InputError, SurveyError
from gz2interp.painting import SOURCE, Alteration, Recipe, paint, repaint, repaint_onto
from gz2interp.results import Cutout, Provenance, versions_of
from gz2interp.schema import BANDS
from gz2interp.stores.survey import Survey
from gz2interp.stores.truth import Truth

if TYPE_CHECKING:
    from gz2interp.network.probe import Probe

__all__ = ["Ingredient", "Repainted", "components_table", "ingredients_of", "recipe_of_galaxy", "repaint_galaxy"]

_COLOURS = [f"{blue}-{red}" for blue, red in pairwise(BANDS)]


@dataclass(frozen=True, eq=False)
class Ingredient:
    """One component of one painted galaxy.

    Attributes
    ----------
    name : str
    share : float
        Of the galaxy's flux in r; below 0 for dust, and not limited by 1 for what stands before or behind it.
    colours : mapping
        For example ``{"g-r": 0.7}`` [mag]; empty for dust.
    light : float32 (y, x)
        Where it is, in r, after the PSF and before the noise, as a share of the galaxy's flux.
    """

    name: str
    share: float
    colours: Mapping[str, float]
    light: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Repainted:
    """A galaxy before and after an alteration.

    Attributes
    ----------
    galaxy_id : int
    before, after : Cutout
        The first as the survey holds it.
    recipe : Recipe
        Before.
    alteration : Alteration
    said_before, said_after : mapping
        Class to probability; empty if no network was asked.
    provenance : Provenance
    """

    galaxy_id: int
    before: Cutout
    after: Cutout
    recipe: Recipe
    alteration: Alteration
    said_before: Mapping[str, float]
    said_after: Mapping[str, float]
    provenance: Provenance

    @property
    def difference(self) -> NDArray[np.float32]:
        """After less before, float32 (y, x, band) [nanomaggies]: light that came, and below 0 light that went."""
        return np.asarray(self.after.image - self.before.image)


def recipe_of_galaxy(survey: Survey, galaxy_id: int | str) -> Recipe:
    """The recipe of a painted galaxy.

    Raises
    ------
    SurveyError
        The survey was not painted, or this galaxy is not yet.
    InputError
        The survey does not have it.
    """
    row = survey.row_of(galaxy_id)
    truth = Truth.open(survey.path)
    if row >= survey.rows_committed:
        raise SurveyError(f"Galaxy {galaxy_id} is not painted yet", remedy="Let the painting go on")
    return Recipe.from_json(truth.recipes([row])[0])


def ingredients_of(survey: Survey, galaxy_id: int | str) -> list[Ingredient]:
    """What a painted galaxy is made of, in the truth's order.

    Raises
    ------
    SurveyError, InputError
        As `recipe_of_galaxy`.
    """
    recipe, truth, row = recipe_of_galaxy(survey, galaxy_id), Truth.open(survey.path), survey.row_of(galaxy_id)
    light = truth.light([row])[0].astype(np.float32)
    flux, total = truth.flux([row])[0], recipe.subject_flux[BANDS.index("r")]
    return [
        Ingredient(name, float(flux[place, BANDS.index("r")] / total), _colours(flux[place]), light[..., place])
        for place, name in enumerate(truth.components)
        if name in recipe.components
    ]


def components_table(survey: Survey, galaxy_id: int | str) -> pd.DataFrame:
    """`ingredients_of` as a table: component, share of the galaxy's flux in r, colours [mag]."""
    parts = ingredients_of(survey, galaxy_id)
    return pd.DataFrame(
        [
            {"component": part.name, "share in r": part.share}
            | {name: part.colours[name] if part.colours else float("nan") for name in _COLOURS}
            for part in parts
        ]
    )


def repaint_galaxy(
    survey: Survey, galaxy_id: int | str, alteration: Alteration, probe: Probe | None = None
) -> Repainted:
    """Paint a galaxy of a survey again, altered, and ask a network about both.

    Parameters
    ----------
    survey : Survey
        A painted one.
    galaxy_id : int or str
    alteration : Alteration
    probe : Probe, optional
        Of a network that takes the survey's images.

    Raises
    ------
    SurveyError
        The survey was not painted.
    InputError
        The galaxy is not known or cannot be altered so, or nothing was altered.
    """
    if alteration == Alteration():
        raise InputError(
            "Nothing was altered",
            "A component to leave out, or a turn, dimming, redshift, blur or colour",
            "For example --without arms",
        )
    recipe, before = recipe_of_galaxy(survey, galaxy_id), survey.cutout(survey.row_of(galaxy_id))
    after = replace(before, image=_altered_image(before, recipe, alteration))
    said_before, said_after = ({}, {}) if probe is None else _said(probe, before, after)
    made = _provenance(survey, alteration, galaxy_id)
    return Repainted(int(galaxy_id), before, after, recipe, alteration, said_before, said_after, made)


def _altered_image(before: Cutout, recipe: Recipe, alteration: Alteration) -> NDArray[np.float32]:
    """As the recipe says where it says all; a real sky, or that of another version's painter, is kept as it is."""
    if before.source == SOURCE and np.array_equal(paint(recipe).cutout.image, before.image):
        return repaint(recipe, alteration).cutout.image
    return repaint_onto(before.image, recipe, alteration, before.valid)


def _said(probe: Probe, before: Cutout, after: Cutout) -> tuple[dict[str, float], dict[str, float]]:
    first, second = probe.probabilities(np.stack([before.image, after.image]))
    names = probe.class_names
    return dict(zip(names, map(float, first), strict=True)), dict(zip(names, map(float, second), strict=True))


def _colours(flux: NDArray[np.float32]) -> dict[str, float]:
    if not (flux > 0).all():
        return {}
    return dict(zip(_COLOURS, map(float, np.diff(2.5 * np.log10(flux))), strict=True))


def _provenance(survey: Survey, alteration: Alteration, galaxy_id: int | str) -> Provenance:
    return Provenance(
        data=survey.digest,
        model="",
        layer="",
        method="repaint",
        parameters={"galaxy_id": str(galaxy_id), **asdict(alteration)},
        versions=versions_of("gz2interp", "numpy", "scipy"),
    )
