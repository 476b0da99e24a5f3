"""Selections of galaxies: by ids, a file, a lasso, a condition or neighbours, with everything known of each galaxy."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gz2interp.errors import InputError, choices, shortened
from gz2interp.expressions import columns_in, evaluate_condition
from gz2interp.figures.density import inside_polygon
from gz2interp.results import digest_of, versions_of
from gz2interp.schema import GALAXY_ID, VOTE_KINDS
from gz2interp.stores.analyses import latest_analysis
from gz2interp.stores.exporting import catalog_columns, catalog_meanings, joined_table, model_of_export
from gz2interp.stores.survey import Survey
from gz2interp.stores.table_formats import ColumnMeaning, TableDescription, meaning_of
from gz2interp.stores.tables import read_named_galaxies
from gz2interp.workflows.neighbours import neighbours_of
from gz2interp.workflows.study import analysis_for

__all__ = ["GalaxyFilter", "SelectedGalaxies", "choose", "polygon_from"]


@dataclass(frozen=True, eq=False)
class SelectedGalaxies:
    """Some galaxies of a survey, in an order that means something: nearest first, or by rank.

    Attributes
    ----------
    survey : Survey
    rows : int64 (n,)
        Of the survey, each once.
    model : str, optional
        Whose predictions and map stand beside the catalogue; by default the only model's.
    extra : mapping of str to sequence (n,)
        What was found of these galaxies: ``distance``, ``score``, ``cluster``.
    name : str
        What they are, for titles and the names of files: ``"lasso"``.
    selection : str
        How they were chosen, in words, for the provenance; by default the name.
    columns : tuple of str
        Columns of the table, in this order behind ``galaxy_id``, which is always there; by default all.
    meanings : mapping of str to ColumnMeaning
        Of columns of `extra` whose name alone does not say what they are.

    Raises
    ------
    InputError
        A row is not in the survey or stands twice, a column is not as long as the rows, or one of `columns` is not
        there.
    """

    survey: Survey
    rows: NDArray[np.int64]
    model: str | None = None
    extra: Mapping[str, Sequence[Any] | NDArray[Any] | pd.Series[Any]] = field(default_factory=dict)
    name: str = "galaxies"
    selection: str = ""
    columns: tuple[str, ...] = ()
    meanings: Mapping[str, ColumnMeaning] = field(default_factory=dict)

    def __post_init__(self) -> None:
        rows, n = np.asarray(self.rows, dtype=np.int64), len(self.survey)
        object.__setattr__(self, "rows", rows)
        if rows.ndim != 1 or len(np.unique(rows)) < rows.size or (rows.size and not 0 <= rows.min() <= rows.max() < n):
            raise InputError(
                "The rows of a selection were given", f"Rows 0 to {n - 1} of {self.survey.name}, each once"
            )
        for column, values in self.extra.items():
            if column == GALAXY_ID:
                raise InputError(f"A column {GALAXY_ID} was given", "The ids are the survey's own")
            if len(values) != len(rows):
                raise InputError(
                    f"The column {column} has {len(values)} values", f"One for each of {len(rows)} galaxies"
                )
        if strange := [name for name in self.columns if name not in self.all_columns]:
            plain = [name for name in self.all_columns if not name.endswith(tuple(f"_{kind}" for kind in VOTE_KINDS))]
            alike = get_close_matches(strange[0], self.all_columns)
            raise InputError(
                f"There is no column {strange[0]}" + (f"; did you mean {' or '.join(alike)}?" if alike else ""),
                f"The columns are {choices(plain, len(plain))}, and {len(self.all_columns) - len(plain)} of votes",
            )

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def is_whole(self) -> bool:
        """Whether it is the survey, in its own order."""
        return len(self) == len(self.survey) and bool((np.diff(self.rows) == 1).all())

    @property
    def digest(self) -> str:
        """Twelve hexadecimal digits, the same for the same galaxies of the same survey in the same order."""
        return digest_of([self.survey.digest, self.rows.tolist()])[:12]

    @property
    def galaxy_ids(self) -> NDArray[np.int64]:
        """The ids (n,)."""
        return self.survey.galaxy_ids[self.rows]

    @cached_property
    def all_columns(self) -> list[str]:
        """The names of all columns that the table can have, in their order."""
        none = joined_table(self.survey, self.model, np.array([], np.int64))
        return [str(name) for name in self._with_extra(none, rows=0).columns]

    def table(self) -> pd.DataFrame:
        """Catalogue, status, predictions and map of these galaxies, and what was found of them right behind the id.

        A column of the catalogue that bears the name of one that was found is told apart by ``catalog_``.
        """
        return self.with_found(self.known())

    def known(self, columns: Iterable[str] | None = None) -> pd.DataFrame:
        """The table without what was found, one row per galaxy, indexed by `rows`; `columns` as in `joined_table`."""
        return joined_table(self.survey, self.model, None if self.is_whole else self.rows, columns)

    def with_found(self, known: pd.DataFrame) -> pd.DataFrame:
        """What is `known` with what was found, which takes the place of a map or a prediction of the same name."""
        table = self._with_extra(known, len(self))
        chosen = [name for name in self.columns if name != GALAXY_ID]
        return table[[GALAXY_ID, *dict.fromkeys(chosen)]] if self.columns else table

    @property
    def description(self) -> TableDescription:
        """How the table was made, and what each of its columns means."""
        return TableDescription(self._provenance, {name: self._meaning(name) for name in self.all_columns})

    @property
    def _provenance(self) -> dict[str, str]:
        survey, model = self.survey, model_of_export(self.survey, self.model)
        made = {
            "software": f"gz2interp {versions_of('gz2interp')['gz2interp']}",
            "survey": survey.name,
            "survey_digest": survey.digest,
            "survey_source": survey.header.source,
            "selection": self.selection or ("all galaxies" if self.is_whole else self.name),
            "galaxies": str(len(self)),
        }
        if model is None:
            return made
        made |= {"model": model.name, "model_digest": model.digest}
        analysis = latest_analysis(model.path, survey.digest, model.digest)
        if analysis is not None:
            made |= {"layer": analysis.layer, "map": f"{analysis.provenance.method}, {analysis.provenance.digest}"}
        return made

    def _meaning(self, name: str) -> ColumnMeaning:
        if name in self.extra:
            known = self.meanings.get(name) or meaning_of(name)
            return known if known.words else ColumnMeaning(words="Column of the list of galaxies, as given")
        given = catalog_meanings(self.survey)
        plain = name.removeprefix("catalog_")
        if name in given and f"catalog_{name}" not in self.all_columns:
            return given[name]
        return given[plain] if plain != name and plain in given else meaning_of(name)

    def _with_extra(self, known: pd.DataFrame, rows: int) -> pd.DataFrame:
        same = [name for name in self.extra if name in known]
        told_apart = {name: f"catalog_{name}" for name in catalog_columns(self.survey) if name in same}
        known = known.rename(columns=told_apart).drop(columns=[name for name in same if name not in told_apart])
        found = pd.DataFrame({name: _alone(values[:rows]) for name, values in self.extra.items()}, index=known.index)
        return pd.concat([known[[GALAXY_ID]], found, known.drop(columns=GALAXY_ID)], axis=1)


def _alone(values: Any) -> Any:
    """A column without an index of its own; pandas' own kinds stay, for they know what is missing."""
    return values.array if isinstance(values, pd.Series) else np.asarray(values)


@dataclass(frozen=True)
class GalaxyFilter:
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


def choose(survey: Survey, wanted: GalaxyFilter) -> SelectedGalaxies:
    """The galaxies that are wanted; all of the survey where nothing is asked.

    Returns
    -------
    SelectedGalaxies
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
    return SelectedGalaxies(survey, rows, model, kept, _name(wanted), _selection(wanted), tuple(wanted.columns), given)


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


def _listed(survey: Survey, wanted: GalaxyFilter) -> tuple[NDArray[np.int64], Mapping[str, pd.Series[Any]]]:
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


def _inside(survey: Survey, wanted: GalaxyFilter) -> NDArray[np.int64]:
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


def _as_given(file: Path, name: str) -> ColumnMeaning:
    known = meaning_of(name)
    return ColumnMeaning(known.unit, known.ucd, f"Column of {file.name}, as given")


def _selection(wanted: GalaxyFilter) -> str:
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


def _name(wanted: GalaxyFilter) -> str:
    if wanted.near is not None:
        return f"neighbours of {wanted.near}"
    if wanted.file is not None:
        return wanted.file.stem
    return "lasso" if wanted.lasso else "galaxies"
