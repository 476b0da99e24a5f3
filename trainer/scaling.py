"""Scaling of nanomaggies to network inputs, as stock Keras operations inside the model.

So a saved model opens without this package and takes pixels as stored on disk, and attributions can be computed at the
layer `SCALED`, after all operations on a galaxy as a whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gz2interp.network.quiet import keras

__all__ = ["SCALED", "SCALINGS", "scale_pixels", "sky_noise"]

SCALED = "scaled"
"""Name of the last layer of the scaling."""

BRIGHT_PIXEL = 100.0
"""Brightness in units of the sky noise that is scaled to 1: the centre of most GZ2 galaxies."""

FRAME_FRACTION = 8
"""The sky is measured in an outer frame with a width of one `FRAME_FRACTION`th of the cutout."""


def scale_pixels(pixels: Any, scaling: str, softening: Sequence[float]) -> Any:
    """Scale the pixels of an input, ending in the layer `SCALED`.

    Parameters
    ----------
    pixels : KerasTensor (n, y, x, band)
        Nanomaggies per cutout pixel.
    scaling : str
        One of `SCALINGS`.
    softening : sequence of float, one per band
        Softening of asinh [nanomaggies per cutout pixel], used only by ``"asinh"``.
    """
    return SCALINGS[scaling](pixels, softening)


def asinh(pixels: Any, softening: Sequence[float]) -> Any:
    """asinh(pixels / softening) / asinh(100), band by band.

    Linear at the level of the noise and logarithmic at high flux. All galaxies have the same scale, which preserves
    colours and brightness.

    References
    ----------
    Lupton, Gunn, Szalay 1999, AJ 118, 1406, https://arxiv.org/abs/astro-ph/9903081
    """
    in_noise = keras.layers.Rescaling([1.0 / float(value) for value in softening], name="in_sky_sigma")(pixels)
    return keras.layers.Rescaling(float(1.0 / np.arcsinh(BRIGHT_PIXEL)), name=SCALED)(keras.ops.arcsinh(in_noise))


def minmax(pixels: Any, softening: Sequence[float]) -> Any:
    """Scale each band of each galaxy to 0 ... 1, as in the original project. Colours and brightness are lost."""
    low = keras.ops.min(pixels, axis=(1, 2), keepdims=True)
    span = keras.ops.max(pixels, axis=(1, 2), keepdims=True) - low
    # The range of an empty band is 0; it becomes 0.
    return keras.layers.Rescaling(1.0, name=SCALED)((pixels - low) / keras.ops.maximum(span, keras.backend.epsilon()))


def display(pixels: Any, softening: Sequence[float]) -> Any:
    """Linear scaling of display images with values 0 ... 1, to mean 0 and standard deviation 1, approximately."""
    return keras.layers.Rescaling(4.0, -0.6, name=SCALED)(pixels)


SCALINGS = {"asinh": asinh, "minmax": minmax, "display": display}


def sky_noise(images: NDArray[np.float32], valid: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Noise of the sky in each band: the median over galaxies of the noise in the outer frame of the cutouts.

    The noise is 1.4826 times the median absolute deviation. A band without any noise (with a masked background, say)
    gets a hundredth of its brightest pixels instead.

    Parameters
    ----------
    images : float32 (n, y, x, band)
    valid : bool (n, y, x)

    Returns
    -------
    float32 (band,)
        Unit of `images`.
    """
    frame = _frame(images.shape[1:3])
    sky = np.where(valid[:, frame, None], images[:, frame], np.nan)  # (n, pixel, band)
    sky = sky[valid[:, frame].any(axis=1)]
    if len(sky) == 0:
        return _hundredth_of_brightest(images)
    deviation = np.abs(sky - np.nanmedian(sky, axis=1, keepdims=True))
    sigma = 1.4826 * np.median(np.nanmedian(deviation, axis=1), axis=0)
    return np.where(sigma > 0, sigma, _hundredth_of_brightest(images)).astype(np.float32)


def _frame(shape: tuple[int, ...]) -> NDArray[np.bool_]:
    frame = np.ones(shape, np.bool_)
    y, x = (max(1, side // FRAME_FRACTION) for side in shape)
    frame[y:-y, x:-x] = False
    return frame


def _hundredth_of_brightest(images: NDArray[np.float32]) -> NDArray[np.float32]:
    brightest = np.median(np.abs(images).max(axis=(1, 2)), axis=0) / 100
    return np.where(brightest > 0, brightest, 1.0).astype(np.float32)
