"""What makes a painted galaxy's class: each component is painted away, and the network asked again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from gz2interp.painting import Alteration
from gz2interp.schema import GALAXY_ID
from gz2interp.stores.truth import Truth
from gz2interp.trust.truth import region_of
from gz2interp.workflows.check.sample import Sample
from gz2interp.workflows.opening import Subject
from gz2interp.workflows.repaint import recipe_of_galaxy, repaint_galaxy

__all__ = ["Causes", "causes_of"]


@dataclass(frozen=True, eq=False)
class Causes:
    """The components of some galaxies, and what the score owes to each.

    Attributes
    ----------
    components : tuple of str
    light : float32 (n, y, x, component)
        As a share of the galaxy's; 0 for what is not part of the galaxy: its field has no say in what it is.
    falls : float64 (n, component)
        By how much the logit of the predicted class falls without the component; NaN where the galaxy has none.
    """

    components: tuple[str, ...]
    light: NDArray[np.float32]
    falls: NDArray[np.float64]

    @property
    def cause(self) -> NDArray[np.int64]:
        """The component without which the score falls most, int (n,)."""
        return np.asarray(np.nanargmax(self.falls, axis=1))

    @property
    def counts(self) -> NDArray[np.int64]:
        """How many components each galaxy has."""
        return np.asarray(np.isfinite(self.falls).sum(axis=1))

    @cached_property
    def region(self) -> NDArray[np.bool_]:
        """Where the cause is, bool (n, y, x)."""
        return region_of(self.light[np.arange(len(self.light)), ..., self.cause])


def causes_of(subject: Subject, sample: Sample, progress: Callable[[int, int], None] | None = None) -> Causes | None:
    """The causes of a sample's classes; None where the survey was not painted."""
    survey = subject.survey
    if not Truth.exists(survey.path):
        return None
    truth = Truth.open(survey.path)
    light = truth.light(sample.rows).astype(np.float32)
    falls = np.full((len(sample.rows), len(truth.components)), np.nan)
    for k, row in enumerate(sample.rows):
        galaxy = int(survey.catalog[GALAXY_ID].iloc[row])
        names = tuple(dict.fromkeys(part.name for part in recipe_of_galaxy(survey, galaxy).subject))
        seen = [repaint_galaxy(survey, galaxy, Alteration(without=(name,))).after.image for name in names]
        logits = subject.probe.logits(np.stack([sample.images[k], *seen]))[:, sample.classes[k]]
        falls[k, [truth.component(name) for name in names]] = logits[0] - logits[1:]
        if progress:
            progress(k + 1, len(sample.rows))
    return Causes(truth.components, np.where(np.isfinite(falls)[:, None, None], light, 0), falls)
