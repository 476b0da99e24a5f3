"""Statistics of a layer's channels in one pass: running moments, most and least activating galaxies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from gz2interp.errors import InputError

__all__ = ["BY", "Extremes", "RunningMoments", "TopGalaxies"]


Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]


class RunningMoments:
    """Counts, means, scatters and correlations of channels; memory grows with the square of the channels only.

    Attributes
    ----------
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
        """The sums as arrays, from which `of_state` continues exactly."""
        return {name.lstrip("_"): np.asarray(value) for name, value in vars(self).items()}

    @classmethod
    def of_state(cls, state: Mapping[str, NDArray[Any]]) -> RunningMoments:
        """Moments that continue from a saved state."""
        moments = cls()
        for name, value in vars(moments).items():
            saved = np.array(state[name.lstrip("_")])
            setattr(moments, name, int(saved) if isinstance(value, int) else saved)
        return moments

    def add(self, activations: Floats) -> None:
        """Add galaxies, float32 (n, y, x, channel) or (n, channel)."""
        if not len(activations):
            return
        rows = activations.reshape(-1, activations.shape[-1]).astype(np.float64)
        if not self.places:
            channels = rows.shape[1]
            self._mean, self._active = np.zeros(channels), np.zeros(channels)
            self._products = np.zeros((channels, channels))
            self.lowest, self.highest = np.full(channels, np.inf), np.full(channels, -np.inf)
        # Chan, Golub & LeVeque 1983: the central moments of two sets are combined without cancellation.
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
        self._check()
        return self._mean

    @property
    def covariance(self) -> Doubles:
        """float64 (channel, channel), over all positions."""
        self._check()
        return self._products / max(self.places - 1, 1)

    @property
    def scatter(self) -> Doubles:
        """Standard deviation, float64 (channel,)."""
        return np.sqrt(np.maximum(np.diag(self.covariance), 0))

    @property
    def active(self) -> Doubles:
        """Share of positions where the channel is above 0, float64 (channel,)."""
        self._check()
        return self._active / self.places

    @property
    def correlation(self) -> Doubles:
        """float64 (channel, channel); 0 for a channel that does not vary."""
        scatter = self.scatter
        both = np.outer(scatter, scatter)
        r = np.divide(self.covariance, both, out=np.zeros_like(both), where=both > 0)
        return np.clip(r, -1, 1)

    def _check(self) -> None:
        if not self.places:
            raise InputError("No galaxy was given", "At least one")


Ints = NDArray[np.int64]

BY: Final = ("mean", "max")
"""Activation of a channel in a galaxy: the mean over the image plane, or the maximum."""


@dataclass(frozen=True, eq=False)
class Extremes:
    """The k most, or least, activating galaxies of each channel, the most extreme first.

    Attributes
    ----------
    values : float32 (channel, k)
    rows : int64 (channel, k)
    y, x : int64 (channel, k)
        Location of the channel's maximum in the layer's plane; 0 for a layer that is not spatial.
    """

    values: Floats
    rows: Ints
    y: Ints
    x: Ints


class TopGalaxies:
    """The k most and the k least activating galaxies of every channel; memory does not grow with the galaxies.

    Parameters
    ----------
    by : str, optional
        One of `BY`.

    Raises
    ------
    InputError
        `by` is not among `BY`, or `k` is below 1.
    """

    def __init__(self, k: int, by: str = "mean") -> None:
        if by not in BY or k < 1:
            raise InputError(f"{k} galaxies by {by!r} were requested", f"At least one, by {' or '.join(BY)}")
        self.k, self.by = k, by
        self._sides: dict[str, Extremes] = {}

    def add(self, activations: Floats, rows: Ints) -> None:
        """Add galaxies.

        Parameters
        ----------
        activations : float32 (n, y, x, channel) or (n, channel)
        rows : int64 (n,)
            Of the survey, each added once.
        """
        places = activations.reshape(len(activations), -1, activations.shape[-1])
        across = activations.shape[2] if activations.ndim == 4 else 1
        best = places.argmax(axis=1)  # (n, channel)
        values = places.mean(axis=1) if self.by == "mean" else np.take_along_axis(places, best[:, None], 1)[:, 0]
        new = Extremes(values.T, np.tile(rows, (places.shape[2], 1)), best.T // across, best.T % across)
        for side, sign in (("top", -1), ("bottom", 1)):
            self._sides[side] = _most_extreme(self._sides.get(side), new, sign, self.k)

    def state(self) -> dict[str, NDArray[Any]]:
        """The galaxies as arrays; see `resume`."""
        sides = self._sides.items()
        return {f"{side}_{name}": values for side, galaxies in sides for name, values in vars(galaxies).items()}

    def resume(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Continue from a saved state."""
        for side in ("top", "bottom"):
            parts = (np.asarray(state[f"{side}_{field.name}"]) for field in fields(Extremes))
            self._sides[side] = Extremes(*parts)

    @property
    def top(self) -> Extremes:
        """The most activating galaxies."""
        return self._of("top")

    @property
    def bottom(self) -> Extremes:
        """The least activating galaxies."""
        return self._of("bottom")

    def _of(self, side: str) -> Extremes:
        if side not in self._sides:
            raise InputError("No galaxy was given", "At least one")
        return self._sides[side]


def _most_extreme(old: Extremes | None, new: Extremes, sign: int, k: int) -> Extremes:
    """The k most extreme of both, ties to the lower row, so that the order of the galaxies does not matter."""
    parts = [new] if old is None else [old, new]
    values, rows, y, x = (
        np.concatenate([getattr(part, name) for part in parts], axis=1) for name in ("values", "rows", "y", "x")
    )
    order = np.lexsort((rows, sign * values), axis=1)[:, :k]
    return Extremes(*(np.take_along_axis(array, order, axis=1) for array in (values, rows, y, x)))
