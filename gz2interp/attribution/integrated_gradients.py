"""Integrated gradients: the gradient along the way from a baseline to the image, times that way."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.polynomial.legendre import leggauss
from numpy.typing import NDArray

from gz2interp.attribution.baselines import baseline_of
from gz2interp.attribution.moments import mean_over
from gz2interp.attribution.questions import Differentiable
from gz2interp.attribution.samples import whole_number
from gz2interp.network.scores import Score
from gz2interp.results import Attribution

__all__ = ["integrated_gradients"]

Floats = NDArray[np.float32]

STEPS = 32


def integrated_gradients(
    probe: Differentiable,
    images: Floats,
    score: Score,
    *,
    at: str = "scaled",
    baseline: str | Floats = "sky",
    steps: int = STEPS,
) -> Attribution:
    """What each pixel in each band adds to the score on the straight way from a baseline to the image.

    Parameters
    ----------
    probe : Probe
    images : float32 (n, y, x, band), nanomaggies
    score : Score
    at : str, optional
        Where the way is straight and the score is differentiated, ``"scaled"`` or ``"input"``.
    baseline : str or float32 (y, x, band), optional
        ``"sky"`` (no light), ``"blurred"`` (the galaxy itself, out of focus), or an image in nanomaggies.
    steps : int, optional
        Places on the way at which the gradient is taken.

    Returns
    -------
    Attribution
        float32 (n, y, x, band), in the unit of the score. The sum over an image is the score's rise from the baseline
        to the image, its `total`, but for the error of the integral.

    Notes
    -----
    Departs from the paper in taking the integral by Gauss-Legendre quadrature, as many gradients bringing it nearer
    than a plain sum.

    References
    ----------
    Sundararajan, Taly & Yan 2017, Axiomatic attribution for deep networks, https://arxiv.org/abs/1703.01365
    """
    whole_number("steps", steps)
    start, name = baseline_of(images, baseline)
    here, there = probe.values_at(images, at), probe.values_at(start, at)
    places, weights = _quadrature(steps)

    def taken(looks: range) -> tuple[Floats, Floats]:
        return places[looks.start : looks.stop], weights[looks.start : looks.stop] * np.float32(steps)

    mean = mean_over(probe, _on_the_way, (here, there), taken, steps, score, at)
    scores = probe.scores(images, score)
    return Attribution(
        values=mean * (here - there),
        scores=scores,
        method="integrated_gradients",
        score=score.name,
        domain=probe.domain_of(at),
        parameters={"baseline": name, "steps": steps},
        total=scores - probe.scores(start, score),
    )


def _on_the_way(here: Any, there: Any, place: Any, weight: Any) -> tuple[Any, Any]:
    return there + place * (here - there), weight


def _quadrature(steps: int) -> tuple[Floats, Floats]:
    """Places from 0 to 1 and their weights, which sum to 1."""
    places, weights = leggauss(steps)
    return ((places + 1) / 2).astype(np.float32), (weights / 2).astype(np.float32)
