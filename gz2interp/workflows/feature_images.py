"""``gz2interp features --of``: feature images of chosen objectives, and the files they are written to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits

from gz2interp.errors import InputError, choices
from gz2interp.features.forms import diversity
from gz2interp.features.objectives import caricature, deep_dream, inversion, neuron
from gz2interp.features.visualise import visualise
from gz2interp.network.scores import Score
from gz2interp.results import FeatureImages
from gz2interp.schema import DISPLAY_UNIT
from gz2interp.stores.files import atomic_write
from gz2interp.workflows.feature_sheet import SheetSettings
from gz2interp.workflows.make_feature_sheet import survey_prior
from gz2interp.workflows.score_text import score_from
from gz2interp.workflows.study import Progress, Study

__all__ = ["SUFFIXES", "feature_images", "objective_from", "write_feature_images"]

SUFFIXES = (".fits", ".pdf", ".svg", ".png")


def feature_images(
    study: Study,
    objectives: str | Score | Sequence[str | Score],
    settings: SheetSettings | None = None,
    progress: Progress | None = None,
    stop: Callable[[], bool] | None = None,
) -> FeatureImages:
    """Images that maximise objectives, within the image prior of the survey.

    >>> images = gz.feature_images(study, "neuron(block3, 12) - 0.1 * deep_dream(block3)")  # doctest: +SKIP

    Parameters
    ----------
    objectives : str, Score, or a sequence of them
        Texts are parsed by `objective_from`.
    settings : SheetSettings, optional
        Its steps, parametrisation, galaxies and seed are used.
    stop : callable, optional
        Called after each step; True returns the images as they are.

    Raises
    ------
    InputError
        A text is no objective, or it names a layer, channel or class that does not exist.
    """
    settings = settings or SheetSettings()
    items = [objectives] if isinstance(objectives, str | Score) else list(objectives)
    if not items:
        raise InputError("No objective was given", "One or more", "For example 'logit(spiral)'")
    scores = [objective_from(study, item) if isinstance(item, str) else item for item in items]
    return visualise(
        study.probe,
        scores,
        survey_prior(study.survey, settings.galaxies, settings.seed),
        parametrisation=settings.parametrisation,
        steps=settings.steps,
        seed=settings.seed,
        progress=progress,
        stop=stop,
    )


def objective_from(study: Study, text: str) -> Score:
    """Parse an objective.

    Parameters
    ----------
    text : str
        As for `gz2interp.workflows.score_text.score_from`, with more functions: ``neuron(LAYER, CHANNEL)`` in the
        middle or ``neuron(LAYER, CHANNEL, Y, X)``, ``deep_dream(LAYER)``, ``diversity(LAYER)``, and
        ``caricature(GALAXY, LAYER)`` and ``inversion(GALAXY, LAYER)`` (without a layer, the last spatial one).

    Raises
    ------
    InputError
        The text is no objective.
    """
    functions: dict[str, Callable[..., Score]] = {
        "neuron": neuron,
        "deep_dream": deep_dream,
        "diversity": diversity,
        "caricature": partial(_galaxy_objective, study, caricature),
        "inversion": partial(_galaxy_objective, study, inversion),
    }
    return score_from(study, text, functions)


def write_feature_images(images: FeatureImages, study: Study, path: Path) -> Path:
    """Write images as FITS (an extension each, (band, y, x), nanomaggies) or as one figure (PDF, SVG, PNG).

    Raises
    ------
    InputError
        The suffix is not one of `SUFFIXES`, or there is no image.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise InputError(f"Feature images were to go to {path.name}", f"The suffix may be {choices(SUFFIXES)}")
    if not len(images):
        raise InputError("No feature image was finished", "One or more", "Let it go on longer")
    if path.suffix.lower() == ".fits":
        with atomic_write(path) as aside:
            _fits_of(images, study).writeto(aside)
    else:
        from gz2interp.figures.layouts.sprites import Sprite, sprites_figure
        from gz2interp.figures.rgb import stretch_of
        from gz2interp.figures.style import FigureStyle, save_figure
        from gz2interp.workflows.figure_parts import colour_in_words, network_in_words

        survey = study.survey
        stretch = stretch_of(images.images, survey.bands)
        sprites = [
            Sprite(f"{number + 1}", None if silent else image)
            for number, (image, silent) in enumerate(zip(images.images, images.silent, strict=True))
        ]
        figure = sprites_figure(sprites, survey.bands, stretch, FigureStyle())
        save_figure(
            figure, path, f"{_caption(images)} {colour_in_words(survey.bands, stretch)} {network_in_words(study)}"
        )
    return path


def _galaxy_objective(study: Study, objective: Callable[..., Score], galaxy: str | int, layer: str = "") -> Score:
    layer = layer or study.probe.default_layer
    image = study.survey.cutout(study.survey.row_of(galaxy)).image
    return objective(layer, study.probe.activations(image[None], layer)[0], to=str(galaxy))


def _caption(images: FeatureImages) -> str:
    results = ", ".join(
        f"({number + 1}) {name}, which it brings to {reached:.3g}"
        for number, (name, reached) in enumerate(zip(images.objectives, images.reached, strict=True))
    )
    steps = " to ".join(str(steps_taken) for steps_taken in sorted({int(images.steps.min()), int(images.steps.max())}))
    ended = "" if images.finished else f" of {images.parameters.get('steps')}: it was stopped"
    return f"Feature images ({images.parametrisation}, {steps} steps{ended}, seed {images.seed}): {results}."


def _fits_of(images: FeatureImages, study: Study) -> fits.HDUList:
    hdus: list[Any] = [fits.PrimaryHDU()]
    header = hdus[0].header
    header["PARAMETR"], header["SEED"], header["FINISHED"] = images.parametrisation, images.seed, images.finished
    header["MODEL"], header["DATA"] = study.model.digest, study.survey.digest
    header["ASKED"] = (images.parameters.get("steps"), "steps asked for")
    for number, (image, name) in enumerate(zip(images.images, images.objectives, strict=True)):
        hdu = fits.ImageHDU(np.ascontiguousarray(np.moveaxis(image, -1, 0)), name="FEATURE", ver=number + 1)
        hdu.header["BUNIT"] = DISPLAY_UNIT if study.survey.unit == DISPLAY_UNIT else "nmgy"
        hdu.header["BANDS"] = " ".join(study.survey.bands)
        hdu.header["OBJECT"], hdu.header["STEPS"] = name[:68], int(images.steps[number])
        for key, values in (("REACHED", images.reached), ("TRANSFRM", images.transformed)):
            if np.isfinite(values[number]):  # FITS headers have no NaN or infinity
                hdu.header[key] = float(values[number])
        hdu.header["SILENT"] = bool(images.silent[number])
        hdus.append(hdu)
    return fits.HDUList(hdus)
