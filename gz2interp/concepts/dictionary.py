"""Semantic dictionary and activation grid: the strongest channels, or all activations, at positions of a galaxy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gz2interp.concepts.attribution import Completeness, LayerAttribution, completeness_of
from gz2interp.errors import InputError

__all__ = [
    "ActivationGrid",
    "DictionaryEntry",
    "PlaceEntries",
    "activation_grid",
    "channel_direction",
    "dictionary_at",
    "strongest_places",
]


Floats = NDArray[np.float32]


@dataclass(frozen=True)
class DictionaryEntry:
    """One channel at one position.

    Attributes
    ----------
    loudness : float
        The activation in units of a high activation of this channel in the survey; NaN where that is unknown.
    effects : tuple of float
        Attribution of each score to it.
    """

    channel: int
    activation: float
    loudness: float
    effects: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class PlaceEntries:
    """The channels at one position of a galaxy, the strongest first.

    Attributes
    ----------
    place : (int, int)
        (y, x) in the layer's plane.
    direction : float32 (channel,)
        All activations; a feature image of the position is one of this direction.
    accounted : tuple of Completeness
        Of each score: the attribution to this position alone, and the part of the entries in it.
    """

    place: tuple[int, int]
    direction: Floats
    entries: tuple[DictionaryEntry, ...]
    scores: tuple[str, ...]
    accounted: tuple[Completeness, ...]


def dictionary_at(
    attributions: Sequence[LayerAttribution],
    place: tuple[int, int],
    most: int = 5,
    loud: Floats | None = None,
    galaxy: int = 0,
) -> PlaceEntries:
    """The strongest channels at one position.

    Parameters
    ----------
    attributions : sequence of LayerAttribution
        Of the same galaxies, one for each score.
    place : (int, int)
        (y, x) in the layer's plane.
    most : int, optional
        Number of channels.
    loud : float32 (channel,), optional
        A high activation of each channel in the survey, relative to which channels are then ordered.
    galaxy : int, optional
        Its index in the attributions.

    Raises
    ------
    InputError
        The layer has no such position.
    """
    activations = attributions[0].activations
    if activations.ndim != 4 or not all(0 <= at < side for at, side in zip(place, activations.shape[1:3], strict=True)):
        raise InputError(f"The place {place} was given", f"(y, x) in a layer's plane of {activations.shape[1:-1]}")
    values = activations[(galaxy, *place)]
    relative = np.full(len(values), np.nan) if loud is None else values / np.where(loud > 0, loud, np.inf)
    order = np.argsort(-(values if loud is None else relative), kind="stable")[:most]
    effects = np.stack([attribution.values[(galaxy, *place)] for attribution in attributions])  # (score, channel)
    entries = [
        DictionaryEntry(int(k), float(values[k]), float(relative[k]), tuple(float(value) for value in effects[:, k]))
        for k in order
    ]
    others = np.setdiff1d(np.arange(len(values)), order)
    scores = tuple(attribution.score for attribution in attributions)
    completeness = tuple(
        completeness_of(row[None, order], row[None, others], row[None].sum(axis=1), np.zeros(1, np.float32), score)
        for row, score in zip(effects, scores, strict=True)
    )
    return PlaceEntries(place, values, tuple(entries), scores, completeness)


def strongest_places(strength: Floats, most: int = 3, distance: float = 1.5) -> tuple[tuple[int, int], ...]:
    """The positions of the highest values of a map (y, x), more than `distance` cells from one another."""
    places: list[tuple[int, int]] = []
    for flat in np.argsort(-strength, axis=None, kind="stable"):
        y, x = (int(k) for k in np.unravel_index(flat, strength.shape))
        if all(np.hypot(y - other[0], x - other[1]) > distance for other in places):
            places.append((y, x))
        if len(places) == most:
            break
    return tuple(places)


def channel_direction(channel: int, channels: int) -> Floats:
    """The direction of a single channel, float32 (channel,).

    Raises
    ------
    InputError
        There is no such channel.
    """
    if not 0 <= channel < channels:
        raise InputError(f"Channel {channel} was requested", f"0 to {channels - 1}")
    return np.asarray(np.eye(1, channels, channel, dtype=np.float32)[0])


@dataclass(frozen=True, eq=False)
class ActivationGrid:
    """Directions and lengths of a layer's activations of one galaxy.

    Attributes
    ----------
    directions : float32 (y, x, channel)
        Of length 1, or 0 where all activations are 0.
    strengths : float32 (y, x)
        Length of the activations relative to the greatest: the size at which a cell is drawn.
    """

    directions: Floats
    strengths: Floats


def activation_grid(activations: Floats, cells: int = 0) -> ActivationGrid:
    """The activation grid of one galaxy.

    Parameters
    ----------
    activations : float32 (y, x, channel)
    cells : int, optional
        Number of cells along each side, over which positions are averaged. 0 for the plane itself.

    Raises
    ------
    InputError
        The layer is not spatial, or has fewer cells.
    """
    if activations.ndim != 3 or cells > min(activations.shape[:2]) or cells < 0:
        raise InputError(f"A grid of {cells} cells of activations {activations.shape} was requested", "(y, x, channel)")
    values = _averaged(activations, cells) if cells else activations
    lengths = np.linalg.norm(values, axis=-1)
    directions = np.divide(values, lengths[..., None], out=np.zeros_like(values), where=lengths[..., None] > 0)
    return ActivationGrid(directions, (lengths / (lengths.max() or 1.0)).astype(np.float32))


def _averaged(activations: Floats, cells: int) -> Floats:
    rows, columns = (np.array_split(np.arange(side), cells) for side in activations.shape[:2])
    return np.stack([np.stack([activations[np.ix_(y, x)].mean(axis=(0, 1)) for x in columns]) for y in rows]).astype(
        np.float32
    )
