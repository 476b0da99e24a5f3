"""After an analysis: how far its map can be believed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Final

import numpy as np
import pandas as pd

from gz2interp.embedding.quality import map_quality, placing_error
from gz2interp.embedding.spaces import take
from gz2interp.errors import SurveyError
from gz2interp.results import Provenance, versions_of
from gz2interp.schema import GALAXY_ID, LABEL
from gz2interp.stores.analyses import Analysis
from gz2interp.stores.tables import read_columns
from gz2interp.workflows.analyse.map import placer_of
from gz2interp.workflows.analyse.neighbours import space_as_in
from gz2interp.workflows.opening import Progress, Subject

__all__ = ["names_of", "write_quality"]

NEIGHBOURS: Final = 15
FEWEST: Final = 12
"""Fewer galaxies have a map, but nothing that could be said of it."""


def write_quality(analysis: Analysis, subject: Subject, progress: Progress | None = None) -> None:
    """Measure the map of an analysis and keep the numbers in its folder; nothing where there are too few galaxies."""
    n = len(analysis.rows)
    if n < FEWEST:
        return
    told = partial(progress, "quality") if progress else None
    activations, places = analysis.table_of_activations, analysis.embedding.coordinates
    space, neighbours = space_as_in(analysis), min(NEIGHBOURS, (n - 1) // 2)
    seed = analysis.provenance.seed or 0
    found = map_quality(activations, places, space, names_of(analysis, subject), neighbours, seed, told)
    shaped = np.flatnonzero(analysis.laid_out)
    error = placing_error(placer_of(analysis), take(activations, shaped), places[shaped], seed)
    analysis.write_quality(replace(found, placing=error), _provenance(analysis, neighbours))


def names_of(analysis: Analysis, subject: Subject) -> dict[str, Sequence[str | None]]:
    """Labels and predictions of an analysis' galaxies, where there are any; None for a galaxy that has none."""
    file, said = subject.survey.place.file("catalog.parquet"), _predictions(subject)
    catalog = read_columns(file, (GALAXY_ID, LABEL))  # of two hundred columns perhaps
    names: dict[str, Sequence[str | None]] = {}
    if LABEL in catalog:
        names[LABEL] = _words(catalog[LABEL].iloc[analysis.rows])
    elif said is not None:
        names[LABEL] = _words(said[LABEL].reindex(analysis.rows))
    if said is not None:
        names["prediction"] = _words(said["prediction"].reindex(analysis.rows))
    return names


def _predictions(subject: Subject) -> pd.DataFrame | None:
    try:
        return subject.model.predictions.set_index("row")
    except SurveyError:
        return None  # latents predict nothing


def _words(values: pd.Series[Any]) -> list[str | None]:
    return [str(value) if known else None for value, known in zip(values, values.notna(), strict=True)]


def _provenance(analysis: Analysis, neighbours: int) -> Provenance:
    made = analysis.provenance
    return replace(
        made,
        method="map quality",
        parameters={"analysis": made.digest, "neighbours": neighbours, "placing": "balance of attraction"},
        seed=made.seed,
        versions=versions_of("gz2interp", "numpy", "faiss-cpu"),
    )
