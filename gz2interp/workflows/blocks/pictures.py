"""Galaxies and pieces of galaxies for figures: whole, with where a channel fires, and around a place."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from gz2interp.concepts.dictionary import pixels_of
from gz2interp.figures.pieces.cells import Cell
from gz2interp.figures.shown import Shown, Sky
from gz2interp.schema import DEC, RA
from gz2interp.stores.tables import read_some_rows
from gz2interp.workflows.opening import Subject

__all__ = ["fires_in", "patches_of", "shown_of_rows"]

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

PATCH: Final = 3
"""Cells of the layer's plane that a patch shows along each side."""

SMALLEST_PATCH: Final = 16
"""Pixels: less shows nothing."""


def shown_of_rows(subject: Subject, rows: Ints) -> list[Shown]:
    """Galaxies of a survey as figures show them."""
    survey = subject.survey
    known = survey.journal.entries_of(rows)
    catalog = read_some_rows(survey.place.file("catalog.parquet"), rows, [RA, DEC])
    skies = zip(known["pixel_scale"], known["position_angle"], catalog[RA], catalog[DEC], strict=True)
    return [
        Shown(image, valid, Sky(*map(float, sky)))
        for image, valid, sky in zip(survey.images(rows), survey.valid(rows), skies, strict=True)
    ]


def fires_in(subject: Subject, rows: Ints, layer: str, channel: int) -> list[Cell]:
    """Galaxies, each with a channel's map over the layer's plane; -1 stands for none."""
    rows = rows[rows >= 0]
    if not len(rows):
        return []
    said = subject.probe.activations(subject.survey.images(rows), layer)
    maps = said[..., channel] if said.ndim == 4 else np.zeros((len(rows), 1, 1), np.float32)
    return [Cell(shown, map_) for shown, map_ in zip(shown_of_rows(subject, rows), maps, strict=True)]


def patches_of(subject: Subject, layer: str, at: Ints, places: dict[str, NDArray[Any]]) -> list[Floats]:
    """Pieces of galaxies around places, float32 (y, x, band): three cells of the plane wide, inside the image."""
    rows, shape = places["rows"][at], subject.survey.shape
    info = subject.probe.layer(layer)
    plane = info.shape[:2] if info.spatial else (1, 1)
    sides = [
        min(max(round(PATCH * side / cells), SMALLEST_PATCH), side) for side, cells in zip(shape, plane, strict=True)
    ]
    found: list[Floats] = []
    for start in range(0, len(rows), 64):  # a portion of galaxies in memory at a time
        part = slice(start, start + 64)
        images = subject.survey.images(rows[part])
        for image, y, x in zip(images, places["y"][at][part], places["x"][at][part], strict=True):
            centre = pixels_of((int(y), int(x)), plane, shape)
            low = [
                int(np.clip(round(middle + 0.5 - side / 2), 0, whole - side))
                for middle, side, whole in zip(centre, sides, shape, strict=True)
            ]
            found.append(image[low[0] : low[0] + sides[0], low[1] : low[1] + sides[1]].copy())
    return found
