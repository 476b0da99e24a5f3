"""The protocol of a probe: what the analyses compute with a network, declared without TensorFlow."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from gz2interp.cells import CellGeometry
from gz2interp.network.answers import Gradients, LayerInfo
from gz2interp.network.scores import Score

__all__ = ["ModelProbe", "SampleFunction"]

Floats = NDArray[np.float32]

SampleFunction = Callable[..., tuple[Any, Any]]
"""From the tensors of an image and those of one sample to the point of differentiation and a factor of the gradient."""


class ModelProbe(Protocol):
    """A network as the analyses use it; implemented by `gz2interp.network.probe.Probe`.

    Images are float32 (n, y, x, band) in nanomaggies; a layer's activations are (n, y, x, channel) or (n, channel).
    """

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the classes, in the order of the outputs."""

    @property
    def layers(self) -> tuple[LayerInfo, ...]:
        """The layers up to the logits, in the order of computation."""

    @property
    def batch_size(self) -> int:
        """The largest number of images processed at a time."""

    @property
    def default_layer(self) -> str:
        """Name of the last spatial layer."""

    def layer(self, name: str) -> LayerInfo:
        """Look a layer up by its name."""

    def cells(self, layer: str, image: Sequence[int] = ()) -> CellGeometry:
        """Positions of a layer's cells in images of shape (y, x)."""

    def probabilities(self, images: Floats, /) -> Floats:
        """Class probabilities, float32 (n, class)."""

    def scores(self, images: Floats, score: Score) -> Floats:
        """A score of each image, float32 (n,)."""

    def activations(self, images: Floats, layer: str, pooled: bool = False) -> Floats:
        """A layer's activations, or with `pooled` their spatial means (n, channel)."""

    def gradients(self, images: Floats, score: Score, at: str = "scaled") -> Gradients:
        """A score and its gradient with respect to the scaled images, the input or a layer's activations."""

    def guided_gradients(self, images: Floats, score: Score, at: str = "scaled") -> Gradients:
        """As `gradients`, by guided backpropagation."""

    def domain_of(self, at: str = "scaled") -> str:
        """The full name of the place `at`, as results record it."""

    def values_at(self, images: Floats, at: str = "scaled") -> Floats:
        """The scaled images, the images or a layer's activations."""

    def gradients_at(self, values: Floats, score: Score, at: str = "scaled") -> Gradients:
        """A score and its gradient, computed from the `values` at a place instead of from images."""

    def gradient_moments(
        self,
        sample: SampleFunction,
        rows: Sequence[Floats],
        shared: Sequence[Floats],
        score: Score,
        at: str = "scaled",
        *,
        varies: bool = True,
    ) -> tuple[Floats, ...]:
        """Mean, and with `varies` variance, of the gradient over samples of each image."""

    def scores_with_activations(
        self, images: Floats, layer: str, activations: Floats, scores: Sequence[Score]
    ) -> Floats:
        """Scores of images with a layer's activations replaced, float32 (n, score)."""

    def gradients_with_activations(self, images: Floats, layer: str, activations: Floats, score: Score) -> Gradients:
        """As `scores_with_activations`, of one score, with its gradient with respect to the activations."""
