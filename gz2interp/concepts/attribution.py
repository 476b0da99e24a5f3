"""Attribution of a score to channels and places of a layer, and the share of it that the shown blocks account for.

References
----------
Olah et al. 2018, The building blocks of interpretability, https://doi.org/10.23915/distill.00010
Sundararajan, Taly & Yan 2017, Axiomatic attribution for deep networks, https://arxiv.org/abs/1703.01365 (the path)

The evidence is the score's rise from an empty sky, seen by a network whose layer says nothing, to the galaxy. It comes
through the layer or past it; and of what comes through the layer, the blocks that are shown hold a part. The authors of
the building blocks name this as their interface's first weakness: what is not shown is not seen to be missing.
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
    """What a layer's activations add to one score.

    Attributes
    ----------
    activations : float32 (n, y, x, channel) or (n, channel)
    gradients : float32, as `activations`
        Of the score: where the layer says this, or their mean on the straight way there from a layer that says
        nothing.
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


def gradient_attribution(activations: Floats, gradients: Floats, score: str, scores: Floats) -> LayerAttribution:
    """Activations times the gradient there: exact where the score is linear in the layer.

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
    """The gradient averaged on the straight way from a layer that says nothing, so that the parts sum to the whole.

    Parameters
    ----------
    activations : float32 (n, y, x, channel) or (n, channel)
    gradient_of : callable
        From what a layer says to the scores (n,) and their gradients, as `activations`.
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


def channel_contributions(activations: Floats, gradients: Floats) -> Floats:
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


@dataclass(frozen=True, eq=False)
class Completeness:
    """The evidence for one score, taken apart; all in the unit of the score, signed, (n,) each.

    Attributes
    ----------
    evidence : float32
        ``shown + left + past + gap``.
    shown : float32
        Of the blocks that are shown.
    left : float32
        Of what the layer says besides.
    past : float32
        What the galaxy adds by ways that do not lead through the layer: 0 where everything passes it.
    gap : float32
        What the attribution does not explain: the score is not linear, or the integral has an error.
    absolute : float32
        Of the shown blocks and of all others, without signs: the share of the shown, 0 to 1. What is shown may account
        for the sum while much for and against it cancels elsewhere.
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
        """Of the evidence that is shown; may be negative or above 1, NaN where there is hardly any evidence."""
        parts = np.abs(self.shown) + np.abs(self.left) + np.abs(self.past) + np.abs(self.gap)
        told = np.abs(self.evidence) > 0.01 * np.maximum(parts, 1e-12)
        return np.divide(self.shown, self.evidence, out=np.full_like(self.evidence, np.nan), where=told)

    def words(self, galaxy: int = 0, name: str = "blocks") -> str:
        """One line for a person.

        Parameters
        ----------
        name : str, optional
            What the blocks are.
        """
        values = (float(each[galaxy]) for each in (self.evidence, self.shown, self.left, self.past, self.gap))
        evidence, shown, left, past, gap = (_signed(value) for value in values)
        share = float(self.share[galaxy])
        told = f" ({share:.0%} of it)".replace("%", " %") if 0 <= share <= 1 else ""
        return (
            f"{score_in_words(self.score)}: evidence {evidence} above an empty sky; the {name} shown account for "
            f"{shown}{told}, the rest of the layer for {left}, paths that bypass the layer for {past}, and {gap} is "
            "unexplained."
        )


def completeness_of(shown: Floats, others: Floats, through: Floats, past: Floats, score: str) -> Completeness:
    """Take evidence apart.

    Parameters
    ----------
    shown : float32 (n, block)
        Attributions of the blocks that are shown.
    others : float32 (n, block)
        Attributions of everything else that the layer says: the other channels, or what groups do not hold.
    through : float32 (n,)
        The rise of the score from a layer that says nothing, the image being the galaxy.
    past : float32 (n,)
        The rise of the score from an empty sky to the galaxy while the layer says nothing.
    """
    held, left = shown.sum(axis=1), others.sum(axis=1)
    strong, weak = np.abs(shown).sum(axis=1), np.abs(others).sum(axis=1)
    both = strong + weak
    absolute = np.divide(strong, both, out=np.ones_like(both), where=both > 0)
    return Completeness(through + past, held, left, past, through - held - left, absolute, score)


def _signed(value: float) -> str:
    return f"{round(value, 2) + 0.0:+.2f}".replace("-", "\N{MINUS SIGN}")
