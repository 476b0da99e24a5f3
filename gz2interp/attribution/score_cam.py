"""Score-CAM and Faster Score-CAM: a layer's channels as masks, weighted by the score of the masked image."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from gz2interp.attribution.cams import cam_attribution, check_planes, resize_cells
from gz2interp.attribution.questions import OURS, TF_KERAS_VIS, check_backend, tf_keras_vis_backend
from gz2interp.attribution.samples import sample_batches, whole_number
from gz2interp.network.model_probe import ModelProbe
from gz2interp.network.scores import Score
from gz2interp.results import Attribution

__all__ = ["faster_score_cam", "masked_scores", "score_cam", "score_weighted_map"]


Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

TINY = 1e-12


def score_cam(
    probe: ModelProbe,
    images: Floats,
    score: Score,
    layer: str | None = None,
    *,
    alignment: str = "centres",
    backend: str = OURS,
) -> Attribution:
    """The layer's channels weighted by the score of the image masked by each, summed and resized to the image.

    A mask is a channel stretched to [0, 1] over its plane and resized to the image; where it is 0 the image is sky. No
    gradient is computed.

    Parameters
    ----------
    probe, images, score, layer, alignment, backend
        As for `gz2interp.attribution.grad_cam`.

    Returns
    -------
    Attribution
        float32 (n, y, x). The weights are positive and sum to 1 over the channels, as in the paper (a softmax).

    Notes
    -----
    It differs from the paper in keeping the negative part of negative activations. tf-keras-vis weights by the score
    itself instead of its softmax over the channels, and supports scores of probabilities only.

    References
    ----------
    Wang et al. 2020, Score-CAM: score-weighted visual explanations for convolutional neural networks,
    https://arxiv.org/abs/1910.01279
    """
    layer, parameters = layer or probe.default_layer, {"alignment": alignment, "backend": backend}
    if check_backend(backend) == TF_KERAS_VIS:
        cells, scores = tf_keras_vis_backend().score_cam(probe, images, score, layer)
        return cam_attribution(probe, cells, scores, images, "score_cam", score, layer, parameters)
    values = check_planes(probe.activations(images, layer), layer)
    channels = np.broadcast_to(np.arange(values.shape[-1]), (len(values), values.shape[-1]))
    return score_weighted_map(probe, images, score, layer, values, channels, "score_cam", parameters)


def score_weighted_map(
    probe: ModelProbe,
    images: Floats,
    score: Score,
    layer: str,
    values: Floats,
    channels: Ints,
    method: str,
    parameters: Mapping[str, str | int],
) -> Attribution:
    """The map of some channels, int (n, channel) for each image."""
    rises = masked_scores(probe, images, score, layer, values, channels, str(parameters["alignment"]))
    powers = np.exp(rises - rises.max(axis=1, keepdims=True, initial=-np.inf))
    weights = powers / powers.sum(axis=1, keepdims=True)
    cells = np.einsum("nyxc,nc->nyx", np.take_along_axis(values, channels[:, None, None, :], axis=3), weights)
    return cam_attribution(probe, cells, probe.scores(images, score), images, method, score, layer, parameters)


def masked_scores(
    probe: ModelProbe,
    images: Floats,
    score: Score,
    layer: str,
    values: Floats,
    channels: Ints,
    alignment: str,
) -> Floats:
    """The score of each image masked by each of its channels, float32 (n, channel).

    Parameters
    ----------
    images : float32 (n, y, x, band), nanomaggies
    values : float32 (n, y, x, channel)
        The layer's activations.
    channels : int (n, k)
    """
    images = np.asarray(images, np.float32)
    height, width = images.shape[1:3]
    geometry = probe.cells(layer, (height, width))
    scores = np.empty(channels.shape, np.float32)
    for some, portions in sample_batches(len(images), channels.shape[1], probe.batch_size):
        rows = np.arange(some.start, some.stop)
        for numbers in portions:
            which = channels[some, numbers.start : numbers.stop]
            cells = values[rows[:, None], :, :, which]  # (image, k, y, x)
            masks = _stretched(resize_cells(cells.reshape(-1, *cells.shape[2:]), (height, width), alignment, geometry))
            masked = np.repeat(images[some], len(numbers), axis=0) * masks[..., None]
            scores[some, numbers.start : numbers.stop] = probe.scores(masked, score).reshape(which.shape)
    return scores


def _stretched(maps: Floats) -> Floats:
    low, high = (extreme(maps, axis=(1, 2), keepdims=True) for extreme in (np.min, np.max))
    return np.asarray((maps - low) / np.maximum(high - low, TINY), np.float32)


CHANNELS = 10
"""The authors' number."""


def faster_score_cam(
    probe: ModelProbe,
    images: NDArray[np.float32],
    score: Score,
    layer: str | None = None,
    *,
    channels: int = CHANNELS,
    alignment: str = "centres",
    backend: str = OURS,
) -> Attribution:
    """`score_cam` with only the channels whose activations vary most over each image.

    Parameters
    ----------
    probe, images, score, layer, alignment, backend
        As for `gz2interp.attribution.grad_cam`.
    channels : int, optional
        How many; all, if the layer has no more.

    Returns
    -------
    Attribution
        float32 (n, y, x); see `score_cam`.

    Notes
    -----
    It differs from tf-keras-vis, which uses the channels of all images of a call for each of them.

    References
    ----------
    https://github.com/tabayashi0117/Score-CAM, cited by tf-keras-vis; Wang et al. 2020, https://arxiv.org/abs/1910.01279
    """
    layer = layer or probe.default_layer
    values = check_planes(probe.activations(images, layer), layer)
    channels = min(whole_number("channels", channels), values.shape[-1])
    parameters: dict[str, str | int] = {"alignment": alignment, "channels": channels, "backend": backend}
    if check_backend(backend) == TF_KERAS_VIS:
        cells, scores = tf_keras_vis_backend().score_cam(probe, images, score, layer, channels)
        return cam_attribution(probe, cells, scores, images, "faster_score_cam", score, layer, parameters)
    most_varying = np.argsort(-values.std(axis=(1, 2)), axis=1, kind="stable")[:, :channels]
    return score_weighted_map(probe, images, score, layer, values, most_varying, "faster_score_cam", parameters)
