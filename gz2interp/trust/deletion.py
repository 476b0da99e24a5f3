"""Deletion and insertion: does the network lose the class when what a map calls important is taken away?"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gz2interp.attribution.replacements import sky_like
from gz2interp.attribution.samples import blocks
from gz2interp.trust.explainer import Classes, Network

__all__ = ["STEPS", "areas", "order_of", "random_order"]

Floats = NDArray[np.float32]
Ranks = NDArray[np.int64]

STEPS = 16
"""Portions in which the pixels go and come."""


def areas(
    probe: Network,
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
    for some, portions in blocks(len(images), steps + 1, probe.batch_size):
        for numbers in portions:
            gone = ranks[some][None] < cuts[list(numbers)][:, None, None, None]  # (step, image, y, x)
            for curve, away in zip(curves, (gone, ~gone), strict=True):
                seen = np.where(away[..., None], sky[some][None], images[some][None])
                said = probe.probabilities(seen.reshape(-1, *images.shape[1:]))
                wanted = np.tile(classes[some], len(numbers))
                curve[some, numbers.start : numbers.stop] = (
                    said[np.arange(len(said)), wanted].reshape(len(numbers), -1).T
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
    """Ranks of pixels in no order, int (n, y, x): what a map must do better than."""
    return order_of(generator.random(shape, dtype=np.float32))
