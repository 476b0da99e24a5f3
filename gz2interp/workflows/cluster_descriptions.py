"""Every column compared between each cluster and the rest, and each cluster's description."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gz2interp.embedding.cluster_differences import ComparedColumn, add_discovery_rates, compare_column
from gz2interp.embedding.cluster_sentences import CorrelatedColumns, distinguishing_columns, flags_of, sentence
from gz2interp.grouping import Flag
from gz2interp.schema import LABEL
from gz2interp.stores.survey import Survey
from gz2interp.stores.tables import parquet_schema, read_parquet
from gz2interp.workflows.cluster_columns import catalogue_columns, network_columns, quality_columns
from gz2interp.workflows.study import Progress

__all__ = ["ClusterDescriptions", "describe", "describe_survey_clusters"]


Ints = NDArray[np.int64]

STRATA = 8
"""Strata of equally many galaxies by their extent in the image, for light at the edge by their reach too: image
quality is compared again within them."""

Words = tuple[str, tuple[str, ...], tuple[Flag, ...]]


@dataclass(frozen=True, eq=False)
class ClusterDescriptions:
    """Comparisons and descriptions of the clusters of a map.

    Attributes
    ----------
    table : DataFrame
        All comparisons: ``scale``, the columns of `compare_column` and `add_discovery_rates`; clusters counted from 1.
    words : dict
        (scale, number from 0) -> sentence, columns it names, flags.
    """

    table: pd.DataFrame
    words: Mapping[tuple[str, int], Words]


def describe_survey_clusters(
    survey: Survey,
    rows: Ints,
    labels: Mapping[str, Ints],
    measured: pd.DataFrame,
    predictions: pd.DataFrame | None,
    progress: Progress | None = None,
) -> ClusterDescriptions:
    """Compare the clusters of a survey's galaxies in catalogue, votes, predictions and image quality.

    Parameters
    ----------
    rows : int64 (n,)
        Of the survey: the galaxies on the map.
    labels : mapping
        By scale, int64 (n,): the cluster of each, below 0 for none.
    measured : DataFrame
        Image quality.
    predictions : DataFrame, optional
        None where there are none, as for imported latents.
    """
    sizes = measured.set_index("row")[["extent", "reach"]].reindex(rows)
    return describe(_columns(survey, rows, measured, predictions), labels, sizes, progress)


def describe(
    columns: Iterable[ComparedColumn], labels: Mapping[str, Ints], sizes: pd.DataFrame, progress: Progress | None = None
) -> ClusterDescriptions:
    """Compare clusters with all other galaxies, control the false discovery rate, and describe each in a sentence.

    Parameters
    ----------
    columns : iterable of ComparedColumn
        Of n galaxies, made one after the other.
    labels : mapping
        By scale, int64 (n,): the cluster of each, below 0 for none.
    sizes : DataFrame
        ``extent`` and ``reach`` of each galaxy in its image: image quality is also compared within strata of size.
    """
    extent, reach = (_strata(sizes[name].to_numpy(np.float64)) for name in ("extent", "reach"))
    shape = extent * (STRATA + 1) + reach  # how much of the border a galaxy touches follows from both
    counts = {scale: np.bincount(values[values >= 0]) for scale, values in labels.items()}
    mirrors, by_name, parts = CorrelatedColumns(len(extent)), dict[str, ComparedColumn](), list[pd.DataFrame]()
    for done, column in enumerate(columns, start=1):
        mirrors.add(column)
        by_name[column.name] = replace(column, values=np.zeros(0))  # only the descriptions are needed later
        within = None if column.source != "quality" else shape if column.name == "edge" else extent
        for scale, values in labels.items():
            comparisons = compare_column(column, values, len(counts[scale]), within)
            if len(comparisons):
                parts.append(comparisons.assign(scale=scale))
        if progress:
            progress("comparisons", done, done + 1)
    table = add_discovery_rates(pd.concat(parts, ignore_index=True)) if parts else _no_comparisons()
    words = {
        (scale, number): _cluster_text(table, scale, number, int(size), by_name, mirrors)
        for scale, members in counts.items()
        for number, size in enumerate(members)
    }
    if progress:
        progress("comparisons", 1, 1)
    return ClusterDescriptions(table.assign(cluster=table["cluster"].astype(np.int64) + 1), words)


def _columns(
    survey: Survey, rows: Ints, measured: pd.DataFrame, predictions: pd.DataFrame | None
) -> Iterator[ComparedColumn]:
    file = survey.location.file("catalog.parquet")
    yield from catalogue_columns(file, rows, survey.bands)
    yield from network_columns(predictions, _labels(file, rows), rows)
    yield from quality_columns(measured, rows)


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
    comparisons = table[(table["scale"] == scale) & (table["cluster"] == number)]
    names = distinguishing_columns(comparisons, mirrors)
    flags = tuple(Flag(*flag) for flag in flags_of(comparisons, columns))
    return sentence(comparisons, size, columns, names, len(table)), tuple(names), flags


def _strata(values: NDArray[np.float64]) -> Ints:
    """Strata of similar size (n,); galaxies of unknown size are a stratum of their own."""
    finite = np.isfinite(values)
    if not finite.any():
        return np.zeros(len(values), np.int64)
    edges = np.quantile(values[finite], np.linspace(0, 1, STRATA + 1)[1:-1])
    return np.where(finite, np.searchsorted(edges, values, side="right"), STRATA).astype(np.int64)


def _no_comparisons() -> pd.DataFrame:
    names = ("cluster", "column", "source", "known", "inside", "elsewhere", "effect", "low", "high", "odds", "matched")
    return pd.DataFrame({name: [] for name in (*names, "p", "scale", "q")}).assign(sure=np.zeros(0, np.bool_))
