"""LayerCAM: a layer's activations times the positive part of the score's gradient, cell by cell."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gz2interp.attribution.cams import class_activation_map
from gz2interp.attribution.questions import OURS
from gz2interp.network.model_probe import ModelProbe
from gz2interp.network.scores import Score
from gz2interp.results import Attribution

__all__ = ["layer_cam"]

Floats = NDArray[np.float32]


def layer_cam(
    probe: ModelProbe,
    images: Floats,
    score: Score,
    layer: str | None = None,
    *,
    alignment: str = "centres",
    backend: str = OURS,
) -> Attribution:
    """Activations times the positive part of their gradients, summed over the channels and resized to the image.

    Parameters
    ----------
    probe, images, score, layer, alignment, backend
        As for `gz2interp.attribution.grad_cam`.

    Returns
    -------
    Attribution
        float32 (n, y, x). Nowhere negative after a ReLU.

    Notes
    -----
    It differs from the paper in keeping the negative part of negative activations.

    References
    ----------
    Jiang, Zhang, Hou, Cheng & Wei 2021, LayerCAM: exploring hierarchical class activation maps for localization,
    https://doi.org/10.1109/TIP.2021.3089943
    """
    return class_activation_map(probe, images, score, layer, "layer_cam", layer_cam_cells, alignment, backend)


def layer_cam_cells(values: Floats, slopes: Floats) -> Floats:
    """The LayerCAM in the layer's cells, float32 (n, y, x)."""
    return np.asarray(np.einsum("nyxc,nyxc->nyx", values, np.maximum(slopes, 0)))
