"""What keeps an image inside what the survey has: no light below sky, none brighter or of other colours than galaxies'.

All limits are smooth, so that a gradient finds its way along them.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gz2interp.features.light import Light
from gz2interp.features.rings import ring_weights
from gz2interp.network.quiet import tf

__all__ = ["stretched_within"]

Tensor = Any

SHARPNESS = 3.0
"""Of the bend at no light: by so much it is sharper than that of log(1 + exp(s)), in units of the sky's scatter."""

BEND = 4
"""Of the bend at the survey's reach."""

TINY = 1e-6


def stretched_within(raw: Tensor, light: Light, own_colours: bool = True) -> Tensor:
    """Stretched light that could be a cutout, (n, y, x, band), of raw stretched light.

    Parameters
    ----------
    raw : tensor (n, y, x, band)
    light : Light
    own_colours : bool, optional
        Whether each pixel's colour is one of the survey's galaxies. Otherwise each band is limited by itself.
    """
    lit = tf.nn.softplus(SHARPNESS * raw) / SHARPNESS
    if not own_colours:
        return tf.minimum(_limited(lit, light, slice(0, -1)), np.arcsinh(light.highest / light.sky))
    bands = tf.sinh(lit) + TINY
    mean = tf.reduce_mean(bands, axis=-1, keepdims=True)
    grey = tf.sinh(_limited(tf.asinh(mean), light, slice(-1, None)))
    relative = grey * tf.exp(_tinted(tf.math.log(bands / mean), light))
    return tf.asinh(tf.minimum(relative, light.highest / light.sky))


def _limited(lit: Tensor, light: Light, which: slice) -> Tensor:
    """At no place above the survey's reach, and on no ring about the middle brighter than its galaxies are."""
    kept = lit * (1 + (lit / light.reach[..., which]) ** BEND) ** (-1 / BEND)
    height, width, _ = light.shape
    weights = ring_weights(height, width)
    shares = weights / weights.sum(axis=0)
    bands = lit.shape[-1]
    means = tf.einsum("npb,pr->nrb", tf.reshape(kept, (-1, height * width, bands)), shares)
    factors = tf.minimum(1.0, light.profile[:, which] / (means + TINY))
    return kept * tf.reshape(tf.einsum("nrb,pr->npb", factors, weights), (-1, height, width, bands))


def _tinted(tints: Tensor, light: Light) -> Tensor:
    low, high = light.tints
    middle, half = (low + high) / 2, np.maximum((high - low) / 2, TINY)
    along = tf.einsum("nyxb,ba->nyxa", tints, light.tint_axes)
    return tf.einsum("nyxa,ba->nyxb", middle + half * tf.tanh((along - middle) / half), light.tint_axes)
