"""What keeps an image inside what the survey has: no light below sky, none brighter or of other colours than galaxies'.

All limits are smooth, so that a gradient finds its way along them. They work on *planes*, (n, band, y, x): what is
computed of each band or between bands is then several times as fast as where the bands lie innermost.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gz2interp.features.image_prior import ImagePrior, ring_weights
from gz2interp.features.parametrisations import asinh, sinh
from gz2interp.network.quiet import tf

__all__ = ["above_sky", "fluxes_within"]

Tensor = Any

SHARPNESS = 3.0
"""Of the bend at no light: by so much it is sharper than that of log(1 + exp(s)), in units of the sky's scatter."""

MAGNITUDE = np.float32(-2.5 / np.log(10))

NARROWEST = 0.05
"""The range of a colour is at least so wide to either side [mag]."""

TINY = 1e-6


def above_sky(raw: Tensor) -> tuple[Tensor, Tensor]:
    """Raw stretched light bent at no light, so that none is below it, and the slope of the bend; of any shape."""
    # TensorFlow's own softplus takes as long as all the rest of the limits.
    steep = SHARPNESS * raw
    lit = (tf.maximum(steep, 0.0) + tf.math.log(1 + tf.exp(-tf.abs(steep)))) / SHARPNESS
    return lit, tf.sigmoid(steep)


def fluxes_within(lit: Tensor, light: ImagePrior, own_colours: bool = True) -> Tensor:
    """Fluxes that could be a cutout's, in nanomaggies, of stretched light that is not below sky.

    Parameters
    ----------
    lit : tensor (n, band, y, x)
    own_colours : bool, optional
        Whether the colours of each pixel, between neighbouring bands, are within those of the survey's galaxies, and
        so those of all light. Otherwise each band is limited by itself.

    Returns
    -------
    tensor (n, band, y, x)
    """
    if not own_colours:
        relative = sinh(_limited(lit, light, slice(0, -1)))
    else:
        bands = sinh(lit) + TINY
        mean = tf.reduce_mean(bands, axis=1, keepdims=True)
        grey = sinh(_limited(asinh(mean), light, slice(-1, None)))
        relative = grey * _shares(bands, light)
    return tf.minimum(relative * _of_band(light.sky), _of_band(light.highest))


def _limited(lit: Tensor, light: ImagePrior, which: slice) -> Tensor:
    """At no place above the survey's reach, and on no ring about the middle brighter than its galaxies are."""
    kept = lit * tf.math.rsqrt(tf.sqrt(1 + tf.square(tf.square(lit / np.moveaxis(light.reach[..., which], -1, 0)))))
    height, width, _ = light.shape
    weights = ring_weights(height, width)
    flat = tf.reshape(kept, (-1, kept.shape[1], height * width))
    means = tf.matmul(flat, weights / weights.sum(axis=0))
    factors = tf.minimum(1.0, light.profile[:, which].T / (means + TINY))
    return tf.reshape(flat * tf.matmul(factors, weights, transpose_b=True), tf.shape(kept))


def _shares(bands: Tensor, light: ImagePrior) -> Tensor:
    """Each band's part in the mean of all, after the colours have been brought into the survey's range."""
    count, (height, width, _) = bands.shape[1], light.shape
    if count < 2:
        return tf.ones_like(bands)
    from_neighbour = (np.eye(count, dtype=np.float32)[:-1] - np.eye(count, dtype=np.float32)[1:]) * MAGNITUDE
    low, high = (each[:, None] for each in light.colours)
    middle, half = (low + high) / 2, np.maximum((high - low) / 2, NARROWEST)
    flat = tf.reshape(tf.math.log(bands * _of_band(light.sky)), (-1, count, height * width))
    colours = middle + half * tf.tanh((tf.matmul(from_neighbour, flat) - middle) / half)
    back = np.linalg.pinv(from_neighbour).astype(np.float32)
    parts = tf.exp(tf.matmul(back, colours) - np.log(light.sky)[:, None])
    return tf.reshape(parts / tf.reduce_mean(parts, axis=1, keepdims=True), tf.shape(bands))


def _of_band(values: NDArray[np.float32]) -> NDArray[np.float32]:
    return values[:, None, None]
