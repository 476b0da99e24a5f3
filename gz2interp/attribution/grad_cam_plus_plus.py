"""Grad-CAM++: Grad-CAM whose weights count each place by how much it matters there."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gz2interp.attribution.cams import class_activation_map
from gz2interp.attribution.questions import OURS, Differentiable
from gz2interp.network.scores import Score
from gz2interp.results import Attribution

__all__ = ["grad_cam_plus_plus"]

Floats = NDArray[np.float32]

TINY = 1e-30
"""Below it a denominator counts as zero, and its place as one that does not matter."""


def grad_cam_plus_plus(
    probe: Differentiable,
    images: Floats,
    score: Score,
    layer: str | None = None,
    *,
    alignment: str = "centres",
    backend: str = OURS,
) -> Attribution:
    """The layer's channels, each weighted by its positive gradients, added up and drawn over the image.

    Parameters
    ----------
    probe, images, score, layer, alignment, backend
        As for `gz2interp.attribution.grad_cam`.

    Returns
    -------
    Attribution
        float32 (n, y, x). The weights are not negative, so that it tells what speaks for the score, not what speaks
        against it.

    Notes
    -----
    The second and third derivatives are those of the exponential of the score, as in the paper, for which they are
    powers of the first. Departs from the paper in keeping the negative part that activations below zero leave.
    tf-keras-vis divides each channel's shares by their sum, as the authors' own code does and the paper does not, and
    multiplies by the exponential of the score.

    References
    ----------
    Chattopadhyay, Sarkar, Howlader & Balasubramanian 2018, Grad-CAM++: improved visual explanations for deep
    convolutional networks, https://arxiv.org/abs/1710.11063
    """
    return class_activation_map(
        probe, images, score, layer, "grad_cam_plus_plus", grad_cam_plus_plus_cells, alignment, backend
    )


def grad_cam_plus_plus_cells(values: Floats, slopes: Floats) -> Floats:
    """Float32 (n, y, x)."""
    second, third = slopes**2, slopes**3
    below = 2 * second + values.sum(axis=(1, 2), keepdims=True) * third
    share = np.divide(second, below, out=np.zeros_like(second), where=np.abs(below) > TINY)
    weights = (share * np.maximum(slopes, 0)).sum(axis=(1, 2))
    return np.asarray((values @ weights[:, None, :, None])[..., 0], np.float32)
