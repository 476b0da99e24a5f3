"""Expected gradients: integrated gradients whose baseline is other galaxies, drawn at random."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gz2interp.attribution.samples import mean_gradient, whole_number
from gz2interp.errors import InputError
from gz2interp.network.model_probe import ModelProbe
from gz2interp.network.scores import Score
from gz2interp.results import Attribution

__all__ = ["expected_gradients"]

Floats = NDArray[np.float32]

SAMPLES = 100


def expected_gradients(
    probe: ModelProbe,
    images: Floats,
    score: Score,
    *,
    references: Floats | None = None,
    at: str = "scaled",
    samples: int = SAMPLES,
    generator: np.random.Generator | None = None,
) -> Attribution:
    """Contributions of each pixel to the difference between a galaxy's score and the mean score of other galaxies.

    Parameters
    ----------
    images : float32 (n, y, x, band), nanomaggies
    references : float32 (m, y, x, band), optional
        The other galaxies, nanomaggies; by default the images themselves.
    at : str, optional
        ``"scaled"`` or ``"input"``, as in `integrated_gradients`.
    samples : int, optional
        Pairs of another galaxy and a point on the path from it.
    generator : numpy.random.Generator, optional
        By default seeded with 0.

    Returns
    -------
    Attribution
        float32 (n, y, x, band), in the unit of the score. Its `total` is the score minus the mean score of the sampled
        galaxies, to which an image's sum converges with more samples; its `gap` is the difference.

    Notes
    -----
    It differs from the paper in stratified sampling of galaxies and points: each galaxy about equally often, each part
    of the path equally often. All images use the same samples, so that with `references` a galaxy's map does not depend
    on the other galaxies of the batch.

    References
    ----------
    Erion, Janizek, Sturmfels, Lundberg & Lee 2021, Improving performance of deep learning models with axiomatic
    attribution priors and expected gradients, https://arxiv.org/abs/1906.10670
    """
    whole_number("samples", samples)
    others = np.asarray(images if references is None else references, np.float32)
    if not len(others) and len(images):
        raise InputError("No galaxy to compare with was given", "One or more, as references")
    generator = generator or np.random.default_rng(0)
    rows = generator.permutation(np.arange(samples) % max(len(others), 1))
    points = generator.permutation((np.arange(samples) + generator.random(samples)) / samples).astype(np.float32)
    values, starts = probe.values_at(images, at), probe.values_at(others, at)

    def shared(numbers: range) -> tuple[Floats, Floats]:
        return starts[rows[numbers.start : numbers.stop]], points[numbers.start : numbers.stop]

    mean = mean_gradient(probe, _on_path, (values,), shared, samples, score, at)
    scores = probe.scores(images, score)
    before = probe.scores(others, score)[rows].mean() if len(images) else np.float32(0)
    return Attribution(
        values=mean,
        scores=scores,
        method="expected_gradients",
        score=score.name,
        domain=probe.domain_of(at),
        parameters={"references": len(others), "samples": samples},
        total=scores - before,
    )


def _on_path(values: Any, start: Any, point: Any) -> tuple[Any, Any]:
    return start + point * (values - start), values - start
