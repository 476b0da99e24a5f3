"""``gz2interp compare``: layers, networks or latents of one survey compared galaxy by galaxy."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gz2interp.embedding.comparison import (
    align_map,
    displacements,
    shared_by_chance,
    shared_neighbours,
    starting_places,
)
from gz2interp.embedding.sampled import draw_map
from gz2interp.errors import InputError, SurveyError
from gz2interp.results import Neighbours, Provenance, versions_of
from gz2interp.schema import GALAXY_ID
from gz2interp.stores.analyses import Analysis
from gz2interp.stores.layer_results import AlignedMap
from gz2interp.stores.models import ModelFolder
from gz2interp.stores.survey import Survey
from gz2interp.workflows.analysis_steps import map_settings_of, space_as_in
from gz2interp.workflows.study import Progress, analysis_for, predictions_of

__all__ = [
    "Comparison",
    "Representation",
    "compare",
    "compare_all",
    "draw_comparison",
    "has_aligned_map",
    "most_changed",
]


@dataclass(frozen=True)
class Representation:
    """A layer of a model, or latents; layer "" is the one analysed last."""

    model: ModelFolder
    layer: str = ""


@dataclass(frozen=True, eq=False)
class Comparison:
    """Comparison of two representations of the same galaxies.

    Attributes
    ----------
    table : DataFrame
        galaxy_id, row, shared (share of the k nearest neighbours that is the same), moved (in widths of the first map),
        x, y (on the first map), other_x, other_y (on the second, aligned), and the predictions; sorted by shared, then
        by moved, the most changed first.
    first, second : str
        Names of the representations.
    neighbours : int
        k.
    shared, by_chance : float
        The mean share, and that of unrelated spaces.
    """

    table: pd.DataFrame
    first: str
    second: str
    neighbours: int
    shared: float
    by_chance: float
    provenance: Provenance

    @property
    def sentences(self) -> tuple[str, ...]:
        """The comparison in words."""
        least = self.table["shared"].quantile(0.1)
        return (
            f"{self.first} and {self.second}, {len(self.table):,} galaxies",
            f"{self.shared:.1%} of a galaxy's {self.neighbours} nearest are the same (by chance {self.by_chance:.2%})",
            f"in the most changed tenth at most {least:.0%} are",
            f"on the aligned maps the median galaxy moved by {self.table['moved'].median():.1%} of the first's width",
        )


def compare(
    survey: Survey,
    first: Representation,
    second: Representation,
    neighbours: int = 15,
    progress: Progress | None = None,
) -> Comparison:
    """Compare the nearest neighbours in two representations, and align the second's map with the first's.

    The second map is UMAP on the second space's own graph, started from the positions on the first map, then rotated
    as a whole onto the first. It is computed once and stored in the second analysis' folder.

    Raises
    ------
    SurveyError
        One has not been analysed, or they have no galaxy in common.
    InputError
        Fewer neighbours have been stored.
    """
    one, two = (analysis_for(survey, side.model, side.layer) for side in (first, second))
    rows = np.intersect1d(one.rows, two.rows, assume_unique=True)
    if not len(rows):
        raise SurveyError("The two analyses have no galaxy in common", "Analyses of the same galaxies")
    in_one, in_two = np.searchsorted(one.rows, rows), np.searchsorted(two.rows, rows)
    shared = shared_neighbours(one.neighbours(in_one).rows, two.neighbours(in_two).rows, neighbours, rows)
    places, others = one.embedding.coordinates[in_one], _aligned(one, two, progress)[in_two]
    table = pd.DataFrame(
        {
            GALAXY_ID: survey.galaxy_ids[rows],
            "row": rows,
            "shared": shared,
            "moved": displacements(places, others),
            "x": places[:, 0],
            "y": places[:, 1],
            "other_x": others[:, 0],
            "other_y": others[:, 1],
        }
    )
    sides = {"prediction": first.model} | ({"other_prediction": second.model} if second.model != first.model else {})
    for column, model in sides.items():
        if (predictions := predictions_of(model)) is not None:
            table[column] = predictions.set_index("row")["prediction"].reindex(rows).fillna("").to_numpy()
    table = table.sort_values(["shared", "moved"], ascending=[True, False], kind="stable", ignore_index=True)
    return Comparison(
        table=table,
        first=f"{first.model.name} {one.layer}",
        second=f"{second.model.name} {two.layer}",
        neighbours=neighbours,
        shared=float(np.nanmean(shared)),
        by_chance=shared_by_chance(neighbours, len(rows)),
        provenance=_provenance(one, two, neighbours),
    )


def compare_all(
    survey: Survey, sides: Sequence[Representation], neighbours: int = 15, progress: Progress | None = None
) -> Iterator[Comparison]:
    """Compare several representations with the first, one after the other: all maps are aligned with the first's.

    Raises
    ------
    SurveyError
        One has not been analysed, or has no galaxy in common with the first.
    InputError
        There are fewer than two, one occurs twice, or fewer neighbours have been stored.
    """
    analyses = [analysis_for(survey, side.model, side.layer) for side in sides]
    names = [f"{side.model.name} {analysis.layer}" for side, analysis in zip(sides, analyses, strict=True)]
    if len(sides) < 2 or len({analysis.path for analysis in analyses}) < len(sides):
        raise InputError(
            f"A comparison of {', '.join(names)} was requested",
            "Two or more different layers or models",
            "Name them: --layer A --layer B, or --model",
        )
    return (compare(survey, sides[0], side, neighbours, progress) for side in sides[1:])


def has_aligned_map(survey: Survey, first: Representation, second: Representation) -> bool:
    """Whether the aligned map is stored, so that `compare` returns at once."""
    one, two = (analysis_for(survey, side.model, side.layer) for side in (first, second))
    return one.path == two.path or AlignedMap(two, one).read() is not None


def _aligned(one: Analysis, two: Analysis, progress: Progress | None) -> NDArray[np.float32]:
    """The second map aligned with the first, of all galaxies of the second (n, 2)."""
    if one.path == two.path:
        return one.embedding.coordinates
    aligned = AlignedMap(two, one)
    if (places := aligned.read()) is not None:
        return places
    if progress:
        progress("map", 0, len(two.rows))
    at = np.minimum(np.searchsorted(one.rows, two.rows), len(one.rows) - 1)
    common = one.rows[at] == two.rows
    targets = one.embedding.coordinates[at]
    neighbours = two.neighbours()
    graph_rows = np.where(neighbours.rows < 0, -1, np.searchsorted(two.rows, neighbours.rows))
    graph = Neighbours(graph_rows, neighbours.distances, neighbours.metric, neighbours.search)
    start = starting_places(targets, common, graph)
    space, settings = space_as_in(two), map_settings_of(two.provenance)
    second_map = draw_map(two.activations(), graph, settings, space=space, start=start)
    places = align_map(second_map.embedding.coordinates, targets, common)
    aligned.write(places)
    if progress:
        progress("map", len(two.rows), len(two.rows))
    return places


def _provenance(one: Analysis, two: Analysis, neighbours: int) -> Provenance:
    return replace(
        two.provenance,
        method="comparison",
        parameters={"neighbours": neighbours, "first": one.provenance.digest, "second": two.provenance.digest},
        versions=versions_of("gz2interp", "umap-learn", "numpy"),
    )


def most_changed(comparison: Comparison, most: int = 12) -> NDArray[np.int64]:
    """Positions in the table of the galaxies that moved farthest among the tenth that shares the fewest neighbours."""
    table = comparison.table
    few = np.flatnonzero((table["shared"] <= table["shared"].quantile(0.1)).to_numpy())
    far = np.argsort(-table["moved"].to_numpy()[few], kind="stable")[:most]
    return np.sort(few[far])


def draw_comparison(comparison: Comparison, path: Path, linked: int = 12) -> Path:
    """Draw both maps side by side, coloured by the share of common neighbours, with the most changed galaxies linked.

    Parameters
    ----------
    path : Path
        ``.pdf``, ``.svg`` or ``.png``; the caption is written beside it as text.
    linked : int
        Number of galaxies that are linked.
    """
    from gz2interp.figures.compared import TwoMaps, two_maps_figure
    from gz2interp.figures.style import checked_format, save_figure

    checked_format(path)
    table = comparison.table
    maps = TwoMaps(
        first=table[["x", "y"]].to_numpy(np.float64),
        second=table[["other_x", "other_y"]].to_numpy(np.float64),
        shared=table["shared"].to_numpy(np.float64),
        titles=(comparison.first, comparison.second),
        linked=most_changed(comparison, linked),
        neighbours=comparison.neighbours,
        by_chance=comparison.by_chance,
    )
    first, second, k = comparison.first, comparison.second, comparison.neighbours
    words = (
        f"The same {len(table):,} galaxies on the maps of {first} (left) and {second} (right). The right map was "
        "computed by UMAP starting from the positions on the left, then rotated, shifted and scaled onto it. "
        f"Colour: share of a galaxy's {k} nearest neighbours that are the same in both spaces; the mean is "
        f"{comparison.shared:.1%}, that of unrelated spaces {comparison.by_chance:.2%} (line). Linked: the "
        f"{len(maps.linked)} galaxies that moved farthest among the tenth with the smallest share."
    )
    save_figure(two_maps_figure(maps), path, words)
    return path
