"""Tests of attribution maps: correlation between maps, noise resampling, deletion and insertion."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from gz2interp.attribution import Method
from gz2interp.attribution.baselines import scatter_at_rim, sky_like
from gz2interp.attribution.questions import explain_by_score
from gz2interp.attribution.samples import sample_batches
from gz2interp.network.model_probe import ModelProbe
from gz2interp.network.scores import logit
from gz2interp.painting.noise import ELECTRONS
from gz2interp.results import Attribution
from gz2interp.schema import BANDS

__all__ = [
    "STEPS",
    "Explainer",
    "areas",
    "correlation",
    "electrons_of",
    "importance",
    "mean_correlation",
    "noise_resampling",
    "order_of",
    "random_order",
    "rank_correlation",
]


Floats = NDArray[np.float32]
Classes = NDArray[np.int64]


@dataclass(frozen=True)
class Explainer:
    """An attribution method with its options, applied to the logit of each image's class."""

    method: Method
    options: Mapping[str, Any] = field(default_factory=dict)

    def explain(self, probe: ModelProbe, images: Floats, classes: Classes) -> Attribution:
        """The maps of images (n, y, x, band), each for its own class int (n,)."""
        scores = [logit(int(number)) for number in classes]
        return explain_by_score(
            lambda some, score: self.method.function(probe, some, score, **self.options),
            images,
            scores,
            "logit of the predicted class",
        )

    def importance(self, probe: ModelProbe, images: Floats, classes: Classes) -> Floats:
        """Importance of each pixel, float32 (n, y, x); see `importance`."""
        return importance(self.explain(probe, images, classes).values, self.method.contributes)


def importance(values: Floats, contributes: bool) -> Floats:
    """Importance of each pixel for the score, summed over bands, float32 (n, y, x).

    Parameters
    ----------
    values : float32 (n, y, x, band) or (n, y, x)
        Maps.
    contributes : bool
        Contributions to the score are summed over bands with their sign; of a sensitivity (a derivative) the absolute
        values are summed.
    """
    counted = values if contributes else np.abs(values)
    return np.asarray(counted.sum(axis=-1) if counted.ndim == 4 else counted, np.float32)


Doubles = NDArray[np.float64]


def correlation(first: Floats, second: Floats) -> Doubles:
    """Pearson's correlation of the pixels of each pair of maps, float64 (n,).

    Parameters
    ----------
    first, second : float (n, y, x)

    Returns
    -------
    float64 (n,)
        NaN where one of them is constant or not finite.
    """
    one, other = (_centred(maps.reshape(len(maps), -1).astype(np.float64)) for maps in (first, second))
    lengths = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
    unknown = np.full(len(one), np.nan)
    return np.asarray(np.divide((one * other).sum(axis=1), lengths, out=unknown, where=lengths > 0))


def rank_correlation(first: Floats, second: Floats) -> Doubles:
    """Spearman's correlation, that of the pixels' ranks, as `correlation`."""
    return correlation(*(rankdata(maps.reshape(len(maps), -1), axis=1)[:, None] for maps in (first, second)))


def mean_correlation(several: Sequence[Doubles]) -> Doubles:
    """The mean of several correlations of each galaxy that are finite, float64 (n,); NaN where none is."""
    values = np.stack(several)
    finite = np.isfinite(values)
    total, count = np.where(finite, values, 0).sum(axis=0), finite.sum(axis=0)
    return np.asarray(np.divide(total, count, out=np.full(count.shape, np.nan), where=count > 0))


def _centred(values: Doubles) -> Doubles:
    return np.asarray(values - values.mean(axis=1, keepdims=True))


def noise_resampling(
    images: Floats, sky_sigma: Floats, electrons: Sequence[float], generator: np.random.Generator
) -> Floats:
    """Images with noise added a second time, float32 (n, y, x, band).

    Parameters
    ----------
    images : float32 (n, y, x, band), nanomaggies
    sky_sigma : float32 (n, band)
        Scatter of the sky, as measured when the cutout was made [nanomaggies per pixel]; NaN where it was not: then
        that at the image's rim.
    electrons : sequence of float
        Per nanomaggy in each band, for the galaxy's own photons; infinite where that is not known.
    generator : numpy.random.Generator
        All images share one draw, each scaled to its own noise.

    Notes
    -----
    The variance of the photons is that of the observed light, and the new image is noisier than the first by the square
    root of two.
    """
    measured = np.where(np.isfinite(sky_sigma), sky_sigma, scatter_at_rim(images))[:, None, None, :]
    variance = np.square(measured) + np.maximum(images, 0) / np.asarray(electrons, np.float32)
    drawn = generator.standard_normal(images.shape[1:], dtype=np.float32)
    return np.asarray(images + np.sqrt(variance) * drawn, np.float32)


def electrons_of(bands: Sequence[str]) -> tuple[float, ...]:
    """Electrons per nanomaggy in SDSS' bands, as in `gz2interp.painting.noise`; infinite for other bands."""
    electrons = dict(zip(BANDS, ELECTRONS, strict=True))
    return tuple(electrons.get(band, float("inf")) for band in bands)


Ranks = NDArray[np.int64]

STEPS = 16
"""Steps of the deletion and insertion curves."""


def areas(
    probe: ModelProbe,
    images: Floats,
    classes: Classes,
    ranks: Ranks,
    generator: np.random.Generator,
    steps: int = STEPS,
) -> tuple[Floats, Floats]:
    """The areas under the deletion and the insertion curve of each galaxy, float32 (n,) and (n,).

    Pixels are replaced by sky (deletion) or put back onto sky (insertion) in the given order, in equal portions, and
    the probability of the class is averaged over the way by the trapezoidal rule. Of a good order the first is small
    and the second large.

    Parameters
    ----------
    probe : Probe
    images : float32 (n, y, x, band), nanomaggies
    classes : int (n,)
    ranks : int (n, y, x)
        0 for the pixel that goes first.
    generator : numpy.random.Generator
        Of the sky's noise.
    steps : int

    References
    ----------
    Petsiuk et al. 2018, https://arxiv.org/abs/1806.07421. As ``Deletion`` and ``Insertion`` of xplique (Fel et al.
    2022, https://arxiv.org/abs/2206.04394) and, for the first, ``PixelFlipping`` of Quantus (Hedström et al. 2023,
    https://arxiv.org/abs/2202.06861; Bach et al. 2015); they replace by a constant, here it is sky like that at each
    image's rim, since a patch of nothing is a feature of its own.
    """
    sky = sky_like(images, generator)
    cuts = np.linspace(0, ranks[0].size, steps + 1).round()
    curves = np.empty((2, len(images), steps + 1), np.float32)
    for some, portions in sample_batches(len(images), steps + 1, probe.batch_size):
        for numbers in portions:
            deleted = ranks[some][None] < cuts[list(numbers)][:, None, None, None]  # (step, image, y, x)
            for curve, replaced in zip(curves, (deleted, ~deleted), strict=True):
                masked = np.where(replaced[..., None], sky[some][None], images[some][None])
                probabilities = probe.probabilities(masked.reshape(-1, *images.shape[1:]))
                outputs = np.tile(classes[some], len(numbers))
                curve[some, numbers.start : numbers.stop] = (
                    probabilities[np.arange(len(probabilities)), outputs].reshape(len(numbers), -1).T
                )
    under = np.asarray(np.trapezoid(curves, dx=1 / steps, axis=-1), np.float32)
    return under[0], under[1]


def order_of(importance: Floats) -> Ranks:
    """The rank of each pixel, the most important first, int (n, y, x); equals in the order of the array."""
    flat = importance.reshape(len(importance), -1)
    order = np.argsort(-flat, axis=1, kind="stable")
    ranks = np.empty_like(order)
    np.put_along_axis(ranks, order, np.arange(flat.shape[1])[None], axis=1)
    return ranks.reshape(importance.shape)


def random_order(shape: tuple[int, int, int], generator: np.random.Generator) -> Ranks:
    """Ranks of pixels in random order, int (n, y, x), the baseline of deletion and insertion."""
    return order_of(generator.random(shape, dtype=np.float32))
