"""Limits of feature images by the image prior: no negative flux, and brightness and colours of the survey's galaxies.

All limits are smooth, so that gradients do not vanish. They are computed on *planes*, (n, band, y, x), several times as
fast as with the bands as the last axis.
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
"""Sharpness of the softplus at zero flux, relative to log(1 + exp(s)) in units of the sky noise."""

MAGNITUDE = np.float32(-2.5 / np.log(10))

NARROWEST = 0.05
"""Least half width of the range of a colour [mag]."""

TINY = 1e-6


def above_sky(raw: Tensor) -> tuple[Tensor, Tensor]:
    """Softplus of raw stretched flux, so that none is negative, and its slope; of any shape."""
    # TensorFlow's own softplus takes as long as all other limits together.
    steep = SHARPNESS * raw
    lit = (tf.maximum(steep, 0.0) + tf.math.log(1 + tf.exp(-tf.abs(steep)))) / SHARPNESS
    return lit, tf.sigmoid(steep)


def fluxes_within(lit: Tensor, prior: ImagePrior, own_colours: bool = True) -> Tensor:
    """Limit stretched flux that is not negative to that of cutouts, and convert it to nanomaggies.

    Parameters
    ----------
    lit : tensor (n, band, y, x)
    own_colours : bool, optional
        Whether to limit the colours of each pixel, between neighbouring bands, to those of the survey's galaxies.
        Otherwise each band is limited by itself.

    Returns
    -------
    tensor (n, band, y, x)
    """
    if not own_colours:
        relative = sinh(_limited(lit, prior, slice(0, -1)))
    else:
        bands = sinh(lit) + TINY
        mean = tf.reduce_mean(bands, axis=1, keepdims=True)
        grey = sinh(_limited(asinh(mean), prior, slice(-1, None)))
        relative = grey * _shares(bands, prior)
    return tf.minimum(relative * _of_band(prior.sky), _of_band(prior.highest))


def _limited(lit: Tensor, prior: ImagePrior, which: slice) -> Tensor:
    """Limit pixels by the prior's reach, and means over rings about the centre by its profile."""
    limited = lit * tf.math.rsqrt(tf.sqrt(1 + tf.square(tf.square(lit / np.moveaxis(prior.reach[..., which], -1, 0)))))
    height, width, _ = prior.shape
    weights = ring_weights(height, width)
    flat = tf.reshape(limited, (-1, limited.shape[1], height * width))
    means = tf.matmul(flat, weights / weights.sum(axis=0))
    factors = tf.minimum(1.0, prior.profile[:, which].T / (means + TINY))
    return tf.reshape(flat * tf.matmul(factors, weights, transpose_b=True), tf.shape(limited))


def _shares(bands: Tensor, prior: ImagePrior) -> Tensor:
    """Each band's flux relative to the mean of all, with the colours limited to the survey's range."""
    count, (height, width, _) = bands.shape[1], prior.shape
    if count < 2:
        return tf.ones_like(bands)
    from_neighbour = (np.eye(count, dtype=np.float32)[:-1] - np.eye(count, dtype=np.float32)[1:]) * MAGNITUDE
    low, high = (limit[:, None] for limit in prior.colours)
    middle, half = (low + high) / 2, np.maximum((high - low) / 2, NARROWEST)
    flat = tf.reshape(tf.math.log(bands * _of_band(prior.sky)), (-1, count, height * width))
    colours = middle + half * tf.tanh((tf.matmul(from_neighbour, flat) - middle) / half)
    back = np.linalg.pinv(from_neighbour).astype(np.float32)
    parts = tf.exp(tf.matmul(back, colours) - np.log(prior.sky)[:, None])
    return tf.reshape(parts / tf.reduce_mean(parts, axis=1, keepdims=True), tf.shape(bands))


def _of_band(values: NDArray[np.float32]) -> NDArray[np.float32]:
    return values[:, None, None]
