"""Every column compared between each cluster and the rest, and each cluster's description."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gz2interp.embedding.cluster_differences import ComparedColumn, compared, with_rates
from gz2interp.embedding.cluster_sentences import CorrelatedColumns, flags_of, sentence, told
from gz2interp.grouping import Flag
from gz2interp.schema import LABEL
from gz2interp.stores.survey import Survey
from gz2interp.stores.tables import parquet_schema, read_parquet
from gz2interp.workflows.cluster_columns import catalogue_columns, network_columns, quality_columns_of
from gz2interp.workflows.study import Progress

__all__ = ["ClusterDescriptions", "describe", "described"]


Ints = NDArray[np.int64]

STRATA = 8
"""Groups of equally many galaxies of like extent, for light at the edge of like reach too: image quality is compared
again among them."""

Words = tuple[str, tuple[str, ...], tuple[Flag, ...]]


@dataclass(frozen=True, eq=False)
class ClusterDescriptions:
    """What was found.

    Attributes
    ----------
    table : DataFrame
        Every comparison: ``scale``, and the columns of `compared` and `with_rates`; clusters counted from 1.
    words : dict
        (scale, number from 0) -> sentence, columns it names, flags.
    """

    table: pd.DataFrame
    words: Mapping[tuple[str, int], Words]


def described(
    survey: Survey,
    rows: Ints,
    labels: Mapping[str, Ints],
    measured: pd.DataFrame,
    predictions: pd.DataFrame | None,
    progress: Progress | None = None,
) -> ClusterDescriptions:
    """Compare the clusters of a survey's galaxies in all that is known of them.

    Parameters
    ----------
    survey : Survey
    rows : int64 (n,)
        Of the survey: the galaxies on the map.
    labels : mapping
        By scale, int64 (n,): the cluster of each, below 0 for none.
    measured : DataFrame
        Image quality.
    predictions : DataFrame, optional
        None where there are none, as for latents from elsewhere.
    progress : callable, optional
    """
    sizes = measured.set_index("row")[["extent", "reach"]].reindex(rows)
    return describe(_columns(survey, rows, measured, predictions), labels, sizes, progress)


def describe(
    columns: Iterable[ComparedColumn], labels: Mapping[str, Ints], sizes: pd.DataFrame, progress: Progress | None = None
) -> ClusterDescriptions:
    """Compare, count what is sure, and say it.

    Parameters
    ----------
    columns : iterable of ComparedColumn
        Of n galaxies, made one after the other.
    labels : mapping
        By scale, int64 (n,): the cluster of each, below 0 for none.
    sizes : DataFrame
        ``extent`` and ``reach`` of each galaxy in its image: image quality is compared among galaxies of like size too.
    progress : callable, optional
    """
    extent, reach = (_strata(sizes[name].to_numpy(np.float64)) for name in ("extent", "reach"))
    shape = extent * (STRATA + 1) + reach  # how much of the border a galaxy touches follows from both
    counts = {scale: np.bincount(values[values >= 0]) for scale, values in labels.items()}
    mirrors, known, parts = CorrelatedColumns(len(extent)), dict[str, ComparedColumn](), list[pd.DataFrame]()
    for done, column in enumerate(columns, start=1):
        mirrors.add(column)
        known[column.name] = replace(column, values=np.zeros(0))  # its words are needed later, and not its values
        within = None if column.source != "quality" else shape if column.name == "edge" else extent
        for scale, values in labels.items():
            found = compared(column, values, len(counts[scale]), within)
            if len(found):
                parts.append(found.assign(scale=scale))
        if progress:
            progress("comparisons", done, done + 1)
    table = with_rates(pd.concat(parts, ignore_index=True)) if parts else _nothing()
    words = {
        (scale, number): _cluster_text(table, scale, number, int(size), known, mirrors)
        for scale, members in counts.items()
        for number, size in enumerate(members)
    }
    if progress:
        progress("comparisons", 1, 1)
    return ClusterDescriptions(table.assign(cluster=table["cluster"].astype(np.int64) + 1), words)


def _columns(
    survey: Survey, rows: Ints, measured: pd.DataFrame, predictions: pd.DataFrame | None
) -> Iterator[ComparedColumn]:
    file = survey.place.file("catalog.parquet")
    yield from catalogue_columns(file, rows, survey.bands)
    yield from network_columns(predictions, _labels(file, rows), rows)
    yield from quality_columns_of(measured, rows)


def _labels(file: Path, rows: Ints) -> pd.Series[Any] | None:
    if LABEL not in parquet_schema(file).names:
        return None
    return read_parquet(file, [LABEL])[LABEL].iloc[rows].reset_index(drop=True)


def _cluster_text(
    table: pd.DataFrame,
    scale: str,
    number: int,
    size: int,
    columns: Mapping[str, ComparedColumn],
    mirrors: CorrelatedColumns,
) -> Words:
    own = table[(table["scale"] == scale) & (table["cluster"] == number)]
    names = told(own, mirrors)
    flags = tuple(Flag(*flag) for flag in flags_of(own, columns))
    return sentence(own, size, columns, names, len(table)), tuple(names), flags


def _strata(values: NDArray[np.float64]) -> Ints:
    """Groups of like size; galaxies of unknown size are a group of their own."""
    known = np.isfinite(values)
    if not known.any():
        return np.zeros(len(values), np.int64)
    edges = np.quantile(values[known], np.linspace(0, 1, STRATA + 1)[1:-1])
    return np.where(known, np.searchsorted(edges, values, side="right"), STRATA).astype(np.int64)


def _nothing() -> pd.DataFrame:
    names = ("cluster", "column", "source", "known", "inside", "elsewhere", "effect", "low", "high", "odds", "matched")
    return pd.DataFrame({name: [] for name in (*names, "p", "scale", "q")}).assign(sure=np.zeros(0, np.bool_))
