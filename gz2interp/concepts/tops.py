"""The galaxies in which each channel is loudest and quietest, and where it fires; kept while they stream by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from gz2interp.errors import InputError

__all__ = ["BY", "Extremes", "TopsKeeper"]

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

BY: Final = ("mean", "max")
"""How loud a channel is in a galaxy: its mean over the image plane, or its greatest value in it."""


@dataclass(frozen=True, eq=False)
class Extremes:
    """Of each channel k galaxies, or as many as there are, the most extreme first.

    Attributes
    ----------
    values : float32 (channel, k)
    rows : int64 (channel, k)
    y, x : int64 (channel, k)
        Where in the layer's plane the channel is greatest; 0 for a layer without places.
    """

    values: Floats
    rows: Ints
    y: Ints
    x: Ints


class TopsKeeper:
    """Keeps the k loudest and the k quietest galaxies of every channel; memory does not grow with the galaxies.

    Parameters
    ----------
    k : int
    by : str, optional
        One of `BY`.

    Raises
    ------
    InputError
        There is no such way, or nothing to keep.
    """

    def __init__(self, k: int, by: str = "mean") -> None:
        if by not in BY or k < 1:
            raise InputError(f"{k} galaxies by {by!r} were asked for", f"At least one, by {' or '.join(BY)}")
        self.k, self.by = k, by
        self._sides: dict[str, Extremes] = {}

    def add(self, activations: Floats, rows: Ints) -> None:
        """Look at some more galaxies.

        Parameters
        ----------
        activations : float32 (n, y, x, channel) or (n, channel)
        rows : int64 (n,)
            Of the survey, each seen once.
        """
        places = activations.reshape(len(activations), -1, activations.shape[-1])
        across = activations.shape[2] if activations.ndim == 4 else 1
        best = places.argmax(axis=1)  # (n, channel)
        loudness = places.mean(axis=1) if self.by == "mean" else np.take_along_axis(places, best[:, None], 1)[:, 0]
        new = Extremes(loudness.T, np.tile(rows, (places.shape[2], 1)), best.T // across, best.T % across)
        for side, sign in (("top", -1), ("bottom", 1)):
            self._sides[side] = _kept(self._sides.get(side), new, sign, self.k)

    def state(self) -> dict[str, NDArray[Any]]:
        """All that is kept, as arrays; see `resume`."""
        sides = self._sides.items()
        return {f"{side}_{name}": values for side, each in sides for name, values in vars(each).items()}

    def resume(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Go on where another keeper stopped."""
        for side in ("top", "bottom"):
            parts = (np.asarray(state[f"{side}_{each.name}"]) for each in fields(Extremes))
            self._sides[side] = Extremes(*parts)

    @property
    def top(self) -> Extremes:
        """The loudest."""
        return self._of("top")

    @property
    def bottom(self) -> Extremes:
        """The quietest."""
        return self._of("bottom")

    def _of(self, side: str) -> Extremes:
        if side not in self._sides:
            raise InputError("No galaxy was looked at", "At least one")
        return self._sides[side]


def _kept(old: Extremes | None, new: Extremes, sign: int, k: int) -> Extremes:
    """The k most extreme of both, ties to the lower row: the same in whatever order the galaxies come."""
    parts = [new] if old is None else [old, new]
    values, rows, y, x = (
        np.concatenate([getattr(each, name) for each in parts], axis=1) for name in ("values", "rows", "y", "x")
    )
    order = np.lexsort((rows, sign * values), axis=1)[:, :k]
    return Extremes(*(np.take_along_axis(each, order, axis=1) for each in (values, rows, y, x)))
