"""Pooled activations of a layer for each galaxy, batch by batch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from gz2interp.errors import InputError
from gz2interp.network.model_probe import ModelProbe
from gz2interp.views import VIEWS, apply_view

__all__ = ["mean_over_views", "pooled_activations"]

Floats = NDArray[np.float32]


def pooled_activations(
    probe: ModelProbe, batches: Iterable[Floats], layer: str, views: bool = False
) -> Iterator[Floats]:
    """The spatial mean of each channel, batch by batch.

    Parameters
    ----------
    batches : iterable of float32 (n, y, x, band), nanomaggies
        Each batch is read when the one before is done, so memory does not grow with their number.
    layer : str
        A spatial layer, or a flat one, whose activations are returned as they are.
    views : bool
        Whether to average over the eight symmetries, see `mean_over_views`.

    Yields
    ------
    float32 (n, channel)
    """
    for images in batches:
        yield mean_over_views(probe, images, layer) if views else probe.activations(images, layer, pooled=True)


def mean_over_views(probe: ModelProbe, images: Floats, layer: str) -> Floats:
    """The spatial mean of each channel, averaged over the eight symmetries of the pixel grid.

    It does not change when the image is mirrored or rotated by 90 degrees.

    Parameters
    ----------
    images : float32 (n, y, y, band), nanomaggies
        Square.

    Returns
    -------
    float32 (n, channel)

    Raises
    ------
    InputError
        The images are not square.
    """
    height, width = images.shape[1:3]
    if height != width:
        raise InputError(f"Images of {height} x {width} pixels were given", "Square ones: they are turned")
    # In double precision, so that the order of the views, which differs for a rotated galaxy, does not matter.
    total = sum(
        probe.activations(apply_view(images, view), layer, pooled=True).astype(np.float64) for view in range(VIEWS)
    )
    return np.asarray(total / VIEWS, np.float32)
