"""What is normal at places that are equally bright: middle and scatter of vectors, level by level.

The middle of a galaxy is not unusual for being bright. So places are compared with those of the same level, in all
galaxies, and the distances at each place of the image are put on one scale.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["FARTHEST", "Levels", "farthest_places", "fit_levels"]

Floats = NDArray[np.float32]

MOST: Final = 24
"""Levels, each with as many places; fewer where each had not 20 places per channel."""

SHRUNK: Final = 0.01
"""Share of the mean variance that is added to every direction's: what never varies would otherwise decide all."""

FARTHEST: Final = 5
"""Places of an image that decide together: one alone may be a cosmic ray."""


@dataclass(frozen=True, eq=False)
class Levels:
    """What is normal.

    Attributes
    ----------
    edges : float32 (level - 1,)
        Where one level ends and the next begins.
    middles : float32 (level, channel)
    whitenings : float32 (level, channel, channel)
    typical, spread : float32 (place,)
        Mean and standard deviation of the logarithm of the distance at each place of the image.
    """

    edges: Floats
    middles: Floats
    whitenings: Floats
    typical: Floats
    spread: Floats

    def __call__(self, vectors: Floats, level: Floats) -> Floats:
        """How far each place is from what is normal at its level, float32 (n, place), in scatters of the survey.

        Parameters
        ----------
        vectors : float32 (n, place, channel)
        level : float32 (n, place)
        """
        return np.asarray((self._logs(vectors, level) - self.typical) / self.spread, np.float32)

    def _logs(self, vectors: Floats, level: Floats) -> Floats:
        flat = vectors.reshape(-1, vectors.shape[-1])
        of_each = np.searchsorted(self.edges, level.ravel(), side="right")
        distances = np.empty(len(flat), np.float32)
        for index in np.unique(of_each):
            those = of_each == index
            distances[those] = np.linalg.norm((flat[those] - self.middles[index]) @ self.whitenings[index], axis=1)
        return np.asarray(np.log(np.maximum(distances, 1e-6))).reshape(level.shape)


def fit_levels(vectors: Floats, level: Floats) -> Levels:
    """What is normal, from a sample of galaxies; parameters as those of `Levels.__call__`."""
    flat, levels = vectors.reshape(-1, vectors.shape[-1]), level.ravel()
    count = int(np.clip(len(flat) // (20 * flat.shape[1]), 1, MOST))
    edges = np.unique(np.quantile(levels, np.linspace(0, 1, count + 1)[1:-1])).astype(np.float32)
    of_each = np.searchsorted(edges, levels, side="right")
    parts = [flat[of_each == index] for index in range(len(edges) + 1)]
    parts = [part if len(part) > 1 else flat for part in parts]
    middles = np.stack([part.mean(axis=0) for part in parts])
    whitenings = np.stack([_whitening(part - middle) for part, middle in zip(parts, middles, strict=True)])
    places = np.zeros(vectors.shape[1], np.float32)
    plain = Levels(edges, middles, whitenings, places, places + 1)
    logs = plain(vectors, level)
    return Levels(edges, middles, whitenings, logs.mean(axis=0), np.maximum(logs.std(axis=0), 1e-3))


def farthest_places(farness: Floats) -> Floats:
    """One number per image, float32 (n,): the mean of its farthest places (n, place)."""
    most = min(FARTHEST, farness.shape[1])
    return np.asarray(np.partition(farness, -most, axis=1)[:, -most:].mean(axis=1), np.float32)


def _whitening(offsets: Floats) -> Floats:
    scatter = offsets.T.astype(np.float64) @ offsets / max(len(offsets) - 1, 1)
    values, axes = np.linalg.eigh(scatter)
    floor = max(SHRUNK * values.mean(), 1e-12)
    return np.asarray(axes / np.sqrt(np.maximum(values, 0) + floor), np.float32)
