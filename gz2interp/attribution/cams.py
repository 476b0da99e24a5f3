"""Common parts of class activation maps: a map over a layer's cells, resized to the image's pixels."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from gz2interp.attribution.questions import OURS, TF_KERAS_VIS, check_backend, tf_keras_vis_backend
from gz2interp.cells import CellGeometry, tiled
from gz2interp.errors import InputError, choices
from gz2interp.network.model_probe import ModelProbe
from gz2interp.network.scores import Score
from gz2interp.results import Attribution

__all__ = ["ALIGNMENTS", "cam_attribution", "check_planes", "class_activation_map", "resize_cells"]


Floats = NDArray[np.float32]

ALIGNMENTS: Final = ("centres", "corners")


def resize_cells(
    maps: Floats, shape: tuple[int, int], alignment: str = "centres", cells: CellGeometry | None = None
) -> Floats:
    """Maps of a layer's cells, interpolated linearly to pixels.

    Parameters
    ----------
    maps : float32 (n, y, x)
        One number per cell.
    shape : (y, x)
        Of the image, in pixels.
    alignment : str, optional
        ``"centres"``: each value is placed at its cell's centre; beyond the outermost centres it is constant.
        ``"corners"``: the outermost cells are placed on the outermost pixels, as in `scipy.ndimage.zoom` by default.
    cells : CellGeometry, optional
        Centres of the cells in an image of that shape. By default the cells tile the image, as in ``grid_mode`` of
        `scipy.ndimage.zoom`.

    Returns
    -------
    float32 (n, y, x)
    """
    if alignment not in ALIGNMENTS:
        raise InputError(
            f"There is no alignment {alignment!r}", f"One of {choices(ALIGNMENTS)}", "Leave it out for 'centres'"
        )
    geometry = cells or tiled(maps.shape[1:], shape)
    if alignment == "corners":
        y, x = (np.linspace(0, side - 1, count) for side, count in zip(shape, maps.shape[1:], strict=True))
        geometry = CellGeometry(tuple(y), tuple(x), geometry.field, shape, alignment)
    rows, columns = geometry.weights()
    return np.asarray(rows @ maps @ columns.T, np.float32)


def class_activation_map(
    probe: ModelProbe,
    images: Floats,
    score: Score,
    layer: str | None,
    method: str,
    cells: Callable[[Floats, Floats], Floats],
    alignment: str,
    backend: str = OURS,
) -> Attribution:
    """A map computed from a layer's activations and the score's gradients.

    Parameters
    ----------
    probe, images, score, layer, alignment, backend
        As for `gz2interp.attribution.grad_cam`.
    cells : callable
        From activations and gradients, both float32 (n, y, x, channel), to the map in cells (n, y, x).
    """
    layer, parameters = layer or probe.default_layer, {"alignment": alignment, "backend": backend}
    if check_backend(backend) == TF_KERAS_VIS:
        maps, scores = tf_keras_vis_backend().class_activation_map(probe, images, score, layer, method)
    else:
        gradients = probe.gradients(images, score, at=layer)
        maps = cells(check_planes(gradients.values, gradients.domain), gradients.gradients)
        scores = gradients.scores
    return cam_attribution(probe, maps, scores, images, method, score, layer, parameters)


def cam_attribution(
    probe: ModelProbe,
    cells: Floats,
    scores: Floats,
    images: Floats,
    method: str,
    score: Score,
    layer: str,
    parameters: Mapping[str, Any],
) -> Attribution:
    """The cells (n, y, x) of a layer interpolated to the images' pixels; ``alignment`` is one of the parameters."""
    height, width = np.shape(images)[1:3]
    geometry = probe.cells(layer, (height, width))
    return Attribution(
        values=resize_cells(np.asarray(cells, np.float32), (height, width), parameters["alignment"], geometry),
        scores=scores,
        method=method,
        score=score.name,
        layer=layer,
        domain="input",
        parameters={**parameters, "geometry": geometry.origin},
    )


def check_planes(values: Floats, layer: str) -> Floats:
    """A layer's activations, if they are float32 (n, y, x, channel).

    Raises
    ------
    InputError
        The layer is not spatial.
    """
    if values.ndim != 4:
        raise InputError(
            f"The layer {layer!r} has one number per channel, shape {values.shape[1:]}",
            "A layer of shape (y, x, channel)",
            "Choose a convolution, or omit the layer for the last one",
        )
    return values
