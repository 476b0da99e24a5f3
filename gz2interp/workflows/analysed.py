"""The analysis that a question about a layer is put to. Needs no network."""

from __future__ import annotations

from gz2interp.errors import SurveyError, choices
from gz2interp.stores.analyses import Analysis, analyses_of, latest_analysis
from gz2interp.stores.models import ModelFolder
from gz2interp.stores.survey import Survey

__all__ = ["analysis_for"]


def analysis_for(survey: Survey, model: ModelFolder, layer: str = "") -> Analysis:
    """The newest analysis of a layer of exactly this survey and this model.

    Parameters
    ----------
    survey : Survey
    model : ModelFolder
    layer : str
        "" for the layer analysed last.

    Raises
    ------
    SurveyError
        There is none.
    """
    analysis = latest_analysis(model.path, survey.digest, model.digest, layer or None)
    if analysis is None:
        made = [each.provenance for each in analyses_of(model.path)]
        others = sorted({each.layer for each in made if (each.data, each.model) == (survey.digest, model.digest)})
        raise SurveyError(
            f"{layer or 'No layer'} of {model.name} has {'not ' if layer else ''}been analysed for {survey.name} "
            "as it is now",
            f"A layer that has been: {choices(others)}" if others else "",
            remedy=f"Run gz2interp analyse {survey.path} --model {model.name}" + (f" --layer {layer}" if layer else ""),
        )
    return analysis
