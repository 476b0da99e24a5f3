"""Events of the map in the browser as typed records in map coordinates."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gz2interp.errors import InputError

__all__ = ["Box", "Click", "Event", "Lasso", "Viewport", "read_event"]

Pair = tuple[float, float]


@dataclass(frozen=True)
class Click:
    """A click, on a galaxy or beside one."""

    x: float
    y: float


@dataclass(frozen=True)
class Lasso:
    """A lasso was drawn.

    Attributes
    ----------
    polygon : tuple of (x, y)
        Vertices in order, not closed; empty where the lasso was removed.
    """

    polygon: tuple[Pair, ...]


@dataclass(frozen=True)
class Box:
    """A rectangle was drawn; x and y are (low, high)."""

    x: Pair
    y: Pair

    @property
    def polygon(self) -> tuple[Pair, ...]:
        """Its four corners."""
        (left, right), (low, high) = self.x, self.y
        return (left, low), (right, low), (right, high), (left, high)


@dataclass(frozen=True)
class Viewport:
    """The map was moved or zoomed; x and y are the visible (low, high)."""

    x: Pair
    y: Pair


Event = Click | Lasso | Box | Viewport


def read_event(record: Mapping[str, Any]) -> Event:
    """The event in a record from the browser.

    Parameters
    ----------
    record : mapping
        ``{"kind": "click", "x": 1.0, "y": 2.0}``, ``{"kind": "lasso", "polygon": [[x, y], ...]}``, or
        ``{"kind": "box" | "viewport", "x": [low, high], "y": [low, high]}``; other entries are ignored.

    Raises
    ------
    InputError
        The record is none of these.
    """
    try:
        match record["kind"]:
            case "click":
                return Click(_number(record["x"]), _number(record["y"]))
            case "lasso":
                return Lasso(tuple(_pair(vertex) for vertex in record["polygon"]))
            case "box":
                return Box(_pair(record["x"]), _pair(record["y"]))
            case "viewport":
                return Viewport(_pair(record["x"]), _pair(record["y"]))
    except (KeyError, TypeError, ValueError):
        pass
    raise InputError(f"The map sent {record!r}", "A click, a lasso, a box or a viewport", "Reload the page")


def _number(value: Any) -> float:
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(value)
    return number


def _pair(values: Sequence[Any]) -> Pair:
    first, second = values
    return _number(first), _number(second)
