"""SmoothGrad: the mean gradient at images with noise added."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gz2interp.attribution.questions import OURS, TF_KERAS_VIS, backend_named, reference
from gz2interp.attribution.samples import Shared, mean_over, whole_number
from gz2interp.errors import InputError
from gz2interp.network.model_probe import ModelProbe, SampleFunction
from gz2interp.network.scores import Score
from gz2interp.results import Attribution

__all__ = ["NOISE", "SAMPLES", "noisy_looks", "smooth_grad"]

Floats = NDArray[np.float32]

SAMPLES = 50
NOISE = 0.15
"""Of the image's range: the papers recommend 0.1 to 0.2, and 50 samples."""


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
    looks = noisy_looks(probe.values_at(images, at), samples, noise, generator)
    mean = mean_over(probe, *looks, samples, score, at)
    scores = probe.scores(images, score)
    return Attribution(mean, scores, "smooth_grad", score.name, "", probe.domain_of(at), parameters)


def noisy_looks(
    values: Floats, samples: int, noise: float, generator: np.random.Generator | None
) -> tuple[SampleFunction, tuple[Floats, Floats], Shared]:
    """How `gz2interp.attribution.samples` is to look at images under noise: look, rows, and what looks share.

    Parameters
    ----------
    values : float32 (n, ...)
    samples : int
    noise : float
    generator : numpy.random.Generator or None
    """
    if noise <= 0:
        raise InputError(f"noise = {noise} was given", "More than 0", f"{NOISE} of the image's range is usual")
    axes = tuple(range(1, values.ndim))
    widths = np.asarray(noise * np.ptp(values, axis=axes, keepdims=True), np.float32)
    generator = generator or np.random.default_rng(0)
    # A look's noise is drawn when its turn comes: none is kept.
    keys = generator.integers(2**63, size=whole_number("samples", samples, 2))

    def drawn(looks: range) -> tuple[Floats]:
        return (np.stack([_noise(keys[k], values.shape[1:]) for k in looks]),)

    return _noisy, (values, widths), drawn


def _noisy(values: Any, widths: Any, noise: Any) -> tuple[Any, float]:
    return values + widths * noise, 1.0


def _noise(key: int, shape: tuple[int, ...]) -> Floats:
    return np.random.default_rng(key).standard_normal(shape, dtype=np.float32)
