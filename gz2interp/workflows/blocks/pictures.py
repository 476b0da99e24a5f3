"""Galaxies and pieces of galaxies for figures: whole, with where a channel fires, and around a place."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gz2interp.figures.pieces.cells import Cell
from gz2interp.figures.places import pieces_around
from gz2interp.figures.shown import Shown, Sky
from gz2interp.schema import DEC, RA
from gz2interp.stores.tables import read_some_rows
from gz2interp.workflows.blocks.asking import cells_of
from gz2interp.workflows.opening import Subject

__all__ = ["fires_in", "patches_of", "shown_of_rows"]

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


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
    """Galaxies, each with a channel's map on the image's pixels; -1 stands for none."""
    rows = rows[rows >= 0]
    if not len(rows):
        return []
    said = subject.probe.activations(subject.survey.images(rows), layer)
    shown = shown_of_rows(subject, rows)
    if said.ndim != 4:
        return [Cell(each, np.zeros((1, 1), np.float32)) for each in shown]
    cells = cells_of(subject.probe, layer, subject.survey.shape)
    return [Cell(each, cells.on_pixels(map_)) for each, map_ in zip(shown, said[..., channel], strict=True)]


def patches_of(subject: Subject, layer: str, at: Ints, places: dict[str, NDArray[Any]]) -> list[Floats]:
    """Pieces of galaxies around places, float32 (y, x, band): three cells of the plane wide, inside the image."""
    rows, cells = places["rows"][at], cells_of(subject.probe, layer, subject.survey.shape)
    found: list[Floats] = []
    for start in range(0, len(rows), 64):  # a portion of galaxies in memory at a time
        part = slice(start, start + 64)
        images = subject.survey.images(rows[part])
        found.extend(pieces_around(images, cells, places["y"][at][part], places["x"][at][part]))
    return found
