"""The verb itself: find a layer's building blocks in a survey, and keep them inside the layer's analysis."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd

from gz2interp.concepts.groups import find_groups
from gz2interp.errors import SurveyError
from gz2interp.stores.analyses import Analysis
from gz2interp.stores.files import whole_folder
from gz2interp.stores.layer_results import BlocksFolder, blocks_folder
from gz2interp.stores.models import ModelFolder
from gz2interp.stores.survey import Survey
from gz2interp.workflows.analysed import analysis_for
from gz2interp.workflows.blocks.asking import cells_of
from gz2interp.workflows.blocks.atlases import atlases_of, laid_out
from gz2interp.workflows.blocks.channels import artefact_tables, channel_table, correlates_table
from gz2interp.workflows.blocks.gathering import Gathered, gathered
from gz2interp.workflows.blocks.settings import LOGIT_RULE, BlockSettings, provenance_of, settings_of
from gz2interp.workflows.image_quality import quality, quality_provenance
from gz2interp.workflows.opening import Progress, Subject

__all__ = ["blocks"]

FEWEST = 12
"""Galaxies without which nothing can be said of channels."""


def blocks(
    subject: Subject, layer: str = "", settings: BlockSettings | None = None, progress: Progress | None = None
) -> BlocksFolder:
    """What a layer's channels, groups and places say; made once, and kept. An interrupted run goes on where it stopped.

    Image quality is measured first where that has not been done.

    Parameters
    ----------
    subject : Subject
    layer : str
        "" for the layer analysed last.
    settings : BlockSettings, optional
        By default those with which they were found before, if they were.
    progress : callable, optional

    Raises
    ------
    SurveyError
        The layer has not been analysed for this survey as it is now, or fewer than 12 galaxies have an image.
    InputError
        There is no network, but latents in its place.
    """
    survey = subject.survey
    analysis = analysis_for(survey, subject.model, layer)
    folder = blocks_folder(analysis)
    known = folder.provenance
    settings = settings or (settings_of(known) if known else BlockSettings())
    if len(analysis.rows) < FEWEST:
        raise SurveyError(f"{len(analysis.rows)} galaxies of {survey.name} have an image", f"At least {FEWEST}")
    predictions = _predictions(subject.model)
    made = subject.model.predictions_provenance if predictions is not None else None
    rule = known.parameters.get(LOGIT_RULE) if known else None  # of a network that need not be opened again
    provenance = provenance_of(
        analysis,
        settings,
        quality_provenance(survey).digest,
        made.digest if made else "",
        str(rule or subject.probe.logit_rule),
    )
    if known is None or known.digest != provenance.digest:
        what = f"the building blocks of {survey.name} by {analysis.words}"
        with whole_folder(folder.path, what, replace=True, resume=provenance.digest) as aside:
            unfinished, checkpoint = BlocksFolder(aside), aside / "gathered.npz"
            found = gathered(subject.probe, survey, analysis.rows, analysis.layer, settings, progress, checkpoint)
            _write_tables(unfinished, survey, analysis, found, predictions, settings, progress)
            _write_arrays(unfinished, subject, analysis, found, settings, progress)
            unfinished.complete(provenance)
            checkpoint.unlink()
    return blocks_folder(analysis)


def _predictions(model: ModelFolder) -> pd.DataFrame | None:
    try:
        return model.predictions
    except SurveyError:
        return None


def _write_tables(
    folder: BlocksFolder,
    survey: Survey,
    analysis: Analysis,
    found: Gathered,
    predictions: pd.DataFrame | None,
    settings: BlockSettings,
    progress: Progress | None,
) -> None:
    measured = quality(survey, progress)
    if not folder.has("channels.parquet"):  # written behind the other of the two
        named, tests = artefact_tables(survey, found.by_mean.top, analysis.rows, measured)
        folder.write_table("artefacts", tests)
        folder.write_table("channels", channel_table(found, named))
    if progress:
        progress("correlates", 0, 1)
    if not folder.has("correlates.parquet"):
        folder.write_table("correlates", correlates_table(survey, analysis, predictions, measured, settings))


def _write_arrays(
    folder: BlocksFolder,
    subject: Subject,
    analysis: Analysis,
    found: Gathered,
    settings: BlockSettings,
    progress: Progress | None,
) -> None:
    places, names = found.places, subject.probe.class_names
    sides = {"top": found.by_mean.top, "bottom": found.by_mean.bottom, "peak": found.by_max.top}
    folder.write_arrays(
        "tops", {f"{side}_{name}": values for side, each in sides.items() for name, values in vars(each).items()}
    )
    if progress:
        progress("groups", 0, 1)
    if not folder.has("groups.npz"):
        groups = find_groups(places.vectors, settings.groups, settings.seed, analysis.layer)
        held, negative = np.array(groups.held), np.array(groups.negative)
        folder.write_arrays("groups", {"directions": groups.directions, "held": held, "negative": negative})
    if progress:
        progress("atlas", 0, 1)
    if not folder.has("places.npz"):
        cells = np.array(json.dumps(cells_of(subject.probe, analysis.layer, subject.survey.shape).to_json()))
        coordinates = laid_out(places, settings)
        of_places = {name: getattr(places, name) for name in ("rows", "y", "x", "attributed")}
        folder.write_arrays("places", {**of_places, "cells": cells, "coordinates": coordinates})
    coordinates = folder.arrays("places")["coordinates"]
    for name, arrays in atlases_of(places, coordinates, names, found.tally.covariance, settings).items():
        folder.write_arrays(name, arrays)
