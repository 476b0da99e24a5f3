"""VarGrad: the variance of the gradient at images with noise added."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gz2interp.attribution.samples import mean_and_variance
from gz2interp.attribution.smooth_grad import NOISE, SAMPLES, noise_samples
from gz2interp.network.model_probe import ModelProbe
from gz2interp.network.scores import Score
from gz2interp.results import Attribution

__all__ = ["var_grad"]


def var_grad(
    probe: ModelProbe,
    images: NDArray[np.float32],
    score: Score,
    *,
    at: str = "scaled",
    samples: int = SAMPLES,
    noise: float = NOISE,
    generator: np.random.Generator | None = None,
) -> Attribution:
    """The variance of the gradient over the copies of each image that `smooth_grad` averages.

    Parameters
    ----------
    probe, images, score, at, samples, noise, generator
        As for `gz2interp.attribution.smooth_grad`.

    Returns
    -------
    Attribution
        float32 (n, y, x, band), nowhere negative: the sensitivity of the score, without its sign.

    References
    ----------
    Adebayo et al. 2018, Local explanation methods for deep neural networks lack sensitivity to parameter values,
    https://arxiv.org/abs/1810.03307
    """
    sampling = noise_samples(probe.values_at(images, at), samples, noise, generator)
    _, variance = mean_and_variance(probe, *sampling, samples, score, at)
    parameters = {"samples": samples, "noise": noise}
    return Attribution(
        variance, probe.scores(images, score), "var_grad", score.name, "", probe.domain_of(at), parameters
    )
