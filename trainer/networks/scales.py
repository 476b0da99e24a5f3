"""One image at several scales, all of one size: as if the galaxy were nearer or farther."""

from __future__ import annotations

from typing import Any

from gz2interp.network.quiet import keras

ops = keras.ops

__all__ = ["LEAST_SCALE", "MOST_SCALE", "magnified"]

LEAST_SCALE, MOST_SCALE = 0.65, 2.0
"""Farther away, the galaxy's own mirror images would be seen at the edge."""


def magnified(pixels: Any, scale: float) -> Any:
    """Scaled pixels (n, y, x, band) of the galaxy larger or smaller by a factor, of the same shape.

    Above 1 the middle is cut out and enlarged; below 1 the image is continued by reflection and reduced. What a pixel
    shows keeps its brightness, as with nearness in the sky. The factor is met to the nearest even number of pixels.

    Parameters
    ----------
    pixels : tensor
    scale : float
        From `LEAST_SCALE` to `MOST_SCALE`.

    Notes
    -----
    Made of functions and not of Keras' preprocessing layers: those, where nobody says whether a network is being
    trained, tell all layers after them that it is.
    """
    height, width = pixels.shape[1:3]
    rows, columns = (round(side * (1 / scale - 1) / 2) for side in (height, width))
    if rows == columns == 0:
        return pixels
    if scale < 1:
        seen = ops.pad(pixels, [(0, 0), (rows, rows), (columns, columns), (0, 0)], mode="reflect")
    else:
        seen = pixels[:, -rows : height + rows, -columns : width + columns]
    return ops.image.resize(seen, (height, width), interpolation="bilinear", data_format="channels_last")
