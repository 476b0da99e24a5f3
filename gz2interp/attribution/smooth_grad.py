"""SmoothGrad: the mean gradient at images with noise added."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gz2interp.attribution.questions import OURS, TF_KERAS_VIS, check_backend, tf_keras_vis_backend
from gz2interp.attribution.samples import Shared, mean_gradient, whole_number
from gz2interp.errors import InputError
from gz2interp.network.model_probe import ModelProbe, SampleFunction
from gz2interp.network.scores import Score
from gz2interp.results import Attribution

__all__ = ["NOISE", "SAMPLES", "noise_samples", "smooth_grad"]

Floats = NDArray[np.float32]

SAMPLES = 50
NOISE = 0.15
"""As a share of the image's range: the papers recommend 0.1 to 0.2, and 50 samples."""


def smooth_grad(
    probe: ModelProbe,
    images: Floats,
    score: Score,
    *,
    at: str = "scaled",
    samples: int = SAMPLES,
    noise: float = NOISE,
    generator: np.random.Generator | None = None,
    backend: str = OURS,
) -> Attribution:
    """The mean gradient over copies of each image to which noise was added.

    Parameters
    ----------
    images : float32 (n, y, x, band), nanomaggies
    at : str, optional
        Where noise is added and the score is differentiated, ``"scaled"`` or ``"input"``.
    noise : float, optional
        Standard deviation of the noise, as a share of each image's range from its faintest to its brightest value.
    generator : numpy.random.Generator, optional
        Of the noise; by default seeded with 0.
    backend : str, optional
        ``"ours"`` or ``"tf-keras-vis"``, which always differentiates at the input and generates its own noise.

    Returns
    -------
    Attribution
        float32 (n, y, x, band), signed. All images use the same noise, scaled to each image's range, so that a galaxy's
        map does not depend on the other galaxies of the batch.

    References
    ----------
    Smilkov et al. 2017, SmoothGrad: removing noise by adding noise, https://arxiv.org/abs/1706.03825
    """
    parameters = {"samples": samples, "noise": noise, "backend": backend}
    if check_backend(backend) == TF_KERAS_VIS:
        result = tf_keras_vis_backend().saliency(probe, images, score, samples, noise)
        return Attribution(result.gradients, result.scores, "smooth_grad", score.name, "", result.domain, parameters)
    sampling = noise_samples(probe.values_at(images, at), samples, noise, generator)
    mean = mean_gradient(probe, *sampling, samples, score, at)
    scores = probe.scores(images, score)
    return Attribution(mean, scores, "smooth_grad", score.name, "", probe.domain_of(at), parameters)


def noise_samples(
    values: Floats, samples: int, noise: float, generator: np.random.Generator | None
) -> tuple[SampleFunction, tuple[Floats, Floats], Shared]:
    """Samples of images with noise for `gz2interp.attribution.samples`: the sample function, rows and shared arrays.

    Parameters
    ----------
    values : float32 (n, ...)
    """
    if noise <= 0:
        raise InputError(f"noise = {noise} was given", "More than 0", f"{NOISE} of the image's range is usual")
    axes = tuple(range(1, values.ndim))
    widths = np.asarray(noise * np.ptp(values, axis=axes, keepdims=True), np.float32)
    generator = generator or np.random.default_rng(0)
    # Only seeds are stored: a sample's noise is generated when it is used.
    keys = generator.integers(2**63, size=whole_number("samples", samples, 2))

    def shared(numbers: range) -> tuple[Floats]:
        return (np.stack([_noise(keys[k], values.shape[1:]) for k in numbers]),)

    return _noisy, (values, widths), shared


def _noisy(values: Any, widths: Any, noise: Any) -> tuple[Any, float]:
    return values + widths * noise, 1.0


def _noise(key: int, shape: tuple[int, ...]) -> Floats:
    return np.random.default_rng(key).standard_normal(shape, dtype=np.float32)
