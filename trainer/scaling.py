"""From nanomaggies to the numbers a network likes, as stock Keras operations inside the model.

A saved model so opens anywhere without our code and takes pixels as they are on disk, and attributions can be taken at
the layer `SCALED`, behind everything that is done to a galaxy as a whole.
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

BRIGHT = 100.0
"""A pixel this many times as bright as the sky's noise becomes 1: the bright middle of most GZ2 galaxies."""

FRAME = 8
"""The sky is measured in a frame as wide as this fraction of the cutout."""


def scale_pixels(pixels: Any, scaling: str, softening: Sequence[float]) -> Any:
    """The scaled pixels of an input, ending in the layer `SCALED`.

    Parameters
    ----------
    pixels : KerasTensor (n, y, x, band)
        Nanomaggies per cutout pixel.
    scaling : str
        One of `SCALINGS`.
    softening : sequence of float, one per band
        Where asinh turns from linear to logarithmic [nanomaggies per cutout pixel]. Only ``"asinh"`` uses it.
    """
    return SCALINGS[scaling](pixels, softening)


def asinh(pixels: Any, softening: Sequence[float]) -> Any:
    """asinh(pixels / softening) / asinh(100), band by band.

    Linear in the noise and logarithmic in the light, so that faint arms and bright bulges both count. All galaxies
    share the scale: colours and brightness survive.

    References
    ----------
    Lupton, Gunn, Szalay 1999, AJ 118, 1406, https://arxiv.org/abs/astro-ph/9903081
    """
    in_noise = keras.layers.Rescaling([1.0 / float(value) for value in softening], name="in_sky_sigma")(pixels)
    return keras.layers.Rescaling(float(1.0 / np.arcsinh(BRIGHT)), name=SCALED)(keras.ops.arcsinh(in_noise))


def minmax(pixels: Any, softening: Sequence[float]) -> Any:
    """Each galaxy's each band from 0 to 1, as the original project did. Colours and brightness are lost."""
    low = keras.ops.min(pixels, axis=(1, 2), keepdims=True)
    span = keras.ops.max(pixels, axis=(1, 2), keepdims=True) - low
    # An empty band has no span; it becomes 0.
    return keras.layers.Rescaling(1.0, name=SCALED)((pixels - low) / keras.ops.maximum(span, keras.backend.epsilon()))


def display(pixels: Any, softening: Sequence[float]) -> Any:
    """Linear, for images that were stretched for the eye already, from 0 to 1: most of them is dark.

    What such images have on average becomes nearly 0, and their scatter nearly 1.
    """
    return keras.layers.Rescaling(4.0, -0.6, name=SCALED)(pixels)


SCALINGS = {"asinh": asinh, "minmax": minmax, "display": display}


def sky_noise(images: NDArray[np.float32], valid: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Noise of the sky in each band, the median over galaxies of the scatter in the cutouts' outer frame.

    The scatter is 1.4826 times the median absolute deviation, which neither a star nor an outer arm moves by much. A
    band whose sky has no noise at all (a masked background, say) gets a hundredth of its brightest pixels instead.

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
    seen = sky[valid[:, frame].any(axis=1)]
    if len(seen) == 0:
        return _hundredth_of_brightest(images)
    deviation = np.abs(seen - np.nanmedian(seen, axis=1, keepdims=True))
    sigma = 1.4826 * np.median(np.nanmedian(deviation, axis=1), axis=0)
    return np.where(sigma > 0, sigma, _hundredth_of_brightest(images)).astype(np.float32)


def _frame(shape: tuple[int, ...]) -> NDArray[np.bool_]:
    frame = np.ones(shape, np.bool_)
    y, x = (max(1, side // FRAME) for side in shape)
    frame[y:-y, x:-x] = False
    return frame


def _hundredth_of_brightest(images: NDArray[np.float32]) -> NDArray[np.float32]:
    brightest = np.median(np.abs(images).max(axis=(1, 2)), axis=0) / 100
    return np.where(brightest > 0, brightest, 1.0).astype(np.float32)
