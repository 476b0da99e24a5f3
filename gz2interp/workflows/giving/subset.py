"""Some galaxies of a survey, with what was found of each: the one thing that every writer takes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gz2interp.errors import InputError, choices
from gz2interp.results import digest_of, versions_of
from gz2interp.schema import GALAXY_ID, VOTE_KINDS
from gz2interp.stores.analyses import latest_analysis
from gz2interp.stores.exporting import catalog_columns, catalog_meanings, joined_table, model_of_export
from gz2interp.stores.survey import Survey
from gz2interp.stores.table_formats import Meaning, TableDescription, meaning_of

__all__ = ["Subset"]


@dataclass(frozen=True, eq=False)
class Subset:
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
    meanings : mapping of str to Meaning
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
    meanings: Mapping[str, Meaning] = field(default_factory=dict)

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

    def _meaning(self, name: str) -> Meaning:
        if name in self.extra:
            known = self.meanings.get(name) or meaning_of(name)
            return known if known.words else Meaning(words="Column of the list of galaxies, as given")
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
