"""How much of a score each band carries: exact Shapley values over all coalitions of bands."""

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
"""Bands: their coalitions double with each."""


def band_shapley(
    probe: ModelProbe,
    images: Floats,
    score: Score,
    *,
    replacement: str | Floats = "sky",
    generator: np.random.Generator | None = None,
) -> BandAttribution:
    """What each band adds to the score, averaged over all orders in which bands could be added.

    Parameters
    ----------
    images : float32 (n, y, x, band), nanomaggies
    replacement : str or float32 (y, x, band), optional
        What an absent band shows: ``"sky"``, noise like that at the image's rim, which says that nothing shines there;
        or another image in nanomaggies, a mean galaxy's perhaps, which says that nothing special does.
    generator : numpy.random.Generator, optional
        Of the sky's noise; by default seeded with 0.

    Returns
    -------
    BandAttribution
        Its values sum to its `total`, the rise of the score from all bands absent to all present, exactly. What bands
        do together (a colour) is shared evenly among them.

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
    said = np.empty((len(images), len(present)), np.float32)
    for some, portions in sample_batches(len(images), len(present), probe.batch_size):
        for numbers in portions:
            chosen = present[numbers.start : numbers.stop, None, None, None, :]
            seen = np.where(chosen, images[some], absent[some]).reshape(-1, *images.shape[1:])
            said[some, numbers.start : numbers.stop] = probe.scores(seen, score).reshape(len(numbers), -1).T
    return BandAttribution(
        values=(said @ shapley_weights(present)).astype(np.float32),
        scores=said[:, -1],
        method="band_shapley",
        score=score.name,
        total=said[:, -1] - said[:, 0],
        parameters={"replacement": name},
    )


def shapley_weights(present: NDArray[np.bool_]) -> NDArray[np.float64]:
    """How each coalition's score counts in each band's value, float64 (coalition, band).

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
    """All of them, from nobody to everybody."""
    return [frozenset(some) for size in range(bands + 1) for some in combinations(range(bands), size)]


def _absent(images: Floats, replacement: str | Floats, generator: np.random.Generator) -> tuple[Floats, str]:
    if isinstance(replacement, str):
        if replacement != "sky":
            raise InputError(f"replacement = {replacement!r} was given", "'sky', or an image")
        return sky_like(images, generator), "sky like that at the rim"
    return broadcast_image(images, replacement), CUSTOM_IMAGE
