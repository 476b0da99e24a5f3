"""The eight views of a square image: turned by quarter turns, and mirrored. Each with the way back."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

from gz2interp.network.quiet import keras

ops = keras.ops

__all__ = ["VIEWS"]

Turn = Callable[[Any], Any]


def _view(axes: tuple[int, ...], swapped: bool) -> tuple[Turn, Turn]:
    """One element of D4 and its inverse: rows and columns exchanged, or not, and then some of the axes turned over."""

    def there(features: Any) -> Any:
        return _flipped(_swapped(features) if swapped else features, axes)

    def back(features: Any) -> Any:
        return _swapped(_flipped(features, axes)) if swapped else _flipped(features, axes)

    return there, back


def _swapped(features: Any) -> Any:
    return ops.transpose(features, (0, 2, 1, 3))


def _flipped(features: Any, axes: tuple[int, ...]) -> Any:
    return ops.flip(features, axis=axes) if axes else features


VIEWS: tuple[tuple[Turn, Turn], ...] = tuple(
    _view(axes, swapped) for axes, swapped in product(((), (1,), (2,), (1, 2)), (False, True))
)
"""Pairs (there, back) of functions of tensors (n, y, x, channel); the first is the image as it is."""
