"""Galaxies and their neighbours in the network's own space, with maps of one score."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from gz2interp.attribution import METHODS
from gz2interp.errors import InputError
from gz2interp.figures.layouts.neighbours import neighbours_figure
from gz2interp.figures.pieces.cells import Cell
from gz2interp.network.scores import logit
from gz2interp.workflows.explain import Explanation, explain
from gz2interp.workflows.figures.drawing import Drawing, numbers_of
from gz2interp.workflows.figures.parts import caption_of, foot_of, scale_for, scale_in_words, shown_of
from gz2interp.workflows.figures.wish import Wish
from gz2interp.workflows.figures.words import galaxy_in_words
from gz2interp.workflows.nearby import neighbours_of
from gz2interp.workflows.opening import Subject

__all__ = ["of_neighbours"]

NEIGHBOURS: Final = {1: 2, 2: 5}
"""Of each galaxy, by columns: with the galaxy itself, they fill a line."""


def of_neighbours(subject: Subject, galaxy_ids: Sequence[int | str], wish: Wish) -> Drawing:
    """The figure of some galaxies and their nearest neighbours.

    Of a galaxy and its neighbours the same score is explained: by default the logit of the galaxy's predicted class.

    Raises
    ------
    InputError
        No galaxy was named.
    SurveyError
        The survey has not been analysed.
    """
    if not galaxy_ids:
        raise InputError("No galaxy was named", "One galaxy id or more", "Take some from the dashboard's table")
    most = wish.most or NEIGHBOURS[wish.manner.page.columns]
    groups, distances = [], []
    for galaxy_id in galaxy_ids:
        near = neighbours_of(subject.survey, subject.model, galaxy_id, most=most)
        groups.append(_explained(subject, [int(galaxy_id), *map(int, near["galaxy_id"])], wish))
        distances.append([0.0, *map(float, near["distance"])])
    scale = scale_for(groups, single_bands=False)
    cells = [_cells(group, apart) for group, apart in zip(groups, distances, strict=True)]
    figure = neighbours_figure(cells, groups[0].bands, scale, wish.manner, _foot(subject, groups))
    what = (
        f"Galaxies (first of each line) and their {most} nearest neighbours by the network's activations, nearest "
        f"first, with their distance, and the map of the same score ({METHODS[groups[0].attribution.method].title})."
    )
    shown = [cell.shown for group in cells for cell in group]
    words = caption_of(subject, what, _named(groups), shown, wish.manner, scale_in_words(scale))
    numbers = numbers_of(groups, [scale.limit] * len(groups))
    numbers.insert(0, "near", [str(group.galaxy_ids[0]) for group in groups for _ in group.galaxy_ids])
    numbers.insert(2, "distance", [value for apart in distances for value in apart])
    return Drawing(figure, words, tuple(groups), numbers)


def _explained(subject: Subject, ids: list[int], wish: Wish) -> Explanation:
    if wish.question.score is not None:
        return explain(subject, ids, wish.question)
    predicted = explain(subject, ids[:1], wish.question).predictions[0]
    return explain(subject, ids, replace(wish.question, score=logit(predicted)))


def _cells(group: Explanation, apart: Sequence[float]) -> list[Cell]:
    def words(explanation: Explanation, i: int) -> str:
        name, *lines = galaxy_in_words(explanation, i, value=False).split("\n")
        return "\n".join([name, *([f"distance {apart[i]:.2g}"] if i else []), *lines])

    return [Cell(shown, values) for shown, values in zip(shown_of(group, words), group.attribution.values, strict=True)]


def _named(groups: Sequence[Explanation]) -> list[Explanation]:
    """As the caption is to name the score: of the predicted class, unless all groups are of one score."""
    scores = {group.attribution.score for group in groups}
    if len(scores) == 1:
        return list(groups)
    asked = "logit of the class predicted for the first galaxy of the line"
    return [replace(group, attribution=replace(group.attribution, score=asked)) for group in groups]


def _foot(subject: Subject, groups: Sequence[Explanation]) -> str:
    return foot_of(subject, _named(groups)[0])
