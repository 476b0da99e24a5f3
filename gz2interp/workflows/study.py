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
    from gz2interp.network.probe import Probe

__all__ = ["Progress", "Study", "analysis_for", "open_study"]


Progress = Callable[[str, int, int], None]
"""Called with (what is being done, done, of how many)."""


@dataclass(frozen=True)
class Study:
    """What a workflow looks at: a network, and the galaxies it is asked about.

    Attributes
    ----------
    survey : Survey
    model : ModelFolder
    """

    survey: Survey
    model: ModelFolder

    @cached_property
    def probe(self) -> Probe:
        """The door to the network, opened on first use.

        Raises
        ------
        InputError
            The network takes images of another shape or other bands than the survey's, or there are latents in its
            place.
        """
        if self.model.latents:
            raise InputError(
                f"{self.model.name} are latents: no network can be asked",
                "A model with a network",
                f"Choose one with --model; {self.survey.name} has {choices(self.survey.models())}",
            )
        from gz2interp.network.probe import Probe  # loads TensorFlow

        probe = Probe.open(self.model.model_file, self.model.class_names or None)
        wanted = (*self.survey.shape, len(self.survey.bands))
        if any(side not in (None, given) for side, given in zip(probe.image_shape, wanted, strict=True)):
            raise InputError(
                f"The network {self.model.name} takes images (y, x, band) = {probe.image_shape}",
                f"{self.survey.name} has {wanted}, bands {' '.join(self.survey.bands)}",
                "Choose a network trained on such cutouts",
            )
        return probe


def open_study(survey: str | Path, model: str | None = None) -> Study:
    """Open a survey by path or name, and one of its models; without a name, the only one."""
    opened = Survey.open(find_survey(survey))
    return Study(opened, opened.model(model))


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
