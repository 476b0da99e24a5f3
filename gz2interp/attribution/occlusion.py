"""Occlusion: the decrease of the score when a patch of the image is replaced by sky."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gz2interp.attribution.baselines import sky_like
from gz2interp.attribution.samples import sample_batches, whole_number
from gz2interp.errors import InputError
from gz2interp.network.model_probe import ModelProbe
from gz2interp.network.scores import Score
from gz2interp.results import Attribution

__all__ = ["occlusion", "occlusion_by_band"]

Floats = NDArray[np.float32]

PATCH, STRIDE = 8, 4


def occlusion(
    probe: ModelProbe,
    images: Floats,
    score: Score,
    *,
    patch: int = PATCH,
    stride: int = STRIDE,
    generator: np.random.Generator | None = None,
) -> Attribution:
    """The decrease of the score when a square patch is replaced by sky, in all bands at once.

    Parameters
    ----------
    images : float32 (n, y, x, band), nanomaggies
    patch : int, optional
        Side of the square [pixel].
    stride : int, optional
        From one patch to the next [pixel]; at the far edge the last one is moved inwards.
    generator : numpy.random.Generator, optional
        Of the sky's noise, see `gz2interp.attribution.baselines.sky_like`; by default seeded with 0.

    Returns
    -------
    Attribution
        float32 (n, y, x), in the unit of the score: the mean decrease over the patches that cover a pixel.

    Notes
    -----
    It differs from the paper in the replacement, there a grey square, to whose edges a network can respond.

    References
    ----------
    Zeiler & Fergus 2014, Visualizing and understanding convolutional networks, https://arxiv.org/abs/1311.2901
    """
    return _occluded(probe, images, score, patch, stride, generator, "occlusion")


def occlusion_by_band(
    probe: ModelProbe,
    images: Floats,
    score: Score,
    *,
    patch: int = PATCH,
    stride: int = STRIDE,
    generator: np.random.Generator | None = None,
) -> Attribution:
    """The decrease of the score when a square patch of one band is replaced by sky.

    Parameters
    ----------
    probe, images, score, patch, stride, generator
        As for `occlusion`.

    Returns
    -------
    Attribution
        float32 (n, y, x, band), in the unit of the score. An effect of several bands together is in no band's map.

    References
    ----------
    Zeiler & Fergus 2014, https://arxiv.org/abs/1311.2901
    """
    return _occluded(probe, images, score, patch, stride, generator, "occlusion_by_band")


def _occluded(
    probe: ModelProbe,
    images: Floats,
    score: Score,
    patch: int,
    stride: int,
    generator: np.random.Generator | None,
    method: str,
) -> Attribution:
    images = np.asarray(images, np.float32)
    by_band = method == "occlusion_by_band"
    squares = _squares(images.shape[1:], whole_number("patch", patch), whole_number("stride", stride), by_band)
    sky = sky_like(images, generator or np.random.default_rng(0))
    scores = probe.scores(images, score)
    falls = np.empty((len(images), len(squares)), np.float32)
    for some, portions in sample_batches(len(images), len(squares), probe.batch_size):
        for numbers in portions:
            occluded = np.repeat(images[some][None], len(numbers), axis=0)
            for copies, k in zip(occluded, numbers, strict=True):
                copies[squares[k]] = sky[some][squares[k]]
            without = probe.scores(occluded.reshape(-1, *images.shape[1:]), score).reshape(len(numbers), -1)
            falls[some, numbers.start : numbers.stop] = (scores[some] - without).T
    values = _spread(falls, squares, images.shape)
    parameters = {"patch": patch, "stride": stride, "replacement": "sky like that at the rim"}
    return Attribution(
        values if by_band else values[..., 0], scores, method, score.name, domain="input", parameters=parameters
    )


Square = tuple[slice, ...]


def _squares(shape: tuple[int, ...], patch: int, stride: int, by_band: bool) -> list[Square]:
    """The patches as indices of (n, y, x, band)."""
    if patch > min(shape[:2]):
        raise InputError(f"patch = {patch} was given", f"At most the image's side, {min(shape[:2])} pixels")
    rows, columns = (sorted({*range(0, side - patch + 1, stride), side - patch}) for side in shape[:2])
    bands = [slice(k, k + 1) for k in range(shape[2])] if by_band else [slice(None)]
    return [
        (slice(None), slice(y, y + patch), slice(x, x + patch), band) for band in bands for y in rows for x in columns
    ]


def _spread(falls: Floats, squares: list[Square], shape: tuple[int, ...]) -> Floats:
    """The mean over the patches that cover a pixel, (n, y, x, band); equal in all bands for patches of all bands."""
    total, covered = np.zeros(shape, np.float32), np.zeros((1, *shape[1:]), np.float32)
    for fall, square in zip(falls.T, squares, strict=True):
        total[square] += fall[:, None, None, None]
        covered[square] += 1
    return np.asarray(total / np.maximum(covered, 1), np.float32)  # a stride beyond the patch leaves pixels uncovered
