"""A survey with one of its models, the probe of its network, and its analyses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from gz2interp.errors import InputError, SurveyError, choices
from gz2interp.stores.analyses import Analysis, analyses_of, latest_analysis
from gz2interp.stores.locations import find_survey
from gz2interp.stores.models import ModelFolder
from gz2interp.stores.survey import Survey

if TYPE_CHECKING:
    import pandas as pd

    from gz2interp.network.probe import Probe

__all__ = ["Progress", "Study", "analysis_for", "open_study", "predictions_of"]


Progress = Callable[[str, int, int], None]
"""Called with (stage, done, total)."""


@dataclass(frozen=True)
class Study:
    """A survey, and the model that workflows apply to it."""

    survey: Survey
    model: ModelFolder

    @cached_property
    def probe(self) -> Probe:
        """The probe of the network, opened on first use.

        Raises
        ------
        InputError
            The network takes images of another shape or other bands than the survey's, or the model is a table of
            latents without a network.
        """
        if self.model.latents:
            raise InputError(
                f"{self.model.name} is a table of latents without a network",
                "A model with a network",
                f"Choose one with --model; {self.survey.name} has {choices(self.survey.models())}",
            )
        from gz2interp.network.probe import Probe  # loads TensorFlow

        probe = Probe.open(self.model.model_file, self.model.class_names or None)
        shape = (*self.survey.shape, len(self.survey.bands))
        if any(side not in (None, size) for side, size in zip(probe.image_shape, shape, strict=True)):
            raise InputError(
                f"The network {self.model.name} takes images (y, x, band) = {probe.image_shape}",
                f"{self.survey.name} has {shape}, bands {' '.join(self.survey.bands)}",
                "Choose a network trained on such cutouts",
            )
        return probe


def open_study(survey: str | Path, model: str | None = None) -> Study:
    """Open a survey by path or name, and one of its models; without a name, the only one."""
    opened = Survey.open(find_survey(survey))
    return Study(opened, opened.model(model))


def predictions_of(model: ModelFolder) -> pd.DataFrame | None:
    """The stored predictions of a model; None for latents, and before the network was run."""
    try:
        return model.predictions
    except SurveyError:
        return None


def analysis_for(survey: Survey, model: ModelFolder, layer: str = "") -> Analysis:
    """The newest analysis of a layer, "" for the layer analysed last, of exactly this survey and this model.

    Raises
    ------
    SurveyError
        There is none.
    """
    analysis = latest_analysis(model.path, survey.digest, model.digest, layer or None)
    if analysis is None:
        sources = [analysis.provenance for analysis in analyses_of(model.path)]
        others = sorted({item.layer for item in sources if (item.data, item.model) == (survey.digest, model.digest)})
        raise SurveyError(
            f"{layer or 'No layer'} of {model.name} has {'not ' if layer else ''}been analysed for {survey.name} "
            "as it is now",
            f"A layer that has been: {choices(others)}" if others else "",
            remedy=f"Run gz2interp analyse {survey.path} --model {model.name}" + (f" --layer {layer}" if layer else ""),
        )
    return analysis
