"""Mean images of many groups of galaxies at once, a few galaxies in memory at a time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["FAINTEST", "Stacks"]

Floats = NDArray[np.float32]

FAINTEST = 0.05
"""Of the median galaxy's light: a fainter galaxy counts as if it had that, or its noise would fill the mean."""


class Stacks:
    """The mean image of each group, each galaxy in units of its own light in all bands together.

    Parameters
    ----------
    groups : int
    shape : (y, x, band)
    light : float
        The median galaxy's.

    Notes
    -----
    Without those units a mean would be the image of the few brightest. One unit serves all bands, so that colours stay.
    Pixels that are not valid take no part, and what outshines a galaxy's own middle counts as bright as that: or one
    star beside one of a hundred would stand in their mean.
    """

    def __init__(self, groups: int, shape: tuple[int, int, int], light: float) -> None:
        self._sums = np.zeros((groups, *shape), np.float32)
        self._weights = np.zeros((groups, *shape[:2]), np.float32)
        self.counts = np.zeros(groups, np.int64)
        self._least = FAINTEST * max(light, 1e-30)

    def add(self, images: Floats, valid: NDArray[np.bool_], light: Floats, groups: NDArray[np.int64]) -> None:
        """Add galaxies.

        Parameters
        ----------
        images : float32 (m, y, x, band)
        valid : bool (m, y, x)
        light : float (m,)
            NaN for galaxies that are left out.
        groups : int64 (m,)
            Below 0 for none.
        """
        finite = np.isfinite(light)
        for group in np.unique(groups[(groups >= 0) & finite]):
            members = (groups == group) & finite
            member_light = np.maximum(light[members], self._least).astype(np.float32)
            member_valid = valid[members]
            shares = _no_brighter(images[members]) / member_light[:, None, None, None]
            self._sums[group] += np.where(member_valid[..., None], shares, 0).sum(axis=0)
            self._weights[group] += member_valid.sum(axis=0)
            self.counts[group] += len(member_light)

    def means(self) -> Floats:
        """float32 (group, y, x, band); 0 where no galaxy has a valid pixel."""
        return (self._sums / np.maximum(self._weights, 1)[..., None]).astype(np.float32)


def _no_brighter(images: Floats) -> Floats:
    """Each band cut off at the brightest pixel of the middle, a fifth of the cutout wide."""
    y, x = (slice(int(0.4 * side), int(np.ceil(0.6 * side))) for side in images.shape[1:3])
    top = images[:, y, x].max(axis=(1, 2))
    return np.asarray(np.minimum(images, top[:, None, None]), np.float32)
