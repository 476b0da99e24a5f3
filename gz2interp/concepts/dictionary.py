"""Semantic dictionary and activation grid: the strongest channels, or the whole activation, at a galaxy's places."""

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
    """One channel at one place.

    Attributes
    ----------
    loudness : float
        The activation in units of what is loud for this channel in the survey; NaN where that is not known.
    effects : tuple of float
        What it adds to each score there.
    """

    channel: int
    activation: float
    loudness: float
    effects: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class PlaceEntries:
    """What a layer says at one place of a galaxy, the strongest channel first.

    Attributes
    ----------
    place : (int, int)
        (y, x) in the layer's plane.
    direction : float32 (channel,)
        All that is said there: a feature image of the place is one of this direction.
    accounted : tuple of Completeness
        Of each score: the evidence at this place alone, and what the entries hold of it.
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
    """The entries of one place.

    Parameters
    ----------
    attributions : sequence of LayerAttribution
        Of the same galaxies, one for each score.
    place : (int, int)
        (y, x) in the layer's plane.
    most : int, optional
        Channels.
    loud : float32 (channel,), optional
        What is loud for each channel; channels are then ordered by it, since some speak in larger numbers than others.
    galaxy : int, optional
        Its position among those of the attributions.

    Raises
    ------
    InputError
        The layer has no such place.
    """
    said = attributions[0].activations
    if said.ndim != 4 or not all(0 <= at < side for at, side in zip(place, said.shape[1:3], strict=True)):
        raise InputError(f"The place {place} was given", f"(y, x) in a layer's plane of {said.shape[1:-1]}")
    here = said[(galaxy, *place)]
    relative = np.full(len(here), np.nan) if loud is None else here / np.where(loud > 0, loud, np.inf)
    order = np.argsort(-(here if loud is None else relative), kind="stable")[:most]
    added = np.stack([each.values[(galaxy, *place)] for each in attributions])  # (score, channel)
    entries = [
        DictionaryEntry(int(k), float(here[k]), float(relative[k]), tuple(float(value) for value in added[:, k]))
        for k in order
    ]
    others = np.setdiff1d(np.arange(len(here)), order)
    accounts = tuple(
        completeness_of(row[None, order], row[None, others], row[None].sum(axis=1), np.zeros(1, np.float32), each.score)
        for row, each in zip(added, attributions, strict=True)
    )
    return PlaceEntries(place, here, tuple(entries), tuple(each.score for each in attributions), accounts)


def strongest_places(strength: Floats, most: int = 3, apart: float = 1.5) -> tuple[tuple[int, int], ...]:
    """The strongest places of a map (y, x), none nearer to another than `apart` cells."""
    found: list[tuple[int, int]] = []
    for flat in np.argsort(-strength, axis=None, kind="stable"):
        y, x = (int(each) for each in np.unravel_index(flat, strength.shape))
        if all(np.hypot(y - other[0], x - other[1]) > apart for other in found):
            found.append((y, x))
        if len(found) == most:
            break
    return tuple(found)


def channel_direction(channel: int, channels: int) -> Floats:
    """The direction of a single channel, float32 (channel,).

    Raises
    ------
    InputError
        There is no such channel.
    """
    if not 0 <= channel < channels:
        raise InputError(f"Channel {channel} was asked for", f"0 to {channels - 1}")
    return np.asarray(np.eye(1, channels, channel, dtype=np.float32)[0])


@dataclass(frozen=True, eq=False)
class ActivationGrid:
    """A galaxy as a layer sees it.

    Attributes
    ----------
    directions : float32 (y, x, channel)
        Of length 1, or 0 where nothing is said.
    strengths : float32 (y, x)
        The length of what is said, 1 where it is greatest: the size at which a cell is drawn.
    """

    directions: Floats
    strengths: Floats


def activation_grid(activations: Floats, cells: int = 0) -> ActivationGrid:
    """Of one galaxy.

    Parameters
    ----------
    activations : float32 (y, x, channel)
    cells : int, optional
        Along each side, fewer than the plane has; places are averaged. 0 for the plane itself.

    Raises
    ------
    InputError
        There are no such cells.
    """
    if activations.ndim != 3 or cells > min(activations.shape[:2]) or cells < 0:
        raise InputError(f"A grid of {cells} cells of activations {activations.shape} was asked for", "(y, x, channel)")
    said = _averaged(activations, cells) if cells else activations
    lengths = np.linalg.norm(said, axis=-1)
    directions = np.divide(said, lengths[..., None], out=np.zeros_like(said), where=lengths[..., None] > 0)
    return ActivationGrid(directions, (lengths / (lengths.max() or 1.0)).astype(np.float32))


def _averaged(activations: Floats, cells: int) -> Floats:
    rows, columns = (np.array_split(np.arange(side), cells) for side in activations.shape[:2])
    return np.stack([np.stack([activations[np.ix_(y, x)].mean(axis=(0, 1)) for x in columns]) for y in rows]).astype(
        np.float32
    )
