"""Attribution of a score to channels and positions of a layer, and its completeness.

References
----------
Olah et al. 2018, The building blocks of interpretability, https://doi.org/10.23915/distill.00010
Sundararajan, Taly & Yan 2017, Axiomatic attribution for deep networks, https://arxiv.org/abs/1703.01365 (the path)

The evidence is the difference between the score of the galaxy and that of the sky baseline with zero activations of
the layer. It is the sum of what passes through the layer and what bypasses it; the blocks that are shown account for a
part of the former. Olah et al. name the missing measure of completeness as the first weakness of their interface.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.polynomial.legendre import leggauss
from numpy.typing import NDArray

from gz2interp.errors import InputError
from gz2interp.schema import score_in_words

__all__ = [
    "Completeness",
    "LayerAttribution",
    "channel_contributions",
    "completeness_of",
    "gradient_attribution",
    "path_attribution",
]


Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class LayerAttribution:
    """Attribution of one score to a layer's activations.

    Attributes
    ----------
    activations : float32 (n, y, x, channel) or (n, channel)
    gradients : float32, as `activations`
        Gradient of the score at the activations, or its mean on the straight path from zero activations.
    scores : float32 (n,)
    total : float32 (n,) or None
        Difference between the score and that with zero activations, to which `values` along a path sum; None for the
        gradient at the activations alone.
    """

    activations: Floats
    gradients: Floats
    score: str
    scores: Floats
    total: Floats | None = None

    @property
    def values(self) -> Floats:
        """Attribution to each channel at each position, in the unit of the score: float32, as `activations`."""
        return self.activations * self.gradients

    @property
    def places(self) -> Floats:
        """Attribution to each position, summed over channels: float32 (n, y, x)."""
        if self.activations.ndim != 4:
            raise InputError("A layer that is not spatial was given", "One of shape (y, x, channel)")
        return np.asarray(self.values.sum(axis=-1))

    @property
    def channels(self) -> Floats:
        """Attribution to each channel, summed over positions: float32 (n, channel)."""
        return np.asarray(self.values.sum(axis=tuple(range(1, self.activations.ndim - 1))))

    @property
    def gap(self) -> Floats:
        """`total` minus the sum of `values`, float32 (n,): the error of the integral; NaN without a total."""
        if self.total is None:
            return np.full(len(self.scores), np.nan, np.float32)
        return np.asarray(self.total - self.channels.sum(axis=1))


def gradient_attribution(activations: Floats, gradients: Floats, score: str, scores: Floats) -> LayerAttribution:
    """Activations times the gradient at the activations: exact where the score is linear in the layer.

    Parameters
    ----------
    activations, gradients : float32 (n, y, x, channel) or (n, channel)
    scores : float32 (n,)
    """
    _same(activations, gradients)
    return LayerAttribution(activations, gradients, score, scores)


def path_attribution(
    activations: Floats,
    gradient_of: Callable[[Floats], tuple[Floats, Floats]],
    score: str,
    steps: int = 16,
) -> LayerAttribution:
    """Activations times the gradient averaged on the straight path from zero activations, with a complete sum.

    Parameters
    ----------
    activations : float32 (n, y, x, channel) or (n, channel)
    gradient_of : callable
        From activations to the scores (n,) and their gradients, as `activations`.
    steps : int, optional
        Points on the path (Gauss-Legendre quadrature).

    Raises
    ------
    InputError
        There is no step.
    """
    if steps < 1:
        raise InputError(f"{steps} steps were requested", "At least one")
    points, weights = leggauss(steps)
    mean = np.zeros(activations.shape, np.float64)
    for point, weight in zip((points + 1) / 2, weights / 2, strict=True):
        mean += weight * gradient_of(activations * np.float32(point))[1]
    scores, _ = gradient_of(activations)
    baseline, _ = gradient_of(np.zeros_like(activations))
    return LayerAttribution(activations, mean.astype(np.float32), score, scores, scores - baseline)


def channel_contributions(activations: Floats, gradients: Floats) -> Floats:
    """Contributions of each channel of an earlier layer to one channel of a later layer, summed over positions.

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


@dataclass(frozen=True, eq=False)
class Completeness:
    """Decomposition of the evidence for one score; each (n,), signed, in the unit of the score.

    Attributes
    ----------
    evidence : float32
        ``shown + left + past + gap``.
    shown : float32
        Attribution to the blocks that are shown.
    left : float32
        Attribution to the rest of the layer.
    past : float32
        Contribution of connections that bypass the layer: 0 where there are none.
    gap : float32
        Unexplained rest: nonlinearity of the score, or the error of the integral.
    absolute : float32
        Share of the shown blocks in the sum of absolute attributions, 0 to 1. It is low where positive and negative
        attributions that are not shown cancel.
    """

    evidence: Floats
    shown: Floats
    left: Floats
    past: Floats
    gap: Floats
    absolute: Floats
    score: str

    @property
    def share(self) -> Floats:
        """Share of the evidence that is shown; may be negative or above 1, NaN where there is hardly any evidence."""
        parts = np.abs(self.shown) + np.abs(self.left) + np.abs(self.past) + np.abs(self.gap)
        enough = np.abs(self.evidence) > 0.01 * np.maximum(parts, 1e-12)
        return np.divide(self.shown, self.evidence, out=np.full_like(self.evidence, np.nan), where=enough)

    def words(self, galaxy: int = 0, name: str = "blocks") -> str:
        """A sentence on one galaxy; `name` is the name of the blocks."""
        terms = (self.evidence, self.shown, self.left, self.past, self.gap)
        evidence, shown_part, left, past, gap = (_signed(float(term[galaxy])) for term in terms)
        share = float(self.share[galaxy])
        percentage = f" ({share:.0%} of it)".replace("%", " %") if 0 <= share <= 1 else ""
        return (
            f"{score_in_words(self.score)}: evidence {evidence} above an empty sky; the {name} shown account for "
            f"{shown_part}{percentage}, the rest of the layer for {left}, paths that bypass the layer for {past}, and "
            f"{gap} is unexplained."
        )


def completeness_of(shown_blocks: Floats, others: Floats, through: Floats, past: Floats, score: str) -> Completeness:
    """Decompose the evidence.

    Parameters
    ----------
    shown_blocks : float32 (n, block)
        Attributions to the blocks that are shown.
    others : float32 (n, block)
        Attributions to the rest of the layer: the other channels, or the residual of the groups.
    through : float32 (n,)
        Difference between the score of the galaxy and that with zero activations.
    past : float32 (n,)
        Difference between the scores of the galaxy and of the sky baseline, both with zero activations.
    """
    total, left = shown_blocks.sum(axis=1), others.sum(axis=1)
    strong, weak = np.abs(shown_blocks).sum(axis=1), np.abs(others).sum(axis=1)
    both = strong + weak
    absolute = np.divide(strong, both, out=np.ones_like(both), where=both > 0)
    return Completeness(through + past, total, left, past, through - total - left, absolute, score)


def _signed(value: float) -> str:
    return f"{round(value, 2) + 0.0:+.2f}".replace("-", "\N{MINUS SIGN}")
