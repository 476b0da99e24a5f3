"""What is asked of a network about one of its layers: attributions, and scores when the layer says something else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from gz2interp.cells import CellGeometry, tiled
from gz2interp.concepts.attribution import LayerAttribution, along_the_path, at_the_end
from gz2interp.network.answers import Gradients, LayerInfo
from gz2interp.network.scores import Score, logit

__all__ = ["Door", "attributions_of", "cells_of", "class_logits", "past_the_layer", "scores_given"]

Floats = NDArray[np.float32]


class Door(Protocol):
    """The part of a probe that is needed here."""

    class_names: tuple[str, ...]

    def layer(self, name: str) -> LayerInfo:
        """A layer by its name."""

    def cells(self, layer: str, image: Sequence[int] = ()) -> CellGeometry:
        """Where its cells lie."""

    def activations(self, images: Floats, layer: str, pooled: bool = False) -> Floats:
        """What a layer says of each image."""

    def gradients(self, images: Floats, score: Score, at: str = "scaled") -> Gradients:
        """A score and its derivative."""

    def gradients_when(self, images: Floats, layer: str, activations: Floats, score: Score) -> Gradients:
        """The same when the layer says something else."""

    def scores_when(self, images: Floats, layer: str, activations: Floats, scores: Sequence[Score]) -> Floats:
        """Scores when the layer says something else."""


def cells_of(door: Door, layer: str, image: tuple[int, int]) -> CellGeometry:
    """Where a layer's places lie in images of a shape (y, x); one place for a layer without."""
    info = door.layer(layer)
    return door.cells(layer, image) if info.spatial else tiled((1, 1), image)


def class_logits(door: Door) -> tuple[Score, ...]:
    """The evidence for each class."""
    return tuple(logit(name) for name in door.class_names)


def attributions_of(
    door: Door, images: Floats, layer: str, scores: Sequence[Score], steps: int = 16
) -> tuple[LayerAttribution, ...]:
    """What a layer's channels add to each score at each place.

    Parameters
    ----------
    door : Probe
    images : float32 (n, y, x, band), nanomaggies
    layer : str
    scores : sequence of Score
    steps : int, optional
        On the way from a layer that says nothing; 0 for the gradient at the end alone.
    """
    return tuple(_attribution(door, images, layer, score, steps) for score in scores)


def scores_given(door: Door, images: Floats, layer: str, scores: Sequence[Score], said: Floats) -> Floats:
    """All scores when the layer says this, float32 (n, score)."""
    return door.scores_when(images, layer, said, scores)


def past_the_layer(door: Door, images: Floats, layer: str, scores: Sequence[Score], said: Floats) -> Floats:
    """What galaxies add to scores by ways that do not lead through the layer, float32 (n, score): see `account`."""
    silent = np.zeros_like(said)
    empty = np.zeros_like(images)
    return door.scores_when(images, layer, silent, scores) - door.scores_when(empty, layer, silent, scores)


def _attribution(door: Door, images: Floats, layer: str, score: Score, steps: int) -> LayerAttribution:
    if not steps:
        found = door.gradients(images, score, layer)
        return at_the_end(found.values, found.gradients, score.name, found.scores)
    said = door.activations(images, layer)

    def gradient_of(values: Floats) -> tuple[Floats, Floats]:
        found = door.gradients_when(images, layer, values, score)
        return found.scores, found.gradients

    return along_the_path(said, gradient_of, score.name, steps)
