"""``gz2interp compare``: layers, networks or latents of one survey compared galaxy by galaxy."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gz2interp.embedding.comparison import fitted, moved, shared_by_chance, shared_neighbours, starting_places
from gz2interp.embedding.sampled import draw_map
from gz2interp.errors import InputError, SurveyError
from gz2interp.results import Neighbours, Provenance, versions_of
from gz2interp.schema import GALAXY_ID
from gz2interp.stores.analyses import Analysis
from gz2interp.stores.layer_results import AlignedMap
from gz2interp.stores.models import ModelFolder
from gz2interp.stores.survey import Survey
from gz2interp.workflows.analysis_steps import map_settings_of, space_as_in
from gz2interp.workflows.study import Progress, analysis_for

__all__ = ["Comparison", "Representation", "changed_most", "compare", "compare_all", "draw_comparison", "is_compared"]


@dataclass(frozen=True)
class Representation:
    """One of the two that are compared.

    Attributes
    ----------
    model : ModelFolder
    layer : str
        "" for the one analysed last.
    """

    model: ModelFolder
    layer: str = ""


@dataclass(frozen=True, eq=False)
class Comparison:
    """What two analyses say of the same galaxies.

    Attributes
    ----------
    table : DataFrame
        galaxy_id, row, shared (of its k nearest, the share that is the same), moved (in widths of the first map), x, y
        (on the first map), other_x, other_y (on the second, aligned), and what the networks predict; the least shared
        first, of equals the farthest moved.
    first, second : str
        What was compared, in words.
    neighbours : int
        k.
    shared, by_chance : float
        The mean share, and that of spaces without anything in common.
    provenance : Provenance
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
        """What there is to say."""
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
    """Compare who is near whom in two spaces, and lay the second's map beside the first's.

    The second map is UMAP on the second space's own graph, begun at the first map's places, then turned as a whole to
    lie on the first: what is alike stays where it was. It is kept in the second analysis' folder, and made once.

    Parameters
    ----------
    survey : Survey
    first, second : Representation
    neighbours : int
    progress : callable, optional

    Raises
    ------
    SurveyError
        One has not been analysed, or they have no galaxy in common.
    InputError
        Fewer neighbours have been kept.
    """
    one, two = (analysis_for(survey, side.model, side.layer) for side in (first, second))
    rows = np.intersect1d(one.rows, two.rows, assume_unique=True)
    if not len(rows):
        raise SurveyError("The two have no galaxy in common", "Some that both have been asked about")
    here, there = np.searchsorted(one.rows, rows), np.searchsorted(two.rows, rows)
    shared = shared_neighbours(one.neighbours(here).rows, two.neighbours(there).rows, neighbours, rows)
    places, others = one.embedding.coordinates[here], _aligned(one, two, progress)[there]
    table = pd.DataFrame(
        {
            GALAXY_ID: survey.galaxy_ids[rows],
            "row": rows,
            "shared": shared,
            "moved": moved(places, others),
            "x": places[:, 0],
            "y": places[:, 1],
            "other_x": others[:, 0],
            "other_y": others[:, 1],
        }
    )
    sides = {"prediction": first.model} | ({"other_prediction": second.model} if second.model != first.model else {})
    for column, model in sides.items():
        if (said := _predictions(model)) is not None:
            table[column] = said.reindex(rows).fillna("").to_numpy()
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
    """Several beside the first, one after the other: all maps are laid on its own.

    Raises
    ------
    SurveyError
        One has not been analysed, or has no galaxy in common with the first.
    InputError
        There are fewer than two, one is there twice, or fewer neighbours have been kept.
    """
    analyses = [analysis_for(survey, side.model, side.layer) for side in sides]
    named = [f"{side.model.name} {each.layer}" for side, each in zip(sides, analyses, strict=True)]
    if len(sides) < 2 or len({each.path for each in analyses}) < len(sides):
        raise InputError(
            f"{', '.join(named)} were to be compared",
            "Two or more that are not the same",
            "Name them: --layer A --layer B, or --model",
        )
    return (compare(survey, sides[0], side, neighbours, progress) for side in sides[1:])


def is_compared(survey: Survey, first: Representation, second: Representation) -> bool:
    """Whether the maps of both have been laid side by side already, so that `compare` answers at once."""
    one, two = (analysis_for(survey, side.model, side.layer) for side in (first, second))
    return one.path == two.path or AlignedMap(two, one).read() is not None


def _aligned(one: Analysis, two: Analysis, progress: Progress | None) -> NDArray[np.float32]:
    """The second's map beside the first's, of all galaxies of the second (n, 2)."""
    if one.path == two.path:
        return one.embedding.coordinates
    kept = AlignedMap(two, one)
    if (known := kept.read()) is not None:
        return known
    if progress:
        progress("map", 0, len(two.rows))
    at = np.minimum(np.searchsorted(one.rows, two.rows), len(one.rows) - 1)
    common = one.rows[at] == two.rows
    there = one.embedding.coordinates[at]
    graph = _positions(two)
    begun = starting_places(there, common, graph)
    space, settings = space_as_in(two), map_settings_of(two.provenance)
    drawn = draw_map(two.activations(), graph, settings, space=space, start=begun)
    places = fitted(drawn.embedding.coordinates, there, common)
    kept.write(places)
    if progress:
        progress("map", len(two.rows), len(two.rows))
    return places


def _positions(analysis: Analysis) -> Neighbours:
    """Its neighbours as positions among its own galaxies."""
    found = analysis.neighbours()
    rows = np.where(found.rows < 0, -1, np.searchsorted(analysis.rows, found.rows))
    return Neighbours(rows, found.distances, found.metric, found.search)


def _predictions(model: ModelFolder) -> pd.Series[Any] | None:
    try:
        return model.predictions.set_index("row")["prediction"]
    except SurveyError:
        return None


def _provenance(one: Analysis, two: Analysis, neighbours: int) -> Provenance:
    made = two.provenance
    return replace(
        made,
        method="comparison",
        parameters={"neighbours": neighbours, "first": one.provenance.digest, "second": made.digest},
        seed=made.seed,
        versions=versions_of("gz2interp", "umap-learn", "numpy"),
    )


def changed_most(compared: Comparison, most: int = 12) -> NDArray[np.int64]:
    """Positions in the table: of the tenth that shares the fewest neighbours, the galaxies that moved farthest."""
    table = compared.table
    few = np.flatnonzero((table["shared"] <= table["shared"].quantile(0.1)).to_numpy())
    far = np.argsort(-table["moved"].to_numpy()[few], kind="stable")[:most]
    return np.sort(few[far])


def draw_comparison(compared: Comparison, path: Path, linked: int = 12) -> Path:
    """Both maps side by side, coloured by the neighbours shared, with some galaxies that changed most linked.

    Parameters
    ----------
    compared : Comparison
    path : Path
        ``.pdf``, ``.svg`` or ``.png``; the caption lies beside it as text.
    linked : int
        How many galaxies.
    """
    from gz2interp.figures.compared import TwoMaps, two_maps_figure
    from gz2interp.figures.style import checked_format, save_figure

    checked_format(path)
    table = compared.table
    maps = TwoMaps(
        first=table[["x", "y"]].to_numpy(np.float64),
        second=table[["other_x", "other_y"]].to_numpy(np.float64),
        shared=table["shared"].to_numpy(np.float64),
        titles=(compared.first, compared.second),
        linked=changed_most(compared, linked),
        neighbours=compared.neighbours,
        by_chance=compared.by_chance,
    )
    words = (
        f"The same {len(table):,} galaxies on the maps of {compared.first} (left) and {compared.second} (right), which "
        "was laid out by UMAP from the places on the left and then turned, moved and scaled as a whole to lie on it. "
        f"Colour: of a galaxy's {compared.neighbours} nearest in one space, the share that is among those in the "
        f"other; the mean is {compared.shared:.1%}, that of unrelated spaces {compared.by_chance:.2%} (line). Linked: "
        f"of the tenth that shares least, the {len(maps.linked)} that moved farthest."
    )
    save_figure(two_maps_figure(maps), path, words)
    return path
