"""Fake probes in NumPy alone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gz2interp.cells import CellGeometry, tiled
from gz2interp.network.answers import Gradients
from gz2interp.network.model_probe import SampleFunction
from gz2interp.network.scores import Score

__all__ = ["LinearProbe"]

Floats = NDArray[np.float32]


class LinearProbe:
    """A fake probe of a linear network: its logits are weighted sums of pixels.

    Parameters
    ----------
    weights : float32 (y, x, band, class)
        The gradient of each logit.

    Notes
    -----
    `gradients` are right for scores that are linear in the logits. Its one layer, ``"scaled"``, is its input.
    """

    default_layer = "scaled"
    batch_size = 8

    def __init__(self, weights: ArrayLike, class_names: tuple[str, ...] | None = None) -> None:
        self.weights = np.asarray(weights, np.float32)
        self.class_names = class_names or tuple(f"class {k}" for k in range(self.weights.shape[-1]))

    def logits(self, images: Floats) -> Floats:
        """Float32 (n, class)."""
        return np.tensordot(images, self.weights, axes=3)

    def probabilities(self, images: Floats) -> Floats:
        """Softmax of the logits, float32 (n, class)."""
        powers = np.exp(self.logits(images) - self.logits(images).max(axis=1, keepdims=True))
        return np.asarray(powers / powers.sum(axis=1, keepdims=True))

    def cells(self, layer: str, image: Sequence[int] = ()) -> CellGeometry:
        """Each pixel is a cell."""
        return tiled(self.weights.shape, self.weights.shape)

    def scores(self, images: Floats, score: Score) -> Floats:
        """Float32 (n,)."""
        return np.asarray(score.resolve(self.class_names)(self.probabilities(images), self.logits(images)))

    def gradients(self, images: Floats, score: Score, at: str = "scaled") -> Gradients:
        """The weights of the score, the same for every image."""
        identity = np.eye(len(self.class_names), dtype=np.float32)
        factors = score.resolve(self.class_names)(identity, identity)  # (class,): the factor of each logit
        gradient = np.broadcast_to(self.weights @ factors, images.shape)
        return Gradients(self.scores(images, score), images, gradient.astype(np.float32), at)

    def domain_of(self, at: str = "scaled") -> str:
        """The name of the place itself."""
        return at

    def activations(self, images: Floats, layer: str) -> Floats:
        """The images."""
        return images

    def values_at(self, images: Floats, at: str = "scaled") -> Floats:
        """The images."""
        return images

    def gradients_at(self, values: Floats, score: Score, at: str = "scaled") -> Gradients:
        """As `gradients`."""
        return self.gradients(values, score, at)

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
        """Moments over samples, computed one by one."""
        parts = []
        for one in zip(*shared, strict=True):
            values, factor = sample(*rows, *one)
            parts.append(self.gradients(values, score, at).gradients * factor)
        mean: Floats = np.asarray(np.mean(parts, axis=0), np.float32)
        return (mean, np.asarray(np.var(parts, axis=0), np.float32)) if varies else (mean,)
