"""What each channel adds to a score at each place of a layer; it is summed over channels, or over places.

References
----------
Olah et al. 2018, The building blocks of interpretability, https://doi.org/10.23915/distill.00010
Sundararajan, Taly & Yan 2017, Axiomatic attribution for deep networks, https://arxiv.org/abs/1703.01365 (the path)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.polynomial.legendre import leggauss
from numpy.typing import NDArray

from gz2interp.errors import InputError

__all__ = ["LayerAttribution", "along_the_path", "at_the_end", "between_layers"]

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class LayerAttribution:
    """What a layer's activations add to one score.

    Attributes
    ----------
    activations : float32 (n, y, x, channel) or (n, channel)
    gradients : float32, as `activations`
        Of the score: where the layer says this, or their mean on the straight way there from a layer that says
        nothing.
    score : str
    scores : float32 (n,)
    total : float32 (n,) or None
        The rise of the score from a layer that says nothing, which `values` of a path sum to; None where only the
        gradient at the end is known.
    """

    activations: Floats
    gradients: Floats
    score: str
    scores: Floats
    total: Floats | None = None

    @property
    def values(self) -> Floats:
        """Of each channel at each place, in the unit of the score: float32, as `activations`."""
        return self.activations * self.gradients

    @property
    def places(self) -> Floats:
        """Of each place, all channels together: float32 (n, y, x)."""
        if self.activations.ndim != 4:
            raise InputError("A layer without places was given", "One of shape (y, x, channel)")
        return np.asarray(self.values.sum(axis=-1))

    @property
    def channels(self) -> Floats:
        """Of each channel, all places together: float32 (n, channel)."""
        return np.asarray(self.values.sum(axis=tuple(range(1, self.activations.ndim - 1))))

    @property
    def gap(self) -> Floats:
        """What `values` lack of `total`, float32 (n,): zero but for the error of the integral; NaN without a total."""
        if self.total is None:
            return np.full(len(self.scores), np.nan, np.float32)
        return np.asarray(self.total - self.channels.sum(axis=1))


def at_the_end(activations: Floats, gradients: Floats, score: str, scores: Floats) -> LayerAttribution:
    """Activations times the gradient there: exact where the score is linear in the layer.

    Parameters
    ----------
    activations, gradients : float32 (n, y, x, channel) or (n, channel)
    score : str
    scores : float32 (n,)
    """
    _same(activations, gradients)
    return LayerAttribution(activations, gradients, score, scores)


def along_the_path(
    activations: Floats,
    gradient_of: Callable[[Floats], tuple[Floats, Floats]],
    score: str,
    steps: int = 16,
) -> LayerAttribution:
    """The gradient averaged on the straight way from a layer that says nothing, so that the parts sum to the whole.

    Parameters
    ----------
    activations : float32 (n, y, x, channel) or (n, channel)
    gradient_of : callable
        From what a layer says to the scores (n,) and their gradients, as `activations`.
    score : str
    steps : int, optional
        Places on the way, those of Gauss and Legendre.

    Raises
    ------
    InputError
        There is no step.
    """
    if steps < 1:
        raise InputError(f"{steps} steps were asked for", "At least one")
    places, weights = leggauss(steps)
    mean = np.zeros(activations.shape, np.float64)
    for place, weight in zip((places + 1) / 2, weights / 2, strict=True):
        mean += weight * gradient_of(activations * np.float32(place))[1]
    scores, _ = gradient_of(activations)
    silent, _ = gradient_of(np.zeros_like(activations))
    return LayerAttribution(activations, mean.astype(np.float32), score, scores, scores - silent)


def between_layers(activations: Floats, gradients: Floats) -> Floats:
    """What each channel of an earlier layer adds to one channel of a later one, all places together.

    Parameters
    ----------
    activations : float32 (n, y, x, channel) or (n, channel)
        Of the earlier layer.
    gradients : float32, as `activations`
        Of the mean of the later layer's channel over the image plane.

    Returns
    -------
    float32 (n, channel)
    """
    _same(activations, gradients)
    return np.asarray((activations * gradients).sum(axis=tuple(range(1, activations.ndim - 1))), np.float32)


def _same(activations: Floats, gradients: Floats) -> None:
    if activations.shape != gradients.shape:
        raise InputError(f"Activations {activations.shape} and gradients {gradients.shape} were given", "One shape")
