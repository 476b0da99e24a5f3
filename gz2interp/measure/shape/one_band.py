"""What one band shows and the others do not: a satellite's trail, a strong emission line, a fault of the detector.

After the ellipses have been taken away, each band is predicted from the others at the same pixel by one linear law per
galaxy; what is left, in its own scatter, is of that band alone. Straight lines in it are sums along lines (the Radon
transform, as used for trails by Nir, Zackay & Ofek 2018, AJ 156, 229), of pixels cut off at a few standard deviations,
so that a star is no line.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from gz2interp.measure.shape.isophotes import Isophotes
from gz2interp.measure.shape.profiles import Sizes
from gz2interp.measure.shape.residuals import STRONGEST, spots, zones_of

__all__ = ["one_band"]

Doubles = NDArray[np.float64]
Floats = NDArray[np.float32]

POOLED: Final = 2
"""Pixels on each side that are added up before lines are looked for."""

ANGLES: Final = 36
HALF_WIDTH: Final = 1.5
"""Of a line [pooled pixel]."""

SHORTEST: Final = 0.45
"""Of the cutout's width."""


def one_band(fitted: Isophotes, size: Sizes) -> dict[str, Doubles]:
    """The brightest box of one band in each zone, the strongest line in one band, and in all together, (n,) each.

    Images of a single band have only the last.
    """
    rest = np.clip(fitted.rest, -STRONGEST, STRONGEST)
    told = {"line": _lines(fitted, rest[..., -1:])}
    if rest.shape[2] < 3:
        return told
    alone = _alone(rest[..., :-1])
    told |= spots(fitted.above.plane_of(alone), zones_of(fitted, size), "one_band")
    return told | {"line_in_a_band": _lines(fitted, alone)}


def _alone(rest: Floats) -> Floats:
    """What the other bands do not predict (n, pixel, band)."""
    bands = rest.shape[2]
    common = (rest.transpose(0, 2, 1) @ rest) / rest.shape[1] + 1e-3 * np.eye(bands, dtype=np.float32)
    inverse = np.linalg.inv(common.astype(np.float64))
    law = inverse / np.sqrt(np.einsum("nbb->nb", inverse))[:, None, :]
    return np.asarray(np.clip(rest @ law.astype(np.float32), -STRONGEST, STRONGEST))


def _lines(fitted: Isophotes, rest: Floats) -> Doubles:
    """The brightest line of any band (n,) of (n, pixel, band)."""
    count, _, bands = rest.shape
    height, width = (side // POOLED for side in fitted.above.shape)
    image = fitted.above.plane_of(rest)[:, : height * POOLED, : width * POOLED]
    pooled = image.reshape(count, height, POOLED, width, POOLED, bands).sum(axis=(2, 4))
    strength = _lines_of(height, width) @ pooled.reshape(count, -1, bands).transpose(1, 0, 2).reshape(-1, count * bands)
    return np.asarray(strength.reshape(-1, count, bands).max(axis=(0, 2)), np.float64)


@lru_cache(maxsize=4)
def _lines_of(height: int, width: int) -> Any:
    """A row per line: the weight of each pooled pixel, so that noise alone sums to 1 (line, pixel)."""
    y, x = (
        axis.ravel() - (side - 1) / 2 for axis, side in zip(np.mgrid[:height, :width], (height, width), strict=True)
    )
    shortest, reach = SHORTEST * min(height, width), int(np.hypot(height, width) / 2)
    rows: list[Floats] = []
    for angle in np.arange(ANGLES) * np.pi / ANGLES:
        across = x * np.cos(angle) + y * np.sin(angle)
        for offset in range(-reach, reach + 1):
            weight = np.clip(HALF_WIDTH - np.abs(across - offset), 0, 1)
            if weight.sum() >= 2 * shortest:
                rows.append((weight / (POOLED * np.sqrt((weight**2).sum()))).astype(np.float32))
    return sparse.csr_matrix(np.stack(rows))
