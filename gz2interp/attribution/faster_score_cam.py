"""Faster Score-CAM: Score-CAM by the channels that vary most over the image."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gz2interp.attribution.cams import drawn, planes
from gz2interp.attribution.questions import OURS, TF_KERAS_VIS, Differentiable, backend_named, reference
from gz2interp.attribution.samples import whole_number
from gz2interp.attribution.score_cam import weighed
from gz2interp.network.scores import Score
from gz2interp.results import Attribution

__all__ = ["faster_score_cam"]

CHANNELS = 10
"""What its authors take."""


def faster_score_cam(
    probe: Differentiable,
    images: NDArray[np.float32],
    score: Score,
    layer: str | None = None,
    *,
    channels: int = CHANNELS,
    alignment: str = "centres",
    backend: str = OURS,
) -> Attribution:
    """`score_cam` with only those channels whose activations vary most over each image.

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
    Departs from tf-keras-vis, where all images of a call share the channels that any of them chose.

    References
    ----------
    https://github.com/tabayashi0117/Score-CAM, as told by tf-keras-vis; Wang et al. 2020, https://arxiv.org/abs/1910.01279
    """
    layer = layer or probe.default_layer
    values = planes(probe.activations(images, layer), layer)
    kept = min(whole_number("channels", channels), values.shape[-1])
    parameters: dict[str, str | int] = {"alignment": alignment, "channels": kept, "backend": backend}
    if backend_named(backend) == TF_KERAS_VIS:
        theirs, scores = reference().score_cam(probe, images, score, layer, kept)
        return drawn(probe, theirs, scores, images, "faster_score_cam", score, layer, parameters)
    chosen = np.argsort(-values.std(axis=(1, 2)), axis=1, kind="stable")[:, :kept]
    return weighed(probe, images, score, layer, values, chosen, "faster_score_cam", parameters)
