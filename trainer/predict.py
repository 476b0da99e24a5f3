"""Predictions of a network in training, in batches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gz2interp.network.quiet import tf
from trainer.dataset import PixelSource

__all__ = ["predict", "prediction_function"]

BATCH = 256

Floats = NDArray[np.float32]
PredictionFunction = Callable[[Floats], Floats]


def prediction_function(model: Any) -> PredictionFunction:
    """The network as a function from images to outputs, traced once and valid while its weights change."""

    @tf.function(reduce_retracing=True)
    def outputs(images: Any) -> Any:
        return model(images, training=False)

    return lambda images: np.asarray(outputs(tf.constant(images)).numpy())


def predict(
    network: PredictionFunction, pixels: PixelSource, rows: NDArray[np.int64], batch_size: int = BATCH
) -> Floats:
    """Probabilities of the classes, float32 (n, class); one sigmoid becomes two columns, the positive class last.

    Parameters
    ----------
    network : callable
        A network, as from `prediction_function`.
    rows : int64 (n,)
        At least one.
    batch_size : int
        Images in memory at once.
    """
    starts = range(0, len(rows), batch_size)
    outputs = np.concatenate([network(pixels.images(rows[start : start + batch_size])) for start in starts])
    return np.concatenate([1 - outputs, outputs], axis=1) if outputs.shape[1] == 1 else outputs
