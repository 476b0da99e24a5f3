"""The gradient times the image it was taken at: what each pixel contributes, to first order."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gz2interp.attribution.questions import Differentiable
from gz2interp.network.scores import Score
from gz2interp.results import Attribution

__all__ = ["gradient_x_input"]

Floats = NDArray[np.float32]


def gradient_x_input(probe: Differentiable, images: Floats, score: Score, *, at: str = "scaled") -> Attribution:
    """The gradient times the pixel's own value, in each band.

    Parameters
    ----------
    probe : Probe
    images : float32 (n, y, x, band), nanomaggies
    score : Score
    at : str, optional
        ``"scaled"`` or ``"input"``, as in `gradient`; both factors are taken there. In ``"scaled"`` a pixel counts by
        its distance from the value that is scaled to 0.

    Returns
    -------
    Attribution
        float32 (n, y, x, band), in the unit of the score. For a network that is linear without a bias, the sum over an
        image is the score.

    References
    ----------
    Shrikumar, Greenside, Shcherbina & Kundaje 2016, Not just a black box, https://arxiv.org/abs/1605.01713
    """
    answer = probe.gradients(images, score, at=at)
    return Attribution(
        values=answer.gradients * answer.values,
        scores=answer.scores,
        method="gradient_x_input",
        score=score.name,
        domain=answer.domain,
    )
