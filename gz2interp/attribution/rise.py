"""RISE: the covariance of the score with random masks of the image."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gz2interp.attribution.baselines import sky_like
from gz2interp.attribution.cams import resize_cells
from gz2interp.attribution.samples import sample_batches, whole_number
from gz2interp.errors import InputError
from gz2interp.network.model_probe import ModelProbe
from gz2interp.network.scores import Score
from gz2interp.results import Attribution

__all__ = ["rise"]

Floats = NDArray[np.float32]

SAMPLES, CELLS, SHARE = 1000, 8, 0.5


def rise(
    probe: ModelProbe,
    images: Floats,
    score: Score,
    *,
    samples: int = SAMPLES,
    cells: int = CELLS,
    share: float = SHARE,
    generator: np.random.Generator | None = None,
) -> Attribution:
    """The increase of the score when a pixel is not masked, averaged over random masks of the image.

    Parameters
    ----------
    images : float32 (n, y, x, band), nanomaggies
    samples : int, optional
        Number of masks; the same for all images.
    cells : int, optional
        Cells along a side of a mask, each open or closed at random, interpolated to pixels and shifted at random.
    share : float, optional
        Of open cells, between 0 and 1.
    generator : numpy.random.Generator, optional
        By default seeded with 0.

    Returns
    -------
    Attribution
        float32 (n, y, x), in the unit of the score, signed: the covariance of score and mask, over the mask's variance.

    Notes
    -----
    It differs from the paper in subtracting the mean score of the masked images, without which a score far from 0 (a
    logit) is dominated by fluctuations of the masks, in dividing by the masks' variance, and in the replacement of
    masked pixels by sky, there black.

    References
    ----------
    Petsiuk, Das & Saenko 2018, RISE: randomized input sampling for explanation of black-box models,
    https://arxiv.org/abs/1806.07421
    """
    whole_number("samples", samples, 2)
    whole_number("cells", cells, 2)
    if not 0 < share < 1:
        raise InputError(f"share = {share} was given", "More than 0 and less than 1")
    generator = generator or np.random.default_rng(0)
    images, keys = np.asarray(images, np.float32), generator.integers(2**63, size=samples)
    shape = images.shape[1:3]
    sky = sky_like(images, generator)
    means, squares = _moments_of_masks(keys, shape, cells, share)
    values = np.empty(images.shape[:3], np.float32)
    for some, portions in sample_batches(len(images), samples, probe.batch_size):
        clear, opaque = images[some], sky[some]
        product, total = np.zeros((len(clear), *shape), np.float64), np.zeros(len(clear), np.float64)
        for numbers in portions:
            masks = np.stack([_mask(keys[k], shape, cells, share) for k in numbers])
            masked = opaque + masks[:, None, :, :, None] * (clear - opaque)
            scores = probe.scores(masked.reshape(-1, *images.shape[1:]), score).reshape(len(numbers), -1)
            product += np.tensordot(scores.T, masks, axes=1)
            total += scores.sum(axis=0)
        covariance = product / samples - total[:, None, None] / samples * means
        values[some] = covariance / squares
    parameters = {"samples": samples, "cells": cells, "share": share, "replacement": "sky like that at the rim"}
    return Attribution(values, probe.scores(images, score), "rise", score.name, domain="input", parameters=parameters)


def _mask(key: int, shape: tuple[int, int], cells: int, share: float) -> Floats:
    """Transmission of each pixel, float32 (y, x) from 0 to 1."""
    generator = np.random.default_rng(key)
    wide = [-(-side // cells) for side in shape]  # a cell's pixels
    opened = (generator.random((1, cells + 1, cells + 1)) < share).astype(np.float32)
    large = resize_cells(opened, ((cells + 1) * wide[0], (cells + 1) * wide[1]))[0]
    y, x = (int(generator.integers(0, side)) for side in wide)
    return np.asarray(large[y : y + shape[0], x : x + shape[1]])


def _moments_of_masks(
    keys: NDArray[np.int64], shape: tuple[int, int], cells: int, share: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and variance of the masks at each pixel, (y, x)."""
    total, squares = np.zeros(shape), np.zeros(shape)
    for key in keys:
        mask = _mask(key, shape, cells, share)
        total += mask
        squares += np.square(mask)
    mean = total / len(keys)
    return mean, np.maximum(squares / len(keys) - mean**2, 1e-6)
