"""Grad-CAM and Grad-CAM++: a layer's activations weighted by gradients of a score."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gz2interp.attribution.cams import cam_attribution, check_planes, class_activation_map
from gz2interp.attribution.questions import OURS, TF_KERAS_VIS, check_backend, tf_keras_vis_backend
from gz2interp.network.answers import Gradients
from gz2interp.network.model_probe import ModelProbe
from gz2interp.network.scores import Score
from gz2interp.results import Attribution

__all__ = ["cells_of", "grad_cam", "grad_cam_plus_plus"]


Floats = NDArray[np.float32]


def grad_cam(
    probe: ModelProbe,
    images: Floats,
    score: Score,
    layer: str | None = None,
    *,
    positive_only: bool = False,
    alignment: str = "centres",
    backend: str = OURS,
) -> Attribution:
    """The layer's channels weighted by the mean gradient of the score, summed and resized to the image.

    Parameters
    ----------
    images : float32 (n, y, x, band), nanomaggies
    layer : str, optional
        A layer of shape (y, x, channel); by default the last of the network.
    positive_only : bool, optional
        Set values that decrease the score to 0.
    alignment : str, optional
        ``"centres"`` or ``"corners"``; see Notes.
    backend : str, optional
        ``"ours"`` or ``"tf-keras-vis"``, which does not support nested networks. Both return the map in cells, which is
        resized according to `alignment`.

    Returns
    -------
    Attribution
        float32 (n, y, x), signed. A cell's value is, to first order and with every channel's gradient replaced by its
        mean over the plane, the decrease of the score when the cell's activations are set to 0, times the number of
        cells.

    Notes
    -----
    It differs from the paper in keeping the negative part unless `positive_only`, and from tf-keras-vis in the
    geometry: a cell's value is placed at the mean position of the pixels that the cell is computed from, which follows
    from the kernels, strides and paddings before (`gz2interp.network.geometry`; ``alignment="centres"``). Placing the
    first and last cell on the first and last pixel (``"corners"``, as tf-keras-vis does) shifts the map by up to half a
    stride and more: three convolutions of stride 2 with padding "same" are centred on pixel 8 k + 7, not on 9 k.

    References
    ----------
    Selvaraju et al. 2017, Grad-CAM, https://arxiv.org/abs/1610.02391
    """
    layer = layer or probe.default_layer
    if check_backend(backend) == TF_KERAS_VIS:
        cells, scores = tf_keras_vis_backend().class_activation_map(probe, images, score, layer, "grad_cam")
    else:
        gradients = probe.gradients(images, score, at=layer)
        cells, scores = cells_of(gradients), gradients.scores
    if positive_only:
        cells = np.maximum(cells, 0)
    parameters = {"positive_only": positive_only, "alignment": alignment, "backend": backend}
    return cam_attribution(probe, cells, scores, images, "grad_cam", score, layer, parameters)


def cells_of(gradients: Gradients) -> Floats:
    """The Grad-CAM in the layer's cells, float32 (n, y, x), from gradients at a layer (n, y, x, channel)."""
    values = check_planes(gradients.values, gradients.domain)
    weights = gradients.gradients.mean(axis=(1, 2))  # (n, channel)
    return np.asarray((values @ weights[:, None, :, None])[..., 0], np.float32)


TINY = 1e-30
"""A denominator below it counts as 0, and the weight there is 0."""


def grad_cam_plus_plus(
    probe: ModelProbe,
    images: Floats,
    score: Score,
    layer: str | None = None,
    *,
    alignment: str = "centres",
    backend: str = OURS,
) -> Attribution:
    """The layer's channels weighted by their positive gradients, summed and resized to the image.

    Parameters
    ----------
    probe, images, score, layer, alignment, backend
        As for `gz2interp.attribution.grad_cam`.

    Returns
    -------
    Attribution
        float32 (n, y, x). The weights are not negative, so that it shows what increases the score, not what decreases
        it.

    Notes
    -----
    The second and third derivatives are those of the exponential of the score, as in the paper, for which they are
    powers of the first. It differs from the paper in keeping the negative part of negative activations. tf-keras-vis
    divides each channel's coefficients by their sum, as the authors' code does and the paper does not, and multiplies
    by the exponential of the score.

    References
    ----------
    Chattopadhyay, Sarkar, Howlader & Balasubramanian 2018, Grad-CAM++: improved visual explanations for deep
    convolutional networks, https://arxiv.org/abs/1710.11063
    """
    return class_activation_map(
        probe, images, score, layer, "grad_cam_plus_plus", grad_cam_plus_plus_cells, alignment, backend
    )


def grad_cam_plus_plus_cells(values: Floats, slopes: Floats) -> Floats:
    """The Grad-CAM++ in the layer's cells, float32 (n, y, x)."""
    second, third = slopes**2, slopes**3
    below = 2 * second + values.sum(axis=(1, 2), keepdims=True) * third
    share = np.divide(second, below, out=np.zeros_like(second), where=np.abs(below) > TINY)
    weights = (share * np.maximum(slopes, 0)).sum(axis=(1, 2))
    return np.asarray((values @ weights[:, None, :, None])[..., 0], np.float32)
