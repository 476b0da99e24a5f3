"""A method with its options, and what of its maps counts when pixels are put into an order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from gz2interp.attribution import Differentiable, Method
from gz2interp.attribution.several import each_by_its_score
from gz2interp.network.scores import logit
from gz2interp.results import Attribution

__all__ = ["Explainer", "Network", "importance"]

Floats = NDArray[np.float32]
Classes = NDArray[np.int64]


class Network(Differentiable, Protocol):
    """What a check needs to know of a network; `gz2interp.network.probe.Probe` is one."""

    def probabilities(self, images: Floats) -> Floats:
        """What the network says of each image, float32 (n, class)."""


@dataclass(frozen=True)
class Explainer:
    """A method as it is asked: about the logit of each image's class.

    Attributes
    ----------
    method : Method
    options : mapping
        Of the method.
    """

    method: Method
    options: Mapping[str, Any] = field(default_factory=dict)

    def explain(self, probe: Network, images: Floats, classes: Classes) -> Attribution:
        """The maps of images (n, y, x, band), each for its own class int (n,)."""
        scores = [logit(int(each)) for each in classes]
        return each_by_its_score(
            lambda some, score: self.method.function(probe, some, score, **self.options),
            images,
            scores,
            "logit of the predicted class",
        )

    def importance(self, probe: Network, images: Floats, classes: Classes) -> Floats:
        """How much each pixel counts, float32 (n, y, x); see `importance`."""
        return importance(self.explain(probe, images, classes).values, self.method.contributes)


def importance(values: Floats, contributes: bool) -> Floats:
    """How much each pixel counts for the score, all bands together, float32 (n, y, x).

    Parameters
    ----------
    values : float32 (n, y, x, band) or (n, y, x)
        Maps.
    contributes : bool
        Shares in the score are added up over bands with their sign. A sensitivity (a derivative) has no side: its
        absolute values are added up.
    """
    counted = values if contributes else np.abs(values)
    return np.asarray(counted.sum(axis=-1) if counted.ndim == 4 else counted, np.float32)
