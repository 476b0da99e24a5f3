"""The verb itself: the steps of an analysis one after the other, and none that has been done already."""

from __future__ import annotations

import numpy as np

from gz2interp.errors import SurveyError
from gz2interp.stores.analyses import Analysis, layer_folder
from gz2interp.workflows.analyse.activations import write_activations
from gz2interp.workflows.analyse.map import write_map
from gz2interp.workflows.analyse.neighbours import write_neighbours
from gz2interp.workflows.analyse.settings import AnalyseSettings, provenance_of
from gz2interp.workflows.opening import Progress, Subject
from gz2interp.workflows.predict import predict

__all__ = ["analyse"]


def analyse(subject: Subject, settings: AnalyseSettings | None = None, progress: Progress | None = None) -> Analysis:
    """Predictions, pooled activations, exact neighbours and a map of every galaxy that has an image.

    What is up to date is left alone: a second call returns at once. An interrupted one goes on where it stopped, to the
    shard of 256 galaxies.

    Parameters
    ----------
    subject : Subject
    settings : AnalyseSettings, optional
    progress : callable, optional

    Raises
    ------
    SurveyError
        No galaxy of the survey has an image.
    LayerNotFound
        The network has no such layer.
    """
    settings = settings or AnalyseSettings()
    rows = np.flatnonzero(subject.survey.usable)
    if not len(rows):
        raise SurveyError(
            f"No galaxy of {subject.survey.name} has an image", "At least one", "Run gz2interp survey check to see why"
        )
    predict(subject, progress=progress)
    provenance = provenance_of(subject, settings)
    analysis = Analysis(layer_folder(subject.model.path, provenance.layer) / provenance.digest)
    if not analysis.is_complete:
        write_activations(analysis, subject, rows, provenance.layer, progress)
        neighbours = write_neighbours(analysis, rows, settings, progress)
        write_map(analysis, subject, rows, neighbours, settings, progress)
        analysis.complete(provenance)
    return analysis
