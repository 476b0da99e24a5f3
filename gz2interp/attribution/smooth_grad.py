"""SmoothGrad: the mean gradient at images with noise added."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gz2interp.attribution.questions import OURS, TF_KERAS_VIS, Differentiable, backend_named, reference
from gz2interp.attribution.samples import Look, Moments, moments, whole_number
from gz2interp.errors import InputError
from gz2interp.network.scores import Score
from gz2interp.results import Attribution

__all__ = ["NOISE", "SAMPLES", "noisy_gradients", "smooth_grad"]

Floats = NDArray[np.float32]

SAMPLES = 50
NOISE = 0.15
"""Of the image's range: the papers recommend 0.1 to 0.2, and 50 samples."""


def smooth_grad(
    probe: Differentiable,
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
    probe : Probe
    images : float32 (n, y, x, band), nanomaggies
    score : Score
    at : str, optional
        Where noise is added and the score is differentiated, ``"scaled"`` or ``"input"``.
    samples : int, optional
    noise : float, optional
        Standard deviation of the noise, as a share of each image's range from its faintest to its brightest value.
    generator : numpy.random.Generator, optional
        Of the noise; by default seeded with 0.
    backend : str, optional
        ``"ours"`` or ``"tf-keras-vis"``, which always differentiates at the input and draws its noise by itself.

    Returns
    -------
    Attribution
        float32 (n, y, x, band), signed. All images see the same draws of noise, each scaled to its own range: a
        galaxy's map does not depend on its company.

    References
    ----------
    Smilkov et al. 2017, SmoothGrad: removing noise by adding noise, https://arxiv.org/abs/1706.03825
    """
    parameters = {"samples": samples, "noise": noise, "backend": backend}
    if backend_named(backend) == TF_KERAS_VIS:
        answer = reference().saliency(probe, images, score, samples, noise)
        return Attribution(answer.gradients, answer.scores, "smooth_grad", score.name, "", answer.domain, parameters)
    looked, scores = noisy_gradients(probe, images, score, at, samples, noise, generator)
    return Attribution(looked.mean, scores, "smooth_grad", score.name, "", probe.domain_of(at), parameters)


def noisy_gradients(
    probe: Differentiable,
    images: Floats,
    score: Score,
    at: str,
    samples: int,
    noise: float,
    generator: np.random.Generator | None,
) -> tuple[Moments, Floats]:
    """Moments of the gradient under noise, and the score of each image as it is."""
    if noise <= 0:
        raise InputError(f"noise = {noise} was given", "More than 0", f"{NOISE} of the image's range is usual")
    values = probe.values_at(images, at)
    look = _noisy(values.shape[1:], whole_number("samples", samples, 2), noise, generator or np.random.default_rng(0))
    return moments(probe, values, score, at, samples, look), probe.scores(images, score)


def _noisy(shape: tuple[int, ...], samples: int, noise: float, generator: np.random.Generator) -> Look:
    keys = generator.integers(2**63, size=samples)  # a sample is drawn anew for each block of images: none is kept

    def look(values: Floats, k: int) -> Floats:
        drawn = np.random.default_rng(keys[k]).standard_normal(shape, dtype=np.float32)
        axes = tuple(range(1, values.ndim))
        widths = noise * (values.max(axis=axes, keepdims=True) - values.min(axis=axes, keepdims=True))
        return np.asarray(values + widths * drawn, np.float32)

    return look
