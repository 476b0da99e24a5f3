"""The sheet of a layer as a figure for papers, and its feature images for other figures."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gz2interp.errors import InputError, choices
from gz2interp.figures.layouts.sprites import Sprite, sprites_figure
from gz2interp.figures.rgb import Stretch, stretch_of
from gz2interp.figures.style import Manner
from gz2interp.schema import name_in_words
from gz2interp.stores.layer_results import FeaturesFolder
from gz2interp.workflows.features.kept import sheet_of
from gz2interp.workflows.features.settings import KINDS
from gz2interp.workflows.figures.drawing import Drawing
from gz2interp.workflows.figures.words import acknowledgement, colour_in_words, images_in_words
from gz2interp.workflows.opening import Subject

__all__ = ["feature_stretch", "sheet_drawing"]

Floats = NDArray[np.float32]

NAMED: Final = {"channel": "channels", "class": "classes", "group": "neuron groups", "cell": "cells of the atlas"}


def feature_stretch(folder: FeaturesFolder, bands: tuple[str, ...]) -> Stretch:
    """One stretch for all images of a sheet."""
    kept = [folder.read(kind).get("images") for kind in KINDS]
    images = np.concatenate([each[:64] for each in kept if each is not None])
    return stretch_of(images, bands)


def sheet_drawing(
    subject: Subject,
    layer: str = "",
    kind: str = "channel",
    manner: Manner | None = None,
    first: int = 0,
    most: int = 144,
) -> Drawing:
    """All feature images of a kind on a page.

    Parameters
    ----------
    subject : Subject
    layer : str, optional
        "" for the layer analysed last.
    kind : str, optional
        One of `KINDS`.
    manner : Manner, optional
    first, most : int, optional
        Which of many.

    Raises
    ------
    SurveyError
        The sheet has not been made.
    InputError
        It has none of that kind.
    """
    survey = subject.survey
    folder = sheet_of(survey, subject.model, layer)
    table = folder.judged
    table = table[(table["kind"] == kind) & (table["seed"] == 0)].iloc[first : first + most]
    if not len(table):
        there = sorted(set(folder.judged["kind"]), key=KINDS.index)
        raise InputError(f"Feature images of {kind} from {first} were asked for", f"The sheet has {choices(there)}")
    images, made = folder.images(kind), folder.provenance
    stretch = feature_stretch(folder, tuple(survey.bands))
    trusted = (table["reached"] > table["best"]).to_numpy()
    sprites = [
        Sprite(_named(subject, kind, number), None if silent else images[number], bool(goes_beyond))
        for number, silent, goes_beyond in zip(table["number"].tolist(), table["silent"].tolist(), trusted, strict=True)
    ]
    beyond = int(trusted.sum())
    foot = (
        f"Green frame: the image excites its objective more than any of the real galaxies looked at ({beyond} of "
        f"{len(table)}). Crossed out: no image was found that excites it."
    )
    figure = sprites_figure(sprites, survey.bands, stretch, manner or Manner(), foot)
    caption = " ".join(part for part in (_what(table, kind, made), *_origin(subject, stretch)) if part)
    return Drawing(figure, caption, (), table.reset_index(drop=True))


def _named(subject: Subject, kind: str, number: int) -> str:
    """A class by its name, groups counted from 1 as in their figures, and the rest by number."""
    if kind == "class":
        return name_in_words(subject.probe.class_names[number])
    return str(number + (kind == "group"))


_WAYS: Final = {"fourier": "as Fourier coefficients", "maco": "with a fixed spectrum (MACO)", "pixels": "as pixels"}


def _what(table: pd.DataFrame, kind: str, made: Any) -> str:
    agreed, unlike = table["agreement"].median(), table["unlike"].median()
    chance = "" if np.isnan(unlike) else f", images of different objectives by {unlike:.2f}"
    repeat = f" Images of one objective from two starts agree by {agreed:.2f} at the median{chance}."
    repeat = "" if np.isnan(agreed) else repeat
    steps = made.parameters.get("steps") if made else "?"
    way = str(made.parameters.get("parametrisation")) if made else "?"
    way = _WAYS.get(way, way)
    return (
        f"Feature images of the {NAMED[kind]} of layer {made.layer if made else ''}: light that excites each most, "
        f"within the survey's own range of fluxes and colours ({steps} steps, {way}, under rotation, shift, scale, "
        f"noise and blur). {(table['reached'] > table['random']).mean():.0%} reach more than the best of 64 random "
        f"images of the survey's light, {(table['reached'] > table['best']).mean():.0%} more than the best real "
        f"galaxy.{repeat}"
    ).replace("%", " %")


def _origin(subject: Subject, stretch: Stretch) -> tuple[str, ...]:
    survey, model = subject.survey, subject.model
    return (
        colour_in_words(survey.bands, stretch),
        f"Network {model.name} ({model.digest}), data {survey.name} ({survey.digest}); made with gz2interp.",
        images_in_words(survey),
        acknowledgement(survey),
    )
