"""The gradient of a score with respect to the image, alone or times the input."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gz2interp.attribution.questions import OURS, TF_KERAS_VIS, check_backend, tf_keras_vis_backend
from gz2interp.network.model_probe import ModelProbe
from gz2interp.network.scores import Score
from gz2interp.results import Attribution

__all__ = ["gradient", "gradient_x_input"]


Floats = NDArray[np.float32]


def gradient(
    probe: ModelProbe, images: Floats, score: Score, *, at: str = "scaled", backend: str = OURS
) -> Attribution:
    """The derivative of the score with respect to each pixel in each band.

    Parameters
    ----------
    images : float32 (n, y, x, band), nanomaggies
    at : str, optional
        ``"scaled"``: per unit of the scaled image, where the bands are comparable; for a network without a scaling
        layer it is the input. ``"input"``: per nanomaggy.
    backend : str, optional
        ``"ours"`` or ``"tf-keras-vis"``, which always differentiates at the input.

    Returns
    -------
    Attribution
        float32 (n, y, x, band); its `domain` is the variable of differentiation.

    Notes
    -----
    It differs from the paper, and from tf-keras-vis, in keeping the sign and the bands: there the largest absolute
    value over the bands is shown, stretched to [0, 1] in each image.

    References
    ----------
    Simonyan, Vedaldi & Zisserman 2014, Deep inside convolutional networks, https://arxiv.org/abs/1312.6034
    """
    if check_backend(backend) == TF_KERAS_VIS:
        gradients = tf_keras_vis_backend().saliency(probe, images, score)
    else:
        gradients = probe.gradients(images, score, at=at)
    return Attribution(
        values=gradients.gradients,
        scores=gradients.scores,
        method="gradient",
        score=score.name,
        domain=gradients.domain,
        parameters={"backend": backend},
    )


def gradient_x_input(probe: ModelProbe, images: Floats, score: Score, *, at: str = "scaled") -> Attribution:
    """The gradient times the pixel's value, in each band.

    Parameters
    ----------
    images : float32 (n, y, x, band), nanomaggies
    at : str, optional
        ``"scaled"`` or ``"input"``, as in `gradient`, for both factors. In ``"scaled"`` a pixel's value is its
        difference from the flux that is scaled to 0.

    Returns
    -------
    Attribution
        float32 (n, y, x, band), in the unit of the score. For a network that is linear without a bias, the sum over an
        image is the score.

    References
    ----------
    Shrikumar, Greenside, Shcherbina & Kundaje 2016, Not just a black box, https://arxiv.org/abs/1605.01713
    """
    gradients = probe.gradients(images, score, at=at)
    return Attribution(
        values=gradients.gradients * gradients.values,
        scores=gradients.scores,
        method="gradient_x_input",
        score=score.name,
        domain=gradients.domain,
    )
