"""What keeps an image inside what the survey has: no light below sky, none brighter or of other colours than galaxies'.

All limits are smooth, so that a gradient finds its way along them. They work on *planes*, (n, band, y, x): what is
computed of each band or between bands is then several times as fast as where the bands lie innermost.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gz2interp.features.light import Light
from gz2interp.features.rings import ring_weights
from gz2interp.features.stretching import asinh, sinh
from gz2interp.network.quiet import tf

__all__ = ["above_sky", "fluxes_within"]

Tensor = Any

SHARPNESS = 3.0
"""Of the bend at no light: by so much it is sharper than that of log(1 + exp(s)), in units of the sky's scatter."""

TINY = 1e-6


def above_sky(raw: Tensor) -> tuple[Tensor, Tensor]:
    """Raw stretched light bent at no light, so that none is below it, and the slope of the bend; of any shape."""
    # TensorFlow's own softplus takes as long as all the rest of the limits.
    steep = SHARPNESS * raw
    lit = (tf.maximum(steep, 0.0) + tf.math.log(1 + tf.exp(-tf.abs(steep)))) / SHARPNESS
    return lit, tf.sigmoid(steep)


def fluxes_within(lit: Tensor, light: Light, own_colours: bool = True) -> Tensor:
    """Fluxes that could be a cutout's, in nanomaggies, of stretched light that is not below sky.

    Parameters
    ----------
    lit : tensor (n, band, y, x)
    light : Light
    own_colours : bool, optional
        Whether each pixel's colour is one of the survey's galaxies. Otherwise each band is limited by itself.

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
        relative = grey * tf.exp(_tinted(tf.math.log(bands) - tf.math.log(mean), light))
    return tf.minimum(relative * _of_band(light.sky), _of_band(light.highest))


def _limited(lit: Tensor, light: Light, which: slice) -> Tensor:
    """At no place above the survey's reach, and on no ring about the middle brighter than its galaxies are."""
    kept = lit * tf.math.rsqrt(tf.sqrt(1 + tf.square(tf.square(lit / np.moveaxis(light.reach[..., which], -1, 0)))))
    height, width, _ = light.shape
    weights = ring_weights(height, width)
    flat = tf.reshape(kept, (-1, kept.shape[1], height * width))
    means = tf.matmul(flat, weights / weights.sum(axis=0))
    factors = tf.minimum(1.0, light.profile[:, which].T / (means + TINY))
    return tf.reshape(flat * tf.matmul(factors, weights, transpose_b=True), tf.shape(kept))


def _tinted(tints: Tensor, light: Light) -> Tensor:
    low, high = (each[:, None] for each in light.tints)
    middle, half = (low + high) / 2, np.maximum((high - low) / 2, TINY)
    flat = tf.reshape(tints, (-1, tints.shape[1], light.shape[0] * light.shape[1]))
    along = tf.matmul(np.ascontiguousarray(light.tint_axes.T), flat)
    return tf.reshape(tf.matmul(light.tint_axes, middle + half * tf.tanh((along - middle) / half)), tf.shape(tints))


def _of_band(values: NDArray[np.float32]) -> NDArray[np.float32]:
    return values[:, None, None]
