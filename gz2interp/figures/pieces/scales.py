"""The scale that maps share: its limit, its colours, and how it is written beside them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from numpy.typing import NDArray

from gz2interp.figures.overlay import DIVERGING, symmetric_limit

__all__ = ["LEVELS", "OPACITY", "Scale", "number", "rounded_up", "scale_of", "total"]

Floats = NDArray[np.floating[Any]]

UNSIGNED: Final = ("#fcfbfd", "#bcbddc", "#807dba", "#3f007d")
"""Nothing to much: ColorBrewer's Purples."""
LEVELS: Final = (0.25, 0.5, 0.75)
"""Contours, as shares of the limit."""
OPACITY: Final = 0.85
"""Of an overlay at the limit."""


@dataclass(frozen=True)
class Scale:
    """From -limit to +limit, or from 0 to limit for a map that has no sign.

    Attributes
    ----------
    limit : float
    signed : bool
    """

    limit: float
    signed: bool = True

    @property
    def low(self) -> float:
        """Where the colours begin."""
        return -self.limit if self.signed else 0.0

    @property
    def colours(self) -> LinearSegmentedColormap:
        """Against (blue), nothing (near white), for (red); or nothing (white) to much (purple)."""
        name, stops = ("against_for", DIVERGING) if self.signed else ("little_much", UNSIGNED)
        return LinearSegmentedColormap.from_list(name, stops)

    @property
    def ticks(self) -> list[float]:
        """Where the bar has numbers."""
        return [self.low, 0.0, self.limit] if self.signed else [0.0, self.limit]

    def ends(self, values: Floats) -> NDArray[np.uint8]:
        """The strongest colour of each value's sign, uint8 (..., 3)."""
        share = np.where(np.nan_to_num(values) < 0, 0.0, 1.0)
        return np.asarray(np.round(255 * self.colours(share)[..., :3]), dtype=np.uint8)

    def __str__(self) -> str:
        return f"\N{PLUS-MINUS SIGN}{number(self.limit)}" if self.signed else f"0 to {number(self.limit)}"


def scale_of(maps: Iterable[Floats], signed: bool = True) -> Scale:
    """One scale for all maps: the 99.5th percentile of their absolute values, all taken together, rounded up."""
    values = np.concatenate([np.ravel(each) for each in maps])
    return Scale(rounded_up(symmetric_limit(values)), signed)


def rounded_up(limit: float) -> float:
    """To two digits, so that the limit that is written is the limit that is drawn.

    >>> rounded_up(0.01234), rounded_up(7.0), rounded_up(999.1)
    (0.013, 7.0, 1000.0)
    """
    power = int(np.floor(np.log10(limit))) - 1
    steps = np.ceil(limit / 10.0**power - 1e-9)
    return float(f"{steps:g}e{power}")


def number(value: float) -> str:
    """Two digits, with a true minus.

    >>> number(0.013), number(1000.0), number(0.0)
    ('0.013', '1000', '0')
    """
    words = f"{value:.0f}" if 100 <= abs(value) < 1e4 else f"{value:.2g}"
    if 0 < abs(value) < 1e-3:
        digits, power = f"{value:.1e}".split("e")
        words = f"{digits.removesuffix('.0')}e{int(power)}"
    return words.replace("-", "\N{MINUS SIGN}")


def total(values: Floats) -> Floats:
    """A map of all bands together (y, x), with its sign kept."""
    return np.asarray(values.sum(axis=-1)) if values.ndim == 3 else values
