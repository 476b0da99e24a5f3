"""Integrated gradients: the gradient along the way from a baseline to the image, times that way."""

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
"""Steps that are begun with, and that are doubled up to, where their number is chosen."""

GAP = 0.01
"""Of the rise of the score, below which the completeness gap is to be."""

LEAST_GAP = 1e-3
"""The same in the unit of the score, where the score hardly rises at all: float32 sums carry no more."""

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
    """What each pixel in each band adds to the score on the straight way from a baseline to the image.

    Parameters
    ----------
    images : float32 (n, y, x, band), nanomaggies
    at : str, optional
        Where the way is straight and the score is differentiated, ``"scaled"`` or ``"input"``.
    baseline : str or float32 (y, x, band), optional
        ``"sky"`` (no light), ``"blurred"`` (the galaxy itself, out of focus), or an image in nanomaggies.
    steps : int, optional
        Places on the way at which the gradient is taken. By default (0) as many as each image needs: 32, doubled until
        the map's sum is within 1 % of the score's rise, or within 0.001 where the score rises by less than 0.1, and at
        most 2048.

    Returns
    -------
    Attribution
        float32 (n, y, x, band), in the unit of the score. The sum over an image is the score's rise from the baseline
        to the image, its `total`, but for the error of the integral, its `gap`; `steps` tells how many each image took.

    Notes
    -----
    Departs from the paper in taking the integral by Gauss-Legendre quadrature, as many gradients bringing it nearer
    than a plain sum; and in choosing their number for each image, independently of the others. Where 2048 steps do not
    do (a network that jumps on the way), the map with the smallest gap is given, and the gap says so.

    References
    ----------
    Sundararajan, Taly & Yan 2017, Axiomatic attribution for deep networks, https://arxiv.org/abs/1703.01365
    """
    whole_number("steps", steps, 0)
    start, name = baseline_of(images, baseline)
    here, there = probe.values_at(images, at), probe.values_at(start, at)
    scores = probe.scores(images, score)
    found = Attribution(
        values=_integral(probe, here, there, steps or STEPS, score, at),
        scores=scores,
        method="integrated_gradients",
        score=score.name,
        domain=probe.domain_of(at),
        parameters={"baseline": name, "steps": steps or CHOSEN},
        total=scores - probe.scores(start, score),
        steps=np.full(len(scores), steps or STEPS, np.int64),
    )
    return found if steps else _refined(probe, found, here, there, score, at)


def _refined(probe: ModelProbe, found: Attribution, here: Floats, there: Floats, score: Score, at: str) -> Attribution:
    """With more steps where the gap is not small enough yet."""
    assert found.total is not None
    assert found.steps is not None
    allowed = np.maximum(GAP * np.abs(found.total), LEAST_GAP)
    values, taken, gap, steps = found.values, found.steps, found.gap, STEPS
    while steps < MOST_STEPS and (gap > allowed).any():
        steps *= 2
        short = np.flatnonzero(gap > allowed)
        finer = _integral(probe, here[short], there[short], steps, score, at)
        apart = np.abs(_sums(finer) - found.total[short])
        better = apart < gap[short]
        values[short[better]], gap[short[better]], taken[short[better]] = finer[better], apart[better], steps
    return replace(found, values=values, steps=taken)


def _integral(probe: ModelProbe, here: Floats, there: Floats, steps: int, score: Score, at: str) -> Floats:
    places, weights = _quadrature(steps)

    def taken(looks: range) -> tuple[Floats, Floats]:
        return places[looks.start : looks.stop], weights[looks.start : looks.stop] * np.float32(steps)

    return mean_gradient(probe, _on_the_way, (here, there), taken, steps, score, at) * (here - there)


def _sums(values: Floats) -> Floats:
    return np.asarray(values.sum(axis=tuple(range(1, values.ndim)), dtype=np.float64), np.float32)


def _on_the_way(here: Any, there: Any, place: Any, weight: Any) -> tuple[Any, Any]:
    return there + place * (here - there), weight


@cache
def _quadrature(steps: int) -> tuple[Floats, Floats]:
    """Places from 0 to 1 and their weights, which sum to 1."""
    from scipy.special import roots_legendre  # NumPy's takes seconds for 2048 steps

    places, weights = roots_legendre(steps)
    return ((places + 1) / 2).astype(np.float32), (weights / 2).astype(np.float32)
