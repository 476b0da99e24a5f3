"""Moments of a layer's channels over all places of all galaxies, gathered while they stream by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gz2interp.errors import InputError

__all__ = ["Tally"]

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]


class Tally:
    """Counts, means, scatters and correlations of channels; memory grows with the square of the channels alone.

    Attributes
    ----------
    galaxies, places : int
    lowest, highest : float64 (channel,)
    """

    def __init__(self) -> None:
        self.galaxies = self.places = 0
        self._mean: Doubles = np.zeros(0)
        self._products: Doubles = np.zeros((0, 0))
        self._active: Doubles = np.zeros(0)
        self.lowest: Doubles = np.zeros(0)
        self.highest: Doubles = np.zeros(0)

    def state(self) -> dict[str, Any]:
        """All that has been gathered, as arrays; `of_state` goes on with them, to the last bit."""
        return {name.lstrip("_"): np.asarray(value) for name, value in vars(self).items()}

    @classmethod
    def of_state(cls, state: Mapping[str, NDArray[Any]]) -> Tally:
        """A tally that goes on where another one stopped."""
        tally = cls()
        for name, value in vars(tally).items():
            saved = np.array(state[name.lstrip("_")])
            setattr(tally, name, int(saved) if isinstance(value, int) else saved)
        return tally

    def add(self, activations: Floats) -> None:
        """Look at some more galaxies, float32 (n, y, x, channel) or (n, channel)."""
        if not len(activations):
            return
        rows = activations.reshape(-1, activations.shape[-1]).astype(np.float64)
        if not self.places:
            channels = rows.shape[1]
            self._mean, self._active = np.zeros(channels), np.zeros(channels)
            self._products = np.zeros((channels, channels))
            self.lowest, self.highest = np.full(channels, np.inf), np.full(channels, -np.inf)
        # Chan, Golub & LeVeque 1983: two sets' moments about their means are joined without cancellation.
        mean, n, m = rows.mean(axis=0), self.places, len(rows)
        away = mean - self._mean
        centred = rows - mean
        self._products += centred.T @ centred + np.outer(away, away) * (n * m / (n + m))
        self._mean += away * (m / (n + m))
        self._active += (rows > 0).sum(axis=0)
        self.lowest = np.minimum(self.lowest, rows.min(axis=0))
        self.highest = np.maximum(self.highest, rows.max(axis=0))
        self.places, self.galaxies = n + m, self.galaxies + len(activations)

    @property
    def mean(self) -> Doubles:
        """float64 (channel,)"""
        self._need()
        return self._mean

    @property
    def covariance(self) -> Doubles:
        """float64 (channel, channel), over all places."""
        self._need()
        return self._products / max(self.places - 1, 1)

    @property
    def scatter(self) -> Doubles:
        """Standard deviation, float64 (channel,)."""
        return np.sqrt(np.maximum(np.diag(self.covariance), 0))

    @property
    def active(self) -> Doubles:
        """The share of places where the channel is above 0, float64 (channel,)."""
        self._need()
        return self._active / self.places

    @property
    def correlation(self) -> Doubles:
        """float64 (channel, channel); 0 for a channel that does not vary."""
        scatter = self.scatter
        both = np.outer(scatter, scatter)
        r = np.divide(self.covariance, both, out=np.zeros_like(both), where=both > 0)
        return np.clip(r, -1, 1)

    def _need(self) -> None:
        if not self.places:
            raise InputError("No galaxy was looked at", "At least one")
