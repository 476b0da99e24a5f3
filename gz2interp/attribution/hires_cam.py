"""HiResCAM: a layer's activations times the score's gradient, cell by cell."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gz2interp.attribution.cams import class_activation_map
from gz2interp.network.model_probe import ModelProbe
from gz2interp.network.scores import Score
from gz2interp.results import Attribution

__all__ = ["hires_cam"]

Floats = NDArray[np.float32]


def hires_cam(
    probe: ModelProbe, images: Floats, score: Score, layer: str | None = None, *, alignment: str = "centres"
) -> Attribution:
    """Activations times gradients, summed over the channels and resized to the image.

    Parameters
    ----------
    probe, images, score, layer, alignment
        As for `gz2interp.attribution.grad_cam`.

    Returns
    -------
    Attribution
        float32 (n, y, x), signed. The cells are the layer's gradient x input: for a network that is linear without a
        bias after the layer they sum to the score.

    References
    ----------
    Draelos & Carin 2020, Use HiResCAM instead of Grad-CAM for faithful explanations of convolutional neural networks,
    https://arxiv.org/abs/2011.08891
    """
    return class_activation_map(probe, images, score, layer, "hires_cam", hires_cam_cells, alignment)


def hires_cam_cells(values: Floats, slopes: Floats) -> Floats:
    """The HiResCAM in the layer's cells, float32 (n, y, x)."""
    return np.asarray(np.einsum("nyxc,nyxc->nyx", values, slopes))
