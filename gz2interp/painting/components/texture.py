"""Smooth random patterns: stars form in patches, and dust lies in clouds."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from gz2interp.painting.streams import stream

__all__ = ["Texture", "texture_of"]

Floats = NDArray[np.float32]

CELLS = 64
"""Of the pattern, along each of its two axes: a power of 2, so that `LAST` masks what lies beyond."""

LAST = CELLS - 1

FINEST = 7.0
"""Waves per axis at which the amplitude has fallen to 0.6; so the pattern is smooth between cells."""

LIMIT = 2.5
"""Standard deviations that no patch exceeds by far: else a single one may outshine its galaxy."""


@dataclass(frozen=True, eq=False)
class Texture:
    """A random function of two variables, periodic in both with period 1, of mean 0 and variance 1.

    Attributes
    ----------
    values : float32 (CELLS * CELLS,)
    """

    values: Floats

    def at(self, first: Floats, second: Floats) -> Floats:
        """Values at places in periods, float32 of the places' shape; linear between cells."""
        row, right = _cell_of(first)
        column, down = _cell_of(second)
        next_row, next_column = (row + 1 & LAST) * CELLS, column + 1 & LAST
        row *= CELLS
        take = self.values.take
        near = take(row + column) * (1 - down) + take(row + next_column) * down
        far = take(next_row + column) * (1 - down) + take(next_row + next_column) * down
        values: Floats = near + (far - near) * right
        return values


@lru_cache(maxsize=256)
def texture_of(seed: int) -> Texture:
    """The texture of a seed: white noise, smoothed by a Gaussian and held within `LIMIT`."""
    noise = stream(int(seed), "texture").standard_normal((CELLS, CELLS), dtype=np.float32)
    waves = np.hypot(fft.fftfreq(CELLS)[:, None], fft.rfftfreq(CELLS)[None, :]) * CELLS
    spectrum = fft.rfft2(noise) * np.exp(-0.5 * (waves / FINEST) ** 2)
    spectrum[0, 0] = 0
    values = fft.irfft2(spectrum, s=noise.shape).astype(np.float32).ravel()
    limited = np.tanh(values / (LIMIT * values.std()))
    return Texture((limited - limited.mean()) / limited.std())


def _cell_of(place: Floats) -> tuple[NDArray[np.int32], Floats]:
    """Index of the cell below, and how far beyond it."""
    cells = (place - np.floor(place)) * np.float32(CELLS)
    below = cells.astype(np.int32)
    # The remainder of a small negative place is rounded up to 1.
    return below & LAST, cells - below.astype(np.float32)
