"""Selections of galaxies by ids, a file, a lasso, a condition or neighbours, with all columns known of each galaxy."""

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

from gz2interp.errors import InputError, choices, shorten
from gz2interp.expressions import columns_in, evaluate_condition
from gz2interp.figures.density import inside_polygon
from gz2interp.results import digest_of, versions_of
from gz2interp.schema import GALAXY_ID, VOTE_KINDS
from gz2interp.stores.analyses import latest_analysis
from gz2interp.stores.exporting import catalog_columns, catalog_meanings, joined_table, model_of_export
from gz2interp.stores.survey import Survey
from gz2interp.stores.table_formats import ColumnMeaning, TableDescription, column_meaning
from gz2interp.stores.tables import read_named_galaxies
from gz2interp.workflows.neighbours import neighbours_of
from gz2interp.workflows.study import analysis_for

__all__ = ["GalaxyFilter", "SelectedGalaxies", "choose", "polygon_from"]


@dataclass(frozen=True, eq=False)
class SelectedGalaxies:
    """Some galaxies of a survey, in a meaningful order: nearest first, or by rank.

    Attributes
    ----------
    rows : int64 (n,)
        Of the survey, each once.
    model : str, optional
        Model whose predictions and map are joined to the catalogue; by default the only one.
    extra : mapping of str to sequence (n,)
        Further columns of these galaxies: ``distance``, ``score``, ``cluster``.
    name : str
        For titles and file names: ``"lasso"``.
    selection : str
        Description of the selection for the provenance; by default the name.
    columns : tuple of str
        Columns of the table, in this order after ``galaxy_id``, which is always included; by default all.
    meanings : mapping of str to ColumnMeaning
        Of columns of `extra` that are not described by their names.

    Raises
    ------
    InputError
        A row is not in the survey or occurs twice, a column is not as long as the rows, or one of `columns` does not
        exist.
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
        if unknown := [name for name in self.columns if name not in self.all_columns]:
            plain = [name for name in self.all_columns if not name.endswith(tuple(f"_{kind}" for kind in VOTE_KINDS))]
            alike = get_close_matches(unknown[0], self.all_columns)
            raise InputError(
                f"There is no column {unknown[0]}" + (f"; did you mean {' or '.join(alike)}?" if alike else ""),
                f"The columns are {choices(plain, len(plain))}, and {len(self.all_columns) - len(plain)} of votes",
            )

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def is_whole(self) -> bool:
        """Whether it is the whole survey, in its own order."""
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
        empty = joined_table(self.survey, self.model, np.array([], np.int64))
        return [str(name) for name in self._insert_extra(empty, rows=0).columns]

    def table(self) -> pd.DataFrame:
        """The extra columns, then catalogue, status, predictions and map of these galaxies.

        A column of the catalogue with the name of an extra one is renamed to ``catalog_NAME``.
        """
        return self.with_extra(self.joined())

    def joined(self, columns: Iterable[str] | None = None) -> pd.DataFrame:
        """The table without extra columns, one row per galaxy, indexed by `rows`; `columns` as in `joined_table`."""
        return joined_table(self.survey, self.model, None if self.is_whole else self.rows, columns)

    def with_extra(self, joined: pd.DataFrame) -> pd.DataFrame:
        """A `joined` table with the extra columns, which replace those of a map or a prediction of the same name."""
        table = self._insert_extra(joined, len(self))
        names = [name for name in self.columns if name != GALAXY_ID]
        return table[[GALAXY_ID, *dict.fromkeys(names)]] if self.columns else table

    @property
    def description(self) -> TableDescription:
        """Provenance of the table, and the meaning of each column."""
        return TableDescription(self._provenance, {name: self._meaning(name) for name in self.all_columns})

    @property
    def _provenance(self) -> dict[str, str]:
        survey, model = self.survey, model_of_export(self.survey, self.model)
        record = {
            "software": f"gz2interp {versions_of('gz2interp')['gz2interp']}",
            "survey": survey.name,
            "survey_digest": survey.digest,
            "survey_source": survey.header.source,
            "selection": self.selection or ("all galaxies" if self.is_whole else self.name),
            "galaxies": str(len(self)),
        }
        if model is None:
            return record
        record |= {"model": model.name, "model_digest": model.digest}
        analysis = latest_analysis(model.path, survey.digest, model.digest)
        if analysis is not None:
            record |= {"layer": analysis.layer, "map": f"{analysis.provenance.method}, {analysis.provenance.digest}"}
        return record

    def _meaning(self, name: str) -> ColumnMeaning:
        if name in self.extra:
            meaning = self.meanings.get(name) or column_meaning(name)
            return meaning if meaning.words else ColumnMeaning(words="Column of the list of galaxies, as given")
        meanings = catalog_meanings(self.survey)
        plain = name.removeprefix("catalog_")
        if name in meanings and f"catalog_{name}" not in self.all_columns:
            return meanings[name]
        return meanings[plain] if plain != name and plain in meanings else column_meaning(name)

    def _insert_extra(self, table: pd.DataFrame, rows: int) -> pd.DataFrame:
        same = [name for name in self.extra if name in table]
        renamed = {name: f"catalog_{name}" for name in catalog_columns(self.survey) if name in same}
        table = table.rename(columns=renamed).drop(columns=[name for name in same if name not in renamed])
        extra = pd.DataFrame({name: _unindexed(values[:rows]) for name, values in self.extra.items()}, table.index)
        return pd.concat([table[[GALAXY_ID]], extra, table.drop(columns=GALAXY_ID)], axis=1)


def _unindexed(values: Any) -> Any:
    """A column without its index; pandas' extension types stay, as they mark missing values."""
    return values.array if isinstance(values, pd.Series) else np.asarray(values)


@dataclass(frozen=True)
class GalaxyFilter:
    """Criteria of a selection, all of which have to hold; by default all galaxies.

    Attributes
    ----------
    galaxies : sequence of int or str
        Ids, in the order of the selection.
    file : Path, optional
        A table with a column ``galaxy_id``, or a text with one id per line. Further columns of the table, such as a
        score, are kept.
    lasso : sequence of (x, y)
        Polygon on the map of `model` and `layer`.
    where : str
        A condition on any columns of the joined table, ``"prediction == 'spiral' and r < 17"``; see
        `gz2interp.expressions.evaluate_condition`.
    near : int or str, optional
        This galaxy and its neighbours, nearest first, with their distance.
    most : int
        Number of neighbours; the galaxy itself comes first, at distance 0.
    columns : sequence of str
        Of the table that is written, after ``galaxy_id``; by default all.
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


def choose(survey: Survey, criteria: GalaxyFilter) -> SelectedGalaxies:
    """Select the galaxies that meet all criteria; all of the survey where there are none.

    Returns
    -------
    SelectedGalaxies
        In the order of neighbours, of the ids, or of the file, else of the survey; each galaxy once.

    Raises
    ------
    InputError
        No galaxy is left, an id is not in the survey, or a condition cannot be read.
    SurveyError
        A lasso or neighbours need an analysis, and the model has none.
    """
    model = criteria.model or None
    rows, extra = _listed_rows(survey, criteria)
    if criteria.lasso:
        rows = rows[np.isin(rows, _in_lasso(survey, criteria))]
    if criteria.where:
        rows = rows[_meet_condition(survey, model, rows, criteria.where)]
    if rows.size == 0:
        raise InputError(f"No galaxy of {survey.name} meets the criteria", "At least one", "Relax a criterion")
    columns = {name: values.reindex(rows).to_numpy() for name, values in extra.items()}
    meanings = {} if criteria.file is None else {name: _file_column_meaning(criteria.file, name) for name in columns}
    name, words = _name(criteria), _selection(criteria)
    return SelectedGalaxies(survey, rows, model, columns, name, words, tuple(criteria.columns), meanings)


def polygon_from(text: str) -> tuple[tuple[float, float], ...]:
    """Parse a lasso as written on the command line or in a URL: ``"0,0;1,0;1,1"``.

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


def _listed_rows(survey: Survey, criteria: GalaxyFilter) -> tuple[NDArray[np.int64], Mapping[str, pd.Series[Any]]]:
    """Rows in their order, and further columns, indexed by row."""
    lists = [bool(criteria.galaxies), criteria.file is not None, criteria.near is not None]
    if sum(lists) > 1:
        raise InputError("Galaxies were named in several ways", "Ids, a file, or the neighbours of one galaxy")
    if criteria.near is not None:
        model = survey.model(criteria.model or None)
        others = neighbours_of(survey, model, criteria.near, criteria.layer, criteria.most)
        itself = pd.DataFrame(
            {GALAXY_ID: [int(survey.galaxy_ids[survey.row_of(criteria.near)])], "distance": np.zeros(1, np.float32)}
        )
        table = pd.concat([itself, others[[GALAXY_ID, "distance"]]], ignore_index=True)
    elif criteria.file is not None:
        table = read_named_galaxies(criteria.file)
    else:
        table = pd.DataFrame({GALAXY_ID: list(criteria.galaxies)})
    if not any(lists):
        return np.arange(len(survey), dtype=np.int64), {}
    table = table.set_axis([survey.row_of(galaxy_id) for galaxy_id in table[GALAXY_ID].tolist()])
    table = table[~table.index.duplicated()]
    rows = table.index.to_numpy(np.int64)
    if criteria.near is not None:
        return rows, {"distance": table["distance"]}
    ours = set(joined_table(survey, criteria.model or None, rows[:1]).columns)
    return rows, {str(name): table[name] for name in table.columns if str(name) not in ours}


def _in_lasso(survey: Survey, criteria: GalaxyFilter) -> NDArray[np.int64]:
    model = survey.model(criteria.model or None)
    analysis = analysis_for(survey, model, criteria.layer)
    polygon = np.array(criteria.lasso, dtype=np.float64).reshape(-1, 2)
    return analysis.rows[inside_polygon(analysis.embedding.coordinates, polygon)]


def _meet_condition(survey: Survey, model: str | None, rows: NDArray[np.int64], where: str) -> NDArray[np.bool_]:
    names = joined_table(survey, model, rows[:1]).columns
    try:
        columns = columns_in(where)
        # A catalogue column with the name of a joined one is called catalog_NAME.
        table = joined_table(survey, model, rows, columns | {name.removeprefix("catalog_") for name in columns})
        answer = evaluate_condition(where, table)
    except ValueError as error:
        raise InputError(
            f"The condition {shorten(where, 200)!r} cannot be read: {error}",
            f"Columns and numbers compared, joined by and, or, not; the columns are {choices(names)}",
            "For example \"prediction == 'spiral' and r < 17\"",
        ) from None
    if not (isinstance(answer, pd.Series) and pd.api.types.is_bool_dtype(answer)):
        raise InputError(
            f"The condition {shorten(where, 200)!r} is not true or false", remedy="Compare a column with something"
        )
    return answer.fillna(False).to_numpy(np.bool_)


def _file_column_meaning(file: Path, name: str) -> ColumnMeaning:
    meaning = column_meaning(name)
    return ColumnMeaning(meaning.unit, meaning.ucd, f"Column of {file.name}, as given")


def _selection(criteria: GalaxyFilter) -> str:
    """The criteria in words, for the provenance of exported files."""
    layer = f" in layer {criteria.layer}" if criteria.layer else ""
    terms = [
        f"galaxy {criteria.near} and its {criteria.most} nearest neighbours{layer}"
        if criteria.near is not None
        else "",
        f"galaxies of {criteria.file.name}" if criteria.file is not None else "",
        f"{len(criteria.galaxies)} galaxies by id" if criteria.galaxies else "",
        "lasso on the map " + ";".join(f"{x:g},{y:g}" for x, y in criteria.lasso) if criteria.lasso else "",
        f"where {criteria.where}" if criteria.where else "",
    ]
    return "; ".join(term for term in terms if term) or "all galaxies"


def _name(criteria: GalaxyFilter) -> str:
    if criteria.near is not None:
        return f"neighbours of {criteria.near}"
    if criteria.file is not None:
        return criteria.file.stem
    return "lasso" if criteria.lasso else "galaxies"
