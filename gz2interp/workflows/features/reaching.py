"""How far images of any kind reach the objectives of a sheet, all objectives at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gz2interp.features.objectives import LEAST_COSINE, TINY
from gz2interp.network.probe import Probe
from gz2interp.workflows.features.wanted import POWER, Wanted

__all__ = ["reached_by"]

Floats = NDArray[np.float32]

PORTION = 16
"""Images whose places are compared with all directions at a time."""


def reached_by(probe: Probe, layer: str, each: Wanted, images: Floats) -> Floats:
    """The objectives of one kind for each image (n, y, x, band), nanomaggies.

    Returns
    -------
    float32 (n, objective)
    """
    if each.kind == "class":
        return probe.logits(images)
    if each.directions is None:
        return probe.activations(images, layer, pooled=True)
    found = [np.empty((0, len(each.directions)), np.float32)]
    for start in range(0, len(images), PORTION):  # all places times all directions are many
        said = probe.activations(images[start : start + PORTION], layer)
        found.append(along_directions(said.reshape(len(said), -1, said.shape[-1]), each.directions))
    return np.concatenate(found)


def along_directions(places: Floats, directions: Floats) -> Floats:
    """Mean over places (n, place, channel) of how far they point into each direction, times a power of the cosine.

    Returns
    -------
    float32 (n, direction)
    """
    unit = directions / np.maximum(np.linalg.norm(directions, axis=1, keepdims=True), TINY)
    along = places @ unit.T
    lengths = np.sqrt(np.square(places).sum(axis=2, keepdims=True) + TINY)
    return np.asarray((along * np.maximum(along / lengths, LEAST_COSINE) ** POWER).mean(axis=1), np.float32)
