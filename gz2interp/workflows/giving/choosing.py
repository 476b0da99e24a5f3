"""Which galaxies: by their ids, a file that names them, a lasso on the map, a condition, or one galaxy's neighbours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gz2interp.errors import InputError, choices, shortened
from gz2interp.expressions import columns_in, evaluate_condition
from gz2interp.figures.density import inside_polygon
from gz2interp.schema import GALAXY_ID
from gz2interp.stores.exporting import joined_table
from gz2interp.stores.survey import Survey
from gz2interp.stores.table_formats import Meaning, meaning_of
from gz2interp.stores.tables import read_named_galaxies
from gz2interp.workflows.analysed import analysis_for
from gz2interp.workflows.giving.subset import Subset
from gz2interp.workflows.nearby import neighbours_of

__all__ = ["Wanted", "choose", "polygon_from"]


@dataclass(frozen=True)
class Wanted:
    """Which galaxies are wanted; what is left out asks nothing, and what is said holds together.

    Attributes
    ----------
    galaxies : sequence of int or str
        Ids, in the order in which they shall stand.
    file : Path, optional
        A table with a column ``galaxy_id``, or a text with an id a line. What else the table says of them, a score
        say, is kept.
    lasso : sequence of (x, y)
        On the map of `model` and `layer`.
    where : str
        A condition on any columns of the joined table, ``"prediction == 'spiral' and r < 17"``; see
        `gz2interp.expressions.evaluate_condition`.
    near : int or str, optional
        This galaxy and its neighbours, nearest first, with their distance.
    most : int
        How many neighbours; the galaxy itself comes first, at distance 0.
    columns : sequence of str
        Of the table that is written, behind ``galaxy_id``; by default all.
    model, layer : str
        "" for the only model, and its layer analysed last.
    """

    galaxies: Sequence[int | str] = ()
    file: Path | None = None
    lasso: Sequence[tuple[float, float]] = ()
    where: str = ""
    near: int | str | None = None
    most: int = 12
    columns: Sequence[str] = ()
    model: str = ""
    layer: str = ""


def choose(survey: Survey, wanted: Wanted) -> Subset:
    """The galaxies that are wanted; all of the survey where nothing is asked.

    Returns
    -------
    Subset
        In the order of neighbours, of the ids, or of the file, else of the survey; each galaxy once.

    Raises
    ------
    InputError
        No galaxy is left, an id is not in the survey, or a condition cannot be read.
    SurveyError
        A lasso or neighbours are asked of a model that has not been analysed.
    """
    model = wanted.model or None
    rows, extra = _listed(survey, wanted)
    if wanted.lasso:
        rows = rows[np.isin(rows, _inside(survey, wanted))]
    if wanted.where:
        rows = rows[_fulfil(survey, model, rows, wanted.where)]
    if rows.size == 0:
        raise InputError(f"No galaxy of {survey.name} was chosen", "At least one", "Ask for less at a time")
    kept = {name: values.reindex(rows).to_numpy() for name, values in extra.items()}
    given = {} if wanted.file is None else {name: _as_given(wanted.file, name) for name in kept}
    return Subset(survey, rows, model, kept, _name(wanted), _selection(wanted), tuple(wanted.columns), given)


def polygon_from(text: str) -> tuple[tuple[float, float], ...]:
    """A lasso as a person or an address writes it: ``"0,0;1,0;1,1"``.

    Raises
    ------
    InputError
        It is not three or more pairs of numbers.
    """
    try:
        vertices = tuple((float(x), float(y)) for x, y in (pair.split(",") for pair in text.strip(";").split(";")))
    except ValueError:
        vertices = ()
    if len(vertices) < 3 or not np.isfinite(vertices).all():
        raise InputError(
            f"The lasso {text!r} was given", "Three or more pairs of map coordinates", "For example 0,0;1,0;1,1"
        )
    return vertices


def _listed(survey: Survey, wanted: Wanted) -> tuple[NDArray[np.int64], Mapping[str, pd.Series[Any]]]:
    """Rows in their order, and what is known of them, indexed by row."""
    lists = [bool(wanted.galaxies), wanted.file is not None, wanted.near is not None]
    if sum(lists) > 1:
        raise InputError("Galaxies were named in several ways", "Ids, a file, or the neighbours of one galaxy")
    if wanted.near is not None:
        found = neighbours_of(survey, survey.model(wanted.model or None), wanted.near, wanted.layer, wanted.most)
        itself = pd.DataFrame(
            {GALAXY_ID: [int(survey.galaxy_ids[survey.row_of(wanted.near)])], "distance": np.zeros(1, np.float32)}
        )
        table = pd.concat([itself, found[[GALAXY_ID, "distance"]]], ignore_index=True)
    elif wanted.file is not None:
        table = read_named_galaxies(wanted.file)
    else:
        table = pd.DataFrame({GALAXY_ID: list(wanted.galaxies)})
    if not any(lists):
        return np.arange(len(survey), dtype=np.int64), {}
    table = table.set_axis([survey.row_of(galaxy_id) for galaxy_id in table[GALAXY_ID].tolist()])
    table = table[~table.index.duplicated()]
    rows = table.index.to_numpy(np.int64)
    if wanted.near is not None:
        return rows, {"distance": table["distance"]}
    ours = set(joined_table(survey, wanted.model or None, rows[:1]).columns)
    return rows, {str(name): table[name] for name in table.columns if str(name) not in ours}


def _inside(survey: Survey, wanted: Wanted) -> NDArray[np.int64]:
    model = survey.model(wanted.model or None)
    analysis = analysis_for(survey, model, wanted.layer)
    polygon = np.array(wanted.lasso, dtype=np.float64).reshape(-1, 2)
    return analysis.rows[inside_polygon(analysis.embedding.coordinates, polygon)]


def _fulfil(survey: Survey, model: str | None, rows: NDArray[np.int64], where: str) -> NDArray[np.bool_]:
    names = joined_table(survey, model, rows[:1]).columns
    try:
        columns = columns_in(where)
        # One that bears the name of one of ours is called catalog_NAME in the joined table.
        table = joined_table(survey, model, rows, columns | {name.removeprefix("catalog_") for name in columns})
        answer = evaluate_condition(where, table)
    except ValueError as error:
        raise InputError(
            f"The condition {shortened(where, 200)!r} cannot be read: {error}",
            f"Columns and numbers compared, joined by and, or, not; the columns are {choices(names)}",
            "For example \"prediction == 'spiral' and r < 17\"",
        ) from None
    if not (isinstance(answer, pd.Series) and pd.api.types.is_bool_dtype(answer)):
        raise InputError(
            f"The condition {shortened(where, 200)!r} is not true or false", remedy="Compare a column with something"
        )
    return answer.fillna(False).to_numpy(np.bool_)


def _as_given(file: Path, name: str) -> Meaning:
    known = meaning_of(name)
    return Meaning(known.unit, known.ucd, f"Column of {file.name}, as given")


def _selection(wanted: Wanted) -> str:
    """How galaxies were chosen, for the provenance of what is written of them."""
    layer = f" in layer {wanted.layer}" if wanted.layer else ""
    ways = [
        f"galaxy {wanted.near} and its {wanted.most} nearest neighbours{layer}" if wanted.near is not None else "",
        f"galaxies of {wanted.file.name}" if wanted.file is not None else "",
        f"{len(wanted.galaxies)} galaxies by id" if wanted.galaxies else "",
        "lasso on the map " + ";".join(f"{x:g},{y:g}" for x, y in wanted.lasso) if wanted.lasso else "",
        f"where {wanted.where}" if wanted.where else "",
    ]
    return "; ".join(way for way in ways if way) or "all galaxies"


def _name(wanted: Wanted) -> str:
    if wanted.near is not None:
        return f"neighbours of {wanted.near}"
    if wanted.file is not None:
        return wanted.file.stem
    return "lasso" if wanted.lasso else "galaxies"
