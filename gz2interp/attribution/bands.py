"""Exact Shapley values of the bands, over all coalitions of bands."""

from __future__ import annotations

from itertools import combinations
from math import comb

import numpy as np
from numpy.typing import NDArray

from gz2interp.attribution.baselines import CUSTOM_IMAGE, broadcast_image, sky_like
from gz2interp.attribution.samples import sample_batches
from gz2interp.errors import InputError
from gz2interp.network.model_probe import ModelProbe
from gz2interp.network.scores import Score
from gz2interp.results import BandAttribution

__all__ = ["band_shapley", "shapley_weights"]

Floats = NDArray[np.float32]

MOST = 10
"""Bands; the number of coalitions doubles with each."""


def band_shapley(
    probe: ModelProbe,
    images: Floats,
    score: Score,
    *,
    replacement: str | Floats = "sky",
    generator: np.random.Generator | None = None,
) -> BandAttribution:
    """The contribution of each band to the score, averaged over all orders in which bands could be added.

    Parameters
    ----------
    images : float32 (n, y, x, band), nanomaggies
    replacement : str or float32 (y, x, band), optional
        Replacement of an absent band: ``"sky"``, noise as at the image's edge, or another image in nanomaggies, such as
        that of a mean galaxy.
    generator : numpy.random.Generator, optional
        Of the sky's noise; by default seeded with 0.

    Returns
    -------
    BandAttribution
        Its values sum exactly to its `total`, the difference of the score between all bands and no bands. The effect of
        several bands together (a colour) is divided evenly among them.

    Raises
    ------
    InputError
        There are more than ten bands.

    References
    ----------
    Shapley 1953, A value for n-person games; Lundberg & Lee 2017, A unified approach to interpreting model
    predictions, https://arxiv.org/abs/1705.07874
    """
    images = np.asarray(images, np.float32)
    bands = images.shape[-1]
    if bands > MOST:
        raise InputError(f"Images of {bands} bands were given", f"At most {MOST}: each band doubles the coalitions")
    absent, name = _absent(images, replacement, generator or np.random.default_rng(0))
    present = np.array([[k in some for k in range(bands)] for some in _coalitions(bands)])
    scores = np.empty((len(images), len(present)), np.float32)
    for some, portions in sample_batches(len(images), len(present), probe.batch_size):
        for numbers in portions:
            mask = present[numbers.start : numbers.stop, None, None, None, :]
            mixed = np.where(mask, images[some], absent[some]).reshape(-1, *images.shape[1:])
            scores[some, numbers.start : numbers.stop] = probe.scores(mixed, score).reshape(len(numbers), -1).T
    return BandAttribution(
        values=(scores @ shapley_weights(present)).astype(np.float32),
        scores=scores[:, -1],
        method="band_shapley",
        score=score.name,
        total=scores[:, -1] - scores[:, 0],
        parameters={"replacement": name},
    )


def shapley_weights(present: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Weight of each coalition's score in each band's Shapley value, float64 (coalition, band).

    Parameters
    ----------
    present : bool (coalition, band)
        Each coalition once.
    """
    bands = present.shape[1]
    sizes = present.sum(axis=1)
    joined = np.array([1 / (bands * comb(bands - 1, size - 1)) if size else 0.0 for size in sizes])
    missed = np.array([1 / (bands * comb(bands - 1, size)) if size < bands else 0.0 for size in sizes])
    return np.where(present, joined[:, None], -missed[:, None])


def _coalitions(bands: int) -> list[frozenset[int]]:
    """All sets of bands, from none to all."""
    return [frozenset(some) for size in range(bands + 1) for some in combinations(range(bands), size)]


def _absent(images: Floats, replacement: str | Floats, generator: np.random.Generator) -> tuple[Floats, str]:
    if isinstance(replacement, str):
        if replacement != "sky":
            raise InputError(f"replacement = {replacement!r} was given", "'sky', or an image")
        return sky_like(images, generator), "sky like that at the rim"
    return broadcast_image(images, replacement), CUSTOM_IMAGE
