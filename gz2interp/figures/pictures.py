"""Arrays as pictures that travel inside a page."""

from __future__ import annotations

import base64
import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

__all__ = ["data_uri", "thumbnails"]


def data_uri(pixels: NDArray[np.uint8]) -> str:
    """uint8 (y, x, 3) or (y, x, 4), row 0 on top -> a PNG as a data URI."""
    written = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(written, format="PNG", compress_level=3)
    return "data:image/png;base64," + base64.b64encode(written.getvalue()).decode("ascii")


def thumbnails(images: NDArray[np.uint8]) -> list[str]:
    """One data URI for each image of uint8 (n, y, x, 3), in array order; north-up images have their last row on top."""
    return [data_uri(image[::-1]) for image in images]
