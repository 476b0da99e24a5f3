"""Open a survey, one of its models and a probe of it, together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from gz2interp.errors import InputError, choices
from gz2interp.network.probe import Probe
from gz2interp.stores.locations import find_survey
from gz2interp.stores.models import ModelFolder
from gz2interp.stores.survey import Survey

__all__ = ["Progress", "Subject", "open_subject"]

Progress = Callable[[str, int, int], None]
"""Called with (what is being done, done, of how many)."""


@dataclass(frozen=True)
class Subject:
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
        probe = Probe.open(self.model.model_file, self.model.class_names or None)
        wanted = (*self.survey.shape, len(self.survey.bands))
        if any(side not in (None, given) for side, given in zip(probe.image_shape, wanted, strict=True)):
            raise InputError(
                f"The network {self.model.name} takes images (y, x, band) = {probe.image_shape}",
                f"{self.survey.name} has {wanted}, bands {' '.join(self.survey.bands)}",
                "Choose a network trained on such cutouts",
            )
        return probe


def open_subject(survey: str | Path, model: str | None = None) -> Subject:
    """Open a survey by path or name, and one of its models; without a name, the only one."""
    opened = Survey.open(find_survey(survey))
    return Subject(opened, opened.model(model))
