"""How a galaxy's colour divides among its components."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

__all__ = ["EXTINCTION", "REDDENING", "relative_to_r"]

Doubles = NDArray[np.float64]

EXTINCTION = np.array((1.855, 1.446, 1.0, 0.743, 0.553), np.float32)
"""Of interstellar dust in u g r i z, relative to r (Schlafly & Finkbeiner 2011, ApJ 737, 103, table 6, R_V = 3.1)."""

REDDENING: Mapping[str, tuple[float, float, float, float]] = {
    "bulge": (0.40, 0.25, 0.09, 0.08),
    "bar": (0.20, 0.12, 0.05, 0.04),
    "arms": (-0.35, -0.20, -0.07, -0.06),
    "inner_ring": (-0.20, -0.12, -0.05, -0.04),
    "outer_ring": (-0.35, -0.20, -0.08, -0.06),
    "clumps": (-0.70, -0.40, -0.15, -0.15),
    "tail": (-0.20, -0.12, -0.05, -0.04),
}
"""How much redder than its disc a component is in u-g, g-r, r-i, i-z [mag]; 0 for one that is not named."""


def relative_to_r(colours: Doubles) -> Doubles:
    """Magnitudes in u g r i z less that in r, from the four colours."""
    ug, gr, ri, iz = colours
    return np.array([ug + gr, gr, 0.0, -ri, -ri - iz])
