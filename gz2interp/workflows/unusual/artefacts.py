"""Which galaxies are stars or artefacts, by the catalogue, the volunteers, the network, or the quality of the image."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gz2interp.errors import SurveyError
from gz2interp.schema import CLASS_VOTES, GZ2CLASS, LABEL, vote_column
from gz2interp.stores.exporting import catalog_columns
from gz2interp.stores.models import ModelFolder
from gz2interp.stores.quality import QualityFile
from gz2interp.stores.survey import Survey
from gz2interp.stores.tables import read_some_rows

__all__ = ["artefacts_in_words", "artefacts_of"]

MOST_VOTES: Final = 0.5
"""Share of the volunteers' votes for a star or an artefact from which on a galaxy is one."""

NAMES: Final = frozenset({"a", "artifact", "artefact", "star", "star_or_artifact", "star_or_artefact", "problem"})
"""Classes of what is no galaxy, in lower case."""

QUALITY: Final = {
    "flat": (5.0, "a peak of {:.0f} pixels that was cut off"),
    "invalid": (0.1, "{:.0%} of the pixels were not imaged"),
    "zero": (0.1, "{:.0%} of the pixels are zero"),
}
"""Columns of image quality, the value from which on an image is one of an artefact, and what is said of it."""

_PAINTED: Final = "painted_kind"
_KINDS: Final = ("debiased", "weighted_fraction", "fraction")
_NEWER: Final = re.compile(
    r"smooth-or-featured.*_(artifact|star-artifact|star-or-artifact|problem)_(debiased|fraction)"
)
"""Votes of Galaxy Zoo after the second."""


def artefacts_of(survey: Survey, model: ModelFolder | None, rows: NDArray[np.int64]) -> pd.Series[str]:
    """Why each galaxy counts as a star or an artefact, "" where it does not.

    The first of these that applies: the class in the catalogue (label, Galaxy Zoo 2 class, painted kind), at least half
    of the volunteers' votes, the class that the network predicts, and, where `gz2interp.quality` has measured the
    images, a saturated peak or missing pixels.

    Parameters
    ----------
    survey : Survey
    model : ModelFolder or None
        Whose predictions count; None for nobody's.
    rows : int64 (n,)

    Returns
    -------
    Series of str (n,)
        In the order of `rows` and indexed by them.
    """
    reasons = pd.Series("", index=rows, dtype="str")
    for told in (_by_catalogue(survey, rows), _by_prediction(model, rows), _by_quality(survey, rows)):
        reasons = reasons.where(reasons != "", told)
    return reasons


def artefacts_in_words(reasons: Iterable[str]) -> str:
    """How many were left out, and by what.

    >>> artefacts_in_words(["catalogue: A", "", "votes: 71 %", "votes: 55 %"])
    '3 stars or artefacts are left out: 1 by catalogue, 2 by votes'
    """
    kinds = pd.Series([reason.split(":")[0] for reason in reasons if reason], dtype="str").value_counts(sort=False)
    if kinds.empty:
        return "No star or artefact was found to leave out"
    parts = ", ".join(f"{count:,} by {kind}" for kind, count in kinds.items())
    stars = "1 star or artefact is" if kinds.sum() == 1 else f"{int(kinds.sum()):,} stars or artefacts are"
    return f"{stars} left out: {parts}"


def _by_catalogue(survey: Survey, rows: NDArray[np.int64]) -> pd.Series[str]:
    columns = catalog_columns(survey)
    classes = [name for name in (LABEL, _PAINTED, GZ2CLASS) if name in columns]
    votes = _vote_columns(columns)
    table = read_some_rows(survey.place.file("catalog.parquet"), rows, [*classes, *votes])
    reasons = pd.Series("", index=table.index, dtype="str")
    for name in map(str, classes):
        values = table[name].astype("str").fillna("")
        is_one = values.str.startswith("A") if name == GZ2CLASS else values.str.lower().isin(NAMES)
        reasons = reasons.where((reasons != "") | ~is_one, "catalogue: " + values)
    for name in votes:
        shares = table[name].astype("float64")
        told = shares.map(lambda share: f"votes: {share:.0%} star or artefact".replace("%", " %"))
        reasons = reasons.where((reasons != "") | ~(shares >= MOST_VOTES), told)
    return reasons


def _vote_columns(columns: list[str]) -> list[str]:
    """The best kind of votes that there is, and those of newer surveys."""
    ours = (vote_column(*CLASS_VOTES["A"][0], kind) for kind in _KINDS)
    best = next((name for name in ours if name in columns), None)
    return [*([best] if best else []), *(name for name in columns if _NEWER.fullmatch(name))]


def _by_prediction(model: ModelFolder | None, rows: NDArray[np.int64]) -> pd.Series[str]:
    none = pd.Series("", index=rows, dtype="str")
    if model is None or model.latents:
        return none
    try:
        said: pd.Series[Any] = model.predictions.set_index("row")["prediction"].reindex(rows).fillna("")
    except SurveyError:  # the network has not been run over the survey
        return none
    return none.where(~said.str.lower().isin(NAMES), "prediction: " + said.astype("str"))


def _by_quality(survey: Survey, rows: NDArray[np.int64]) -> pd.Series[str]:
    reasons, table = pd.Series("", index=rows, dtype="str"), QualityFile(survey).read()
    if table is None:
        return reasons
    table = table.set_index("row").reindex(rows)
    for name, (least, words) in QUALITY.items():
        told = table[name].map(lambda value, words=words: "image quality: " + words.format(value).replace("%", " %"))
        reasons = reasons.where((reasons != "") | ~(table[name] >= least), told)
    return reasons
