"""Integrated gradients: the mean gradient on the path from a baseline to the image, times the difference."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gz2interp.attribution.baselines import baseline_of
from gz2interp.attribution.samples import mean_gradient, whole_number
from gz2interp.network.model_probe import ModelProbe
from gz2interp.network.scores import Score
from gz2interp.results import Attribution

__all__ = ["integrated_gradients"]

Floats = NDArray[np.float32]

STEPS, MOST_STEPS = 32, 2048
"""Number of steps at first, and at most, where it is chosen for each image."""

GAP = 0.01
"""Tolerated completeness gap, as a share of the difference of the scores."""

LEAST_GAP = 1e-3
"""The same in the unit of the score, for small differences: the precision of float32 sums."""

CHOSEN = f"doubled from {STEPS} until the gap is below {GAP:.0%}, at most {MOST_STEPS}".replace("%", " %")


def integrated_gradients(
    probe: ModelProbe,
    images: Floats,
    score: Score,
    *,
    at: str = "scaled",
    baseline: str | Floats = "sky",
    steps: int = 0,
) -> Attribution:
    """The contribution of each pixel in each band to the score on the straight path from a baseline to the image.

    Parameters
    ----------
    images : float32 (n, y, x, band), nanomaggies
    at : str, optional
        Where the path is straight and the score is differentiated, ``"scaled"`` or ``"input"``.
    baseline : str or float32 (y, x, band), optional
        ``"sky"`` (zero), ``"blurred"`` (the image convolved with a wide Gaussian), or an image in nanomaggies.
    steps : int, optional
        Points on the path at which the gradient is computed. By default (0) as many as each image needs: 32, doubled
        until the map's sum is within 1 % of the difference of the scores, or within 0.001 where that is below 0.1, and
        at most 2048.

    Returns
    -------
    Attribution
        float32 (n, y, x, band), in the unit of the score. The sum over an image is the difference of the scores of
        image and baseline, its `total`, minus the error of the integral, its `gap`; `steps` are those of each image.

    Notes
    -----
    It differs from the paper in using Gauss-Legendre quadrature, which is more accurate than a Riemann sum with as many
    gradients, and in choosing the number of steps for each image, independently of the others. Where 2048 steps do not
    suffice (a network with a discontinuity on the path), the map with the smallest gap is returned.

    References
    ----------
    Sundararajan, Taly & Yan 2017, Axiomatic attribution for deep networks, https://arxiv.org/abs/1703.01365
    """
    whole_number("steps", steps, 0)
    start, name = baseline_of(images, baseline)
    ends, starts = probe.values_at(images, at), probe.values_at(start, at)
    scores = probe.scores(images, score)
    attribution = Attribution(
        values=_integral(probe, ends, starts, steps or STEPS, score, at),
        scores=scores,
        method="integrated_gradients",
        score=score.name,
        domain=probe.domain_of(at),
        parameters={"baseline": name, "steps": steps or CHOSEN},
        total=scores - probe.scores(start, score),
        steps=np.full(len(scores), steps or STEPS, np.int64),
    )
    return attribution if steps else _refine(probe, attribution, ends, starts, score, at)


def _refine(
    probe: ModelProbe, attribution: Attribution, ends: Floats, starts: Floats, score: Score, at: str
) -> Attribution:
    """Double the steps of those images whose gap is too large."""
    assert attribution.total is not None
    assert attribution.steps is not None
    tolerance = np.maximum(GAP * np.abs(attribution.total), LEAST_GAP)
    values, image_steps, gap, steps = attribution.values, attribution.steps, attribution.gap, STEPS
    while steps < MOST_STEPS and (gap > tolerance).any():
        steps *= 2
        rows = np.flatnonzero(gap > tolerance)
        finer = _integral(probe, ends[rows], starts[rows], steps, score, at)
        finer_gap = np.abs(_sums(finer) - attribution.total[rows])
        better = finer_gap < gap[rows]
        values[rows[better]], gap[rows[better]], image_steps[rows[better]] = finer[better], finer_gap[better], steps
    return replace(attribution, values=values, steps=image_steps)


def _integral(probe: ModelProbe, ends: Floats, starts: Floats, steps: int, score: Score, at: str) -> Floats:
    points, weights = _quadrature(steps)

    def shared(numbers: range) -> tuple[Floats, Floats]:
        return points[numbers.start : numbers.stop], weights[numbers.start : numbers.stop] * np.float32(steps)

    return mean_gradient(probe, _on_path, (ends, starts), shared, steps, score, at) * (ends - starts)


def _sums(values: Floats) -> Floats:
    return np.asarray(values.sum(axis=tuple(range(1, values.ndim)), dtype=np.float64), np.float32)


def _on_path(end: Any, start: Any, point: Any, weight: Any) -> tuple[Any, Any]:
    return start + point * (end - start), weight


@cache
def _quadrature(steps: int) -> tuple[Floats, Floats]:
    """Points from 0 to 1 and their weights, which sum to 1."""
    from scipy.special import roots_legendre  # NumPy's takes seconds for 2048 steps

    points, weights = roots_legendre(steps)
    return ((points + 1) / 2).astype(np.float32), (weights / 2).astype(np.float32)
