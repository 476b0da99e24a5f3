"""How much of a score each band carries: galaxies beside their pictures, or the classes of a survey."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pandas as pd

from gz2interp.figures.layouts.bands import Bars, bands_figure
from gz2interp.figures.pieces.pictures import stretch_for
from gz2interp.figures.shown import Shown, Sky
from gz2interp.schema import DEC, RA, name_in_words, score_in_words
from gz2interp.workflows.bands import MOST, band_table, by_class
from gz2interp.workflows.figures.drawing import Drawing
from gz2interp.workflows.figures.parts import trust_of
from gz2interp.workflows.figures.wish import Wish
from gz2interp.workflows.figures.words import acknowledgement, colour_in_words, images_in_words, value_in_words
from gz2interp.workflows.opening import Subject

__all__ = ["of_bands"]

_METHOD: Final = "band_shapley"
_HOW: Final = (
    "Shapley values over all coalitions of bands (Shapley 1953; Lundberg & Lee 2017, arXiv:1705.07874): bars sum to "
    "the rise of the score from bare sky in every band to the galaxy; an absent band shows sky like that at the "
    "image's rim. Red adds to the score, blue takes from it; all bars share one scale."
)


def of_bands(subject: Subject, galaxy_ids: Sequence[int | str], wish: Wish) -> Drawing:
    """The figure of the galaxies named, or, of none, of the means of each class over galaxies drawn from the survey."""
    survey, score = subject.survey, wish.question.score
    table = band_table(subject, galaxy_ids, score, most=wish.most or MOST)
    told = table if galaxy_ids else by_class(table, survey.bands)
    parts = _of_galaxies(subject, told) if galaxy_ids else _of_classes(told, survey.bands)
    asked = score.name if score else "logit of the predicted class"
    trust = trust_of(subject, _METHOD)
    unit = score_in_words(asked) if score else "logit"
    foot = f"Shapley values of the {score_in_words(asked)}\n{trust}"
    figure = bands_figure(parts, survey.bands, unit, wish.manner, foot)
    return Drawing(figure, _caption(subject, parts, asked, len(table), trust), (), told)


def _of_galaxies(subject: Subject, table: pd.DataFrame) -> list[Bars]:
    return [
        Bars(
            f"{row['galaxy_id']}\n{name_in_words(str(row['prediction']))}, {score_in_words(str(row['score']))} "
            f"{_number(row['value'])}, bands together {_number(row['total'])}",
            row[list(subject.survey.bands)].to_numpy(np.float64),
            shown=_shown(subject, int(row["galaxy_id"])),
        )
        for _, row in table.iterrows()
    ]


def _of_classes(told: pd.DataFrame, bands: Sequence[str]) -> list[Bars]:
    return [
        Bars(
            f"{name_in_words(str(row['class']))}: {row['galaxies']} galaxies\nbands together {_number(row['total'])}",
            row[list(bands)].to_numpy(np.float64),
            row[[f"{band}_error" for band in bands]].to_numpy(np.float64),
        )
        for _, row in told.iterrows()
    ]


def _shown(subject: Subject, galaxy_id: int) -> Shown:
    row = subject.survey.row_of(galaxy_id)
    cutout, galaxy = subject.survey.cutout(row), subject.survey.catalog.iloc[row]
    sky = Sky(cutout.pixel_scale, cutout.position_angle, float(galaxy[RA]), float(galaxy[DEC]))
    return Shown(cutout.image, cutout.valid, sky)


def _number(value: Any) -> str:
    return ("+" if float(value) > 0 else "") + value_in_words(float(value))


def _caption(subject: Subject, parts: Sequence[Bars], asked: str, count: int, trust: str) -> str:
    survey, model = subject.survey, subject.model
    shown = [part.shown for part in parts if part.shown is not None]
    means = f"means over {count} galaxies by predicted class, with 95 % intervals"
    what = "galaxy by galaxy" if shown else means
    colour = colour_in_words(survey.bands, stretch_for(shown, survey.bands)) if shown else ""
    said = [
        f"How much of the {score_in_words(asked)} each band carries, {what}.",
        _HOW,
        colour,
        trust,
        f"Network {model.name} ({model.digest}), data {survey.name} ({survey.digest}); made with gz2interp.",
        images_in_words(survey),
        acknowledgement(survey),
    ]
    return " ".join(part for part in said if part)
