"""Special functions of one variable as tables: a Bessel function costs a hundred times a look-up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

__all__ = ["edge_on_law", "moffat_transfer"]

Floats = NDArray[np.float32]

STEP = 1 / 128
REACH = 24.0
"""Both functions have fallen below 1e-8 there."""


@dataclass(frozen=True, eq=False)
class Table:
    """A function on [0, REACH], interpolated linearly and taken as zero beyond."""

    values: Floats

    def __call__(self, argument: Floats) -> Floats:
        """Values at `argument` >= 0, any shape."""
        place = np.minimum(argument * np.float32(1 / STEP), np.float32(len(self.values) - 2))
        below = place.astype(np.int32)
        low = self.values[below]
        values: Floats = low + (place - below.astype(np.float32)) * (self.values[below + 1] - low)
        return values


@cache
def moffat_transfer(beta: float) -> Table:
    """Fourier transform of a Moffat profile of unit flux, by wave number times scale radius.

    It is ``2 (u/2)**(beta-1) K_{beta-1}(u) / Gamma(beta-1)``, and 1 at u = 0 (Trujillo et al. 2001, MNRAS 328, 977).
    """
    order = beta - 1
    return _table(lambda u: 2 * (u / 2) ** order * special.kv(order, u) / special.gamma(order))


@cache
def edge_on_law() -> Table:
    """``t K1(t)``, the surface brightness of an exponential disc seen exactly edge-on, by radius in scale lengths."""
    return _table(lambda t: t * special.k1(t))


def _table(function: Callable[[NDArray[np.float64]], Any]) -> Table:
    argument = np.arange(0, REACH + STEP, STEP)
    values = np.ones_like(argument)
    values[1:] = function(argument[1:])
    values[-2:] = 0
    return Table(values.astype(np.float32))
